"""A member's points and pass, as pages."""

import re

import httpx
from fastapi import FastAPI

from district.database import make_pool
from district.points import passes
from district.points.models import PointsLot, PointsMovement, PointsRule
from tests.district.web_member.conftest import Shopping, browser
from tests.factories import Makers


def give(makers: Makers, shopping: Shopping, points: int) -> None:
    common = {"district_id": shopping.district.id, "member_id": shopping.member.id}
    now = makers.clock.now()
    makers.session.add(
        PointsRule(
            district_id=shopping.district.id,
            is_on=True,
            value_minor=5,
            life_days=365,
            per_visit=0,
            visits_per_day=1,
            per_redemption=1,
            minor_units_per_point=None,
            most_per_purchase=1,
            most_per_day=1,
            changed_at=now,
        )
    )
    makers.session.add(PointsLot(remaining=points, expires_at=now.replace(year=now.year + 1), **common))
    makers.session.add(
        PointsMovement(
            kind="visit", subject_id=shopping.member.id, points=points, balance=points, at=now, **common
        )
    )
    makers.done()


async def test_points_their_worth_and_their_history_are_shown(
    shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers
) -> None:
    give(committed, shopping, 1200)
    page = (await shopper.get(f"{shopping.base}/points")).text
    assert "1,200 points" in page
    assert "€60.00" in page
    assert "+1,200" in page
    assert "1,200 points on" in page


async def test_a_pass_is_drawn_and_names_its_member(
    shopper: httpx.AsyncClient, shopping: Shopping, committed: Makers, database_url: str
) -> None:
    give(committed, shopping, 1)
    page = (await shopper.get(f"{shopping.base}/points")).text
    token = page.split('name="form_token" value="', 1)[1].split('"', 1)[0]
    answer = await shopper.post(f"{shopping.base}/points/pass", data={"form_token": token})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "<svg" in answer.text
    [code] = re.findall(r'<p class="code" translate="no">([0-9A-Z-]+)</p>', answer.text)
    pool = make_pool(database_url, size=1)
    await pool.open(wait=True)
    async with pool.connection() as connection:
        found = await passes.holder(
            connection, shopping.district.id, code, machine_now=committed.clock.machine_now()
        )
    await pool.close()
    assert found == shopping.member.id


async def test_who_is_not_logged_in_is_asked_to(app: FastAPI, shopping: Shopping) -> None:
    async with browser(app) as anyone:
        assert (await anyone.get(f"{shopping.base}/points")).status_code == 401
