"""The telephones of the demo's shoppers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from district.clock import FixedClock
from district.demo import helsinki
from district.demo.ground import Ground, Shop
from district.demo.people import Errand, Person, Standing
from district.demo.shoppers import Shoppers
from district.demo.walk_requests import Product
from district.districts.service import DistrictInfo
from district.embedded.nats import free_port
from geo.datum import Datum

NOON = datetime(2026, 5, 1, 9, tzinfo=UTC)
GROUND = Ground(
    district=DistrictInfo(
        id=uuid.UUID(int=1),
        slug="helsinki",
        name="Helsinki",
        name_zh="",
        center=helsinki.CENTER,
        zone=ZoneInfo("Europe/Helsinki"),
        day_start=time(6),
        datum=Datum.WGS84,
        currency="EUR",
        alias_key=b"k" * 32,
    ),
    feed="feed",
    feed_secret="secret",
    gateway="gateway",
    gateway_secret="secret",
    shops=[Shop(id="store", category="cafe", position=helsinki.CENTER, has_offers=True)],
    streets=helsinki.features("streets"),
    access_points=[("3c0000000001", helsinki.CENTER)],
    till_keys={},
    sessions={1: "one", 2: "two"},
)


@pytest.fixture
async def walkers() -> AsyncIterator[Shoppers]:
    """With a product that nobody answers for."""
    clock = FixedClock(NOON)
    product = Product(f"http://127.0.0.1:{free_port()}", clock)
    walkers = Shoppers(GROUND, product, clock, count=20, seed=3)
    yield walkers
    await walkers.stop()
    await product.close()


async def test_somebody_without_a_session_does_not_ask_for_an_inbox(walkers: Shoppers) -> None:
    async with asyncio.timeout(60):
        await walkers._read(0, Person(mac="3c0000000009"))


async def test_who_is_back_is_not_sent_a_second_time(walkers: Shoppers) -> None:
    back = [
        Standing(
            person=Person(mac=f"3ca1e000000{number}", number=number, token="session"),
            x_m=0.0,
            y_m=0.0,
            place=0,
            until_s=NOON.timestamp() + 600,
            errands=(Errand(place=-1),),
        )
        for number in (1, 2)
    ]
    walkers.resume(back)
    walkers.fill()
    numbers = [person.number for person in walkers.crowd.people if person and person.number is not None]
    assert sorted(numbers) == [1, 2]
    assert walkers.crowd.inside == 20
