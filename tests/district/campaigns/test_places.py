"""What ``where`` comes to: streets, zones, stores, what is left out, and what is refused and by which name."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import shapely
from geoalchemy2.shape import from_shape
from shapely import LineString, MultiPolygon
from shapely.geometry.base import BaseGeometry

from district.campaigns.fence import stored
from district.campaigns.live import days
from district.database import new_id
from district.zones.models import MapFeature
from geo import geojson
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84
from geo.metric import distance_m
from push.rule import HolidayRule, When
from tests.district.campaigns.conftest import CIRCLE, POLYGON, Shop
from tests.factories import HELSINKI, square

EAST = LonLat(lon=HELSINKI.lon + 0.004, lat=HELSINKI.lat)
WIFI = {"any": [{"on": "wifi.join"}]}


def feature(shop: Shop, layer: str, shape: BaseGeometry, **values: Any) -> MapFeature:
    row = MapFeature(
        district_id=shop.district.id,
        id=new_id(),
        layer=layer,
        shape=from_shape(shape, srid=4326),
        shape_3857=from_shape(shape, srid=3857),
        **values,
    )
    shop.makers.session.add(row)
    shop.makers.done()
    return row


async def area(shop: Shop, where: dict[str, Any], **values: Any) -> MultiPolygon:
    made = await shop.made(rule={"where": where}, **values)
    found = shapely.from_geojson(str(made["fence"]).replace("'", '"'))
    assert isinstance(found, MultiPolygon)
    return found


async def refused(shop: Shop, where: dict[str, Any], **values: Any) -> list[tuple[str, str]]:
    rule = {"where": where} | values.pop("rule", {})
    answer = await shop.post(body=shop.body(rule=rule, **values))
    assert answer.status_code == 422, answer.text
    assert all(error["detail_zh"] for error in answer.json()["errors"])
    return [(error["pointer"], error["detail"]) for error in answer.json()["errors"]]


def metres_wide(shape: BaseGeometry, lat: float = HELSINKI.lat) -> float:
    west, _, east, _ = shape.bounds
    return distance_m(LonLat(lon=west, lat=lat), LonLat(lon=east, lat=lat))


async def test_a_street_is_all_its_parts_of_that_name_widened(shop: Shop) -> None:
    north, south = HELSINKI.lat + 0.001, HELSINKI.lat - 0.001
    lower = LineString([(HELSINKI.lon, south), (HELSINKI.lon, HELSINKI.lat)])
    upper = LineString([(HELSINKI.lon, HELSINKI.lat), (HELSINKI.lon, north)])
    feature(shop, "streets", lower, ref="way/1", name="Aleksi")
    other = feature(shop, "streets", upper, ref="way/2", name="Aleksi")
    feature(
        shop, "streets", LineString([(EAST.lon, south), (EAST.lon, north)]), ref="way/3", name="Elsewhere"
    )
    found = await area(shop, {"within": {"street": "way/1", "buffer_m": 10}})
    assert found.covers(shapely.union(lower, upper))
    assert metres_wide(found) == pytest.approx(20, abs=0.05)
    assert (await area(shop, {"within": {"street": str(other.id), "buffer_m": 10}})).equals(found)


async def test_a_street_without_a_name_is_the_part_alone(shop: Shop) -> None:
    line = LineString([(HELSINKI.lon, HELSINKI.lat), (HELSINKI.lon, HELSINKI.lat + 0.001)])
    feature(shop, "streets", line, ref="way/1")
    feature(shop, "streets", LineString([(EAST.lon, EAST.lat), (EAST.lon, EAST.lat + 0.001)]), ref="way/2")
    assert metres_wide(await area(shop, {"within": {"street": "way/1", "buffer_m": 5}})) == pytest.approx(
        10, abs=0.05
    )


async def test_a_zone_brings_its_outline_and_its_floor(shop: Shop) -> None:
    zone = shop.makers.zone(shop.district, outline=square(half_degrees=0.0005), slug="food-court", floor="3")
    shop.makers.done()
    for name in ("food-court", str(zone.id)):
        assert (await area(shop, {"within": {"zone": name}})).equals(square(half_degrees=0.0005))
    campaign = await shop.made(rule={"where": {"within": {"zone": "food-court"}}})
    assert await floor_of(shop, campaign) == "3"
    assert await refused(shop, {"within": {"zone": "food-court"}, "floor": "2"}) == [
        ("/rule/where/floor", "The zone lies on floor 3; leave the floor out, or name that one.")
    ]


async def floor_of(shop: Shop, campaign: dict[str, Any]) -> str | None:
    sql = f"SELECT floor FROM campaign WHERE id = '{uuid.UUID(campaign['id'])}'"
    found: str | None = shop.makers.session.connection().exec_driver_sql(sql).scalar_one()
    return found


async def test_a_floor_binds_any_fence(shop: Shop) -> None:
    assert await floor_of(shop, await shop.made(rule={"where": {"within": CIRCLE, "floor": "-1"}})) == "-1"
    assert await floor_of(shop, await shop.made()) is None


async def test_what_is_excluded_is_cut_out(shop: Shop) -> None:
    inner = square(half_degrees=0.0005)
    ring = [list(point) for point in inner.exterior.coords]
    found = await area(
        shop, {"within": POLYGON, "exclude": [{"type": "Polygon", "coordinates": [ring]}, CIRCLE]}
    )
    assert found.equals(shapely.difference(shapely.difference(geojson.parse(POLYGON), inner), found_circle()))
    assert not found.intersects(shapely.Point(HELSINKI.lon, HELSINKI.lat))


def found_circle() -> BaseGeometry:
    circle = CIRCLE["circle"]
    return geojson.circle(LonLat(lon=circle["lon"], lat=circle["lat"]), circle["radius_m"])


async def test_excluding_everything_leaves_nothing_and_is_refused(shop: Shop) -> None:
    whole = {"circle": {**CIRCLE["circle"], "radius_m": 51}}
    found = await refused(shop, {"within": CIRCLE, "exclude": [whole]})
    assert found == [("/rule/where/exclude", "Nothing of the area is left.")]


async def test_each_place_that_is_not_there_is_named_where_it_stands(shop: Shop) -> None:
    exclude = [CIRCLE, {"zone": "nowhere"}]
    for where, pointer, word in (
        ({"within": {"street": "way/9", "buffer_m": 5}}, "/rule/where/within", "no street 'way/9'"),
        ({"within": {"zone": str(new_id())}}, "/rule/where/within", "no zone"),
        ({"within": POLYGON, "exclude": exclude}, "/rule/where/exclude/1", "no zone 'nowhere'"),
    ):
        ((place, detail),) = await refused(shop, where)
        assert place == pointer
        assert word in detail


async def test_another_districts_zone_and_map_are_not_there(shop: Shop) -> None:
    elsewhere = shop.makers.district()
    zone = shop.makers.zone(elsewhere, slug="theirs")
    shop.makers.done()
    for name in ("theirs", str(zone.id)):
        assert (await refused(shop, {"within": {"zone": name}}))[0][0] == "/rule/where/within"


async def test_near_my_stores_is_round_each_store_of_the_campaign(shop: Shop) -> None:
    second = shop.makers.store(shop.district, merchant_id=shop.merchant.id, at=EAST)
    shop.makers.store(
        shop.district, merchant_id=shop.merchant.id, at=LonLat(lon=EAST.lon, lat=EAST.lat + 0.01)
    )
    stores = [str(shop.store.id), str(second.id)]
    found = await area(shop, {"near_my_stores_m": 50}, store_ids=stores)
    assert len(found.geoms) == 2
    assert {metres_wide(part) == pytest.approx(100, abs=0.5) for part in found.geoms} == {True}
    one = await area(shop, {"near_my_stores_m": 50})
    assert one.centroid.distance(shapely.Point(HELSINKI.lon, HELSINKI.lat)) < 1e-6


async def test_near_and_within_hold_together(shop: Shop) -> None:
    found = await area(shop, {"within": POLYGON, "near_my_stores_m": 60})
    assert geojson.parse(POLYGON).covers(found)
    assert found.area < geojson.parse(POLYGON).area
    far = {"circle": {"lon": EAST.lon + 0.004, "lat": EAST.lat, "radius_m": 20}}
    ((pointer, _),) = await refused(shop, {"within": far, "near_my_stores_m": 60})
    assert pointer == "/rule/where/near_my_stores_m"


async def test_near_stores_follows_the_stores_that_a_change_names(shop: Shop) -> None:
    campaign = await shop.made(rule={"where": {"near_my_stores_m": 50}})
    second = shop.makers.store(shop.district, merchant_id=shop.merchant.id, at=EAST)
    shop.makers.done()
    answer = await shop.patch(f"/{campaign['id']}", {"version": 1, "store_ids": [str(second.id)]})
    moved = shapely.from_geojson(str(answer.json()["fence"]).replace("'", '"'))
    assert moved.centroid.distance(shapely.Point(EAST.lon, EAST.lat)) < 1e-6


async def test_stores_without_a_position_have_no_surroundings(shop: Shop) -> None:
    lost = shop.makers.store(shop.district, merchant_id=shop.merchant.id, location=None)
    shop.makers.done()
    ((pointer, detail),) = await refused(shop, {"near_my_stores_m": 50}, store_ids=[str(lost.id)])
    assert (pointer, "position" in detail) == ("/rule/where/near_my_stores_m", True)


async def test_several_polygons_are_one_fence(shop: Shop) -> None:
    parts = [POLYGON["coordinates"], [[[24.95, 60.168], [24.951, 60.168], [24.951, 60.17], [24.95, 60.168]]]]
    assert len((await area(shop, {"within": {"type": "MultiPolygon", "coordinates": parts}})).geoms) == 2


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_every_drawn_shape_of_a_place_is_converted_from_its_datum(datum: Datum) -> None:
    corners = [(121.47, 31.23), (121.48, 31.23), (121.48, 31.24), (121.47, 31.23)]
    shown = [from_wgs84(LonLat(lon=lon, lat=lat), datum) for lon, lat in corners]
    ring = [[one.lon, one.lat] for one in shown]
    circle = {"circle": {"lon": ring[0][0], "lat": ring[0][1], "radius_m": 9}}
    within = {"type": "MultiPolygon", "coordinates": [[ring], [ring]]}
    kept = stored({"within": within, "exclude": [circle, {"type": "Polygon", "coordinates": [ring]}]}, datum)
    first, second = kept["exclude"]
    rings = [
        kept["within"]["coordinates"][0][0],
        kept["within"]["coordinates"][1][0],
        second["coordinates"][0],
    ]
    for found in rings:
        assert found == [pytest.approx(corner, abs=1e-7) for corner in corners]
    assert (first["circle"]["lon"], first["circle"]["lat"]) == pytest.approx(corners[0], abs=1e-7)
    assert first["circle"]["radius_m"] == 9


def test_names_are_kept_without_what_no_database_takes() -> None:
    where = {"within": {"zone": "a\u0000b"}, "floor": " 3\u200b", "near_my_stores_m": 50}
    assert stored(where, Datum.GCJ02) == {"within": {"zone": "a b"}, "floor": "3", "near_my_stores_m": 50}


async def test_a_campaign_without_crossings_needs_no_place_and_has_no_fence(shop: Shop) -> None:
    body = shop.body(rule={"trigger": WIFI})
    del body["rule"]["where"]
    answer = await shop.post(body=body)
    assert (answer.status_code, answer.json()["fence"]) == (201, {"type": "MultiPolygon", "coordinates": []})
    listed = await shop.get()
    assert [one["id"] for one in listed.json()["items"]] == [answer.json()["id"]]


async def test_visits_may_be_asked_for_to_stores_of_ones_own_only(shop: Shop) -> None:
    own = shop.makers.store(shop.district, merchant_id=shop.merchant.id)
    foreign = shop.makers.store(shop.district, merchant_id=shop.makers.merchant(shop.district).id)
    shop.makers.done()
    for store in ("mine", str(shop.store.id), str(own.id)):
        await shop.made(rule={"where": {"or_visited": {"store": store, "days": 7}}, "trigger": WIFI})
    for other in (foreign.id, new_id()):
        where = {"or_visited": {"store": str(other), "days": 7}}
        ((pointer, _),) = await refused(shop, where, rule={"trigger": WIFI})
        assert pointer == "/rule/where/or_visited/store"


async def test_public_holidays_need_a_country_whose_holidays_are_known(shop: Shop) -> None:
    rule = {"when": {"public_holidays": "off"}}
    ((pointer, _),) = await refused(shop, {"within": CIRCLE}, rule=rule)
    assert pointer == "/rule/when/public_holidays"


@pytest.mark.parametrize(("country", "expected"), [("FI", False), ("SE", True), ("XX", None)])
def test_days_follow_the_calendar_of_the_districts_country(
    shop: Shop, country: str, expected: bool | None
) -> None:
    """6 December: Finland's Independence Day."""
    district = replace(shop.makers.info(shop.district), country=country)
    asked = days(When(public_holidays=HolidayRule.OFF), district)
    noon = datetime(2027, 12, 6, 10, tzinfo=UTC)
    assert (asked and asked.is_open(noon)) is expected


async def test_an_area_of_too_many_vertices_is_refused_whole(shop: Shop) -> None:
    def ring(number: int) -> list[list[float]]:
        west = 24.93 + number * 0.0001
        steps = [[west + step * 1e-7, 60.168 + (step % 2) * 1e-6] for step in range(400)]
        return [*steps, [west + 5e-5, 60.175], steps[0]]

    exclude = [{"type": "Polygon", "coordinates": [ring(number)]} for number in range(6)]
    wide = [[24.92, 60.167], [24.96, 60.167], [24.96, 60.176], [24.92, 60.176], [24.92, 60.167]]
    ((pointer, _),) = await refused(
        shop, {"within": {"type": "Polygon", "coordinates": [wide]}, "exclude": exclude}
    )
    assert pointer in {"/rule/where", "/rule/where/exclude/0"}
