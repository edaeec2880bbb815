"""A bill: the best sum of what a member shows, settled together or not at all, each part booked and taken back alone."""

import asyncio
from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from district.auth.models import Role
from district.clock import FixedClock
from district.members.models import Member
from district.offers.models import Offer
from district.points.models import PointsLot, PointsRule
from district.stores.models import Store
from tests.district.redemptions.conftest import Counter, Page, page_of, problem

ALL = ["coupon", "member_price", "points"]
FIVE = {"type": "amount", "minor_units": 500}
TENTH = {"type": "percent", "percent": 10}


class Till:
    """A member who shows coupons and a pass at a counter."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.member: Member = counter.makers.member(counter.district)

    def coupon(self, value: dict[str, Any], *, stacks: list[str] | None = None, **values: Any) -> Offer:
        return self.counter.makers.offer(
            self.counter.campaign,
            self.member,
            value=value,
            stacks_with=ALL if stacks is None else stacks,
            **values,
        )

    async def page(self, offer: Offer) -> Page:
        page = await page_of(self.counter)
        token = self.counter.makers.token(self.counter.district, Role.SHOPPER, subject_id=self.member.id)
        return replace(page, offer=offer, headers={"Authorization": f"Bearer {token}"})

    def points(self, points: int, **values: Any) -> None:
        district_id, now = self.counter.district.id, self.counter.makers.clock.now()
        given: dict[str, Any] = {
            "is_on": True,
            "value_minor": 5,
            "life_days": 365,
            "per_visit": 0,
            "visits_per_day": 1,
            "per_redemption": 10,
            "most_per_purchase": 1000,
            "most_per_day": 100_000,
            "changed_at": now,
        }
        session = self.counter.makers.session
        session.merge(PointsRule(district_id=district_id, **(given | values)))
        session.add(
            PointsLot(
                district_id=district_id,
                member_id=self.member.id,
                remaining=points,
                expires_at=now + timedelta(days=200),
            )
        )
        self.counter.makers.done()

    async def pass_code(self) -> str:
        token = self.counter.makers.token(self.counter.district, Role.SHOPPER, subject_id=self.member.id)
        answer = await self.counter.client.post(
            "/v1/me/points/pass", headers={"Authorization": f"Bearer {token}"}
        )
        return str(answer.json()["code"])

    def member_price(self, percent: int) -> None:
        row = self.counter.makers.session.get(Store, (self.counter.district.id, self.counter.store.id))
        assert row is not None
        row.member_price_percent = percent
        self.counter.makers.done()

    async def quote(self, bill_minor: int, *codes: str, **values: Any) -> dict[str, Any]:
        answer = await self.counter.post("/quote", {"bill_minor": bill_minor, "codes": list(codes)} | values)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def settle(self, bill_minor: int, *codes: str, number: str = "b1", **values: Any) -> httpx.Response:
        body = {"bill_minor": bill_minor, "codes": list(codes), "use_request_no": number}
        return await self.counter.post("/bill", body | values)

    def rows(self, statement: str) -> list[Any]:
        session = self.counter.makers.session
        session.rollback()
        return list(session.execute(text(statement), {"d": self.counter.district.id}))

    def owed(self) -> int:
        found = self.rows(
            "SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry"
            " WHERE district_id = :d AND account = 'merchant_payable'"
        )
        return int(found[0][0])

    def redeemed(self) -> int:
        return len(self.rows("SELECT id FROM redemption WHERE district_id = :d AND reversed_at IS NULL"))


@pytest.fixture
def till(counter: Counter) -> Till:
    return Till(counter)


async def test_the_best_sum_names_what_each_coupon_takes_off_and_why_others_do_not(till: Till) -> None:
    five, tenth = till.coupon(FIVE), till.coupon(TENTH)
    alone = till.coupon({"type": "amount", "minor_units": 100}, stacks=[])
    found = await till.quote(4_000, five.code, tenth.code, alone.code, "no code")
    assert (found["due_minor"], found["points"]) == (4_000 - 400 - 500, 0)
    assert {one["offer_id"]: one["discount_minor"] for one in found["coupons"]} == {
        str(five.id): 500,
        str(tenth.id): 400,
    }
    assert [(one["index"], one["reason"]) for one in found["left_out"]] == [(2, "not_with_coupons")]
    assert [(one["index"], one["type"]) for one in found["refused"]] == [
        (3, "urn:shangquan:problem:unknown-code")
    ]
    assert till.redeemed() == 0


async def test_what_was_quoted_is_settled_and_booked_to_the_cent(till: Till) -> None:
    five, tenth = till.coupon(FIVE), till.coupon(TENTH)
    quoted = await till.quote(3_333, five.code, tenth.code)
    answer = await till.settle(3_333, five.code, tenth.code)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["due_minor"] == quoted["due_minor"]
    off = sum(one["discount_minor"] for one in body["redemptions"])
    assert off == 3_333 - body["due_minor"] == till.owed()
    assert till.redeemed() == 2


async def test_a_member_price_is_told_and_is_the_merchants_own(till: Till) -> None:
    till.member_price(10)
    five = till.coupon(FIVE)
    found = await till.quote(2_000, five.code)
    body = (await till.settle(2_000, five.code)).json()
    assert (found["member_price_percent"], found["member_price_minor"]) == (10, 200)
    assert (found["due_minor"], body["due_minor"], body["member_price_minor"]) == (1_300, 1_300, 200)
    assert till.owed() == 500


async def test_points_pay_the_rest_and_all_is_booked(till: Till) -> None:
    till.points(100)
    five, code = till.coupon(FIVE), await till.pass_code()
    found = await till.quote(800, five.code, pass_code=code)
    assert (found["points"], found["points_minor"], found["due_minor"]) == (60, 300, 0)
    assert found["points_balance"] == 100
    answer = await till.settle(800, five.code, pass_code=code, points=60)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["due_minor"], till.owed()) == (0, 800)
    # Ten came for the use; they paid for nothing of this bill.
    assert (await till.quote(1, pass_code=await till.pass_code()))["points_balance"] == 100 - 60 + 10


async def test_each_part_is_taken_back_alone(till: Till) -> None:
    till.points(100)
    five, tenth, code = till.coupon(FIVE), till.coupon(TENTH), await till.pass_code()
    body = (await till.settle(2_000, five.code, tenth.code, pass_code=code, points=20)).json()
    parts = {one["offer_id"]: one for one in body["redemptions"]}
    owed = till.owed()
    back = await till.counter.post(
        f"/{parts[str(five.id)]['redemption_id']}/reversal", {"return_request_no": "r1"}
    )
    assert back.status_code == 200
    assert (owed, till.owed()) == (500 + 200 + 100, 200 + 100)
    returned = await till.counter.client.post(
        f"/v1/districts/{till.counter.district.slug}/points/spends/{body['spend_id']}/return",
        json={"return_request_no": "r2"},
        headers={"Authorization": f"Bearer {till.counter.key}"},
    )
    assert returned.status_code == 200, returned.text
    assert till.owed() == 200
    assert (await till.counter.use(five.code, "again")).status_code == 200
    assert problem(await till.counter.use(tenth.code, "again2")) == (409, "already-redeemed")


async def test_a_repeat_gets_the_same_answer_and_another_body_a_conflict(till: Till) -> None:
    five, tenth = till.coupon(FIVE), till.coupon(TENTH)
    first = await till.settle(2_000, five.code, tenth.code)
    again = await till.settle(2_000, tenth.code, five.code)
    other = await till.settle(2_001, five.code, tenth.code)
    assert (again.status_code, again.json()) == (200, first.json())
    assert problem(other) == (409, "request-number-reused")
    single = await till.counter.use(till.coupon(FIVE).code, "b1")
    assert problem(single) == (409, "request-number-reused")


async def test_a_number_of_a_single_use_is_no_bills(till: Till) -> None:
    await till.counter.use(till.coupon(FIVE).code, "n1")
    answer = await till.settle(2_000, till.coupon(FIVE).code, number="n1")
    assert problem(answer) == (409, "request-number-reused")


@pytest.mark.parametrize("wrong", ["used", "unknown", "combination", "points", "member", "other_store"])
async def test_when_one_part_is_refused_nothing_is_done(till: Till, counter: Counter, wrong: str) -> None:
    till.points(10)
    good = till.coupon(FIVE)
    values: dict[str, Any] = {}
    match wrong:
        case "used":
            bad = till.coupon(FIVE)
            await counter.use(bad.code, "first")
            code, expected = bad.code, (409, "already-redeemed")
        case "unknown":
            code, expected = "7" * 26, (404, "unknown-code")
        case "combination":
            code, expected = till.coupon(FIVE, stacks=[]).code, (409, "cannot-combine")
        case "points":
            values = {"pass_code": await till.pass_code(), "points": 11}
            code, expected = till.coupon(FIVE).code, (409, "points-missing")
        case "member":
            code, expected = counter.offer(stacks_with=ALL).code, (409, "cannot-combine")
        case _:
            merchant = counter.makers.merchant(counter.district)
            store = counter.makers.store(counter.district, merchant_id=merchant.id)
            campaign = counter.makers.campaign(counter.district, merchant, [store])
            code = counter.makers.offer(campaign, till.member, stacks_with=ALL).code
            expected = (403, "other-store")
    before = (till.redeemed(), till.owed())
    answer = await till.settle(5_000, good.code, code, **values)
    assert problem(answer) == expected
    assert (till.redeemed(), till.owed()) == before
    assert (await counter.use(good.code, "still good")).status_code == 422
    assert (await counter.use(good.code, "still-good")).status_code == 200


async def test_more_points_than_the_rest_are_refused_with_how_many_are_not(till: Till) -> None:
    till.points(500)
    answer = await till.settle(1_000, till.coupon(FIVE).code, pass_code=await till.pass_code(), points=101)
    assert problem(answer) == (409, "cannot-combine")
    assert answer.json()["most_points"] == 100


async def test_points_alone_settle_a_bill(till: Till) -> None:
    till.points(100)
    code = await till.pass_code()
    answer = await till.settle(1_000, pass_code=code, points=100)
    again = await till.settle(1_000, pass_code=code, points=100)
    assert (answer.status_code, answer.json()["due_minor"], till.owed()) == (200, 500, 500)
    assert again.json() == answer.json()


@pytest.mark.parametrize(
    "body",
    [
        {"codes": []},
        {"points": 5},
        {"codes": ["A", "B", "C", "D"]},
        {"codes": ["A"], "bill_minor": -1},
        {"codes": ["A"], "bill_minor": 10**13},
        {"codes": ["A"], "points": 0},
        {"codes": ["x" * 513]},
    ],
    ids=["empty", "no-pass", "four", "negative", "huge", "no-points", "long"],
)
async def test_an_impossible_bill_is_invalid(till: Till, body: dict[str, Any]) -> None:
    answer = await till.counter.post("/bill", {"bill_minor": 1_000, "use_request_no": "1"} | body)
    assert answer.status_code == 422


async def test_one_code_twice_is_invalid(till: Till) -> None:
    code = till.coupon(FIVE).code
    assert (await till.settle(2_000, code, code.lower())).status_code == 422


async def test_a_quoted_signed_code_is_good_while_it_is_held_for_the_till(
    till: Till, clock: FixedClock
) -> None:
    page = await till.page(till.coupon(FIVE))
    shown = await page.code()
    quoted = await till.quote(2_000, shown)
    assert quoted["coupons"][0]["held_until"] is not None
    clock.advance(timedelta(seconds=100))
    assert (await till.settle(2_000, shown)).status_code == 200


async def test_a_quoted_code_that_is_held_no_more_is_stale(till: Till, clock: FixedClock) -> None:
    page = await till.page(till.coupon(FIVE))
    shown = await page.code()
    await till.quote(2_000, shown)
    clock.advance(timedelta(seconds=121))
    assert problem(await till.settle(2_000, shown)) == (410, "code-stale")


async def test_unknown_codes_in_quotes_lock_the_till_out(till: Till) -> None:
    wrong = [f"{number:08}" for number in range(15)]
    first = await till.quote(1_000, *wrong)
    second = await till.counter.post("/quote", {"bill_minor": 1_000, "codes": wrong})
    assert len(first["refused"]) == 15
    assert problem(second) == (429, "too-many-requests")


async def test_many_bills_of_one_coupon_at_once_settle_one(till: Till) -> None:
    five, others = till.coupon(FIVE), [till.coupon(TENTH) for _ in range(12)]
    answers = await asyncio.gather(
        *(
            till.settle(2_000, *codes, number=f"b{number}")
            for number, other in enumerate(others)
            for codes in [(five.code, other.code) if number % 2 else (other.code, five.code)]
        )
    )
    tally = Tally(one.status_code for one in answers)
    assert tally == {200: 1, 409: 11}
    assert (till.redeemed(), till.owed()) == (2, 700)


async def test_one_bill_sent_many_times_at_once_gets_one_answer(till: Till) -> None:
    five, tenth = till.coupon(FIVE), till.coupon(TENTH)
    answers = await asyncio.gather(*(till.settle(2_000, five.code, tenth.code) for _ in range(16)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == 1
    assert (till.redeemed(), till.owed()) == (2, 700)
