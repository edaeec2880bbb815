"""The operator's page of points: the rule, what it means, and what is out."""

import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.auth.models import Role
from district.database import Pool, make_pool
from district.points.models import PointsRule
from tests.district.points.conftest import Bank
from tests.district.points.test_points import earn, take_back
from tests.district.web_operator.conftest import browser_of

PAGE = "/operator/points"
FRAGMENT = {"hx-request": "true"}


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=4)
    await pool.open(wait=True)
    yield pool
    await pool.close()


@pytest.fixture
async def operator(app: FastAPI, bank: Bank) -> AsyncIterator[httpx.AsyncClient]:
    """The operator's browser."""
    account = bank.makers.account(bank.district, Role.OPERATOR)
    token = bank.makers.token(bank.district, Role.OPERATOR, subject_id=account.id)
    async for browser in browser_of(app, token):
        yield browser


def rule_of(bank: Bank) -> PointsRule:
    bank.makers.session.rollback()
    return bank.makers.session.get_one(PointsRule, (bank.district.id,), populate_existing=True)


def fields(page: str) -> dict[str, str]:
    """What the rule's form holds; boxes and choices that are not on are not sent."""
    form = page[page.index('id="points-rule"') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        is_choice = 'type="checkbox"' in tag or 'type="radio"' in tag
        if name and value and (not is_choice or " checked" in tag):
            found[name[1]] = value[1]
    return found


async def form_of(operator: httpx.AsyncClient) -> dict[str, str]:
    return fields((await operator.get(PAGE)).text)


async def test_only_the_operator_sees_it(app: FastAPI, bank: Bank) -> None:
    token = bank.makers.token(bank.district, Role.MERCHANT, scope_id=bank.merchant.id)
    async for merchant in browser_of(app, token):
        for path in (PAGE, f"{PAGE}.csv"):
            assert (await merchant.get(path)).headers["location"].startswith("/login?role=operator")


async def test_a_form_saved_unchanged_is_the_same_rule(operator: httpx.AsyncClient, bank: Bank) -> None:
    bank.rule(merchant_ids=[bank.merchant.id], per_visit=3)
    before = {c.name: getattr(rule_of(bank), c.name) for c in PointsRule.__table__.columns}
    answer = await operator.post(PAGE, data=await form_of(operator))
    assert answer.status_code == 200
    assert "Undo" not in answer.text
    after = {c.name: getattr(rule_of(bank), c.name) for c in PointsRule.__table__.columns}
    assert after == before


async def test_every_part_of_the_rule_is_set_and_the_change_is_undone(
    operator: httpx.AsyncClient, bank: Bank
) -> None:
    sent = await form_of(operator) | {
        "value_minor": "0.02",
        "minor_units_per_point": "2.50",
        "life_days": "90",
        "per_visit": "7",
        "visits_per_day": "2",
        "per_redemption": "4",
        "most_per_purchase": "40",
        "most_per_day": "60",
        "whose": "named",
        "merchant_ids": str(bank.merchant.id),
    }
    saved = await operator.post(PAGE, data=sent)
    row = rule_of(bank)
    amounts = (row.value_minor, row.minor_units_per_point, row.most_per_purchase, row.most_per_day)
    assert amounts == (2, 250, 40, 60)
    assert (row.life_days, row.per_visit, row.visits_per_day, row.per_redemption) == (90, 7, 2, 4)
    assert row.merchant_ids == [bank.merchant.id]
    status = saved.text[saved.text.index('role="status"') : saved.text.index("Undo")]
    await operator.post(PAGE, data=dict(re.findall(r'name="([^"]+)" value="([^"]*)"', status)))
    again = rule_of(bank)
    assert (again.value_minor, again.minor_units_per_point, again.per_visit) == (5, 100, 0)
    assert again.merchant_ids is None


async def test_switching_off_is_undone(operator: httpx.AsyncClient, bank: Bank) -> None:
    sent = await form_of(operator)
    del sent["is_on"]
    off = await operator.post(PAGE, data=sent)
    assert rule_of(bank).is_on is False
    status = off.text[off.text.index('role="status"') : off.text.index("Undo")]
    await operator.post(PAGE, data=dict(re.findall(r'name="([^"]+)" value="([^"]*)"', status)))
    assert rule_of(bank).is_on is True


async def test_a_worth_that_changes_while_points_are_out_is_refused_with_how_many(
    operator: httpx.AsyncClient, bank: Bank, pool: Pool
) -> None:
    for points in (1_000, 234):
        await earn(bank, pool, bank.makers.member(bank.district), points)
    sent = await form_of(operator) | {"value_minor": "0.07"}
    for language, words in (("en", "Members hold 1,234 points"), ("zh", "1,234 积分")):
        answer = await operator.post(f"{PAGE}?lang={language}", data=sent)
        assert answer.status_code == 422
        marked = answer.text[answer.text.index('id="f-value_minor"') :]
        assert words in marked[: marked.index("</div></div>")]
    assert rule_of(bank).value_minor == 5
    assert (await operator.post(PAGE, data=sent | {"value_minor": "0.05"})).status_code == 200


async def test_a_worth_that_changes_while_points_are_owed_is_refused(
    operator: httpx.AsyncClient, bank: Bank, pool: Pool
) -> None:
    member = bank.makers.member(bank.district)
    earned = await earn(bank, pool, member, 50)
    await bank.spend(await bank.pass_of(member), 50)
    await take_back(bank, pool, earned)
    answer = await operator.post(PAGE, data=await form_of(operator) | {"value_minor": "0.07"})
    assert (answer.status_code, "Members owe 50 points" in answer.text) == (422, True)


async def test_what_is_owed_is_what_the_books_say(
    operator: httpx.AsyncClient, bank: Bank, pool: Pool
) -> None:
    first, second = bank.makers.member(bank.district), bank.makers.member(bank.district)
    earned = await earn(bank, pool, first, 40)
    await earn(bank, pool, second, 100, at=datetime(2026, 4, 1, 9, tzinfo=UTC))
    await bank.spend(await bank.pass_of(first), 40)
    await take_back(bank, pool, earned, 30)
    token = bank.makers.token(bank.district, Role.OPERATOR)
    answer = await bank.client.get(
        f"/v1/districts/{bank.district.slug}/points/outstanding",
        headers={"Authorization": f"Bearer {token}"},
    )
    found = answer.json()
    assert (found["points"], found["debt"], found["owed_minor"]) == (100, 30, 350)
    assert found["owed_minor"] == bank.liability()
    assert found["months"] == [{"month": "2027-04-01", "points": 100, "worth_minor": 500}]
    assert "€3.50" in (await operator.get(PAGE)).text
    assert "2027-04,100,500" in (await operator.get(f"{PAGE}.csv")).text


async def test_the_month_is_the_districts_own(bank: Bank, pool: Pool, operator: httpx.AsyncClient) -> None:
    late = datetime(2026, 4, 30, 22, 30, tzinfo=UTC)  # May has begun in Helsinki
    await earn(bank, pool, bank.makers.member(bank.district), 8, at=late)
    assert "May 2027" in (await operator.get(PAGE)).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("value_minor", "0"),
        ("value_minor", "much"),
        ("value_minor", ""),
        ("life_days", "30"),
        ("per_visit", "-1"),
        ("visits_per_day", "101"),
        ("minor_units_per_point", "1e300"),
        ("most_per_day", ""),
        ("most_per_purchase", "1.5"),
    ],
)
async def test_a_value_that_cannot_be_is_marked_and_nothing_saved(
    operator: httpx.AsyncClient, bank: Bank, name: str, value: str
) -> None:
    before = rule_of(bank).changed_at
    answer = await operator.post(PAGE, data=await form_of(operator) | {name: value})
    assert answer.status_code == 422
    marked = answer.text[answer.text.index(f'id="f-{name}"') :]
    assert 'aria-invalid="true"' in marked[: marked.index(">")]
    assert rule_of(bank).changed_at == before


