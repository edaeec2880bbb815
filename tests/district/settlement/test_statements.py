"""Days are closed once, corrections go to the next, and sums agree."""

import asyncio
import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text

from district.auth.models import Role
from district.ledger.models import Account
from district.ledger.shares import NOBODY
from district.points.models import PointsRule
from district.settlement import jobs
from tests.district.settlement.conftest import Market


def of(statements: list[dict[str, Any]], party_id: uuid.UUID) -> dict[str, Any]:
    [found] = [one for one in statements if one["party_id"] == str(party_id)]
    return found


FIGURES = (
    "redemptions",
    "redeemed_minor",
    "reversals",
    "reversed_minor",
    "corrections",
    "corrected_minor",
    "points_minor",
    "borne_minor",
    "net_minor",
)


def figures(statement: dict[str, Any]) -> tuple[int, ...]:
    return tuple(statement[name] for name in FIGURES)


async def test_a_day_is_stated_for_each_merchant_and_each_that_bears_a_share(market: Market) -> None:
    first, second = market.shops
    await market.redeem(first, 1000)
    await market.redeem(first, 1001, campaign=market.joint)
    await market.redeem(second, 999, campaign=market.joint)
    back = await market.redeem(second, 400)
    await market.reverse(second, back)
    day = await market.close()
    found = await market.statements()
    assert {one["trading_day"] for one in found} == {day.isoformat()}
    assert figures(of(found, first.merchant.id)) == (2, 2001, 0, 0, 0, 0, 0, 1501, 500)
    assert figures(of(found, second.merchant.id)) == (2, 1399, 1, 400, 0, 0, 0, 499, 500)
    assert figures(of(found, market.mall.id)) == (1, 0, 0, 0, 0, 0, 0, 300, -300)
    # 200 of 1,001, and of 999 its own 200 with the 300 of a mall that the second shop is not in.
    assert figures(of(found, NOBODY)) == (2, 0, 0, 0, 0, 0, 0, 700, -700)
    assert sum(one["net_minor"] for one in found) == 0


async def test_closing_clears_every_account_of_the_day(market: Market) -> None:
    await market.redeem(market.shops[0], 1001, campaign=market.joint)
    await market.close()
    assert market.balances() == {}


async def test_a_late_reversal_corrects_the_next_statement_and_leaves_the_closed_one(market: Market) -> None:
    first, _ = market.shops
    used = await market.redeem(first, 1001, campaign=market.joint)
    await market.close()
    before = await market.statements()
    await market.reverse(first, used)
    await market.redeem(first, 50)
    day = await market.close()
    after = await market.statements()
    assert [one for one in after if one["trading_day"] != day.isoformat()] == before
    next_ones = [one for one in after if one["trading_day"] == day.isoformat()]
    assert figures(of(next_ones, first.merchant.id)) == (1, 50, 0, 0, 1, -1001, 0, 50 - 501, -500)
    assert figures(of(next_ones, market.mall.id)) == (0, 0, 0, 0, 1, 0, 0, -300, 300)
    assert sum(one["net_minor"] for one in next_ones) == 0
    assert market.balances() == {}


async def test_a_day_is_closed_once_whoever_comes(market: Market) -> None:
    await market.redeem(market.shops[0], 1000)
    day = market.info.trading_day(market.clock.now())
    market.clock.advance(timedelta(days=1))
    done = await asyncio.gather(
        *(jobs.close_day(market.pool, market.info, day, now=market.clock.now()) for _ in range(4))
    )
    assert sorted(str(one) for one in done) == ["1", "None", "None", "None"]
    assert len(await market.statements()) == 1


async def test_a_day_that_goes_on_is_not_closed_nor_is_one_that_ended_a_moment_ago(market: Market) -> None:
    await market.redeem(market.shops[0], 1000)
    end = market.info.day_starts_at(market.info.trading_day(market.clock.now()) + timedelta(days=1))
    for wait in (timedelta(0), jobs.GRACE - timedelta(seconds=1)):
        market.clock.advance(end + wait - market.clock.now())
        await jobs.close(market.pool, [market.info], market.clock)
        assert await market.statements() == []
    market.clock.advance(timedelta(seconds=1))
    await jobs.close(market.pool, [market.info], market.clock)
    assert len(await market.statements()) == 1


