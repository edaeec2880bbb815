"""The nearest stores over HTTP: equal to a plain scan, right in time, clear about bad input."""

import asyncio
import json
import random
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pyproj import Geod

from district.auth.models import Role
from district.clock import FixedClock
from district.districts.models import District
from district.settings import Settings
from district.stores.jobs import import_file
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers

PLACES = Path(__file__).parents[3] / "district/demo/data/helsinki/pois.geojson"
GEOD = Geod(ellps="WGS84")
HERE: dict[str, Any] = {"lon": HELSINKI.lon, "lat": HELSINKI.lat}


class Asker:
    """Questions about one district."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, district: District) -> None:
        self.app, self.client, self.district = app, client, district

    async def ask(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(**(HERE | query))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/geo+json"
        features: list[dict[str, Any]] = answer.json()["features"]
        return features

    async def get(self, **query: Any) -> httpx.Response:
        return await self.client.get(f"/v1/districts/{self.district.slug}/stores/nearest", params=query)

    async def names(self, **query: Any) -> list[str]:
        return [feature["properties"]["name"] for feature in await self.ask(**query)]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nothing is polled: what is new has been heard."""
    return settings.model_copy(update={"snapshot_poll": timedelta(hours=1)})


@pytest.fixture
def asker(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Asker:
    return Asker(app, client, committed.district())


def east(metres: float) -> LonLat:
    lon, lat, _ = GEOD.fwd(HELSINKI.lon, HELSINKI.lat, 90, metres)
    return LonLat(lon=lon, lat=lat)


async def test_nearest_first_with_the_geodesic_distance(asker: Asker, committed: Makers) -> None:
    for metres in (300, 100, 200):
        committed.store(asker.district, name=f"s{metres}", at=east(metres))
    await refresh(asker.app)
    features = await asker.ask(limit=2)
    assert [feature["properties"]["name"] for feature in features] == ["s100", "s200"]
    assert features[0]["properties"]["distance_m"] == pytest.approx(100, abs=0.01)
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [east(100).lon, east(100).lat]}


async def test_each_filter_leaves_only_what_fits(asker: Asker, committed: Makers) -> None:
    committed.store(asker.district, name="Zara", category="clothes", brand="ZARA", floor="2", at=east(10))
    committed.store(
        asker.district, name="Cafe Aalto", name_zh="阿尔托", category="cafe", floor="1", at=east(20)
    )
    committed.store(asker.district, name="Far", category="cafe", at=east(900))
    await refresh(asker.app)
    assert await asker.names() == ["Zara", "Cafe Aalto", "Far"]
    assert await asker.names(category="cafe") == ["Cafe Aalto", "Far"]
    assert await asker.names(q="aalTO") == ["Cafe Aalto"]
    assert await asker.names(q="阿尔托") == ["Cafe Aalto"]
    assert await asker.names(brand="zara") == ["Zara"]
    assert await asker.names(floor="1") == ["Cafe Aalto"]
    assert await asker.names(radius_m=50) == ["Zara", "Cafe Aalto"]
    assert await asker.names(category="cafe", radius_m=5) == []
    assert await asker.names(category="", q="", limit="") == ["Zara", "Cafe Aalto", "Far"]


async def test_words_for_the_trade_find_stores_in_both_languages(asker: Asker, committed: Makers) -> None:
    committed.store(asker.district, name="Robert", category="cafe", at=east(10))
    committed.store(asker.district, name="云溪药房", category="pharmacy", at=east(20))
    committed.store(asker.district, name="Zara", category="clothes", at=east(30))
    await refresh(asker.app)
    assert await asker.names(q="咖啡") == await asker.names(q="Ｃoffee") == ["Robert"]
    assert await asker.names(q="pharmacy") == await asker.names(q="药") == ["云溪药房"]
    assert await asker.names(q="衣服") == ["Zara"]
    assert await asker.names(q="咖啡", open_now="true") == []
    page = await asker.client.get(
        f"/d/{asker.district.slug}/nearest", params=HERE | {"q": "coffee", "lang": "zh"}
    )
    assert "Robert" in page.text
    assert "Zara" not in page.text


async def test_open_now_moves_with_business_time(asker: Asker, committed: Makers, clock: FixedClock) -> None:
    committed.store(asker.district, name="Lunch", opening_hours="Mo-Fr 11:00-13:00", at=east(10))
    committed.store(asker.district, name="Late", opening_hours="Mo-Su 12:30-22:00", at=east(20))
    committed.store(asker.district, name="Unknown", opening_hours="ask inside", at=east(30))
    await refresh(asker.app)
    lunch, late, unknown = (feature["properties"] for feature in await asker.ask())
    assert (lunch["open_now"], lunch["opens_at"], lunch["closes_at"]) == (
        True,
        None,
        "2026-05-01T13:00:00+03:00",
    )
    assert (late["open_now"], late["opens_at"], late["closes_at"]) == (
        False,
        "2026-05-01T12:30:00+03:00",
        None,
    )
    assert (unknown["open_now"], unknown["opens_at"], unknown["closes_at"]) == (None, None, None)
    assert await asker.names(open_now="true") == ["Lunch"]
    clock.advance(timedelta(minutes=30))
    assert await asker.names(open_now="true") == ["Lunch", "Late"]
    clock.advance(timedelta(minutes=30))
    assert await asker.names(open_now="1") == ["Late"]