@pytest.mark.parametrize("named", [[], [str(uuid.UUID(int=7))], ["no-id"]], ids=["none", "unknown", "no-id"])
async def test_merchants_that_cannot_be_are_refused(
    operator: httpx.AsyncClient, bank: Bank, named: list[str]
) -> None:
    sent = await form_of(operator) | {"whose": "named"}
    answer = await operator.post(PAGE, data={**sent, "merchant_ids": named})
    assert answer.status_code == 422
    assert rule_of(bank).merchant_ids is None


async def test_who_has_the_rule_from_before_does_not_overwrite_it(
    operator: httpx.AsyncClient, bank: Bank
) -> None:
    first = await form_of(operator)
    bank.clock.advance(timedelta(minutes=1))
    assert (await operator.post(PAGE, data=first | {"per_visit": "9"})).status_code == 200
    answer = await operator.post(PAGE, data=first | {"per_visit": "1"})
    assert (answer.status_code, "Somebody has changed the rule" in answer.text) == (422, True)
    assert rule_of(bank).per_visit == 9


async def test_what_the_form_means_is_said_before_it_is_saved(
    operator: httpx.AsyncClient, bank: Bank
) -> None:
    sent = await form_of(operator) | {
        "per_visit": "10",
        "visits_per_day": "2",
        "minor_units_per_point": "0.50",
        "most_per_purchase": "80",
    }
    said = (await operator.post(f"{PAGE}/meaning", data=sent)).text
    for words in (
        "A visit to the district brings 10 points, at most 2 times a trading day.",
        "A purchase brings one point for each full €0.50, at most 80 points; that gives back 10.0% of it.",
        "One point pays €0.05 at the tills of every merchant.",
        "buys for €50.00 has 100 points, worth €5.00",
    ):
        assert words in said
    chinese = (await operator.post(f"{PAGE}/meaning?lang=zh", data=sent)).text
    assert "到访商圈得 10 积分，每营业日最多计 2 次。" in chinese
    assert (rule_of(bank).per_visit, rule_of(bank).minor_units_per_point) == (0, 100)
    del sent["is_on"]
    assert "Switched off" in (await operator.post(f"{PAGE}/meaning?lang=en", data=sent)).text
    broken = await operator.post(f"{PAGE}/meaning", data=sent | {"life_days": "x"})
    assert (broken.status_code, "Once every field can be read" in broken.text) == (200, True)