async def test_days_that_nobody_closed_are_closed_in_turn(market: Market) -> None:
    await market.redeem(market.shops[0], 1000)
    market.clock.advance(timedelta(days=2))
    await market.redeem(market.shops[0], 10)
    await market.close()
    days = [one["trading_day"] for one in await market.statements()]
    assert days == ["2026-05-01", "2026-05-03"]
    market.makers.session.rollback()
    closed = market.makers.session.scalar(
        text("SELECT count(*) FROM statement_day WHERE district_id = :d"), {"d": market.district.id}
    )
    assert closed == 3


async def test_a_gift_counts_and_moves_nothing(market: Market) -> None:
    first, _ = market.shops
    offer = market.makers.offer(first.campaign, market.makers.member(market.district), value={"type": "gift"})
    await market.post(first, "", {"code": offer.code, "use_request_no": "g"})
    await market.close()
    assert figures(of(await market.statements(), first.merchant.id)) == (1, 0, 0, 0, 0, 0, 0, 0, 0)


async def test_the_open_day_says_what_closing_will_write(market: Market) -> None:
    first, second = market.shops
    await market.redeem(first, 1001, campaign=market.joint)
    await market.redeem(second, 70)
    shown = (await market.ask("GET", "/open")).json()
    for one in shown["items"]:
        if one["party"] in {"merchant", "property"}:
            role, scope = Role(one["party"]), uuid.UUID(one["party_id"])
            own = (await market.ask("GET", "/open", role=role, scope=scope)).json()
            assert own["items"] == [one]
    assert {one["party"] for one in shown["items"]} == {"merchant", "property", "platform"}
    await market.close()
    closed = await market.statements()
    assert [figures(one) for one in shown["items"]] == [
        figures(of(closed, uuid.UUID(one["party_id"]))) for one in shown["items"]
    ]
    assert len(shown["items"]) == len(closed)
    assert (await market.ask("GET", "/open")).json()["items"] == []


async def test_the_sum_over_merchants_is_the_districts(market: Market) -> None:
    first, second = market.shops
    for minor in (1000, 333, 1):
        await market.redeem(first, minor, campaign=market.joint)
        await market.reverse(second, await market.redeem(second, minor + 1))
    answer = (await market.ask("GET", "/totals")).json()
    assert answer["agrees"] is True
    assert answer["district"] == answer["merchants"]
    assert answer["district"] == {
        "redemptions": 6,
        "redeemed_minor": 2671,
        "reversals": 3,
        "reversed_minor": 1337,
    }
    assert len(answer["items"]) == 2


async def test_a_redemption_that_nobody_booked_is_noticed(market: Market) -> None:
    first, _ = market.shops
    await market.redeem(first, 1000)
    market.makers.session.execute(
        text(
            "INSERT INTO redemption SELECT (jsonb_populate_record(redemption, jsonb_build_object('id', gen_random_uuid(),"
            " 'use_request_no', 'x', 'reversed_at', redeemed_at))).* FROM redemption WHERE district_id = :d"
        ),
        {"d": market.district.id},
    )
    market.makers.done()
    assert (await market.ask("GET", "/totals")).json()["agrees"] is False


async def test_each_sees_its_own(market: Market) -> None:
    first, second = market.shops
    await market.redeem(first, 1001, campaign=market.joint)
    await market.redeem(second, 5)
    await market.close()
    theirs = of(await market.statements(), first.merchant.id)["id"]
    own = await market.statements(role=Role.MERCHANT, scope=second.merchant.id)
    mall = await market.statements(role=Role.PROPERTY, scope=market.mall.id)
    assert [one["party_id"] for one in own] == [str(second.merchant.id)]
    assert [one["party_id"] for one in mall] == [str(market.mall.id)]
    for path in (f"/{theirs}", f"/{theirs}.csv", f"/{theirs}/lines", f"/{theirs}/reconciliations"):
        answer = await market.ask("GET", path, role=Role.MERCHANT, scope=second.merchant.id)
        assert answer.status_code == 404
    assert (
        await market.ask("GET", "/totals", role=Role.MERCHANT, scope=second.merchant.id)
    ).status_code == 403


