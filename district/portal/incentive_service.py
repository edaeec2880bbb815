"""Join incentives as the operator keeps them: made, counted, ended."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.campaigns import checks, life, service
from district.campaigns.owners import Owner, check_stores
from district.campaigns.schemas import NewCampaign, OwnerKind
from district.campaigns.service import CHANNEL
from district.campaigns.shared_models import JoinIncentive, JoinReward
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.gateways.models import Plan
from district.portal.incentive_schemas import IncentiveOut, NewIncentive
from district.portal.incentives import Reward
from district.problems import Invalid, NotFound
from push.campaign_life import CampaignAction

OPERATOR = Owner(kind=OwnerKind.OPERATOR)
GIVEN_BY_HAND = {"mode": "open", "pushed": False, "listed": False}
"""The coupon comes by joining alone: no campaign pushes it, no list shows it."""


def create(
    session: Session, district: DistrictInfo, principal: Principal, new: NewIncentive, *, clock: Clock
) -> IncentiveOut:
    """Make an incentive; a coupon gets a campaign of the operator, approved. Raises: Invalid."""
    checks.dates(new.starts_at, new.ends_at)
    checks.points(session, district.id, new.offer or {})
    is_coupon = new.kind is not Reward.PLAN
    row = JoinIncentive(
        district_id=district.id,
        id=new_id(),
        name=checks.name(new.name),
        nth=new.nth,
        kind=new.kind,
        campaign_id=_campaign(session, district, principal, new, clock=clock) if is_coupon else None,
        plan_id=None if is_coupon else _plan(session, district, new),
        plan_for_s=new.plan_for_s,
        needs_contact=new.needs_contact,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return shown(session, district.id, [row])[0]


def _campaign(
    session: Session, district: DistrictInfo, principal: Principal, new: NewIncentive, *, clock: Clock
) -> uuid.UUID:
    joining = {"on": "wifi.join"} | ({"first": True} if new.nth == 1 else {})
    rule = {
        "v": 1,
        "trigger": {"any": [joining]},
        "ttl_s": new.ttl_s,
        "per_member": 1,
        "holdout": {"pct": 0},
    }
    wanted = NewCampaign(
        name=new.name,
        store_ids=new.store_ids or [],
        rule=rule,
        offer=(new.offer or {}) | {"claim": GIVEN_BY_HAND},
        starts_at=new.starts_at,
        ends_at=new.ends_at,
    )
    content = service.content_of(session, district, wanted)
    check_stores(session, district.id, OPERATOR, content.store_ids)
    row = service.make(session, district, principal, OPERATOR, content, stock=new.stock, clock=clock)
    for action in (CampaignAction.SUBMIT, CampaignAction.APPROVE):
        life.step(session, row, principal, action, clock=clock)
        row.version += 1
    life.settle(session, row, clock=clock)
    session.flush()
    notify(session, CHANNEL, str(district.id))
    return row.id


def _plan(session: Session, district: DistrictInfo, new: NewIncentive) -> uuid.UUID:
    found = session.scalar(select(Plan.id).where(Plan.district_id == district.id, Plan.slug == new.plan))
    if found is None:
        detail, zh = f"There is no plan {new.plan!r}.", "没有这个套餐。"
        raise Invalid("See errors.", errors=[{"pointer": "/plan", "detail": detail, "detail_zh": zh}])
    return found


def find(session: Session, district_id: uuid.UUID, incentive_id: uuid.UUID) -> JoinIncentive:
    """Raises: NotFound."""
    row = session.get(JoinIncentive, (district_id, incentive_id))
    if row is None:
        raise NotFound("No such incentive.")
    return row


def listed(district_id: uuid.UUID) -> Select[JoinIncentive]:
    """Every incentive of a district."""
    return select(JoinIncentive).where(JoinIncentive.district_id == district_id)


def end(session: Session, row: JoinIncentive, *, clock: Clock) -> IncentiveOut:
    """Stop it for those who join from now on; what was given, and its campaign's coupons, stay."""
    row.ended_at = row.ended_at or clock.now()
    session.flush()
    return shown(session, row.district_id, [row])[0]


def go_on(session: Session, row: JoinIncentive) -> IncentiveOut:
    """Take a stop back: who joins from now on gets it again."""
    row.ended_at = None
    session.flush()
    return shown(session, row.district_id, [row])[0]


def shown(session: Session, district_id: uuid.UUID, rows: Sequence[JoinIncentive]) -> list[IncentiveOut]:
    """Incentives with what became of them."""
    ids = [row.id for row in rows]
    counted = (
        select(
            JoinReward.incentive_id,
            func.count(),
            func.count().filter(JoinReward.refused.is_not(None)),
            func.count().filter(JoinReward.offer_id.is_(None), JoinReward.refused.is_(None)),
        )
        .where(JoinReward.district_id == district_id, JoinReward.incentive_id.in_(ids))
        .group_by(JoinReward.incentive_id)
    )
    counts = {row[0]: (row[1], row[2], row[3]) for row in session.execute(counted)}
    plans = select(Plan.id, Plan.slug).where(Plan.district_id == district_id)
    slugs = {row[0]: row[1] for row in session.execute(plans)}
    return [_shown(row, slugs, counts.get(row.id, (0, 0, 0))) for row in rows]


def _shown(row: JoinIncentive, slugs: dict[uuid.UUID, str], counts: tuple[int, int, int]) -> IncentiveOut:
    everyone, refused, waiting = counts
    is_coupon = row.kind != Reward.PLAN
    return IncentiveOut(
        id=row.id,
        name=row.name,
        nth=row.nth,
        kind=Reward(row.kind),
        needs_contact=row.needs_contact,
        campaign_id=row.campaign_id,
        plan=slugs.get(row.plan_id) if row.plan_id else None,
        plan_for_s=row.plan_for_s,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        created_at=row.created_at,
        rewarded=everyone - refused - (waiting if is_coupon else 0),
        waiting=waiting if is_coupon else 0,
        refused=refused,
    )
