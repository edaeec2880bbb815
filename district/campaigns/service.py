"""Campaigns: made and changed by merchants, judged by operators, read by the engine."""

import uuid
from collections.abc import Sequence

from geoalchemy2.shape import from_shape
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import checks, documents
from district.campaigns import fence as fences
from district.campaigns.answers import OPERATORS_ONLY, shown
from district.campaigns.models import Campaign, CampaignStock, CampaignStore
from district.campaigns.schemas import CampaignChange, CampaignOut, NewCampaign
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.merchants.models import Merchant
from district.problems import Conflict, Invalid, NotAllowed, NotFound
from district.stores.models import Store
from geo.datum import Datum
from push.campaign import (
    EDITABLE,
    CampaignAction,
    CampaignState,
    TransitionRefused,
    after,
)
from push.wording import clean

CHANNEL = "campaign_changed"
FINAL = frozenset({CampaignState.ENDED, CampaignState.CANCELLED})
MAX_PAGE = 200


class VersionStale(Conflict):
    """A change of a version that is no longer the newest."""

    slug, title = "version-stale", "The campaign was changed meanwhile"


class StepRefused(Conflict):
    """A step that the campaign's state does not allow."""

    slug, title = "step-refused", "The campaign's state does not allow this step"


def create(
    session: Session, district: DistrictInfo, principal: Principal, new: NewCampaign, *, clock: Clock
) -> CampaignOut:
    """Make a draft. Raises: Invalid with every part that cannot be used, NotFound for another's merchant."""
    merchant_id = _merchant_of(session, district, principal, new.merchant_id)
    checked = documents.check(new.rule, new.offer, new.crs)
    checks.dates(new.starts_at, new.ends_at)
    row = Campaign(
        district_id=district.id,
        id=new_id(),
        merchant_id=merchant_id,
        name=checks.name(new.name),
        state=CampaignState.DRAFT,
        version=1,
        rule=dict(checked.rule),
        offer=dict(checked.offer),
        fence=from_shape(fences.resolve(session, district, checked.parsed.fence), srid=4326),
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        reject_reason="",
        created_at=clock.now(),
        changed_at=clock.now(),
    )
    session.add(row)
    session.flush()
    session.add(CampaignStock(district_id=district.id, campaign_id=row.id, quota=new.stock, issued=0))
    _set_stores(session, row, new.store_ids)
    session.flush()
    notify(session, CHANNEL, str(district.id))
    return shown(session, principal, [row])[0]


def find(
    session: Session,
    district_id: uuid.UUID,
    principal: Principal,
    campaign_id: uuid.UUID,
    *,
    lock: bool = False,
) -> Campaign:
    """The caller's campaign. Raises: NotFound, also for another merchant's."""
    row = session.get(
        Campaign, (district_id, campaign_id), with_for_update=lock or None, populate_existing=lock
    )
    if row is None or (principal.role is Role.MERCHANT and row.merchant_id != principal.merchant_id):
        raise NotFound("No such campaign.")
    return row


def page(
    session: Session,
    district_id: uuid.UUID,
    principal: Principal,
    *,
    after_id: uuid.UUID | None = None,
    state: CampaignState | None = None,
    merchant_id: uuid.UUID | None = None,
    limit: int = 50,
) -> tuple[list[CampaignOut], uuid.UUID | None]:
    """The caller's campaigns by id, and the key of the next page."""
    wanted = principal.merchant_id if principal.role is Role.MERCHANT else merchant_id
    statement = select(Campaign).where(Campaign.district_id == district_id).order_by(Campaign.id)
    if wanted is not None:
        statement = statement.where(Campaign.merchant_id == wanted)
    if after_id is not None:
        statement = statement.where(Campaign.id > after_id)
    if state is not None:
        statement = statement.where(Campaign.state == state)
    rows = list(session.scalars(statement.limit(min(limit, MAX_PAGE) + 1)))
    shown_rows = rows[: min(limit, MAX_PAGE)]
    following = shown_rows[-1].id if len(rows) > len(shown_rows) else None
    return shown(session, principal, shown_rows), following


