"""Drops: a queue by arrival, one place for each, and exactly as many winners as there are pieces."""

import asyncio
import random
import uuid

from district.clock import monotonic
from district.offers import drops, jobs
from district.offers.claim_problems import SoldOut
from district.offers.drops import TicketState
from tests.district.offers.claiming import DROP, asked, attempt, claim, claimable, strangers
from tests.district.offers.conftest import Ground

WINNERS = "SELECT member_id FROM drop_ticket WHERE district_id = %(d)s AND state = 'won' ORDER BY number"
OFFERS = "SELECT member_id FROM offer WHERE district_id = %(d)s"
TICKETS = "SELECT number, member_id, state FROM drop_ticket WHERE district_id = %(d)s ORDER BY number"


async def test_two_thousand_at_once_for_fifty_pieces_are_served_in_order(ground: Ground) -> None:
    campaign = claimable(ground, DROP, stock=50)
    await jobs.keep_pools(ground.pool, ground.info.id)
    members = strangers(ground, 2_000)
    crowd = members + random.sample(members, 500)  # some press twice
    random.shuffle(crowd)
    began: dict[uuid.UUID, float] = {}
    ended: dict[uuid.UUID, float] = {}
    gate = asyncio.Semaphore(60)

    async def arrive(member: uuid.UUID) -> None:
        async with gate:
            began.setdefault(member, monotonic())
            await drops.join(ground.pool, ground.info, asked(ground, campaign, member))
            ended.setdefault(member, monotonic())

    async def serve() -> None:
        while len(ended) < len(members):
            await drops.settle(ground.pool, ground.info, campaign.id, now=ground.clock.now(), waits=True)

    async with asyncio.timeout(120):
        server = asyncio.create_task(serve())
        await asyncio.gather(*(arrive(one) for one in crowd))
        await server
    await drops.settle(ground.pool, ground.info, campaign.id, now=ground.clock.now(), waits=True)
    tickets = await ground.rows(TICKETS)
    assert len(tickets) == 2_000
    assert [row[2] for row in tickets] == ["won"] * 50 + ["lost"] * 1_950
    offers = [row[0] for row in await ground.rows(OFFERS)]
    assert sorted(offers) == sorted(row[1] for row in tickets[:50])
    assert len(set(offers)) == 50
    # Fair: whose place was taken before another even asked stands before him.
    latest_begin = 0.0
    for _, member, _ in tickets:
        assert ended[member] >= latest_begin
        latest_begin = max(latest_begin, began[member])


async def test_who_presses_again_keeps_his_place(ground: Ground) -> None:
    campaign, member = claimable(ground, DROP, stock=1), strangers(ground, 1)[0]
    first = await claim(ground, campaign, member)
    again = await claim(ground, campaign, member)
    assert first.answer.ticket is not None
    assert again.answer.ticket == first.answer.ticket
    assert first.answer.offer == again.answer.offer


async def test_a_drop_cannot_be_claimed_before_it_opens_nor_after(ground: Ground) -> None:
    member = strangers(ground, 1)[0]
    later = claimable(ground, {"mode": "drop", "opens_at": "2026-05-01T12:00:01+03:00"}, stock=1)
    past = claimable(ground, DROP | {"closes_at": "2026-05-01T11:59:59+03:00"}, stock=1)
    assert [await attempt(ground, one, member) for one in (later, past)] == ["not-yet-open", "claim-over"]


async def test_who_comes_too_late_hears_it(ground: Ground) -> None:
    campaign = claimable(ground, DROP, stock=1)
    first, second = strangers(ground, 2)
    assert await attempt(ground, campaign, first) == "drop"
    assert await attempt(ground, campaign, second) == "sold-out"
    place = await drops.ticket(ground.pool, ground.info.id, campaign.id, second)
    assert place is not None
    assert place.state is TicketState.LOST


async def test_a_paused_drop_keeps_its_queue(ground: Ground) -> None:
    campaign, member = claimable(ground, DROP, stock=1), strangers(ground, 1)[0]
    await drops.join(ground.pool, ground.info, asked(ground, campaign, member))
    for state, expected in (("paused", TicketState.WAITING), ("live", TicketState.WON)):
        await ground.rows(f"UPDATE campaign SET state = '{state}' WHERE district_id = %(d)s RETURNING 1")
        await jobs.serve_drops(ground.pool, ground.info, now=ground.clock.now())
        place = await drops.ticket(ground.pool, ground.info.id, campaign.id, member)
        assert place is not None
        assert place.state is expected


async def test_places_are_counted_from_the_front(ground: Ground) -> None:
    campaign = claimable(ground, DROP, stock=2)
    members = strangers(ground, 3)
    for one in members:
        await drops.join(ground.pool, ground.info, asked(ground, campaign, one))
    places = [await drops.ticket(ground.pool, ground.info.id, campaign.id, one) for one in members]
    assert [one.ahead for one in places if one] == [0, 1, 2]


async def test_a_claim_is_refused_with_nothing_left_behind(ground: Ground) -> None:
    campaign = claimable(ground, {"mode": "open"}, stock=0)
    member = strangers(ground, 1)[0]
    assert await attempt(ground, campaign, member) == SoldOut.slug
    assert await ground.number("SELECT count(*) FROM cap_slot WHERE district_id = %(d)s") == 0
    assert await ground.rows(OFFERS) == []
