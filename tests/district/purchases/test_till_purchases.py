"""Purchases that tills tell."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from district.members.models import Member
from tests.district.points.conftest import Bank

PROBLEM = "urn:shangquan:problem:"


async def buy(bank: Bank, number: str = "p1", *, code: str | None = None, **values: Any) -> httpx.Response:
    body = {
        "notice_id": number,
        "amount_minor": 2550,
        "at": bank.clock.now().isoformat(),
        "pass_code": code,
    } | values
    return await bank.post("/purchases", body)


async def give_back(bank: Bank, number: str, amount: int, *, of: str = "p1", **values: Any) -> httpx.Response:
    body = {
        "notice_id": number,
        "purchase_notice_id": of,
        "amount_minor": amount,
        "at": bank.clock.now().isoformat(),
    }
    return await bank.post("/purchase-refunds", body | values)


def count(bank: Bank, table: str) -> int:
    bank.makers.session.rollback()
    found = bank.makers.session.scalar(
        text(f"SELECT count(*) FROM {table} WHERE district_id = :d"), {"d": bank.district.id}
    )
    return int(found or 0)


async def kept(bank: Bank, member: Member) -> list[dict[str, Any]]:
    answer = await bank.client.get("/v1/me/purchases", headers=bank.token(member))
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_purchase_with_a_pass_is_kept_and_earns(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    answer = await buy(bank, code=await bank.pass_of(member))
    assert (answer.status_code, answer.json()["is_linked"], answer.json()["points"]) == (200, True, 25)
    [purchase] = await kept(bank, member)
    assert (purchase["amount_minor"], purchase["store_id"]) == (2550, str(bank.store.id))
    assert ((await bank.points_of(member))["balance"], bank.liability()) == (25, 125)


async def test_a_purchase_of_nobody_is_counted_and_not_kept(bank: Bank) -> None:
    answers = [await buy(bank) for _ in range(3)] + [await buy(bank, "p2")]
    assert {answer.json()["is_linked"] for answer in answers} == {False}
    assert count(bank, "purchase") == 0
    bank.makers.session.rollback()
    row = bank.makers.session.execute(
        text("SELECT source, unlinked FROM purchase_count WHERE district_id = :d"), {"d": bank.district.id}
    ).one()
    assert tuple(row) == (f"till:{bank.till.id}", 2)


async def test_a_repeat_gets_the_first_answer_even_when_the_pass_is_over(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    code, at = await bank.pass_of(member), bank.clock.now().isoformat()
    first = await buy(bank, code=code, at=at)
    bank.clock.advance(timedelta(minutes=10))
    again = await buy(bank, code=code, at=at)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await bank.points_of(member))["balance"] == 25


async def test_thirty_two_repeats_at_once_are_one_purchase(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    code = await bank.pass_of(member)
    answers = await asyncio.gather(*(buy(bank, code=code) for _ in range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert (len(await kept(bank, member)), (await bank.points_of(member))["balance"]) == (1, 25)


async def test_a_number_stands_for_one_purchase(bank: Bank) -> None:
    await buy(bank)
    answer = await buy(bank, amount_minor=9999)
    assert (answer.status_code, answer.json()["type"]) == (409, PROBLEM + "notice-reused")


async def test_a_pass_that_nobody_has_is_named(bank: Bank) -> None:
    answer = await buy(bank, code="7" * 26)
    assert (answer.status_code, answer.json()["type"]) == (404, PROBLEM + "unknown-pass")
    assert count(bank, "purchase_notice") == 0


async def test_refunds_take_points_in_proportion_and_all_of_them_at_the_end(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    await buy(bank, code=await bank.pass_of(member))
    taken = [(await give_back(bank, f"r{number}", 850)).json()["points"] for number in range(3)]
    assert (sum(taken), taken) == (-25, [-8, -8, -9])
    assert (await bank.points_of(member))["balance"] == 0
    more = await give_back(bank, "r4", 1)
    assert (more.status_code, more.json()["left_minor"]) == (409, 0)
    assert [one["refunded_minor"] for one in await kept(bank, member)] == [2550]


async def test_a_refund_is_taken_once(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    await buy(bank, code=await bank.pass_of(member))
    answers = await asyncio.gather(*(give_back(bank, "r1", 1000) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert [one["refunded_minor"] for one in await kept(bank, member)] == [1000]
    other = await give_back(bank, "r1", 1001)
    assert (other.status_code, other.json()["type"]) == (409, PROBLEM + "notice-reused")


@pytest.mark.parametrize(("days", "status"), [(30, 200), (31, 409)])
async def test_a_purchase_is_refunded_for_thirty_days(bank: Bank, days: int, status: int) -> None:
    member = bank.makers.member(bank.district)
    await buy(bank, code=await bank.pass_of(member))
    bank.clock.advance(timedelta(days=days))
    assert (await give_back(bank, "r1", 1000)).status_code == status


async def test_a_refund_of_what_was_never_told_is_not_found_and_of_nobodys_is_nothing(bank: Bank) -> None:
    assert (await give_back(bank, "r1", 10, of="never")).status_code == 404
    await buy(bank)
    answer = await give_back(bank, "r1", 10)
    assert (answer.status_code, answer.json()) == (
        200,
        {"is_linked": False, "purchase_id": None, "points": 0},
    )


@pytest.mark.parametrize("ahead", [timedelta(minutes=6), timedelta(days=-32)])
async def test_a_time_that_cannot_be_is_refused(bank: Bank, ahead: timedelta) -> None:
    answer = await buy(bank, at=(bank.clock.now() + ahead).isoformat())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/at")


async def test_a_purchase_is_a_trigger_for_campaigns_that_wait_for_one(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    rule = {"v": 1, "trigger": {"any": [{"on": "purchase"}]}}
    bank.makers.campaign(bank.district, bank.merchant, [bank.store], rule=rule)
    answer = await buy(bank, code=await bank.pass_of(member))
    bank.makers.session.rollback()
    row = bank.makers.session.execute(
        text(
            "SELECT kind, member_id, subject_id, occurrence_key FROM pending_trigger WHERE district_id = :d"
        ),
        {"d": bank.district.id},
    ).one()
    assert tuple(row) == ("purchase", member.id, bank.store.id, f"purchase:{answer.json()['purchase_id']}")


async def test_a_notice_that_is_sent_again_a_month_later_still_gets_the_first_answer(bank: Bank) -> None:
    member = bank.makers.member(bank.district)
    code, at = await bank.pass_of(member), bank.clock.now().isoformat()
    bought = await buy(bank, code=code, at=at)
    back = await give_back(bank, "r1", 550, at=at)
    bank.clock.advance(timedelta(days=32))
    assert (await buy(bank, code=code, at=at)).json() == bought.json()
    assert (await give_back(bank, "r1", 550, at=at)).json() == back.json()
    assert (await buy(bank, "p2", code=code, at=at)).status_code == 422