def change(
    session: Session,
    district: DistrictInfo,
    principal: Principal,
    campaign_id: uuid.UUID,
    wanted: CampaignChange,
    *,
    clock: Clock,
) -> CampaignOut:
    """Change what the body names: all of a draft; name, stock and end of one that is under way.

    Raises: NotFound, VersionStale, StepRefused, Invalid.
    """
    row = find(session, district.id, principal, campaign_id, lock=True)
    _check_version(row, wanted.version)
    given = wanted.model_fields_set - {"version", "crs"}
    _check_changeable(CampaignState(row.state), given)
    if "name" in given and wanted.name is not None:
        row.name = checks.name(wanted.name)
    if given & {"rule", "offer"}:
        _change_documents(session, district, row, wanted)
    if wanted.store_ids is not None:
        _set_stores(session, row, wanted.store_ids)
    if "stock" in given:
        _set_quota(session, row, wanted.stock)
    row.starts_at = wanted.starts_at if "starts_at" in given else row.starts_at
    row.ends_at = wanted.ends_at if "ends_at" in given else row.ends_at
    checks.dates(row.starts_at, row.ends_at)
    _touch(session, row, clock)
    return shown(session, principal, [row])[0]


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

    Raises: NotFound, NotAllowed, VersionStale, StepRefused.
    """
    row = find(session, district_id, principal, campaign_id, lock=True)
    if action in OPERATORS_ONLY and principal.role is not Role.OPERATOR:
        raise NotAllowed("Only the district's operator approves or rejects a campaign.")
    if version is not None:
        _check_version(row, version)
    try:
        row.state = after(CampaignState(row.state), action)
    except TransitionRefused as refused:
        raise StepRefused(
            str(refused), state=row.state, detail_zh="营销活动当前状态不允许此操作，请刷新页面。"
        ) from refused
    if action in {CampaignAction.REJECT, CampaignAction.SUBMIT}:
        row.reject_reason = clean(reason) if action is CampaignAction.REJECT else ""
    if row.state == CampaignState.APPROVED and (row.starts_at is None or row.starts_at <= clock.now()):
        row.state = after(CampaignState.APPROVED, CampaignAction.START)
    _touch(session, row, clock)
    return shown(session, principal, [row])[0]


def _merchant_of(
    session: Session, district: DistrictInfo, principal: Principal, named: uuid.UUID | None
) -> uuid.UUID:
    if principal.role is Role.MERCHANT:
        if principal.merchant_id is None or named not in {None, principal.merchant_id}:
            raise NotFound("No such merchant.")
        return principal.merchant_id
    if named is None:
        raise Invalid(
            "Name the merchant.",
            errors=[
                {"pointer": "/merchant_id", "detail": "An operator names the merchant of a new campaign."}
            ],
        )
    if session.get(Merchant, (district.id, named)) is None:
        raise NotFound("No such merchant.")
    return named


def _change_documents(
    session: Session, district: DistrictInfo, row: Campaign, wanted: CampaignChange
) -> None:
    datum = wanted.crs if wanted.rule is not None else Datum.WGS84
    checked = documents.check(wanted.rule or row.rule, wanted.offer or row.offer, datum)
    row.rule, row.offer = dict(checked.rule), dict(checked.offer)
    row.fence = from_shape(fences.resolve(session, district, checked.parsed.fence), srid=4326)


def _set_stores(session: Session, row: Campaign, store_ids: Sequence[uuid.UUID]) -> None:
    wanted = set(store_ids)
    owned = set(
        session.scalars(
            select(Store.id).where(
                Store.district_id == row.district_id,
                Store.id.in_(wanted),
                Store.merchant_id == row.merchant_id,
                Store.closed_at.is_(None),
            )
        )
    )
    if missing := [index for index, one in enumerate(store_ids) if one not in owned]:
        detail = {
            "detail": "This is not an open store of the merchant.",
            "detail_zh": "这不是该商户营业中的门店。",
        }
        raise Invalid(
            "See errors.", errors=[{"pointer": f"/store_ids/{index}", **detail} for index in missing]
        )
    session.execute(
        delete(CampaignStore).where(
            CampaignStore.district_id == row.district_id, CampaignStore.campaign_id == row.id
        )
    )
    session.add_all(
        CampaignStore(district_id=row.district_id, campaign_id=row.id, store_id=one) for one in sorted(wanted)
    )
    session.flush()


def _set_quota(session: Session, row: Campaign, quota: int | None) -> None:
    stock = session.get_one(
        CampaignStock, (row.district_id, row.id), with_for_update=True, populate_existing=True
    )
    if quota is not None and quota < stock.issued:
        detail = f"{stock.issued} offers are issued already; the stock cannot be less."
        detail_zh = f"已发出 {stock.issued} 份，库存不能少于此数。"
        raise Invalid("See errors.", errors=[{"pointer": "/stock", "detail": detail, "detail_zh": detail_zh}])
    stock.quota = quota


def _check_version(row: Campaign, version: int) -> None:
    if row.version != version:
        raise VersionStale(
            "Read the campaign again and repeat the change.",
            version=row.version,
            detail_zh="营销活动已被更改，请刷新后重试。",
        )


def _check_changeable(state: CampaignState, given: set[str]) -> None:
    if state in EDITABLE:
        return
    under_way = set() if state in FINAL else {"name", "stock", "ends_at"}
    if refused := sorted(given - under_way):
        raise StepRefused(
            f"In state {state} these cannot be changed: {', '.join(refused)}. Only a draft can be changed whole.",
            state=state,
        )


def _touch(session: Session, row: Campaign, clock: Clock) -> None:
    row.version += 1
    row.changed_at = clock.now()
    session.flush()
    notify(session, CHANNEL, str(row.district_id))


def count_by_state(session: Session, district_id: uuid.UUID, merchant_id: uuid.UUID | None) -> dict[str, int]:
    """How many campaigns a merchant, or the district, has in each state."""
    statement = select(Campaign.state, func.count()).where(Campaign.district_id == district_id)
    if merchant_id is not None:
        statement = statement.where(Campaign.merchant_id == merchant_id)
    return {state: count for state, count in session.execute(statement.group_by(Campaign.state))}  # noqa: C416 rows are no pairs to dict()
