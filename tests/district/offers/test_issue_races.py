"""Many issuers at once: limits hold exactly, and nobody waits for ever."""

import asyncio
import random
import uuid

from district.database import transaction
from district.offers import reservations
from push.decision import OfferDraft
from push.suppression import Suppression
from tests.district.offers.conftest import Ground

EXPIRE_MESSAGES = (
    "UPDATE outbox_message SET state = 'expired' WHERE district_id = %(d)s AND offer_id = ANY(%(offers)s)"
)
ISSUED = "SELECT sum(issued) FROM campaign_stock WHERE district_id = %(d)s"
OFFERS = "SELECT count(*) FROM offer WHERE district_id = %(d)s"
SLOTS = "SELECT count(*) FROM cap_slot WHERE district_id = %(d)s"


async def test_thirty_issuers_give_out_exactly_the_stock(ground: Ground) -> None:
    campaign = ground.campaign(stock=40)
    members = [ground.member() for _ in range(90)]
    batches = [[ground.draft(campaign, member) for member in members[start::30]] for start in range(30)]
    done = await ground.race(batches)
    refused = [one.reason for batch in done for one in batch.refused]
    assert sum(len(batch.issued) for batch in done) == 40
    assert refused == [Suppression.SOLD_OUT] * 50
    assert [await ground.number(sql) for sql in (OFFERS, ISSUED, SLOTS)] == [40, 40, 40]


async def test_thirty_issuers_never_pass_a_members_cap(ground: Ground) -> None:
    campaigns = [ground.campaign() for _ in range(3)]
    members = [ground.member() for _ in range(10)]
    cap = ground.cap("global:day", slots=2)
    batches = [
        [
            ground.draft(random.choice(campaigns), member, reservations=(cap,))
            for member in random.sample(members, 10)
        ]
        for _ in range(30)
    ]
    done = await ground.race(batches)
    each = await ground.rows("SELECT count(*) FROM offer WHERE district_id = %(d)s GROUP BY member_id")
    assert [row[0] for row in each] == [2] * 10
    assert sum(len(batch.refused) for batch in done) == 280


async def test_thirty_issuers_of_one_occurrence_make_one_offer(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=10), ground.member()
    cap = ground.cap("campaign:x:day", slots=9)
    draft = ground.draft(campaign, member, reservations=(cap,))
    done = await ground.race([[draft]] * 30)
    assert sum(len(batch.issued) for batch in done) == 1
    assert [await ground.number(sql) for sql in (OFFERS, ISSUED, SLOTS)] == [1, 1, 1]


async def test_random_batches_over_shared_members_and_stocks_keep_every_count(ground: Ground) -> None:
    campaigns = [ground.campaign(stock=random.choice([3, 7, None])) for _ in range(4)]
    members = [ground.member() for _ in range(6)]
    batches = []
    for _ in range(30):
        batch = []
        for _ in range(8):
            campaign = random.choice(campaigns)
            caps = (ground.cap(f"campaign:{campaign.id}:day", slots=3), ground.cap("global:day", slots=5))
            batch.append(ground.draft(campaign, random.choice(members), reservations=caps))
        batches.append(batch)
    done = await ground.race(batches)
    issued = sum(len(batch.issued) for batch in done)
    assert issued + sum(len(batch.refused) for batch in done) == 240
    assert await ground.number(OFFERS) == issued == await ground.number(ISSUED)
    assert await ground.number(SLOTS) == 2 * issued
    over = await ground.rows(
        "SELECT 1 FROM offer WHERE district_id = %(d)s GROUP BY member_id HAVING count(*) > 5"
        " UNION ALL SELECT 1 FROM offer WHERE district_id = %(d)s GROUP BY member_id, campaign_id HAVING count(*) > 3"
    )
    assert over == []


async def test_issuing_and_giving_back_at_once_keep_stock_equal_to_offers(ground: Ground) -> None:
    campaigns = [ground.campaign(stock=60) for _ in range(3)]
    members = [ground.member() for _ in range(8)]

    def batch() -> list[OfferDraft]:
        chosen = [(random.choice(campaigns), random.choice(members)) for _ in range(6)]
        return [
            ground.draft(campaign, member, reservations=(ground.cap(f"campaign:{campaign.id}:day", slots=9),))
            for campaign, member in chosen
        ]

    async def give_back(issued: list[uuid.UUID]) -> int:
        async with transaction(ground.pool) as connection:
            await connection.execute(EXPIRE_MESSAGES, {"d": ground.info.id, "offers": issued})
            return await reservations.void_unsent(connection, ground.info.id, issued)

    first = await ground.race([batch() for _ in range(10)])
    ids = [offer.id for one in first for offer in one.issued]
    random.shuffle(ids)
    chunks = [ids[start::10][:4] for start in range(10)]
    returned, _ = await asyncio.gather(
        asyncio.gather(*(give_back(chunk) for chunk in (*chunks, *chunks))),
        ground.race([batch() for _ in range(10)]),
    )
    assert sum(returned) == sum(map(len, chunks))
    held = await ground.number("SELECT count(*) FROM offer WHERE district_id = %(d)s AND state <> 'void'")
    assert await ground.number(ISSUED) == held == await ground.number(SLOTS)
