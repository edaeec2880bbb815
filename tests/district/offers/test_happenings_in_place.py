"""Happenings that are no crossings still keep to the campaign's ground, or to visits of before."""

from datetime import timedelta
from typing import Any

import pytest

from district.campaigns.triggers import Happening
from district.database import new_id
from district.members.models import Member
from district.stores.models import Store
from district.visits.models import Visit
from geo.coordinates import LonLat
from tests.district.offers.conftest import Ground
from tests.district.offers.waiting import (
    campaign,
    decide,
    happen,
    offers_of,
    plan,
    refusals,
    scheduled_campaign,
)
from tests.factories import HELSINKI, square

AWAY = LonLat(lon=HELSINKI.lon + 0.01, lat=HELSINKI.lat)
WITHIN = {"within": {"type": "Polygon", "coordinates": [list(square().exterior.coords)]}}


@pytest.mark.parametrize(
    ("at", "is_offered"), [(HELSINKI, True), (AWAY, False), (None, False)], ids=["here", "away", "nowhere"]
)
async def test_joining_counts_at_an_access_point_on_the_ground(
    ground: Ground, at: LonLat | None, is_offered: bool
) -> None:
    made = campaign(ground, {"on": "wifi.join"}, rule={"where": WITHIN}, fence=square())
    access_point = ground.makers.access_point(ground.district, at=at)
    happen(ground, Happening.WIFI_JOIN, ground.member(), facts={"joins": 1, "access_point": access_point.mac})
    await decide(ground)
    assert bool(await offers_of(ground, made)) is is_offered
    assert bool(await refusals(ground)) is not is_offered


def visited(ground: Ground, member: Member, store: Store, *, days: int) -> None:
    """A visit of five minutes, so many days ago."""
    began = ground.clock.now() - timedelta(days=days)
    row = Visit(
        district_id=ground.info.id,
        trading_day=began.date(),
        id=new_id(),
        place_kind="store",
        place_id=store.id,
        member_id=member.id,
        started_at=began,
        ended_at=began + timedelta(minutes=5),
        fixes=5,
    )
    ground.makers.session.add(row)
    ground.makers.done()


@pytest.mark.parametrize(("days", "is_offered"), [(29, True), (31, False)])
async def test_who_visited_the_store_lately_is_let_in_wherever_he_joins(
    ground: Ground, days: int, is_offered: bool
) -> None:
    store = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    where: dict[str, Any] = {**WITHIN, "or_visited": {"store": "mine", "days": 30}}
    made = campaign(ground, {"on": "wifi.join"}, rule={"where": where}, stores=[store], fence=square())
    member = ground.member()
    visited(ground, member, store, days=days)
    happen(ground, Happening.WIFI_JOIN, member, facts={"joins": 2})
    await decide(ground)
    assert bool(await offers_of(ground, made)) is is_offered


async def test_a_schedule_reaches_only_who_visited_lately(ground: Ground) -> None:
    store = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    where = {"or_visited": {"store": "mine", "days": 30}}
    made = scheduled_campaign(ground, rule={"where": where}, stores=[store])
    came, long_ago, _never = ground.member(), ground.member(), ground.member()
    visited(ground, came, store, days=3)
    visited(ground, long_ago, store, days=40)
    for _ in range(3):
        await plan(ground)
        ground.clock.advance(timedelta(hours=2))
    assert await offers_of(ground, made) == [came.id]
