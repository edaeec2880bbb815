"""Zones and access points over HTTP."""

from time import process_time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers, square

SQUARE: dict[str, Any] = {"type": "Polygon", "coordinates": [list(map(list, square().exterior.coords))]}


class Desk:
    """The operator of one district."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, makers: Makers) -> None:
        self.app, self.client, self.makers = app, client, makers
        self.district = makers.district()
        self.headers = {"Authorization": f"Bearer {makers.token(self.district, Role.OPERATOR)}"}

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        address = f"/v1/districts/{self.district.slug}{path}"
        return await self.client.request(method, address, json=body, headers=self.headers)


@pytest.fixture
async def desk(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Desk:
    made = Desk(app, client, committed)
    await refresh(app)
    return made


async def test_a_zone_is_made_read_changed_and_deleted(desk: Desk) -> None:
    made = await desk.send("POST", "/zones", {"name": "Aleksi", "name_zh": "阿列克西", "geometry": SQUARE})
    assert made.status_code == 201
    zone = made.json()
    assert zone["slug"].startswith("aleksi-")
    assert zone["geometry"]["type"] == "MultiPolygon"
    assert zone["geometry"]["coordinates"][0] == SQUARE["coordinates"]
    changed = await desk.send("PATCH", f"/zones/{zone['id']}", {"name": "Esplanadi", "floor": "1"})
    assert (changed.json()["name"], changed.json()["floor"]) == ("Esplanadi", "1")
    assert (await desk.send("GET", f"/zones/{zone['id']}")).json() == changed.json()
    assert (await desk.send("DELETE", f"/zones/{zone['id']}")).status_code == 204
    assert (await desk.send("GET", f"/zones/{zone['id']}")).status_code == 404


async def test_a_zone_in_use_is_not_deleted(desk: Desk) -> None:
    zone = desk.makers.zone(desk.district)
    desk.makers.access_point(desk.district, zone_id=zone.id)
    answer = await desk.send("DELETE", f"/zones/{zone.id}")
    assert answer.status_code == 409
    assert "access point" in answer.json()["detail"]


async def test_a_taken_slug_is_a_conflict(desk: Desk) -> None:
    zone = desk.makers.zone(desk.district)
    body = {"slug": zone.slug, "name": "x", "geometry": SQUARE}
    assert (await desk.send("POST", "/zones", body)).status_code == 409


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"type": "Point", "coordinates": [24, 60]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[i / 1000, i % 2] for i in range(501)] + [[0, 0]]]},
        {"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 0]]]},
        {"type": "Polygon", "coordinates": [[[2780000, 8430000], [1, 0], [1, 1], [2780000, 8430000]]]},
    ],
)
async def test_a_bad_outline_is_refused_with_a_reason(desk: Desk, geometry: dict[str, Any]) -> None:
    answer = await desk.send("POST", "/zones", {"name": "x", "geometry": geometry})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) > 20


async def test_an_outline_is_converted_from_its_datum(desk: Desk) -> None:
    ring = [(121.47, 31.23), (121.48, 31.23), (121.48, 31.24), (121.47, 31.23)]
    shown = [from_wgs84(LonLat(lon=lon, lat=lat), Datum.GCJ02) for lon, lat in ring]
    body = {
        "name": "Bund",
        "crs": "gcj02",
        "geometry": {"type": "Polygon", "coordinates": [[[item.lon, item.lat] for item in shown]]},
    }
    made = (await desk.send("POST", "/zones", body)).json()
    for stored, (lon, lat) in zip(made["geometry"]["coordinates"][0][0], ring, strict=True):
        assert stored == pytest.approx([lon, lat], abs=1e-7)


@pytest.mark.parametrize("mac", ["AA:BB:CC:DD:EE:0F", "aa-bb-cc-dd-ee-0f", "aabb.ccdd.ee0f", "AABBCCDDEE0F"])
async def test_a_mac_is_one_in_any_spelling(desk: Desk, mac: str) -> None:
    body = {"mac": mac, "name": "Gate", "lon": HELSINKI.lon, "lat": HELSINKI.lat}
    made = await desk.send("POST", "/access-points", body)
    assert made.status_code == 201
    assert made.json()["mac"] == "aabbccddee0f"
    again = await desk.send("POST", "/access-points", {"mac": "aabbccddee0f"})
    assert again.status_code == 409


async def test_an_access_point_is_moved_and_deleted(desk: Desk) -> None:
    made = (await desk.send("POST", "/access-points", {"mac": "aabbccddee01"})).json()
    assert (made["lon"], made["lat"]) == (None, None)
    path = f"/access-points/{made['id']}"
    moved = (await desk.send("PATCH", path, {"lon": 24.94, "lat": 60.17, "floor": "1"})).json()
    assert (moved["lon"], moved["lat"], moved["floor"]) == (24.94, 60.17, "1")
    assert (await desk.send("PATCH", path, {"name": "x"})).json()["lon"] == 24.94
    assert (await desk.send("PATCH", path, {"lon": None, "lat": None})).json()["lon"] is None
    assert (await desk.send("DELETE", path)).status_code == 204
    assert (await desk.send("GET", path)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"mac": "aa:bb"},
        {"mac": "gg:bb:cc:dd:ee:ff"},
        {"mac": "ａａbbccddeeff"},
        {"mac": "aabbccddeeff", "lon": 24},
        {"mac": "aabbccddeeff", "lon": 24, "lat": 91},
        {"mac": "aabbccddeeff", "zone_id": "0198a000-0000-7000-8000-000000000000"},
        {},
    ],
)
async def test_a_bad_access_point_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert (await desk.send("POST", "/access-points", body)).status_code == 422


@pytest.mark.parametrize(
    "geometry",
    [
        b'{"type":"Polygon","coordinates":[[[NaN,1],[1,1],[1,0],[NaN,1]]]}',
        b'{"type":"Polygon","coordinates":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"type":"Polygon","coordinates":[[' + b"[0.5,0.5]," * 90_000 + b"[0.5,0.5]]]}",
        b'{"type":"Polygon","crs":{"properties":{"name":"EPSG:3857"}},"coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}',
        b'{"type":"GeometryCollection","geometries":[{"type":"GeometryCollection","geometries":[]}]}',
        b'"\x00\xff"',
    ],
)
async def test_a_hostile_body_is_refused_quickly(desk: Desk, geometry: bytes) -> None:
    started_s = process_time()
    answer = await desk.client.post(
        f"/v1/districts/{desk.district.slug}/zones",
        content=b'{"name":"x","geometry":' + geometry + b"}",
        headers=desk.headers | {"Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 413, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert process_time() - started_s < 10