async def test_lines_and_csv_add_up_to_the_statement(market: Market) -> None:
    first, _ = market.shops
    for minor in (1001, 333, 2):
        await market.redeem(first, minor, campaign=market.joint)
    await market.reverse(first, await market.redeem(first, 9))
    await market.close()
    statement = of(await market.statements(), first.merchant.id)
    page = (await market.ask("GET", f"/{statement['id']}/lines?limit=2")).json()
    rest = (await market.ask("GET", f"/{statement['id']}/lines?after={page['next']}")).json()
    lines = page["items"] + rest["items"]
    assert [len(page["items"]), len(rest["items"]), rest["next"]] == [2, 3, None]
    assert sum(line["amount_minor"] - line["borne_minor"] for line in lines) == statement["net_minor"]
    rows = list(csv.DictReader(io.StringIO((await market.ask("GET", f"/{statement['id']}.csv")).text)))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert [row["kind"] for row in rows] == ["redemption"] * 4 + ["reversal"]
    assert sum(int(row["borne_minor"]) for row in rows) == statement["borne_minor"]


async def test_points_taken_as_payment_are_paid_to_the_merchant(market: Market) -> None:
    first, _ = market.shops
    market.makers.session.add(
        PointsRule(
            district_id=market.district.id,
            is_on=True,
            value_minor=2,
            life_days=365,
            per_visit=0,
            visits_per_day=1,
            per_redemption=100,
            minor_units_per_point=None,
            most_per_purchase=0,
            most_per_day=1000,
            changed_at=market.clock.now(),
        )
    )
    member = market.makers.member(market.district)
    offer = market.makers.offer(first.campaign, member, value={"type": "gift"})
    await market.post(first, "", {"code": offer.code, "use_request_no": "g"})
    token = market.makers.token(market.district, Role.SHOPPER, subject_id=member.id)
    shown = await market.client.post("/v1/me/points/pass", headers={"Authorization": f"Bearer {token}"})
    body = {"pass_code": shown.json()["code"], "points": 30, "use_request_no": "p"}
    paid = await market.client.post(
        f"/v1/districts/{market.district.slug}/points/spends",
        json=body,
        headers={"Authorization": f"Bearer {first.key}"},
    )
    assert paid.status_code == 200
    await market.close()
    found = await market.statements()
    assert figures(of(found, first.merchant.id)) == (1, 0, 0, 0, 0, 0, 60, 0, 60)
    assert of(found, NOBODY)["borne_minor"] == 200
    assert market.balances() == {(Account.POINTS_LIABILITY, NOBODY): 140, (Account.CLEARING, NOBODY): -140}


@pytest.mark.parametrize("query", ["?from=2026-05-02&to=2026-05-01", "?from=2020-01-01&to=2026-05-01"])
async def test_a_time_that_is_none_or_too_long_is_refused(market: Market, query: str) -> None:
    assert (await market.ask("GET", f"/totals{query}")).status_code == 422


async def test_a_closing_may_take_longer_than_a_request(market: Market, database_url: str) -> None:
    """The pool's patience is made for requests; here it is spent on a lock that another closing holds."""
    await market.redeem(market.shops[0], 1000)
    day = market.info.trading_day(market.clock.now())
    impatient = AsyncConnectionPool(
        database_url,
        min_size=1,
        kwargs={"autocommit": True, "options": "-c statement_timeout=300"},
        open=False,
    )
    claim = (
        "INSERT INTO statement_day (district_id, trading_day, closed_at) VALUES (%s, %s, clock_timestamp())"
    )
    async with impatient, market.pool.connection() as holder:
        async with holder.transaction(force_rollback=True):
            await holder.execute(claim, (market.info.id, day))
            closing = asyncio.create_task(
                jobs.close_day(impatient, market.info, day, now=market.clock.now() + timedelta(days=1))
            )
            while not await waits_for_a_lock(market) and not closing.done():  # noqa: ASYNC110 it lies in the database
                await asyncio.sleep(0.02)
        assert await closing == 1


async def waits_for_a_lock(market: Market) -> bool:
    """Whether a statement has waited for a lock longer than the impatient pool lets one."""
    async with market.pool.connection() as connection:
        row = await (
            await connection.execute(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND clock_timestamp() - query_start > interval '400 ms')"
            )
        ).fetchone()
    return bool(row and row[0])
