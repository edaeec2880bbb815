"""The past campaigns themselves: sent, approved and funded through the services that merchants and operators use, earlier."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import funding
from district.campaigns import service as campaigns
from district.campaigns.joint_schemas import PartyKind, ShareIn
from district.campaigns.models import Campaign
from district.campaigns.schemas import NewCampaign
from district.clock import Clock, FixedClock
from district.database import new_id
from district.demo.past_plans import PLANS, PastPlan
from district.demo.shops import Money, money_of
from district.districts.service import DistrictInfo
from district.stores.models import Property
from geo.coordinates import LonLat
from push.campaign import CampaignAction

AHEAD = timedelta(hours=20)
"""So long before it began a campaign was sent and approved."""
FROM, UNTIL = time(9), time(21)
RADIUS_M = 80
LIFE_S = 10_800
COUNTERS_SQL = """
SELECT DISTINCT ON (s.merchant_id) s.merchant_id, s.id, t.id, ST_X(place.at), ST_Y(place.at)
FROM store s
JOIN till t ON t.district_id = s.district_id AND t.store_id = s.id
LEFT JOIN imported_place p ON p.district_id = s.district_id AND p.ref = s.ref
CROSS JOIN LATERAL (SELECT coalesce(s.location, p.location) AS at) AS place
WHERE s.district_id = :district_id AND s.merchant_id IS NOT NULL AND place.at IS NOT NULL
ORDER BY s.merchant_id, s.id, t.id LIMIT :limit
"""


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A merchant's store, and the till in it."""

    merchant_id: uuid.UUID
    store_id: uuid.UUID
    till_id: uuid.UUID
    position: LonLat


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A campaign of the past, with its trading days."""

    plan: PastPlan
    id: uuid.UUID
    counter: Counter
    first: date
    last: date
    money: Money

    def till(self, district: DistrictInfo) -> Principal:
        """Whom its till's key stands for."""
        return Principal(
            role=Role.TILL,
            district_id=district.id,
            district_slug=district.slug,
            subject_id=self.counter.till_id,
            scope_id=self.counter.till_id,
            merchant_id=self.counter.merchant_id,
        )


def counters(session: Session, district: DistrictInfo) -> Sequence[Counter]:
    """Of the merchants that came first; their ids are in the order in which they came."""
    most = 1 + max(plan.merchant for plan in PLANS)
    rows = session.execute(text(COUNTERS_SQL), {"district_id": district.id, "limit": most})
    return [
        Counter(merchant_id=merchant, store_id=store, till_id=till, position=LonLat(lon=lon, lat=lat))
        for merchant, store, till, lon, lat in rows
    ]


def make(session: Session, district: DistrictInfo, *, clock: Clock) -> None:
    """Each campaign of the plans whose merchant there is, with the days that it has from today."""
    known = counters(session, district)
    today = district.trading_day(clock.now())
    for plan in PLANS:
        if plan.merchant < len(known):
            _make_one(session, district, plan, known[plan.merchant], today, clock)


def find(session: Session, district: DistrictInfo) -> list[Ran]:
    """Those that were made, with the days that they were given then."""
    known = counters(session, district)
    money = money_of(district.currency)
    found = []
    for plan in PLANS:
        if plan.merchant >= len(known):
            continue
        counter = known[plan.merchant]
        wanted = select(Campaign.id, Campaign.starts_at, Campaign.ends_at).where(
            Campaign.district_id == district.id,
            Campaign.merchant_id == counter.merchant_id,
            Campaign.name == _words(district, plan),
        )
        for id_, starts_at, ends_at in session.execute(wanted.order_by(Campaign.id).limit(1)):
            if starts_at is None or ends_at is None:
                continue  # the merchant's own, of the same name
            first, last = district.trading_day(starts_at), district.trading_day(ends_at)
            found.append(Ran(plan=plan, id=id_, counter=counter, first=first, last=last, money=money))
    return found


def _make_one(  # noqa: PLR0917 all of one campaign
    session: Session, district: DistrictInfo, plan: PastPlan, counter: Counter, today: date, clock: Clock
) -> None:
    starts_at = _local(district, today - timedelta(days=plan.first_days_ago), FROM)
    new = NewCampaign(
        name=_words(district, plan),
        store_ids=[counter.store_id],
        rule=_rule(plan, counter),
        offer=_offer(plan, money_of(district.currency)),
        starts_at=starts_at,
        ends_at=_local(district, today - timedelta(days=plan.last_days_ago), UNTIL),
    )
    earlier = FixedClock(starts_at - AHEAD, machine=clock.machine_now())
    owner = _staff(district, Role.MERCHANT, counter.merchant_id)
    row = campaigns.create(session, district, owner, new, clock=earlier)
    shares = [
        ShareIn(party_kind=kind, party_id=_payer(session, district, kind, counter), permille=permille)
        for kind, permille in plan.funding
    ]
    funding.add(session, session.get_one(Campaign, (district.id, row.id)), shares)
    campaigns.step(session, district.id, owner, row.id, CampaignAction.SUBMIT, clock=earlier)
    operator = _staff(district, Role.OPERATOR, None)
    campaigns.step(session, district.id, operator, row.id, CampaignAction.APPROVE, clock=earlier)


def _payer(session: Session, district: DistrictInfo, kind: PartyKind, counter: Counter) -> uuid.UUID | None:
    if kind is PartyKind.MERCHANT:
        return counter.merchant_id
    return first_mall(session, district) if kind is PartyKind.PROPERTY else None


def first_mall(session: Session, district: DistrictInfo) -> uuid.UUID | None:
    """The property that a demo's account speaks for."""
    found: uuid.UUID | None = session.scalar(
        select(Property.id)
        .where(Property.district_id == district.id, Property.kind == "mall")
        .order_by(Property.name)
        .limit(1)
    )
    return found


def _staff(district: DistrictInfo, role: Role, merchant_id: uuid.UUID | None) -> Principal:
    return Principal(
        role=role,
        district_id=district.id,
        district_slug=district.slug,
        subject_id=new_id(),
        scope_id=merchant_id,
        merchant_id=merchant_id,
    )


def _local(district: DistrictInfo, day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, tzinfo=district.zone).astimezone(UTC)


def _words(district: DistrictInfo, plan: PastPlan) -> str:
    said = plan.name.zh if district.country == "CN" else plan.name.en
    return said or plan.key


def _rule(plan: PastPlan, counter: Counter) -> dict[str, Any]:
    at = counter.position
    return {
        "v": 1,
        "trigger": {"any": [{"on": "fence.enter"}]},
        "where": {"within": {"circle": {"lon": at.lon, "lat": at.lat, "radius_m": RADIUS_M}}},
        "cap": {"campaign": {"n": 1, "per": "7d"}},
        "ttl_s": LIFE_S,
        "holdout": {"pct": plan.holdout_percent, "salt": plan.key},
    }


def _offer(plan: PastPlan, money: Money) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "gift"}
    words = {"zh": plan.title.zh or "", "en": plan.title.en or ""}
    if plan.percent is not None:
        value = {"type": "percent", "percent": plan.percent}
    elif plan.euros is not None:
        value = {"type": "amount", "minor_units": money.minor(plan.euros)}
        words = {
            "zh": words["zh"] % {"amount": money.zh % money.whole(plan.euros)},
            "en": words["en"] % {"amount": money.en % money.whole(plan.euros)},
        }
    said = {"zh": plan.text.zh, "en": plan.text.en}
    return {"kind": "coupon", "value": value, "title": words, "text": said}
