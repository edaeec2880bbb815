"""A bill on the till page, as a browser without script sends its forms: the best sum, one settlement, each part undone."""

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import FixedClock
from district.members.models import Member
from district.offers.models import Offer
from district.points.models import PointsLot, PointsRule
from district.stores.models import Store
from push.coupon import code_from
from tests.district.web_merchant.conftest import Business, browser
from tests.factories import Makers

ALL = ["coupon", "member_price", "points"]
FIVE = {"type": "amount", "minor_units": 500}
TENTH = {"type": "percent", "percent": 10}


class Desk:
    """The page at a till: what it shows last is the form that is sent next."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, business: Business, makers: Makers) -> None:
        self.app, self.client, self.business, self.makers = app, client, business, makers
        self.engine = makers.session.get_bind()
        self.member: Member = makers.member(business.district)
        self.page = ""
        self.status = 0

    def coupon(self, value: dict[str, Any], *, stacks: list[str] | None = None, **values: Any) -> Offer:
        member = values.pop("member", self.member)
        code = code_from(uuid.uuid4().bytes)
        stacks_with = ALL if stacks is None else stacks
        return self.makers.offer(
            self.business.campaign, member, value=value, stacks_with=stacks_with, code=code, **values
        )

    async def points(self, points: int) -> str:
        """The code of the pass of the member, who has so many."""
        district, now = self.business.district, self.makers.clock.now()
        rule = {"value_minor": 5, "life_days": 365, "per_visit": 0, "visits_per_day": 1, "per_redemption": 0}
        most = {"most_per_purchase": 1000, "most_per_day": 100_000}
        self.makers.session.merge(
            PointsRule(district_id=district.id, is_on=True, changed_at=now, **rule, **most)
        )
        self.makers.session.add(
            PointsLot(
                district_id=district.id,
                member_id=self.member.id,
                remaining=points,
                expires_at=now + timedelta(days=200),
            )
        )
        self.makers.done()
        token = self.makers.token(district, Role.SHOPPER, subject_id=self.member.id)
        async with browser(self.app) as phone:
            answer = await phone.post("/v1/me/points/pass", headers={"Authorization": f"Bearer {token}"})
        return str(answer.json()["code"])

    async def open(self) -> None:
        self.shown(await self.client.get(f"/merchant/redeem?lang=en&till={self.business.till.id}"))

    def shown(self, answer: httpx.Response) -> None:
        """What stands on the page now."""
        self.page, self.status = answer.text, answer.status_code

    def fields(self) -> dict[str, Any]:
        """What a browser would send of the form as it stands; its till is the only one."""
        form = self.page.split('id="till-form"')[1].split("</form>")[0]
        found: dict[str, Any] = {}
        for one in re.findall(r"<input [^>]*>", form):
            name = re.search(r' name="(\w+)"', one)
            value = re.search(r' value="([^"]*)"', one)
            if name is not None:
                found.setdefault(name[1], []).append(unescape(value[1]) if value else "")
        return found

    async def press(self, **changes: Any) -> None:
        """Send the form with this changed in it."""
        await self.send(self.fields() | changes)

    async def send(self, fields: dict[str, Any]) -> None:
        self.shown(await self.client.post("/merchant/redeem?lang=en", data=fields))

    @property
    def due(self) -> int | None:
        found = re.search(r'data-due="(\d+)"', self.page)
        return int(found[1]) if found else None

    @property
    def outcome(self) -> str:
        found = re.search(r'data-outcome="([\w-]+)"', self.page)
        return found[1] if found else ""

    @property
    def parts(self) -> list[str]:
        return re.findall(r'data-part="(\w+)"', self.page)

    @property
    def left_out(self) -> list[str]:
        return re.findall(r'data-left-out="(\w+)"', self.page)

    @property
    def undos(self) -> list[str]:
        """Addresses that take a part of the last outcome back."""
        outcome = self.page.split('id="till-outcome"')[1].split('id="till-form"')[0]
        return re.findall(r'action="(/merchant/redeem/[^"]+/undo)"', outcome)

    def count(self, statement: str) -> int:
        with Session(self.engine) as session:
            found = session.scalar(text(statement), {"d": self.business.district.id})
            return int(found or 0)

    def redeemed(self) -> int:
        return self.count("SELECT count(*) FROM redemption WHERE district_id = :d AND reversed_at IS NULL")

    def bills(self) -> int:
        return self.count("SELECT count(*) FROM till_bill WHERE district_id = :d")

    def balance(self) -> int:
        return self.count("SELECT sum(remaining) FROM points_lot WHERE district_id = :d")


@pytest.fixture
async def desk(app: FastAPI, merchant: httpx.AsyncClient, business: Business, committed: Makers) -> Desk:
    made = Desk(app, merchant, business, committed)
    await made.open()
    return made


async def test_codes_are_added_one_by_one_and_settled_together_once(desk: Desk) -> None:
    five, tenth = desk.coupon(FIVE), desk.coupon(TENTH)
    await desk.press(bill="40.00", code=five.code)
    assert (desk.status, desk.due, desk.redeemed()) == (200, 3_500, 0)
    await desk.press(code=tenth.code)
    assert (desk.due, desk.parts, desk.redeemed()) == (3_100, ["coupon", "coupon"], 0)
    form = desk.fields() | {"then": "settle"}
    await desk.send(form)
    assert (desk.outcome, desk.redeemed(), desk.bills()) == ("settled", 2, 1)
    assert "To pay: €31.00" in desk.page
    undos = desk.undos
    await desk.send(form)
    assert (desk.outcome, desk.undos, desk.redeemed(), desk.bills()) == ("settled", undos, 2, 1)


async def test_the_pass_is_known_from_a_coupon_and_pays_the_rest(desk: Desk) -> None:
    five, pass_code = desk.coupon(FIVE), await desk.points(100)
    await desk.press(bill="8", code=pass_code)
    assert (desk.due, desk.parts) == (300, ["points"])
    await desk.press(code=five.code)
    assert (desk.due, desk.parts) == (0, ["coupon", "points"])
    assert "60 of 100 points" in desk.page
    await desk.press(most_points="20")
    assert (desk.due, desk.balance()) == (200, 100)
    await desk.press(then="settle")
    assert (desk.outcome, desk.redeemed(), desk.balance()) == ("settled", 1, 80)
    coupon, points = desk.undos
    desk.shown(await desk.client.post(points, data={"return_no": "return-0001"}))
    assert (desk.outcome, desk.redeemed(), desk.balance()) == ("points-back", 1, 100)
    again = await desk.client.post(points, data={"return_no": "return-0002"})
    assert (again.status_code, desk.balance()) == (303, 100)
    desk.shown(await desk.client.post(coupon, data={"return_no": "return-0003"}))
    assert (desk.outcome, desk.redeemed()) == ("undone", 0)


async def test_points_are_not_given_back_here_late_nor_by_a_rival(
    desk: Desk, rival: Business, clock: FixedClock
) -> None:
    await desk.press(bill="8", code=await desk.points(100))
    await desk.press(then="settle")
    (points,) = desk.undos
    async with browser(desk.app, rival.token) as other:
        desk.shown(await other.post(points, data={"return_no": "return-0001"}))
        assert (desk.outcome, desk.balance()) == ("late", 0)
    clock.advance(timedelta(minutes=16))
    desk.shown(await desk.client.post(points, data={"return_no": "return-0002"}))
    assert (desk.outcome, desk.status, desk.balance()) == ("late", 409, 0)


async def test_the_member_price_and_what_is_left_out_are_named(desk: Desk) -> None:
    store = desk.makers.session.get_one(Store, (desk.business.district.id, desk.business.store.id))
    store.member_price_percent = 10
    desk.makers.done()
    await desk.press(bill="20.00", code=desk.coupon(FIVE).code)
    assert (desk.due, desk.parts) == (1_300, ["member_price", "coupon"])
    await desk.press(code=desk.coupon({"type": "amount", "minor_units": 100}, stacks=[]).code)
    assert (desk.due, desk.left_out) == (1_300, ["not_with_coupons"])
    assert "Not together with other coupons." in desk.page
    stranger = desk.makers.member(desk.business.district)
    await desk.press(code=desk.coupon(FIVE, member=stranger).code)
    assert (desk.due, desk.left_out) == (1_300, ["not_with_coupons", "another_member"])
    await desk.press(then="settle")
    assert (desk.outcome, desk.redeemed()) == ("settled", 1)


async def test_a_code_that_cannot_be_used_is_refused_by_name_and_not_kept(desk: Desk) -> None:
    used = desk.coupon(FIVE)
    await desk.press(code=used.code)
    await desk.press(bill="20", code=used.code)
    assert (desk.outcome, desk.status, desk.fields().get("codes")) == ("used", 409, None)
    await desk.press(code="NO-SUCH-CODE")
    assert (desk.outcome, desk.status) == ("unknown", 404)
    await desk.press(code=desk.coupon(FIVE).code)
    assert (desk.outcome, desk.due, desk.redeemed()) == ("", 1_500, 1)


async def test_a_coupon_is_taken_out_again(desk: Desk) -> None:
    five, tenth = desk.coupon(FIVE), desk.coupon(TENTH)
    await desk.press(bill="40.00", code=five.code)
    await desk.press(code=tenth.code)
    await desk.press(drop=str(desk.fields()["codes"].index(five.code)))
    assert (desk.due, desk.fields()["codes"]) == (3_600, [tenth.code])


async def test_another_bill_is_summed_again_before_it_is_settled(desk: Desk) -> None:
    await desk.press(bill="40.00", code=desk.coupon(TENTH).code)
    await desk.press(bill="50.00", then="settle")
    assert (desk.outcome, desk.due, desk.redeemed()) == ("", 4_500, 0)
    await desk.press(then="settle")
    assert (desk.outcome, desk.redeemed()) == ("settled", 1)


async def test_nothing_is_used_when_one_part_fails(desk: Desk) -> None:
    five, tenth = desk.coupon(FIVE), desk.coupon(TENTH)
    await desk.press(bill="40.00", code=five.code)
    await desk.press(code=tenth.code)
    with Session(desk.engine) as session, session.begin():
        session.execute(text("UPDATE offer SET state = 'void' WHERE id = :id"), {"id": tenth.id})
    await desk.press(then="settle")
    assert (desk.outcome, desk.status, desk.redeemed(), desk.bills()) == ("expired", 410, 0, 0)


async def test_a_pass_or_a_second_coupon_asks_for_the_bill_and_keeps_the_code(desk: Desk) -> None:
    pass_code = await desk.points(100)
    await desk.press(code=pass_code)
    assert (desk.outcome, desk.status) == ("bill-needed", 422)
    await desk.press(bill="8")
    assert (desk.due, desk.parts) == (300, ["points"])


async def test_a_pass_that_is_over_leaves_the_rest(desk: Desk, clock: FixedClock) -> None:
    pass_code = await desk.points(100)
    await desk.press(bill="8", code=pass_code)
    clock.advance(timedelta(minutes=6))
    await desk.press(then="settle")
    assert (desk.outcome, desk.status, desk.balance()) == ("pass-unknown", 404, 100)
    assert "pass_code" not in desk.fields()


@pytest.mark.parametrize(
    "hostile",
    [
        {"codes": ["A" * 26] * 21},
        {"used": ["-1"]},
        {"used": ["0", "1", "2", "3"]},
        {"points": "9" * 30},
        {"pass_code": "x" * 200},
        {"then": "everything"},
    ],
    ids=["codes", "used-below", "used-many", "points", "pass", "then"],
)
async def test_a_form_that_no_page_made_is_refused(desk: Desk, hostile: dict[str, Any]) -> None:
    await desk.press(bill="8", **hostile)
    assert desk.status == 422
    assert desk.redeemed() == 0


async def test_a_forged_sum_settles_nothing_else_than_what_the_rules_allow(desk: Desk) -> None:
    five, alone = desk.coupon(FIVE), desk.coupon(FIVE, stacks=[])
    await desk.press(bill="40.00", code=five.code)
    await desk.press(code=alone.code)
    await desk.press(then="settle", used=["0", "1"])
    assert (desk.outcome, desk.status, desk.redeemed()) == ("cannot-combine", 409, 0)


async def test_no_more_codes_are_gathered_than_a_sum_takes(desk: Desk) -> None:
    codes = [desk.coupon(FIVE).code for _ in range(21)]
    await desk.press(bill="40.00", codes=codes[:20], code=codes[20])
    assert (desk.outcome, desk.status) == ("too-many", 422)
    assert desk.fields()["codes"] == codes[:20]
