"""Campaigns: made and changed by their owners, judged by operators, read by the engine."""

import uuid

from geoalchemy2.shape import from_shape
from sqlalchemy.orm import Session

from district.audiences import segments
from district.audiences.ownership import SetOwner
from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import carried, checks, contents, documents, finding, history, life, owners, territory
from district.campaigns import fence as fences
from district.campaigns import stock as stocks
from district.campaigns.answers import OPERATORS_ONLY, shown
from district.campaigns.carried_fields import check_fields
from district.campaigns.contents import Content
from district.campaigns.history import Change, Told
from district.campaigns.models import Campaign, CampaignStock
from district.campaigns.owners import Owner
from district.campaigns.schemas import CampaignChange, CampaignOut, NewCampaign
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.problems import Conflict, NotAllowed
from push.campaign_changes import differences
from push.campaign_life import (
    FINAL,
    RELEASED,
    CampaignAction,
    CampaignState,
    TransitionRefused,
)

CHANNEL = "campaign_changed"
NAMED_POINTERS = 20
REVIEW = frozenset(
    {CampaignAction.SUBMIT, CampaignAction.WITHDRAW, CampaignAction.APPROVE, CampaignAction.REJECT}
)
"""Steps that are about the version that waits for approval, when one does."""
CHECKED = frozenset({CampaignAction.SUBMIT, CampaignAction.APPROVE, CampaignAction.RESUME})
"""Steps before which stores and ground are looked at again: they may have changed since."""


class VersionStale(Conflict):
    """A change of a version that is no longer the newest."""

    slug, title = "version-stale", "The campaign was changed meanwhile"


class StepRefused(Conflict):
    """A step that the campaign's state does not allow."""

    slug, title = "step-refused", "The campaign's state does not allow this step"


def create(
    session: Session, district: DistrictInfo, principal: Principal, new: NewCampaign, *, clock: Clock
) -> CampaignOut:
    """Make a draft.

    Raises: Invalid with every part that cannot be used, ConsentNeeded naming the properties whose buildings the
    fence reaches into, NotFound for another's merchant, property or store.
    """
    owner = owners.of_new(session, principal, named=new.owner, merchant_id=new.merchant_id)
    content = content_of(session, district, new)
    _check(session, district.id, owner, content)
    row = make(session, district, principal, owner, content, stock=new.stock, clock=clock)
    return shown(session, principal, [row])[0]


def content_of(session: Session, district: DistrictInfo, new: NewCampaign) -> Content:
    """What a new campaign says; whose stores and ground it names is checked apart. Raises: Invalid."""
    checked = documents.check(new.rule, new.offer, new.crs)
    checks.dates(new.starts_at, new.ends_at, checked.rule)
    carried.check_lengths(session, district, checked.offer, new.store_ids)
    place = fences.resolve(session, district, checked.parsed, new.store_ids)
    return Content(
        name=checks.name(new.name),
        rule=dict(checked.rule),
        offer=dict(checked.offer),
        fence=from_shape(place.area, srid=4326),
        floor=place.floor,
        store_ids=tuple(new.store_ids),
        starts_at=new.starts_at,
        ends_at=new.ends_at,
    )


def make(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    owner: Owner,
    content: Content,
    *,
    stock: int | None,
    clock: Clock,
) -> Campaign:
    """A draft that says what was checked."""
    row = Campaign(
        district_id=district.id,
        id=new_id(),
        owner_kind=owner.kind,
        merchant_id=owner.merchant_id,
        property_id=owner.property_id,
        owner_store_id=owner.store_id,
        name=content.name,
        state=CampaignState.DRAFT,
        version=1,
        content_version=1,
        rule=content.rule,
        offer=content.offer,
        fence=content.fence,
        floor=content.floor,
        starts_at=content.starts_at,
        ends_at=content.ends_at,
        reject_reason="",
        created_at=clock.now(),
        changed_at=clock.now(),
    )
    session.add(row)
    session.flush()
    session.add(CampaignStock(district_id=district.id, campaign_id=row.id, quota=stock, issued=0))
    contents.set_stores(session, row, content.store_ids)
    history.note(session, row, principal, Change.CREATE, Told(), clock=clock)
    session.flush()
    notify(session, CHANNEL, str(district.id))
    return row


def change(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    campaign_id: uuid.UUID,
    wanted: CampaignChange,
    *,
    clock: Clock,
) -> CampaignOut:
    """Change what the body names.

    A draft, and what waits for its first approval, is changed itself. Of an approved campaign stock, name and an
    earlier end are changed at once; anything else makes a version that waits for approval while the approved one
    goes on.

    Raises: NotFound, NotAllowed, VersionStale, StepRefused, Invalid, ConsentNeeded.
    """
    row = finding.find_own(session, district.id, principal, campaign_id)
    _check_version(row, wanted.version)
    if row.state in FINAL:
        raise StepRefused(
            f"In state {row.state} nothing can be changed. Copy it into a new campaign.",
            state=row.state,
            detail_zh="活动已结束，不能再修改，请复制为新活动。",
        )
    given = wanted.model_fields_set
    if "stock" in given:
        _set_quota(session, row, wanted.stock, principal, clock=clock)
    if parts := given & contents.PARTS:
        base = contents.reviewed(session, row)
        content = contents.changed(session, district, base, wanted)
        if parts & {"rule", "store_ids"}:
            _check(session, district.id, owners.of_row(row), content, campaign_id=row.id)
        _take(session, row, principal, base, content, clock=clock)
    life.settle(session, row, clock=clock)
    _touch(session, row, clock)
    return shown(session, principal, [row])[0]


