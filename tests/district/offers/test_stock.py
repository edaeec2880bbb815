"""Stock, budgets and pools: nothing is given out twice, and at every instant what is out and what is left make the whole."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from district.database import transaction
from district.offers import jobs, reservations, wallet
from district.privacy import service as privacy
from push.suppression import Suppression
from tests.district.offers.claiming import (
    DROP,
    OPEN,
    PACKETS,
    RESERVE,
    attempt,
    claim,
    claimable,
    draft,
    strangers,
    sweep,
)
from tests.district.offers.conftest import Ground

BALANCE = """
SELECT stock.campaign_id, stock.quota, stock.issued,
       (SELECT count(*) FROM offer WHERE offer.district_id = stock.district_id
        AND offer.campaign_id = stock.campaign_id AND offer.state <> 'void') AS out,
       (SELECT count(*) FROM pool_piece AS piece WHERE piece.district_id = stock.district_id
        AND piece.campaign_id = stock.campaign_id AND piece.offer_id IS NULL) AS free,
       (SELECT count(*) FROM pool_piece AS piece WHERE piece.district_id = stock.district_id
        AND piece.campaign_id = stock.campaign_id AND piece.offer_id IS NOT NULL) AS taken
FROM campaign_stock AS stock WHERE stock.district_id = %(d)s
"""
TAKEN = "SELECT count(*) FROM pool_piece WHERE district_id = %(d)s AND offer_id IS NOT NULL"
MONEY = """
SELECT coalesce(sum(held_minor), 0) FROM offer WHERE district_id = %(d)s AND held_minor > 0 AND state <> 'void'
"""


async def watch(ground: Ground, done: asyncio.Event) -> int:
    """Sample the balance of every stock, each time in one snapshot, until told to stop; how many samples."""
    samples = 0
    while not done.is_set():
        for row in await ground.rows(BALANCE):
            _, quota, issued, out, free, taken = row
            if free + taken:
                assert (out, free + taken) == (taken, quota), row
            else:
                assert (out, issued) == (issued, out), row
                assert issued <= quota, row
        samples += 1
    return samples


async def watched(ground: Ground, work: Any) -> int:
    done = asyncio.Event()
    watcher = asyncio.create_task(watch(ground, done))
    try:
        await work
    finally:
        done.set()
    return await watcher


@pytest.mark.parametrize("pooled", [False, True], ids=["counted", "pooled"])
async def test_issued_and_left_make_the_stock_at_every_instant(ground: Ground, pooled: bool) -> None:
    extra = {"kind": "red_packet", "value": PACKETS["value"]} if pooled else {}
    campaign = claimable(ground, RESERVE, stock=40, offer=extra)
    await jobs.keep_pools(ground.pool, ground.info.id)
    members = [ground.member() for _ in range(30)]

    async def issue() -> None:
        for _ in range(6):
            await ground.issue(*(draft(ground, campaign, one) for one in random.sample(members, 6)))

    async def take_back() -> None:
        for _ in range(12):
            rows = await ground.rows("SELECT id FROM offer WHERE district_id = %(d)s AND state = 'reserved'")
            some = [row[0] for row in random.sample(rows, min(4, len(rows)))]
            async with transaction(ground.pool) as connection:
                await reservations.void_unsent(connection, ground.info.id, some)

    async def expire() -> None:
        for _ in range(4):
            later = ground.clock.now() + timedelta(minutes=11)
            await jobs.sweep(ground.pool, ground.info.id, now=later)

    async def claim_some() -> None:
        for member in members:
            await attempt(ground, campaign, member)

    work = asyncio.gather(*(issue() for _ in range(5)), take_back(), take_back(), expire(), claim_some())
    assert await watched(ground, work) > 0
    await jobs.keep_pools(ground.pool, ground.info.id)
    ((_, quota, issued, out, free, _),) = await ground.rows(BALANCE)
    assert issued == out
    assert not pooled or free == quota - out


async def test_a_reserved_piece_is_the_members_when_he_claims_it(ground: Ground) -> None:
    campaign, member = claimable(ground, RESERVE, stock=1), ground.member()
    batch = await ground.issue(draft(ground, campaign, member))
    offer_id = batch.issued[0].id
    outcome = await claim(ground, offer_id, member)
    offer = outcome.answer.offer
    assert offer is not None
    assert (outcome.answer.source, offer.id, offer.state) == ("reservation", offer_id, "issued")
    assert offer.code is not None
    assert (await claim(ground, offer_id, member)).status == 200


async def test_a_reserved_piece_shows_no_code_and_nobody_else_can_claim_it(ground: Ground) -> None:
    campaign, member, other = claimable(ground, RESERVE, stock=1), ground.member(), ground.member()
    batch = await ground.issue(draft(ground, campaign, member))
    offer = await wallet.find(
        ground.pool, ground.info.id, member.id, batch.issued[0].id, now=ground.clock.now()
    )
    assert (offer.state, offer.code) == ("reserved", None)
    assert await attempt(ground, campaign, other) == "not-found"


async def test_a_reservation_that_nobody_claims_goes_to_the_next(ground: Ground) -> None:
    campaign, first, second = claimable(ground, RESERVE, stock=1), ground.member(), ground.member()
    await ground.issue(draft(ground, campaign, first))
    refused = await ground.issue(draft(ground, campaign, second))
    assert [one.reason for one in refused.refused] == [Suppression.SOLD_OUT]
    ground.clock.advance(timedelta(minutes=10))
    assert await sweep(ground) == 1
    assert len((await ground.issue(draft(ground, campaign, second))).issued) == 1


async def test_the_same_member_comes_back_for_his_reservation(ground: Ground) -> None:
    """Late, but before it was given back: it is still held for him."""
    campaign, member = claimable(ground, RESERVE, stock=1), ground.member()
    await ground.issue(draft(ground, campaign, member))
    ground.clock.advance(timedelta(minutes=15))
    assert await attempt(ground, campaign, member) == "reservation"
    assert await sweep(ground) == 0


async def test_a_member_holds_no_more_than_the_rule_lets_him(ground: Ground) -> None:
    campaign, member = claimable(ground, rule={"per_member": 2}), ground.member()
    batch = [(await ground.issue(draft(ground, campaign, member))) for _ in range(3)]
    assert [len(one.issued) for one in batch] == [1, 1, 0]
    assert batch[2].refused[0].reason is Suppression.FREQUENCY_CAP


async def test_a_day_and_a_budget_bound_what_is_given_out(ground: Ground) -> None:
    rule = {"per_day": 3, "budget": {"total_minor": 2_400, "per_day_minor": 9_000}}
    campaign = claimable(ground, rule=rule)
    members = [ground.member() for _ in range(6)]
    first = await ground.issue(*(draft(ground, campaign, one) for one in members))
    assert len(first.issued) == 3
    assert {one.reason for one in first.refused} == {Suppression.BUDGET}
    ground.clock.advance(timedelta(days=1))
    second = await ground.issue(*(draft(ground, campaign, one) for one in members[3:]))
    assert len(second.issued) == 1  # 4 × 5.00 of 24.00: the fifth does not fit
    assert await ground.number(MONEY) == 2_000


async def test_thirty_issuers_never_pass_a_budget(ground: Ground) -> None:
    campaign = claimable(ground, stock=90, rule={"budget": {"total_minor": 11_000}})
    members = [ground.member() for _ in range(60)]
    batches = [[draft(ground, campaign, one) for one in members[start::30]] for start in range(30)]
    work = asyncio.create_task(ground.race(batches))
    assert await watched(ground, work) > 0
    assert sum(len(one.issued) for one in work.result()) == 22
    assert await ground.number(MONEY) == 11_000


async def test_money_of_what_expired_unused_is_free_again(ground: Ground) -> None:
    campaign = claimable(ground, rule={"budget": {"total_minor": 500}})
    one, other = ground.member(), ground.member()
    await ground.issue(draft(ground, campaign, one))
    assert (await ground.issue(draft(ground, campaign, other))).refused[0].reason is Suppression.BUDGET
    ground.clock.advance(timedelta(hours=2))
    assert await sweep(ground) == 1
    assert await sweep(ground) == 0
    assert len((await ground.issue(draft(ground, campaign, other))).issued) == 1


async def test_red_packets_share_their_total_exactly(ground: Ground) -> None:
    campaign = claimable(ground, OPEN, offer=PACKETS)
    members = strangers(ground, 60)
    outcomes = await asyncio.gather(*(attempt(ground, campaign, one) for one in members))
    assert sorted(set(outcomes)) == ["offer_centre", "sold-out"]
    rows = await ground.rows("SELECT (value ->> 'minor_units')::int FROM offer WHERE district_id = %(d)s")
    amounts = [row[0] for row in rows]
    assert (len(amounts), sum(amounts)) == (40, 10_000)
    assert min(amounts) >= 50
    assert len(set(amounts)) > 5


async def test_a_pool_grows_and_shrinks_with_the_stock(ground: Ground) -> None:
    campaign = claimable(ground, DROP, stock=30)
    sizes = []
    for quota in (30, 50, 20):
        await ground.rows(f"UPDATE campaign_stock SET quota = {quota} WHERE district_id = %(d)s RETURNING 1")
        await jobs.keep_pools(ground.pool, ground.info.id)
        sizes.append(await ground.number("SELECT count(*) FROM pool_piece WHERE district_id = %(d)s"))
    assert sizes == [30, 50, 20]
    assert campaign.id is not None


async def test_closing_an_account_gives_back_its_pieces_and_its_money(ground: Ground) -> None:
    member = ground.member()
    packets = claimable(ground, OPEN, offer=PACKETS)
    bounded = claimable(ground, OPEN, stock=5, rule={"budget": {"total_minor": 500}})
    held = claimable(ground, RESERVE, stock=1)
    await ground.issue(draft(ground, held, member))
    assert [await attempt(ground, one, member) for one in (packets, bounded)] == ["offer_centre"] * 2
    session = ground.makers.session
    privacy.erase(session, ground.info, session.merge(member), clock=ground.clock)
    ground.makers.done()
    await jobs.keep_pools(ground.pool, ground.info.id)
    assert {row[2] for row in await ground.rows(BALANCE)} == {0}
    assert await ground.number(TAKEN) == 0
    assert (
        await ground.number("SELECT sum(minor) + sum(offers) FROM allowance WHERE district_id = %(d)s") == 0
    )
