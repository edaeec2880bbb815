"""Taking back what a member redeemed who has left since: the till's money is right, and nobody can use the coupon again."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.members.models import Member
from district.offers import jobs
from district.offers.models import Offer
from district.points.models import PointsRule
from district.privacy import service as privacy
from tests.district.deliveries.servers import until
from tests.district.redemptions.conftest import PROBLEM, Counter, new_code
from tests.district.redemptions.test_booking import AMOUNT, entries

PHONE, CALLED = "+358401234567", "Canary Bird"
STOCK = "SELECT quota - issued FROM campaign_stock WHERE district_id = :d AND campaign_id = :c"
HELD = "SELECT coalesce(sum(offers), 0), coalesce(sum(minor), 0) FROM allowance WHERE district_id = :d"
WAITS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def one(counter: Counter, sql: str, **values: Any) -> Any:
    counter.makers.session.rollback()
    given = {"d": counter.district.id} | values
    row = counter.makers.session.execute(text(sql), given).one()
    return row[0] if len(row) == 1 else tuple(row)


def bounded(counter: Counter, *, stock: int) -> Campaign:
    """A campaign with a stock and a budget that two of its offers use up."""
    campaign = counter.makers.campaign(
        counter.district,
        counter.merchant,
        [counter.store],
        stock=stock,
        rule={**counter.campaign.rule, "budget": {"total_minor": 2_000}},
        offer={**counter.campaign.offer, "value": AMOUNT},
    )
    values = {
        "d": counter.district.id,
        "c": campaign.id,
        "day": counter.makers.clock.now().date().isoformat(),
    }
    session = counter.makers.session
    session.execute(
        text(
            "INSERT INTO allowance (district_id, campaign_id, period, most_minor, offers, minor)"
            " VALUES (:d, :c, 'total', 2000, 1, 1000), (:d, :c, :day, NULL, 1, 1000)"
        ),
        values,
    )
    counter.makers.done()
    return campaign


def given(counter: Counter, campaign: Campaign | None = None) -> tuple[Member, Offer]:
    member = counter.makers.member(counter.district, phone=PHONE, called=CALLED)
    held = (
        {"held_minor": 1_000, "held_day": counter.makers.clock.now().date().isoformat()} if campaign else {}
    )
    campaign = campaign or counter.campaign
    issued = "UPDATE campaign_stock SET issued = issued + 1 WHERE district_id = :d AND campaign_id = :c"
    counter.makers.session.execute(text(issued), {"d": counter.district.id, "c": campaign.id})
    return member, counter.makers.offer(campaign, member, code=new_code(), value=AMOUNT, **held)


def leave(counter: Counter, member: Member) -> None:
    session = counter.makers.session
    info = counter.makers.info(counter.district)
    privacy.erase(session, info, session.merge(member), clock=counter.makers.clock)
    counter.makers.done()


async def back(counter: Counter, used: httpx.Response, number: str = "r1") -> httpx.Response:
    assert used.status_code == 200, used.text
    return await counter.post(f"/{used.json()['redemption_id']}/reversal", {"return_request_no": number})


async def test_the_money_of_a_member_who_left_is_taken_back_and_nothing_names_him(counter: Counter) -> None:
    member, offer = given(counter)
    used = await counter.use(offer.code)
    leave(counter, member)
    first, again = await back(counter, used), await back(counter, used)
    assert (first.status_code, first.json()) == (200, again.json())
    assert entries(counter) == {}
    row = one(
        counter, "SELECT row_to_json(o)::text FROM offer AS o WHERE district_id = :d AND id = :o", o=offer.id
    )
    assert PHONE not in first.text + row
    assert CALLED not in first.text + row


async def test_the_coupon_of_a_member_who_left_is_nobodys_to_use(counter: Counter) -> None:
    member, offer = given(counter)
    used = await counter.use(offer.code)
    leave(counter, member)
    await back(counter, used)
    assert one(counter, "SELECT state FROM offer WHERE district_id = :d AND id = :o", o=offer.id) == "void"
    refused = await counter.use(offer.code, "2")
    assert refused.status_code in {404, 409, 410}
    assert entries(counter) == {}


async def test_its_piece_and_its_money_are_somebody_elses_to_have(counter: Counter) -> None:
    campaign = bounded(counter, stock=2)
    member, offer = given(counter, campaign)
    used = await counter.use(offer.code)
    leave(counter, member)
    before = (one(counter, STOCK, c=campaign.id), one(counter, HELD))
    await back(counter, used)
    await back(counter, used)
    assert before == (1, (2, 2_000))
    assert (one(counter, STOCK, c=campaign.id), one(counter, HELD)) == (2, (0, 0))


async def test_a_coupon_that_is_over_stays_given_out_and_its_money_is_freed(
    counter: Counter, clock: FixedClock
) -> None:
    campaign = bounded(counter, stock=2)
    member, offer = given(counter, campaign)
    used = await counter.use(offer.code)
    leave(counter, member)
    clock.advance(timedelta(hours=3))
    assert (await back(counter, used)).status_code == 200
    await jobs.sweep(counter.app.state.pool, counter.district.id, now=clock.now())
    assert (one(counter, STOCK, c=campaign.id), one(counter, HELD)) == (1, (2, 0))


async def test_a_member_who_stays_has_the_coupon_again(counter: Counter) -> None:
    campaign = bounded(counter, stock=2)
    _, offer = given(counter, campaign)
    await back(counter, await counter.use(offer.code))
    assert (one(counter, STOCK, c=campaign.id), one(counter, HELD)) == (1, (2, 2_000))
    assert (await counter.use(offer.code, "2")).status_code == 200


async def test_points_of_a_redemption_end_with_its_member_and_are_not_taken_twice(counter: Counter) -> None:
    now = counter.makers.clock.now()
    rule: dict[str, Any] = {"value_minor": 5, "life_days": 365, "per_visit": 0, "visits_per_day": 1}
    rule |= {"per_redemption": 10, "minor_units_per_point": 100, "most_per_purchase": 1_000}
    counter.makers.session.add(
        PointsRule(district_id=counter.district.id, is_on=True, most_per_day=10_000, changed_at=now, **rule)
    )
    counter.makers.done()
    member, offer = given(counter)
    used = await counter.use(offer.code)
    assert len(entries(counter)) == 4
    leave(counter, member)
    assert (await back(counter, used)).status_code == 200
    assert entries(counter) == {}


@pytest.mark.parametrize("leaves_first", [True, False], ids=["leaving", "refund"])
async def test_who_leaves_while_the_till_takes_it_back_leaves_no_open_coupon(
    counter: Counter, leaves_first: bool
) -> None:
    member, offer = given(counter)
    used = await counter.use(offer.code)
    session, info = counter.makers.session, counter.makers.info(counter.district)
    if leaves_first:
        privacy.erase(session, info, session.merge(member), clock=counter.makers.clock)
        session.flush()
        taking_back = asyncio.create_task(back(counter, used))

        async def is_met() -> bool:
            return taking_back.done() or await waits(counter)

        await until(is_met)
        session.commit()
        assert (await taking_back).status_code == 200
    else:
        assert (await back(counter, used)).status_code == 200
        leave(counter, member)
    assert one(counter, "SELECT state FROM offer WHERE district_id = :d AND id = :o", o=offer.id) == "void"
    assert entries(counter) == {}
    assert (await counter.use(offer.code, "2")).json()["type"].startswith(PROBLEM)


async def waits(counter: Counter) -> bool:
    """Whether somebody waits for a lock in this test's database."""
    async with counter.app.state.pool.connection() as connection:
        row = await (await connection.execute(WAITS)).fetchone()
    return bool(row[0])
