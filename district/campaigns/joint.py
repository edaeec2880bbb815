"""Joint events: a campaign of the operator that merchants enrol their stores in, and who pays for it."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import funding, history, life, service, territory
from district.campaigns import joint_answers as answers
from district.campaigns.history import Change, Told
from district.campaigns.joint_answers import Found
from district.campaigns.joint_schemas import JointEventOut, NewJointEvent
from district.campaigns.models import Campaign, CampaignStore
from district.campaigns.owners import Owner
from district.campaigns.schemas import NewCampaign, OwnerKind
from district.campaigns.service import CHANNEL
from district.campaigns.shared_models import JointEnrolment, JointEvent
from district.clock import Clock
from district.database import notify
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid, NotFound
from district.stores.models import ImportedPlace, Store
from push.campaign_life import FINAL, CampaignAction, CampaignState

OPERATOR = Owner(kind=OwnerKind.OPERATOR)


class EnrolmentOver(Conflict):
    """A store that comes or goes after the date."""

    slug, title = "enrolment-over", "The time to enrol is over"


def open_event(
    session: Session, district: DistrictInfo, principal: Principal, new: NewJointEvent, *, clock: Clock
) -> JointEventOut:
    """Make the operator's campaign, approve it, and let stores enrol until the date. Raises: Invalid."""
    _check_dates(new, clock.now())
    funding.check(session, district.id, new.funding)
    written = NewCampaign.model_construct(
        name=new.name,
        store_ids=[],
        rule=new.rule,
        offer=new.offer,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        crs=new.crs,
    )
    content = service.content_of(session, district, written)
    row = service.make(session, district, principal, OPERATOR, content, stock=new.stock, clock=clock)
    row.holds_until = new.enrol_until
    event = JointEvent(
        district_id=district.id,
        campaign_id=row.id,
        enrol_until=new.enrol_until,
        categories=sorted(set(new.categories)),
        terms=new.terms,
        created_at=clock.now(),
    )
    session.add(event)
    session.flush()
    funding.add(session, row, new.funding)
    # After the shares: a property that pays for the event by name has agreed to it.
    territory.check(session, district.id, OPERATOR, row.fence, campaign_id=row.id)
    for action in (CampaignAction.SUBMIT, CampaignAction.APPROVE):
        life.step(session, row, principal, action, clock=clock)
        row.version += 1
    life.settle(session, row, clock=clock)
    session.flush()
    notify(session, CHANNEL, str(district.id))
    return answers.shown(session, principal, [Found(event=event, campaign=row)], now=clock.now())[0]


def _check_dates(new: NewJointEvent, now: datetime) -> None:
    wrong = []
    if new.enrol_until <= now:
        wrong.append(("/enrol_until", "It must be in the future.", "须为将来的时间。"))
    if new.starts_at < new.enrol_until:
        wrong.append(("/starts_at", "It must not be before enrol_until.", "不得早于报名截止时间。"))
    if wrong:
        errors = [{"pointer": at, "detail": en, "detail_zh": zh} for at, en, zh in wrong]
        raise Invalid("See errors.", errors=errors)


def find(session: Session, district_id: uuid.UUID, event_id: uuid.UUID, *, lock: bool = False) -> Found:
    """A joint event, which all staff of the district may know of. Raises: NotFound."""
    wanted = select(Campaign).where(Campaign.district_id == district_id, Campaign.id == event_id)
    if lock:
        wanted = wanted.with_for_update(key_share=True)
    campaign = session.scalar(wanted.execution_options(populate_existing=lock))
    event = session.get(JointEvent, (district_id, event_id))
    if campaign is None or event is None:
        raise NotFound("No such joint event.")
    return Found(event=event, campaign=campaign)


def listed(session: Session, district_id: uuid.UUID, *, most: int = 200) -> list[Found]:
    """The district's joint events, the newest first."""
    rows = session.execute(
        select(JointEvent, Campaign)
        .join(
            Campaign,
            (Campaign.district_id == JointEvent.district_id) & (Campaign.id == JointEvent.campaign_id),
        )
        .where(JointEvent.district_id == district_id)
        .order_by(JointEvent.campaign_id.desc())
        .limit(most)
    )
    return [Found(event=event, campaign=campaign) for event, campaign in rows]