def _take(
    session: Session, row: Campaign, principal: Principal, base: Content, content: Content, *, clock: Clock
) -> None:
    """Make the changed content the campaign's, or the version that waits for approval."""
    version = row.version + 1
    found = differences(base.document(), content.document())
    waits = row.state in RELEASED and (
        row.pending_version is not None or not all(_is_at_once(one.pointer, base, content) for one in found)
    )
    if waits:
        contents.keep(session, row, row.content_version, contents.in_force(session, row), None, clock=clock)
        row.pending_version, row.reject_reason = version, ""
    else:
        contents.put_in_force(session, row, version, content)
    if row.state != CampaignState.DRAFT:
        contents.keep(session, row, version, content, principal, clock=clock)
    detail = {"pointers": [one.pointer for one in found[:NAMED_POINTERS]], "waits": waits}
    told = Told(before=CampaignState(row.state), version=version, detail=detail)
    history.note(session, row, principal, Change.EDIT, told, clock=clock)


def _is_at_once(pointer: str, base: Content, content: Content) -> bool:
    """What the operator need not see again: a name, and an end that comes sooner."""
    if pointer == "/ends_at":
        return content.ends_at is not None and (base.ends_at is None or content.ends_at < base.ends_at)
    return pointer == "/name"


def step(
    session: Session,
    district_id: uuid.UUID,
    principal: Principal,
    campaign_id: uuid.UUID,
    action: CampaignAction,
    *,
    clock: Clock,
    version: int | None = None,
    reason: str = "",
) -> CampaignOut:
    """Take one step of a campaign's life. An approved campaign whose start has come is live at once.

    While a changed version waits, the steps of review are about that one, and the others about what goes on.

    Raises: NotFound, NotAllowed, VersionStale, StepRefused, Invalid, ConsentNeeded, NotFiled.
    """
    row = finding.find_own(session, district_id, principal, campaign_id)
    if action in OPERATORS_ONLY and principal.role is not Role.OPERATOR:
        raise NotAllowed("Only the district's operator approves or rejects a campaign.")
    waiting = row.content_version if row.pending_version is None else row.pending_version
    if version is not None and not (action in REVIEW and version == waiting):
        _check_version(row, version)
    if action in CHECKED:
        content = contents.reviewed(session, row) if action in REVIEW else contents.in_force(session, row)
        _check(session, district_id, owners.of_row(row), content, campaign_id=row.id)
        if action is CampaignAction.APPROVE:
            carried.check_filed(session, district_id, content.offer, content.store_ids)
            check_fields(session, district_id, content.offer, content.store_ids)
    try:
        if row.pending_version is not None and action in REVIEW:
            life.step_of_pending(session, row, principal, action, reason=reason, clock=clock)
        else:
            life.step(session, row, principal, action, reason=reason, clock=clock)
    except TransitionRefused as refused:
        raise StepRefused(
            str(refused), state=row.state, detail_zh="营销活动当前状态不允许此操作，请刷新页面。"
        ) from refused
    life.settle(session, row, clock=clock)
    _touch(session, row, clock)
    return shown(session, principal, [row])[0]


def _check(
    session: Session,
    district_id: uuid.UUID,
    owner: Owner,
    content: Content,
    *,
    campaign_id: uuid.UUID | None = None,
) -> None:
    """Whether the owner may hold for these stores, cover this ground and name these sets of members. Raises: Invalid."""
    owners.check_stores(session, district_id, owner, content.store_ids)
    checks.points(session, district_id, content.offer)
    territory.check(session, district_id, owner, content.fence, campaign_id=campaign_id)
    who = documents.audience(content.rule)
    whose = SetOwner(merchant_id=owner.merchant_id, property_id=owner.property_id)
    segments.check_audience(session, district_id, whose, who)
    checks.offline(session, district_id, content.offer)


def _set_quota(
    session: Session, row: Campaign, quota: int | None, principal: Principal, *, clock: Clock
) -> None:
    before = stocks.set_quota(session, row, quota)
    if quota != before:
        told = Told(before=CampaignState(row.state), detail={"before": before, "after": quota})
        history.note(session, row, principal, Change.STOCK, told, clock=clock)
    session.flush()


def _check_version(row: Campaign, version: int) -> None:
    if row.version != version:
        raise VersionStale(
            "Read the campaign again and repeat the change.",
            version=row.version,
            detail_zh="营销活动已被更改，请刷新后重试。",
        )


def _touch(session: Session, row: Campaign, clock: Clock) -> None:
    row.version += 1
    row.changed_at = clock.now()
    session.flush()
    notify(session, CHANNEL, str(row.district_id))