async def test_has_offer_follows_live_campaigns_stock_and_time(
    asker: Asker, committed: Makers, clock: FixedClock
) -> None:
    merchant = committed.merchant(asker.district)
    names = ("live", "draft", "sold out", "over")
    live, draft, sold_out, over = (
        committed.store(asker.district, name=name, at=east(metres)) for metres, name in enumerate(names, 1)
    )
    committed.campaign(asker.district, merchant, [live], ends_at=clock.now() + timedelta(minutes=5))
    committed.campaign(asker.district, merchant, [draft], state="draft")
    committed.campaign(asker.district, merchant, [sold_out], stock=0)
    committed.campaign(asker.district, merchant, [over], ends_at=clock.now())
    await refresh(asker.app)
    assert await asker.names(has_offer="true") == ["live"]
    clock.advance(timedelta(minutes=5))
    assert await asker.names(has_offer="true") == []


async def test_a_change_is_seen_after_a_refresh_and_another_district_is_not_read_again(
    asker: Asker, committed: Makers
) -> None:
    store = committed.store(asker.district, name="Old")
    await refresh(asker.app)
    before = asker.app.state.store_book.value
    await refresh(asker.app)
    assert asker.app.state.store_book.value is before
    store.name = "New"
    other = committed.district()
    await refresh(asker.app)
    parts = asker.app.state.store_book.value.by_district
    assert await asker.names() == ["New"]
    committed.store(other, name="Elsewhere")
    await refresh(asker.app)
    assert asker.app.state.store_book.value.by_district[asker.district.id] is parts[asker.district.id]
    assert await asker.names() == ["New"]


async def test_closed_stores_are_not_found(asker: Asker, committed: Makers, clock: FixedClock) -> None:
    closed = committed.store(asker.district, closed_at=clock.now())
    await refresh(asker.app)
    assert await asker.ask() == []
    answer = await asker.client.get(f"/v1/districts/{asker.district.slug}/stores/{closed.id}")
    assert answer.status_code == 404


async def test_a_brand_is_found_across_districts(asker: Asker, committed: Makers) -> None:
    brand, other = f"b-{uuid.uuid4().hex}", committed.district()
    committed.store(other, name="far", brand=brand, at=east(500), opening_hours="24/7")
    committed.store(asker.district, name="near", brand=brand, at=east(100), opening_hours="Mo off")
    committed.store(asker.district, name="else", at=east(1))
    await refresh(asker.app)
    answer = await asker.client.get("/v1/stores/nearest", params=HERE | {"brand": brand.upper()})
    found = [feature["properties"] for feature in answer.json()["features"]]
    assert [(item["name"], item["district"]) for item in found] == [
        ("near", asker.district.slug),
        ("far", other.slug),
    ]
    query = HERE | {"brand": brand, "open_now": "true"}
    answer = await asker.client.get("/v1/stores/nearest", params=query)
    assert [feature["properties"]["name"] for feature in answer.json()["features"]] == ["far"]


async def test_crs_holds_for_the_question_and_for_the_answer(asker: Asker, committed: Makers) -> None:
    shanghai = LonLat(lon=121.4737, lat=31.2304)
    committed.store(asker.district, name="Bund", at=shanghai)
    await refresh(asker.app)
    shown = from_wgs84(shanghai, Datum.GCJ02)
    (feature,) = await asker.ask(lon=shown.lon, lat=shown.lat, crs="GCJ02")
    assert feature["properties"]["distance_m"] < 0.05
    assert feature["geometry"]["coordinates"] == pytest.approx([shown.lon, shown.lat], abs=1e-9)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "/query/lon"),
        ({"lon": 1}, "/query/lat"),
        ({"lon": "", "lat": 1}, "/query/lon"),
        ({"lon": "x", "lat": 1}, "/query/lon"),
        (HERE | {"limit": 0}, "/query/limit"),
        (HERE | {"limit": 101}, "/query/limit"),
        (HERE | {"limit": "9" * 400}, "/query/limit"),
        (HERE | {"open_now": "perhaps"}, "/query/open_now"),
        (HERE | {"crs": "epsg:3857"}, "/query/crs"),
        (HERE | {"q": "x" * 101}, "/query/q"),
        (HERE | {"radius_m": "1e999"}, "/query/radius_m"),
    ],
)
async def test_a_bad_parameter_is_named(asker: Asker, query: dict[str, Any], pointer: str) -> None:
    answer = await asker.get(**query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    "query",
    [{"lon": "nan", "lat": 0}, {"lon": 181, "lat": 0}, {"lon": 0, "lat": "inf"}, HERE | {"radius_m": -1}],
)
async def test_a_value_out_of_range_is_refused(asker: Asker, query: dict[str, Any]) -> None:
    await refresh(asker.app)
    answer = await asker.get(**query)
    assert answer.status_code == 422
    assert answer.json()["detail"]


