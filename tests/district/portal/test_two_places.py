"""One device's address at two places at once is an alarm, once, and opens nobody's data."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.auth.models import Role
from district.database import Pool, make_pool
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.members import alarms
from district.members.models import Alarm
from district.portal import two_places
from district.radius.models import RadiusSession
from geo.coordinates import LonLat
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers

SECRET, MAC = "a-secret-of-the-gateway", "02:aa:22:33:44:66"
FAR = LonLat(lon=HELSINKI.lon + 0.02, lat=HELSINKI.lat)  # 1,110 m
NEAR = LonLat(lon=HELSINKI.lon + 0.002, lat=HELSINKI.lat)  # 111 m


class Scene:
    """A district with a gateway, and access points where the test wants them."""

    def __init__(self, makers: Makers, client: httpx.AsyncClient, app: FastAPI) -> None:
        self.makers, self.client, self.app = makers, client, app
        self.district: District = makers.district()
        self.slug = f"gw-{uuid.uuid4().hex[:10]}"
        self.gateway(self.slug)

    def gateway(self, slug: str) -> None:
        """Another gateway."""
        new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click"])
        gateways.create(self.makers.session, self.makers.info(self.district), new, clock=self.makers.clock)
        self.makers.done()

    def place(self, at: LonLat | None) -> str:
        """An access point; its address."""
        return str(self.makers.access_point(self.district, at=at).mac)

    async def arrive(
        self, ap: str, *, slug: str = "", after: timedelta = timedelta(seconds=1)
    ) -> httpx.Response:
        """Somebody with the device signs in, without cookies, as another device would."""
        await refresh(self.app)
        self.makers.clock.advance(after)
        self.client.cookies.clear()
        query = redirect_query(
            SECRET,
            mac=MAC,
            ap=ap,
            url="http://example.com/",
            machine_now=self.makers.clock.machine_now(),
        )
        return await self.client.post(f"/portal/{slug or self.slug}?{query}", data={"method": "click"})

    def alarms(self) -> list[Alarm]:
        """All of the district."""
        self.makers.session.expire_all()
        return list(self.makers.session.scalars(select(Alarm).where(Alarm.district_id == self.district.id)))

    def heard(self, ap: str, *, ago: timedelta, alias: bytes = bytes(16)) -> None:
        """Accounting of a session at an access point."""
        at = self.makers.clock.machine_now() - ago
        row = RadiusSession(
            district_id=self.district.id,
            unique_id=uuid.uuid4().hex,
            alias=alias,
            access_point_mac=ap,
            started_at=at,
            updated_at=at,
        )
        self.makers.session.add(row)
        self.makers.done()


@pytest.fixture
def scene(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Scene:
    return Scene(committed, client, app)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = make_pool(database_url, size=2)
    await pool.open()
    yield pool
    await pool.close()


@pytest.mark.parametrize(
    ("there", "after_s", "sounds"),
    [
        pytest.param(FAR, 30, True, id="far-at-once"),
        pytest.param(FAR, 600, False, id="far-after-a-walk"),
        pytest.param(NEAR, 1, False, id="within-reach"),
        pytest.param(None, 1, False, id="nobody-said-where"),
    ],
)
async def test_only_what_nobody_can_walk_is_an_alarm(
    scene: Scene, there: LonLat | None, after_s: int, sounds: bool
) -> None:
    await scene.arrive(scene.place(HELSINKI))
    answer = await scene.arrive(scene.place(there), after=timedelta(seconds=after_s))
    assert answer.status_code == 303
    assert len(scene.alarms()) == sounds


async def test_two_gateways_at_once_are_an_alarm_without_any_places(scene: Scene) -> None:
    other = f"gw-{uuid.uuid4().hex[:10]}"
    scene.gateway(other)
    await scene.arrive(scene.place(None))
    await scene.arrive(scene.place(None), slug=other)
    assert len(scene.alarms()) == 1


async def test_one_trouble_is_one_open_alarm_until_it_is_seen(scene: Scene) -> None:
    here, there = scene.place(HELSINKI), scene.place(FAR)
    for ap in (here, there, here, there):
        await scene.arrive(ap)
    [alarm] = scene.alarms()
    assert (alarm.kind, alarm.times) == ("device_at_two_places", 3)
    operator = {"authorization": f"Bearer {scene.makers.token(scene.district, Role.OPERATOR)}"}
    address = f"/v1/districts/{scene.district.slug}/alarms"
    listed = (await scene.client.get(address, headers=operator)).json()["items"]
    assert [(one["id"], one["detail"]["distance_m"]) for one in listed] == [(str(alarm.id), 1110)]
    assert (await scene.client.post(f"{address}/{alarm.id}/seen", headers=operator)).status_code == 200
    assert (await scene.client.get(address, headers=operator)).json()["items"] == []
    await scene.arrive(here)
    assert len(scene.alarms()) == 2


async def test_the_second_of_two_devices_opens_nothing_of_the_member(scene: Scene) -> None:
    first = await scene.arrive(scene.place(HELSINKI))
    second = await scene.arrive(scene.place(FAR))
    assert "set-cookie" in first.headers
    assert "district_session" in first.headers["set-cookie"]
    assert not [value for value in second.headers.get_list("set-cookie") if "district_session" in value]
    assert (await scene.client.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("path", ["alarms", f"alarms/{uuid.UUID(int=7)}/seen"])
async def test_alarms_are_for_operators(scene: Scene, path: str) -> None:
    await refresh(scene.app)
    method = "POST" if path.endswith("seen") else "GET"
    address = f"/v1/districts/{scene.district.slug}/{path}"
    shopper = {"authorization": f"Bearer {scene.makers.token(scene.district, Role.SHOPPER)}"}
    operator = {"authorization": f"Bearer {scene.makers.token(scene.district, Role.OPERATOR)}"}
    statuses: list[Any] = [
        (await scene.client.request(method, address, headers=headers)).status_code
        for headers in ({}, shopper, operator)
    ]
    assert statuses == [401, 403, 404 if method == "POST" else 200]


async def test_accounting_from_two_places_at_once_is_an_alarm(scene: Scene, pool: Pool) -> None:
    here, there, near = scene.place(HELSINKI), scene.place(FAR), scene.place(NEAR)
    scene.heard(here, ago=timedelta(seconds=5), alias=b"a" * 16)
    scene.heard(there, ago=timedelta(seconds=40), alias=b"a" * 16)
    scene.heard(here, ago=timedelta(seconds=5), alias=b"b" * 16)
    scene.heard(near, ago=timedelta(seconds=40), alias=b"b" * 16)
    scene.heard(here, ago=timedelta(seconds=5), alias=b"c" * 16)
    scene.heard(there, ago=timedelta(minutes=20), alias=b"c" * 16)
    clock = scene.makers.clock
    counts = [await two_places.heard(pool, scene.district.id, clock=clock) for _ in range(2)]
    assert counts == [1, 1]
    [alarm] = scene.alarms()
    assert (alarm.subject, alarm.times) == ((b"a" * 16).hex(), 2)


@pytest.mark.parametrize(
    ("metres", "apart_s", "is_so"),
    [
        pytest.param(200.0, 0, False, id="reach"),
        pytest.param(201.0, 0, True, id="beyond"),
        pytest.param(600.0, 100, False, id="runner"),
        pytest.param(601.0, -100, True, id="order-does-not-matter"),
        pytest.param(None, 9, True, id="unknown-at-once"),
        pytest.param(None, 10, False, id="unknown-later"),
    ],
)
def test_what_nobody_can_walk(metres: float | None, apart_s: int, is_so: bool) -> None:
    assert alarms.is_impossible(metres, timedelta(seconds=apart_s)) is is_so
