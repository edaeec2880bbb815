"""The base map as imported, and its vector tiles."""

import json
import math
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.zones.jobs import import_map
from district.zones.models import MapFeature
from district.zones.tiles import TileCache
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers

DATA = Path(__file__).parents[3] / "district/demo/data/helsinki"
RING = [[24.944, 60.168], [24.946, 60.168], [24.946, 60.17], [24.944, 60.17], [24.944, 60.168]]


def building(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "type": "Feature",
        "id": 1,
        "geometry": {"type": "Polygon", "coordinates": [RING]},
        "properties": {"building": "yes", "name": "Stockmann", "name:zh": "斯托克曼", "osm": "w1"},
    }
    return given | changes


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """The tile that holds a position (OpenStreetMap's slippy map numbering)."""
    turn = math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)) / math.pi
    return int((lon + 180) / 360 * 2**zoom), int((1 - turn) / 2 * 2**zoom)


def address(slug: str, zoom: int = 15) -> str:
    x, y = tile_of(HELSINKI.lon, HELSINKI.lat, zoom)
    return f"/v1/tiles/{slug}/{zoom}/{x}/{y}.mvt"


def test_a_feature_keeps_its_id_over_imports_and_goes_with_its_source(
    session: Session, makers: Makers
) -> None:
    info = makers.info(makers.district())
    import_map(session, info, "buildings", [building(), building(properties={"building": "no", "osm": "w2"})])
    first = dict(session.execute(select(MapFeature.ref, MapFeature.id)).all())
    result = import_map(session, info, "buildings", [building()])
    assert dict(session.execute(select(MapFeature.ref, MapFeature.id)).all()) == {"w1": first["w1"]}
    assert (result.kept, result.refused) == (1, 0)
    shape, name = session.execute(select(func.ST_SRID(MapFeature.shape_3857), MapFeature.name)).one()
    assert (shape, name) == (3857, "Stockmann")


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Point", "coordinates": [200, 0]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
    ],
)
def test_a_feature_that_cannot_be_drawn_is_said_and_left_out(
    session: Session, makers: Makers, geometry: Any
) -> None:
    result = import_map(
        session, makers.info(makers.district()), "buildings", [building(), building(geometry=geometry)]
    )
    assert (result.kept, result.refused, result.issues[0][0]) == (1, 1, 1)


def test_an_unknown_layer_is_refused(session: Session, makers: Makers) -> None:
    with pytest.raises(ValueError, match="buildings"):
        import_map(session, makers.info(makers.district()), "clouds", [])


async def test_a_tile_holds_the_public_layers(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district()
    import_map(committed.session, committed.info(district), "buildings", [building()])
    committed.done()
    committed.store(district, name="Zio")
    committed.zone(district, name="Aleksi")
    await refresh(app)
    answer = await client.get(address(district.slug))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert answer.headers["cache-control"].startswith("public")
    for text in ("buildings", "斯托克曼", "stores", "Zio", "has_offer", "zones", "Aleksi"):
        assert text.encode() in answer.content
    again = await client.get(address(district.slug), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_fences_are_seen_with_a_log_in_of_the_district_only(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district, other = committed.district(), committed.district()
    mine, rival = committed.merchant(district), committed.merchant(district)
    committed.campaign(district, mine, [], name="Mine alone")
    committed.campaign(district, rival, [], name="The rival's")
    tokens = {
        "operator": committed.token(district, Role.OPERATOR),
        "merchant": committed.token(district, Role.MERCHANT, scope_id=mine.id),
        "shopper": committed.token(district, Role.SHOPPER),
        "stranger": committed.token(other, Role.OPERATOR),
    }
    await refresh(app)
    seen = {}
    for who, token in tokens.items():
        answer = await client.get(address(district.slug), headers={"Authorization": f"Bearer {token}"})
        seen[who] = (b"Mine alone" in answer.content, b"The rival's" in answer.content)
        assert answer.headers["cache-control"].startswith("private") == any(seen[who])
    assert seen == {
        "operator": (True, True),
        "merchant": (True, False),
        "shopper": (False, False),
        "stranger": (False, False),
    }
    assert b"fences" not in (await client.get(address(district.slug))).content


async def test_a_tile_of_nothing_is_empty_and_one_beyond_the_pyramid_is_not_found(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district()
    await refresh(app)
    assert (await client.get(f"/v1/tiles/{district.slug}/15/0/0.mvt")).status_code == 204
    for place in ("9/0/0", "19/0/0", "15/32768/0", "15/0/99999999999"):
        assert (await client.get(f"/v1/tiles/{district.slug}/{place}.mvt")).status_code == 404
    assert (await client.get("/v1/tiles/nowhere/15/0/0.mvt")).status_code == 404
    for place in ("15/x/0", "15/-1/0"):
        assert (await client.get(f"/v1/tiles/{district.slug}/{place}.mvt")).status_code == 422


async def test_a_change_shows_once_the_tiles_are_told(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district()
    zone = committed.zone(district, name="Before")
    await refresh(app)
    assert b"Before" in (await client.get(address(district.slug))).content
    zone.name = "After"
    committed.done()
    await refresh(app)
    assert b"After" in (await client.get(address(district.slug))).content


def test_the_least_used_tile_is_forgotten_first() -> None:
    cache = TileCache(capacity_bytes=3 * 300)
    for x in range(3):
        cache.put(("d", 15, x, 0), b"x" * 100)
    assert cache.get(("d", 15, 0, 0)) is not None
    cache.put(("d", 15, 9, 0), b"y" * 100)
    assert cache.get(("d", 15, 1, 0)) is None
    assert len(cache) == 3


async def test_real_helsinki_makes_tiles_at_every_zoom(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    district = committed.district(slug=f"h-{uuid.uuid4().hex[:8]}")
    for layer in ("buildings", "streets", "plazas", "landuse", "water", "rail", "transit"):
        features = json.loads((DATA / f"{layer}.geojson").read_text())["features"]
        result = import_map(committed.session, committed.info(district), layer, features)
        assert result.kept > 0.9 * len(features), (layer, result.issues[:3])
    committed.done()
    await refresh(app)
    for zoom in range(10, 19):
        answer = await client.get(address(district.slug, zoom))
        assert answer.status_code == 200
        assert len(answer.content) < 500_000
        assert b"streets" in answer.content
