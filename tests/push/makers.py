"""Values that tests of push start from; each test names what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from geo.hours import Window
from push.audience import MemberContext
from push.audience_facts import Facts, Owner
from push.campaign import Campaign, CampaignState
from push.campaign_document import parse_rule
from push.consent import Channel, ConsentRecord, Consents, Purpose
from push.decision import Crossing, DecisionPolicy
from push.identifiers import CampaignId, MemberId, MerchantId, StoreId, VisitId
from push.limits import TradingDay
from push.offer_document import parse_offer
from push.rule import TriggerKind
from push.wording import Localised

HELSINKI = ZoneInfo("Europe/Helsinki")
FRIDAY_NOON = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
"""12:00 in Helsinki."""

CAMPAIGN = CampaignId(UUID(int=1))
MEMBER = MemberId(UUID(int=2))
MERCHANT = MerchantId(UUID(int=3))
STORE = StoreId(UUID(int=4))
VISIT = VisitId(UUID(int=5))
OWNER = Owner(merchant_id=MERCHANT, store_ids=frozenset({STORE}))

POLYGON: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[24.94, 60.17], [24.95, 60.17], [24.95, 60.175], [24.94, 60.17]]],
}


def rule_document(**changes: Any) -> dict[str, Any]:
    """A rule that uses every part; a change to None leaves the part out."""
    document = {
        "v": 1,
        "trigger": {"any": [{"on": "fence.enter"}]},
        "when": {"opening_hours": "Mo-Fr 11:00-13:30", "tz": "district", "and_store_open": False},
        "where": {"within": {"circle": {"lon": 24.94, "lat": 60.17, "radius_m": 50}}},
        "who": {"all": []},
        "cap": {"campaign": {"n": 1, "per": "day"}},
        "ttl_s": 5400,
        "holdout": {"pct": 0},
    }
    return {key: value for key, value in {**document, **changes}.items() if value is not None}


def offer_document(**changes: Any) -> dict[str, Any]:
    document = {
        "kind": "coupon",
        "value": {"type": "amount", "minor_units": 500, "percent": None},
        "title": {"zh": "午餐立减", "en": "Lunch for less"},
        "text": {"zh": "午餐满 20 减 5。", "en": "5 off your lunch of 20."},
    }
    return {key: value for key, value in {**document, **changes}.items() if value is not None}


def consents(*purposes: Purpose, at: datetime = FRIDAY_NOON) -> Consents:
    return Consents.after(ConsentRecord(purpose=one, granted=True, at=at) for one in purposes)


ALL_CONSENTS = consents(*Purpose)


def campaign(rule: dict[str, Any] | None = None, **changes: Any) -> Campaign:
    """A live campaign of a lunch place; rule names parts of the rule document to change."""
    parsed = parse_rule(rule_document(**(rule or {})))
    hours = parsed.when.opening_hours
    base = Campaign(
        id=CAMPAIGN,
        version=1,
        merchant_id=MERCHANT,
        store_ids=(STORE,),
        store_name=Localised(zh="咖啡馆", en="Café Aalto"),
        state=CampaignState.LIVE,
        rule=parsed,
        offer=parse_offer(offer_document()),
        window=None if hours is None else Window(expression=hours, zone=HELSINKI),
    )
    return replace(base, **changes)


def member(**changes: Any) -> MemberContext:
    base = MemberContext(
        member_id=MEMBER,
        facts=Facts(owner=OWNER, stays=(), redemptions=(), events=(), follows=frozenset()),
        consents=ALL_CONSENTS,
        endpoints=frozenset({Channel.INBOX}),
    )
    return replace(base, **changes)


def crossing(**changes: Any) -> Crossing:
    base = Crossing(
        trigger=TriggerKind.ENTER,
        campaign_id=CAMPAIGN,
        visit_id=VISIT,
        at=FRIDAY_NOON,
        received_at=FRIDAY_NOON,
        distance_m=42.0,
    )
    return replace(base, **changes)


def policy(**changes: Any) -> DecisionPolicy:
    return replace(DecisionPolicy(day=TradingDay(zone=HELSINKI)), **changes)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
