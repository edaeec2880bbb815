"""The shoppers' pages about places, as a browser without scripts gets them."""

import gzip
import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pyproj import Geod

from district.clock import FixedClock
from district.database import make_engine, make_sessions
from district.districts.models import District
from district.stores.jobs import import_file
from district.web.walking import walking_links
from district.zones.jobs import import_map
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers

DATA = Path(__file__).parents[3] / "district/demo/data/helsinki"
STREET: dict[str, Any] = {
    "type": "Feature",
    "id": 7,
    "geometry": {
        "type": "LineString",
        "coordinates": [
            [HELSINKI.lon - 0.01, HELSINKI.lat + 0.0003],
            [HELSINKI.lon + 0.01, HELSINKI.lat + 0.0003],
        ],
    },
    "properties": {"highway": "residential", "name": "Aleksanterinkatu", "name:zh": "亚历山大街"},
}
STOP: dict[str, Any] = {
    "type": "Feature",
    "id": 9,
    "geometry": {"type": "Point", "coordinates": [HELSINKI.lon + 0.001, HELSINKI.lat]},
    "properties": {"railway": "tram_stop", "name": "Ylioppilastalo", "osm": "n9"},
}


def east(metres: float) -> LonLat:
    lon, lat, _ = Geod(ellps="WGS84").fwd(HELSINKI.lon, HELSINKI.lat, 90, metres)
    return LonLat(lon=lon, lat=lat)


