"""A crowd before many campaigns, made from a seed: what benchmarks and properties of decisions ask about."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from push.arbitration import Fairness, Market, Standing
from push.audience import MemberContext
from push.audience_facts import UNKNOWN, Facts
from push.campaign import Campaign, CampaignState
from push.consent import NO_CONSENT, Channel, Purpose
from push.decision import Ask, DecisionPolicy
from push.holdout import bucket
from push.identifiers import CampaignId, MemberId, MerchantId, VisitId
from push.limits import CapRule, CapScope, Period, QuietHours, TradingDay
from push.offer_document import parse_offer
from push.redeem_model import FEATURES, Line, RedeemModel
from push.rule import TriggerKind
from tests.push.makers import (
    ALL_CONSENTS,
    FRIDAY_NOON,
    HELSINKI,
    OWNER,
    campaign,
    consents,
    crossing,
    member,
    offer_document,
)

KNOWN = Facts(owner=OWNER, stays=(), redemptions=(), events=(), follows=frozenset())
_VALUES: Sequence[dict[str, Any]] = (
    {"type": "amount", "minor_units": 500},
    {"type": "percent", "percent": 20},
    {"type": "gift"},
)
_WHO: Sequence[Any] = ("everyone", "everyone", "everyone", "new")
_HOURS = (None, None, {"opening_hours": "Mo-Su 10:00-22:00"}, {"opening_hours": "Sa,Su 10:00-22:00"})
LINE = Line(
    base=-2.5, means=(0.4,) * len(FEATURES), weights=(0.9, -0.1, 0.3, -1.0, 0.4, 0.8, 0.3, 0.1, 0.1, 0.7, 0.2)
)


def market_policy(*, random: Random, merchants: int) -> DecisionPolicy:
    """A district with everything in use: caps, a gap, a control, a fitted model, prices, new merchants."""
    standings = {
        MerchantId(UUID(int=10_000 + number)): Standing(
            price_minor=random.choice([0.0, 0.0, random.uniform(0, 40)]), served=random.randrange(60)
        )
        for number in range(merchants)
    }
    return DecisionPolicy(
        day=TradingDay(zone=HELSINKI),
        control_buckets=200,
        shared_caps=((CapScope.GLOBAL, CapRule(n=2, per=Period.DAY)),),
        gap=timedelta(minutes=30),
        model=RedeemModel(version=3, line=LINE),
        market=Market(fairness=Fairness(), standings=standings, seed="seed"),
    )


def campaigns(count: int, *, random: Random, merchants: int) -> list[Campaign]:
    """Live ones, but for a few; of several kinds, hours, bands and audiences."""
    found = []
    for number in range(count):
        rule: dict[str, Any] = {
            "when": random.choice(_HOURS),
            "who": random.choice(_WHO),
            "priority": random.choice(("normal", "normal", "normal", "paid", "filler", "service")),
            "holdout": random.choice((None, {"pct": 0}, {"pct": 30, "salt": "s"})),
        }
        found.append(
            campaign(
                rule,
                id=CampaignId(UUID(int=1_000 + number)),
                merchant_id=MerchantId(UUID(int=10_000 + random.randrange(merchants))),
                state=random.choice([CampaignState.LIVE] * 19 + [CampaignState.PAUSED]),
                is_sold_out=random.random() < 0.03,
                offer=parse_offer(offer_document(value=random.choice(_VALUES))),
            )
        )
    return found


def members(count: int, *, random: Random, of: Sequence[Campaign]) -> list[MemberContext]:
    """Most have agreed to everything; some were told something today."""
    found = []
    for number in range(count):
        id_ = MemberId(UUID(int=100_000 + number))
        taken = {}
        if random.random() < 0.2:
            at = FRIDAY_NOON - timedelta(minutes=random.randrange(200))
            taken = {f"campaign:{random.choice(of).id}:day": (at,), "global:day": (at,), "gap": (at,)}
        found.append(
            member(
                member_id=id_,
                bucket=bucket("district", id_),
                consents=random.choice([ALL_CONSENTS] * 8 + [NO_CONSENT, consents(Purpose.MARKETING)]),
                endpoints=random.choice(
                    (frozenset({Channel.INBOX}), frozenset({Channel.INBOX, Channel.SMS}))
                ),
                facts=random.choice((UNKNOWN, *(KNOWN,) * 9)),
                quiet=random.choice((None, None, QuietHours())),
                taken=taken,
                is_erased=random.random() < 0.01,
            )
        )
    return found


def asks(
    count: int, *, random: Random, of: Sequence[Campaign], by: Sequence[MemberContext], moments: int = 4
) -> list[Ask]:
    """Members who cross fences, at a few times, as messages of a stream bring them."""
    times = [FRIDAY_NOON + timedelta(seconds=number) for number in range(moments)]
    found = []
    for number in range(count):
        wanted, now = random.choice(of), random.choice(times)
        crossed = crossing(
            campaign_id=wanted.id if random.random() < 0.98 else CampaignId(UUID(int=1)),
            trigger=random.choice((TriggerKind.ENTER,) * 9 + (TriggerKind.DWELL,)),
            visit_id=VisitId(UUID(int=number)),
            at=now - timedelta(seconds=random.choice((1, 2, 3, 600))),
            received_at=now,
            distance_m=random.choice((None, 10.0, 80.0)),
        )
        found.append(Ask(crossed, wanted, random.choice(by), now))
    return found
