"""Many issuers at once: limits hold exactly, and nobody waits for ever."""

import random

from push.suppression import Suppression
from tests.district.offers.conftest import Ground

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