def enrol(
    session: Session,
    principal: Principal,
    event_id: uuid.UUID,
    store_ids: Sequence[uuid.UUID],
    *,
    clock: Clock,
) -> JointEventOut:
    """Enrol stores; those that are enrolled stay so. Raises: NotFound, EnrolmentOver, Invalid naming each store."""
    found = find(session, principal.district_id, event_id, lock=True)
    _check_open(found, clock.now())
    owned = _enrollable(session, principal, found.event, store_ids)
    for store_id, merchant_id in owned.items():
        values = {"district_id": principal.district_id, "campaign_id": event_id, "store_id": store_id}
        by = {"enrolled_at": clock.now(), "enrolled_by": principal.subject_id, "merchant_id": merchant_id}
        session.execute(insert(JointEnrolment).values(values | by).on_conflict_do_nothing())
        session.execute(insert(CampaignStore).values(values).on_conflict_do_nothing())
    detail = {"store_ids": [str(one) for one in owned]}
    return _told(session, principal, found, Change.ENROL, detail, clock=clock)


def leave(
    session: Session, principal: Principal, event_id: uuid.UUID, store_id: uuid.UUID, *, clock: Clock
) -> JointEventOut:
    """Take a store out again, up to the date. Raises: NotFound, EnrolmentOver."""
    found = find(session, principal.district_id, event_id, lock=True)
    row = session.get(JointEnrolment, (principal.district_id, event_id, store_id))
    if row is None or principal.merchant_id not in {None, row.merchant_id}:
        raise NotFound("This store is not enrolled.")
    _check_open(found, clock.now())
    session.delete(row)
    session.execute(
        delete(CampaignStore).where(
            CampaignStore.district_id == principal.district_id,
            CampaignStore.campaign_id == event_id,
            CampaignStore.store_id == store_id,
        )
    )
    detail = {"store_ids": [str(store_id)]}
    return _told(session, principal, found, Change.LEAVE, detail, clock=clock)


def _told(
    session: Session,
    principal: Principal,
    found: Found,
    what: Change,
    detail: dict[str, list[str]],
    *,
    clock: Clock,
) -> JointEventOut:
    told = Told(before=CampaignState(found.campaign.state), detail=detail)
    history.note(session, found.campaign, principal, what, told, clock=clock)
    session.flush()
    notify(session, CHANNEL, str(principal.district_id))
    return answers.shown(session, principal, [found], now=clock.now())[0]


def _check_open(found: Found, now: datetime) -> None:
    if now >= found.event.enrol_until or found.campaign.state in FINAL:
        raise EnrolmentOver(
            "Stores enrol and leave until the date only; ask the operator.",
            enrol_until=found.event.enrol_until.isoformat(),
            detail_zh="报名已截止，请联系运营方。",
        )


def _enrollable(
    session: Session, principal: Principal, event: JointEvent, store_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """The merchants of these open stores, all the caller's own and of a trade that is asked for. Raises: Invalid."""
    wanted = (
        select(Store.id, Store.merchant_id)
        .outerjoin(
            ImportedPlace,
            (ImportedPlace.district_id == Store.district_id) & (ImportedPlace.ref == Store.ref),
        )
        .where(
            Store.district_id == principal.district_id,
            Store.id.in_(set(store_ids)),
            Store.closed_at.is_(None),
            Store.merchant_id.is_not(None),
        )
    )
    if principal.role is Role.MERCHANT:
        wanted = wanted.where(Store.merchant_id == principal.merchant_id)
    if event.categories:
        wanted = wanted.where(func.coalesce(Store.category, ImportedPlace.category).in_(event.categories))
    owned = {
        store_id: merchant_id for store_id, merchant_id in session.execute(wanted) if merchant_id is not None
    }
    if missing := [number for number, one in enumerate(store_ids) if one not in owned]:
        detail = "This is not an open store of yours, or of a trade that the event is not for."
        zh = "这不是您营业中的门店，或其业态不在活动范围内。"
        raise Invalid(
            "See errors.",
            errors=[{"pointer": f"/store_ids/{at}", "detail": detail, "detail_zh": zh} for at in missing],
        )
    return owned