async def test_merchants_are_found_by_name_and_ticked_ones_stay(
    operator: httpx.AsyncClient, bank: Bank
) -> None:
    wanted = bank.makers.merchant(bank.district, name="Piha 100%_bakery", name_zh="面包房")
    elsewhere = bank.makers.merchant(bank.makers.district(), name="Piha 100%_bakery")
    for words in ("100%_B", "面包"):
        found = await operator.post(
            f"{PAGE}/merchants",
            data={"merchant_words": words, "merchant_ids": str(bank.merchant.id)},
            headers=FRAGMENT,
        )
        tags = re.findall(r"<input[^>]*>", found.text)
        assert [(str(wanted.id) in tag, " checked" in tag) for tag in tags] == [(False, True), (True, False)]
        assert str(elsewhere.id) not in found.text
    sent = {"merchant_words": "\0%", "merchant_ids": "\0"}
    hostile = await operator.post(f"{PAGE}/merchants", data=sent, headers=FRAGMENT)
    assert (hostile.status_code, "No merchant of this name" in hostile.text) == (200, False)


async def test_as_many_merchants_as_a_rule_may_name_are_taken(
    operator: httpx.AsyncClient, bank: Bank
) -> None:
    several = [bank.makers.merchant(bank.district).id for _ in range(300)]
    sent = await form_of(operator) | {"whose": "named"}
    answer = await operator.post(PAGE, data={**sent, "merchant_ids": [str(one) for one in several]})
    assert answer.status_code == 200
    assert "at the tills of 300 merchants" in answer.text
    assert set(rule_of(bank).merchant_ids or ()) == set(several)


async def test_a_district_without_a_rule_begins_with_one_that_gives_nothing(
    operator: httpx.AsyncClient, bank: Bank
) -> None:
    bank.makers.session.execute(
        text("DELETE FROM points_rule WHERE district_id = :d"), {"d": bank.district.id}
    )
    bank.makers.done()
    page = (await operator.get(PAGE)).text
    assert "No points are out" in page
    assert "Switched off" in page
    assert (await operator.post(PAGE, data=fields(page) | {"is_on": "on"})).status_code == 200
    assert rule_of(bank).is_on is True


async def test_a_form_of_another_site_changes_nothing(operator: httpx.AsyncClient, bank: Bank) -> None:
    sent = await form_of(operator)
    answer = await operator.post(PAGE, data=sent, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