class Reader:
    """Reads pages of one district that has a street and a tram stop."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, makers: Makers) -> None:
        self.app, self.client, self.makers = app, client, makers
        self.district: District = makers.district(
            name_zh="克卢维", attribution="© OpenStreetMap contributors", country="FI"
        )
        info = makers.info(self.district)
        import_map(makers.session, info, "streets", [STREET])
        import_map(makers.session, info, "transit", [STOP])
        makers.done()

    async def page(self, path: str = "/nearest", **query: Any) -> str:
        answer = await self.client.get(f"/d/{self.district.slug}{path}", params={"lang": "en"} | query)
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture
async def reader(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Reader:
    made = Reader(app, client, committed)
    await refresh(app)
    return made


def listed(page: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'<span class="name">([^<]*)</span>', page)]


def pinned(page: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'class="m-pin" [^>]*aria-label="([^"]*)"', page)]


async def test_the_list_is_nearest_first_and_the_pins_carry_its_numbers(
    reader: Reader, committed: Makers
) -> None:
    for metres in (300, 100, 200):
        committed.store(reader.district, name=f"s{metres}", at=east(metres))
    await refresh(reader.app)
    page = await reader.page()
    assert listed(page) == ["s100", "s200", "s300"]
    assert pinned(page) == ["1 s100", "2 s200", "3 s300"]
    assert page.index('class="list"') < page.index("<figure")
    assert "1 min walk" in page
    assert page.count("openstreetmap.org/copyright") == 2
    assert "Aleksanterinkatu" in page


async def test_the_form_filters_without_a_script(reader: Reader, committed: Makers) -> None:
    committed.store(reader.district, name="Zara", category="clothes", floor="2", at=east(10))
    committed.store(reader.district, name="Aalto", category="cafe", at=east(20), opening_hours="24/7")
    await refresh(reader.app)
    assert listed(await reader.page(category="cafe")) == ["Aalto"]
    assert listed(await reader.page(q="zar")) == ["Zara"]
    assert listed(await reader.page(floor="2")) == ["Zara"]
    assert listed(await reader.page(open_now="1")) == ["Aalto"]
    page = await reader.page(q="nothing like it")
    assert listed(page) == []
    assert "No shop fits" in page


async def test_parking_is_listed_only_for_who_asks(reader: Reader, committed: Makers) -> None:
    for metres in range(30):
        committed.store(reader.district, name=f"P{metres}", category="parking", at=east(metres + 1))
    committed.store(reader.district, name="Zara", at=east(50))
    await refresh(reader.app)
    assert listed(await reader.page()) == ["Zara"]
    assert len(listed(await reader.page(category="parking"))) == 10


async def test_what_opens_soon_is_shown_when_nothing_is_open(
    reader: Reader, committed: Makers, clock: FixedClock
) -> None:
    for hour in (18, 15, 17, 16):
        committed.store(
            reader.district, name=f"at {hour}", opening_hours=f"Mo-Su {hour}:00-23:00", at=east(hour)
        )
    await refresh(reader.app)
    page = await reader.page(open_now="1")
    assert listed(page) == ["at 15", "at 16", "at 17"]
    assert "these open soon" in page
    assert "opens 15:00" in page
    clock.advance(timedelta(hours=3))
    page = await reader.page(open_now="1")
    assert listed(page) == ["at 15"]
    assert "until 23:00" in page


async def test_the_page_names_where_it_searches_from(reader: Reader, committed: Makers) -> None:
    store = committed.store(reader.district, name="Zio", at=east(400))
    committed.access_point(reader.district, mac="aabbccddee42", name="Gate 4", at=east(300))
    await refresh(reader.app)
    for query, name in [
        ({}, "the centre of the district"),
        ({"lon": "24.95", "lat": "60.17"}, "your position"),
        ({"ap": "AA:BB:CC:DD:EE:42"}, "the Wi-Fi at Gate 4"),
        ({"from": "n9"}, "Ylioppilastalo"),
        ({"from": str(store.id)}, "Zio"),
        ({"from": "gone"}, "the centre of the district"),
        ({"ap": "x" * 500}, "the centre of the district"),
        ({"lon": "nan", "lat": "1"}, "the centre of the district"),
        ({"lon": "24.95", "lat": "x", "from": "n9"}, "Ylioppilastalo"),
    ]:
        assert f"Nearest first, from {name}</p>" in await reader.page(**query)
    assert ">100 m<" in await reader.page(ap="aabbccddee42")


async def test_the_page_speaks_chinese(reader: Reader, committed: Makers) -> None:
    committed.store(reader.district, name="Aalto", name_zh="阿尔托", category="cafe", at=east(150))
    await refresh(reader.app)
    page = await reader.page(lang="zh")
    assert listed(page) == ["阿尔托"]
    for text in ("附近的店", "咖啡馆", "商圈中心", "克卢维", "亚历山大街", '<html lang="zh-Hans">'):
        assert text in page


@pytest.mark.parametrize("name", ["<svg onload=1>", "{{7*7}}", "\"'><script>alert(1)</script>", "a\u202eb"])
async def test_a_hostile_name_is_only_text(reader: Reader, committed: Makers, name: str) -> None:
    store = committed.store(reader.district, name=name, address=name, at=east(10))
    await refresh(reader.app)
    for page in (await reader.page(), await reader.page(f"/stores/{store.id}"), await reader.page(q=name)):
        assert "<svg onload" not in page
        assert "<script>alert" not in page
        assert ">49<" not in page
    # A mark that turns the text around is left out of every page.
    assert listed(await reader.page()) == [name.replace("\u202e", "")]


async def test_a_store_page_says_hours_and_the_ways_there(
    reader: Reader, committed: Makers, client: httpx.AsyncClient
) -> None:
    store = committed.store(
        reader.district, name="Zio", opening_hours="Mo-Su 10:00-20:00", address="Aleksi 1", floor="1"
    )
    await refresh(reader.app)
    page = await reader.page(f"/stores/{store.id}")
    for text in (
        "Zio",
        "Open",
        "until 20:00",
        "Aleksi 1",
        "floor 1",
        "https://maps.apple.com/",
        "https://uri.amap.com/",
    ):
        assert text in page
    assert not re.findall(r'href="(?!https://|/|#content)[^"]', page)
    assert "openstreetmap.org/copyright" in page
    for gone in ("00000000-0000-7000-8000-000000000000", "no-such-ref"):
        answer = await client.get(f"/d/{reader.district.slug}/stores/{gone}")
        assert answer.status_code == 404


async def test_the_home_page_leads_to_the_pages(reader: Reader, committed: Makers) -> None:
    committed.store(reader.district, name="Zio", opening_hours="24/7")
    await refresh(reader.app)
    page = await reader.page("")
    assert "1 place · 1 open now" in page
    for place in ("nearest", "inbox", "wallet", "privacy"):
        assert f'href="/d/{reader.district.slug}/{place}"' in page


@pytest.mark.parametrize("path", ["", "/nearest", "/stores/x"])
async def test_an_unknown_district_is_not_found(app: FastAPI, client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/d/nowhere{path}")).status_code == 404


def test_links_give_each_map_its_own_datum() -> None:
    shanghai = LonLat(lon=121.4737, lat=31.2304)
    links = {link.name: link.href for link in walking_links(shanghai, "外滩 & Bund", country="CN")}
    assert next(iter(links)).endswith("Amap")
    assert "31.230400%2C121.473700" in links["Google Maps"]
    gcj02, bd09 = from_wgs84(shanghai, Datum.GCJ02), from_wgs84(shanghai, Datum.BD09)
    assert f"to={gcj02.lon:.6f}%2C{gcj02.lat:.6f}%2C" in links["高德地图 Amap"]
    assert f"location={bd09.lat:.6f}%2C{bd09.lon:.6f}" in links["百度地图 Baidu"]
    assert all(href.startswith("https://") and "& " not in href for href in links.values())


async def test_the_real_district_fits_in_one_window_of_a_slow_network(
    reader: Reader, committed: Makers, clock: FixedClock
) -> None:
    info = committed.info(reader.district)
    import_file(committed.session, info, DATA / "pois.geojson", clock=clock)
    for layer in ("buildings", "streets", "plazas", "landuse", "water", "rail", "transit"):
        import_map(
            committed.session, info, layer, json.loads((DATA / f"{layer}.geojson").read_text())["features"]
        )
    committed.done()
    await refresh(reader.app)
    sizes: dict[str, int] = {}
    for query in ({}, {"category": "hotel"}, {"category": "theatre"}, {"lang": "zh"}):
        page = await reader.page(**query)
        assert len(listed(page)) >= 8
        assert pinned(page)
        sizes[str(query)] = len(gzip.compress(page.encode(), 6))
    assert max(sizes.values()) < 14 * 1024, sizes


async def test_the_list_is_there_while_the_database_is_away(reader: Reader, committed: Makers) -> None:
    store = committed.store(reader.district, name="Zio", at=east(10))
    await refresh(reader.app)
    away = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    reader.app.state.sessions = make_sessions(away)
    page = await reader.page(**{"from": "n9"})
    assert listed(page) == ["Zio"]
    assert "<figure" not in page
    assert "the centre of the district" in page
    assert "Zio" in await reader.page(f"/stores/{store.id}")
    away.dispose()