async def test_an_unknown_district_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/districts/nowhere/stores/nearest", params=HERE)
    assert answer.status_code == 404


async def test_a_store_is_given_by_id_and_by_ref(asker: Asker, committed: Makers) -> None:
    store = committed.store(asker.district, name="Zio", floor="-1", address="Aleksi 1", opening_hours="24/7")
    await refresh(asker.app)
    base = f"/v1/districts/{asker.district.slug}/stores"
    answer = (await asker.client.get(f"{base}/{store.id}")).json()
    assert answer == (await asker.client.get(f"{base}/{store.ref}")).json()
    assert (answer["name"], answer["floor"], answer["open_now"], answer["closes_at"]) == (
        "Zio",
        "-1",
        True,
        None,
    )
    assert (await asker.client.get(f"{base}/{uuid.uuid4()}")).status_code == 404
    other = committed.district()
    await refresh(asker.app)
    assert (await asker.client.get(f"/v1/districts/{other.slug}/stores/{store.id}")).status_code == 404


@pytest.fixture
def places() -> tuple[Path, list[dict[str, Any]]]:
    return PLACES, json.loads(PLACES.read_text())["features"]


async def test_nearest_equals_a_scan_of_the_real_places_of_helsinki(
    asker: Asker, committed: Makers, clock: FixedClock, places: tuple[Path, list[dict[str, Any]]]
) -> None:
    path, features = places
    report = import_file(committed.session, committed.info(asker.district), path, clock=clock)
    committed.done()
    assert report.errors == 0
    await refresh(asker.app)
    for lon, lat, category in [
        (24.9445, 60.1689, None),
        (24.94, 60.175, "clothes"),
        (24.951, 60.166, "cafe"),
        (24.9, 60.2, "hotel"),
    ]:
        expected = sorted(
            (round(GEOD.inv(lon, lat, *feature["geometry"]["coordinates"])[2], 2), str(feature["id"]))
            for feature in features
            if category is None or category in feature["properties"].values()
        )[:20]
        query = {"lon": lon, "lat": lat, "limit": 20} | ({"category": category} if category else {})
        found = [feature["properties"] for feature in await asker.ask(**query)]
        assert [item["distance_m"] for item in found] == [distance_m for distance_m, _ in expected]
        assert {item["ref"] for item in found[:19]} <= {ref for _, ref in expected} | {found[-1]["ref"]}


async def test_a_change_over_the_api_is_heard_without_a_poll(asker: Asker, committed: Makers) -> None:
    await refresh(asker.app)
    token = committed.token(asker.district, Role.OPERATOR)
    body = {"name": "Heard", "category": "cafe", "lon": HELSINKI.lon, "lat": HELSINKI.lat}
    answer = await asker.client.post(
        f"/v1/districts/{asker.district.slug}/stores", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201
    async with asyncio.timeout(90):
        while await asker.names() != ["Heard"]:  # noqa: ASYNC110 the answer itself is the condition
            await asyncio.sleep(0.02)


async def test_all_districts_together_equal_a_scan(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    draw, brand = random.Random(7), f"b-{uuid.uuid4().hex}"
    expected = []
    for _ in range(6):
        center = LonLat(lon=24 + draw.uniform(-3, 3), lat=60 + draw.uniform(-2, 2))
        district = committed.district(center=center)
        for _ in range(5):
            at = LonLat(lon=center.lon + draw.uniform(-0.5, 0.5), lat=center.lat + draw.uniform(-0.3, 0.3))
            store = committed.store(district, brand=brand, at=at)
            distance_m = GEOD.inv(HELSINKI.lon, HELSINKI.lat, at.lon, at.lat)[2]
            expected.append((round(distance_m, 2), str(store.id)))
    await refresh(app)
    expected.sort()
    queries: list[dict[str, float]] = [
        {"limit": 7},
        {"limit": 30},
        {"limit": 30, "radius_m": expected[11][0] + 1},
    ]
    for query, count in zip(queries, (7, 30, 12), strict=True):
        answer = await client.get("/v1/stores/nearest", params=HERE | {"brand": brand} | query)
        found = [(item["properties"]["distance_m"], item["id"]) for item in answer.json()["features"]]
        assert found == expected[:count]


async def test_new_offers_read_no_store_again(asker: Asker, committed: Makers) -> None:
    store = committed.store(asker.district)
    await refresh(asker.app)
    before = asker.app.state.store_book.value.by_district[asker.district.id]
    committed.campaign(asker.district, committed.merchant(asker.district), [store])
    await refresh(asker.app)
    after = asker.app.state.store_book.value.by_district[asker.district.id]
    assert after is not before
    assert after.stores is before.stores
    assert await asker.names(has_offer="1") == ["Zio"]
