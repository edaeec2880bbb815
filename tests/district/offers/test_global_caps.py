"""What the district's policy bounds holds for everybody, however many decide and issue at once."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from district.campaigns.live import live_campaigns
from district.database import transaction
from district.offers import policies
from district.offers import service as offers
from push.audience import MemberContext
from push.campaign import Campaign
from push.consent import Channel, ConsentRecord, Consents, Purpose
from push.decision import Ask, Crossing, OfferDraft, choose, decide_batch
from push.identifiers import MemberId, VisitId
from push.policy import DecisionPolicy
from push.rule import TriggerKind
from tests.district.offers.conftest import Ground

ENGINES = 12
STEPS = 40
STEP = timedelta(minutes=5)
ISSUED = """
SELECT member_id, issued_at FROM offer WHERE district_id = %(d)s AND state <> 'void' ORDER BY member_id, issued_at
"""


def asks(
    campaigns: Sequence[Campaign], members: Sequence[uuid.UUID], now: datetime, chance: random.Random
) -> list[Ask]:
    """Members who meet some campaigns at this moment; none of them knows what others were told."""
    consents = Consents.after(ConsentRecord(purpose=one, granted=True, at=now) for one in Purpose)
    found = []
    for member_id in members:
        known = MemberContext(
            member_id=MemberId(member_id),
            consents=consents,
            endpoints=frozenset({Channel.INBOX}),
            bucket=5_000,
        )
        for campaign in chance.sample(campaigns, 3):
            crossing = Crossing(
                trigger=TriggerKind.ENTER,
                campaign_id=campaign.id,
                visit_id=VisitId(uuid.uuid4()),
                at=now,
                received_at=now,
            )
            found.append(Ask(crossing, campaign, known, now))
    return found


async def one_engine(ground: Ground, asked: Sequence[Ask], policy: DecisionPolicy, now: datetime) -> None:
    """Decide without knowing any slot, and issue: the database alone holds the limits."""
    moments: dict[MemberId, list[int]] = {}
    for number, one in enumerate(asked):
        moments.setdefault(one.member.member_id, []).append(number)
    decisions = decide_batch(asked, policy=policy)
    chosen = [
        one for numbers in moments.values() for one in choose([decisions[number] for number in numbers])
    ]
    drafts = [one for one in chosen if isinstance(one, OfferDraft)]
    async with transaction(ground.pool) as connection:
        await offers.issue_batch(connection, ground.info, drafts, now=now)


async def test_many_engines_never_tell_a_member_too_often(ground: Ground) -> None:
    """Twelve deciders that know of no slot, 200 minutes: at most two a trading day, thirty minutes apart."""
    chance = random.Random(5)
    ground.makers.policy(ground.district, offers_per_day=2, gap_min=30, merchant_per_day=None)
    for _ in range(6):
        ground.campaign()
    members = [ground.member().id for _ in range(10)]
    async with ground.pool.connection() as connection:
        campaigns = [one.campaign for one in await live_campaigns(connection, ground.info)]
    policy = await policies.current(ground.pool, ground.info, fresh_for=timedelta(minutes=3))
    for _ in range(STEPS):
        now = ground.clock.now()
        await asyncio.gather(
            *(one_engine(ground, asks(campaigns, members, now, chance), policy, now) for _ in range(ENGINES))
        )
        ground.clock.advance(STEP)
    told: dict[uuid.UUID, list[datetime]] = {}
    for member_id, at in await ground.rows(ISSUED):
        told.setdefault(member_id, []).append(at)
    assert {len(times) for times in told.values()} == {2}
    assert len(told) == len(members)
    assert all(times[1] - times[0] >= timedelta(minutes=30) for times in told.values())


async def test_a_merchant_alone_is_bounded_as_well(ground: Ground) -> None:
    ground.makers.policy(ground.district, offers_per_day=5, merchant_per_day=1)
    for _ in range(4):
        ground.campaign()
    members = [ground.member().id for _ in range(6)]
    async with ground.pool.connection() as connection:
        campaigns = [one.campaign for one in await live_campaigns(connection, ground.info)]
    policy = await policies.current(ground.pool, ground.info, fresh_for=timedelta(minutes=3))
    now = ground.clock.now()
    chance = random.Random(6)
    await asyncio.gather(
        *(one_engine(ground, asks(campaigns, members, now, chance), policy, now) for _ in range(ENGINES))
    )
    each = await ground.rows("SELECT count(*) FROM offer WHERE district_id = %(d)s GROUP BY member_id")
    assert [row[0] for row in each] == [1] * 6
