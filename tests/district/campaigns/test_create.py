"""Making campaigns: what is taken, what is refused and by which name."""

import asyncio
from typing import Any

import pytest
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import text

from district.auth.models import Role
from district.database import new_id
from district.zones.models import MapFeature
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84
from geo.metric import distance_m
from tests.district.campaigns.conftest import POLYGON, Shop
from tests.factories import square


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


async def test_a_merchant_makes_a_draft_with_its_fence_resolved(shop: Shop) -> None:
    campaign = await shop.made()
    assert (campaign["state"], campaign["version"], campaign["stock"], campaign["issued"]) == (
        "draft",
        1,
        100,
        0,
    )
    assert campaign["merchant_id"] == str(shop.merchant.id)
    assert campaign["fence"]["type"] == "MultiPolygon"
    assert len(campaign["fence"]["coordinates"][0][0]) == 65
    assert campaign["allows"] == ["end", "submit"]


async def test_nobody_makes_a_campaign_without_a_token(shop: Shop) -> None:
    answer = await shop.client.post(shop.path, json=shop.body())
    assert answer.status_code == 401


async def test_a_shopper_may_not_make_a_campaign(shop: Shop) -> None:
    answer = await shop.post(body=shop.body(), token=shop.makers.token(shop.district, Role.SHOPPER))
    assert answer.status_code == 403


async def test_another_districts_merchant_finds_no_district(shop: Shop) -> None:
    elsewhere = shop.makers.district()
    other = shop.makers.token(elsewhere, Role.MERCHANT, scope_id=new_id())
    await refresh_districts(shop)
    answer = await shop.post(body=shop.body(), token=other)
    assert answer.status_code == 404


async def test_an_operator_makes_one_for_a_merchant_he_names(shop: Shop) -> None:
    unnamed = await shop.post(body=shop.body(), token=shop.operator)
    named = await shop.post(body=shop.body(merchant_id=str(shop.merchant.id)), token=shop.operator)
    unknown = await shop.post(body=shop.body(merchant_id=str(new_id())), token=shop.operator)
    assert (unnamed.status_code, named.status_code, unknown.status_code) == (422, 201, 404)


async def test_every_unsupported_part_of_both_documents_is_named(shop: Shop) -> None:
    body = shop.body(
        rule={"hold_out": {"pct": 10}, "pace": {"per_s": 600}, "trigger": {"any": [{"on": "wifi.leave"}]}}
    )
    body["offer"]["kind"] = "lottery"
    answer = await shop.post(body=body)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:shangquan:problem:invalid"
    assert {"/rule/hold_out", "/rule/pace/per_s", "/rule/trigger/any/0/on", "/offer/kind"} <= set(
        pointers(answer)
    )
    assert all(error["detail"] and error["detail_zh"] for error in answer.json()["errors"])


@pytest.mark.parametrize(
    ("within", "word"),
    [
        (
            {
                "type": "Polygon",
                "coordinates": [
                    [[24.944, 60.168], [24.946, 60.17], [24.946, 60.168], [24.944, 60.17], [24.944, 60.168]]
                ],
            },
            "crosses",
        ),
        (
            {
                "type": "Polygon",
                "coordinates": [[[24.944, 60.168], [24.946, 60.168], [24.946, 60.17], [24.944, 60.17]]],
            },
            "end where it began",
        ),
        ({"circle": {"lon": 60.1689, "lat": 24.9445, "radius_m": 50}}, "lon comes before lat"),
        ({"building": "no-such-building", "buffer_m": 5}, "no building"),
    ],
)
async def test_a_fence_that_cannot_be_used_is_refused_with_the_cause(
    shop: Shop, within: Any, word: str
) -> None:
    answer = await shop.post(body=shop.body(within=within))
    assert (answer.status_code, pointers(answer)) == (422, ["/rule/where/within"])
    assert word in answer.json()["errors"][0]["detail"]


async def test_a_building_is_found_by_ref_and_by_id_and_widened(shop: Shop) -> None:
    outline = square(half_degrees=0.0005)
    feature = MapFeature(
        district_id=shop.district.id,
        id=new_id(),
        layer="buildings",
        ref="way/1",
        shape=from_shape(outline, srid=4326),
        shape_3857=from_shape(outline, srid=3857),
    )
    shop.makers.session.add(feature)
    shop.makers.done()
    plain = await shop.made(within={"building": "way/1", "buffer_m": 0})
    wide = await shop.made(within={"building": str(feature.id), "buffer_m": 20})
    shape, wider = (shapely.from_geojson(str(one["fence"]).replace("'", '"')) for one in (plain, wide))
    assert shape.equals(outline)
    west, _, _, _ = wider.bounds
    lat = 60.1689
    grown = distance_m(LonLat(lon=west, lat=lat), LonLat(lon=outline.bounds[0], lat=lat))
    assert grown == pytest.approx(20, abs=0.05)


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
async def test_a_drawn_fence_is_converted_from_its_datum_once(shop: Shop, datum: Datum) -> None:
    shanghai = LonLat(lon=121.4737, lat=31.2304)
    district = shop.makers.district(center=shanghai, zone="Asia/Shanghai", currency="CNY")
    merchant = shop.makers.merchant(district)
    store = shop.makers.store(district, merchant_id=merchant.id, at=shanghai)
    token = shop.makers.token(district, Role.MERCHANT, scope_id=merchant.id)
    await refresh_districts(shop)
    shown = from_wgs84(shanghai, datum)
    body = shop.body(within={"circle": {"lon": shown.lon, "lat": shown.lat, "radius_m": 30}}, crs=datum.value)
    body["store_ids"] = [str(store.id)]
    answer = await shop.client.post(
        f"/v1/districts/{district.slug}/campaigns", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201, answer.text
    circle = answer.json()["rule"]["where"]["within"]["circle"]
    assert distance_m(LonLat(lon=circle["lon"], lat=circle["lat"]), shanghai) < 0.01
    ring = answer.json()["fence"]["coordinates"][0][0]
    assert distance_m(LonLat(lon=ring[0][0], lat=ring[0][1]), shanghai) == pytest.approx(30, abs=0.05)


async def refresh_districts(shop: Shop) -> None:
    app = shop.client._transport.app  # type: ignore[attr-defined]
    await app.state.registry.refresh()


async def test_stores_must_be_the_merchants_own(shop: Shop) -> None:
    foreign = shop.makers.store(shop.district, merchant_id=shop.makers.merchant(shop.district).id)
    answer = await shop.post(body=shop.body(store_ids=[str(shop.store.id), str(foreign.id)]))
    assert (answer.status_code, pointers(answer)) == (422, ["/store_ids/1"])


async def test_an_unknown_member_of_the_body_is_refused(shop: Shop) -> None:
    answer = await shop.post(body=shop.body(state="live"))
    assert (answer.status_code, pointers(answer)) == (422, ["/body/state"])


async def test_texts_are_stored_without_what_could_disguise_them(shop: Shop) -> None:
    body = shop.body(name="Lu\u202ench\u0000")
    body["offer"]["title"] = {"en": "a\u0000\u200bb"}
    answer = await shop.post(body=body)
    assert answer.status_code == 201
    assert answer.json()["name"] == "Lunch"
    assert "\u0000" not in answer.json()["offer"]["title"]["en"]


async def test_the_same_key_gives_the_same_answer_and_makes_one_campaign(shop: Shop) -> None:
    first = await shop.post(body=shop.body(), **{"Idempotency-Key": "k-1"})
    again = await shop.post(body=shop.body(), **{"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert len((await shop.get()).json()["items"]) == 1


async def test_the_same_key_with_another_body_is_a_conflict(shop: Shop) -> None:
    await shop.post(body=shop.body(), **{"Idempotency-Key": "k-2"})
    answer = await shop.post(body=shop.body(name="Dinner"), **{"Idempotency-Key": "k-2"})
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:shangquan:problem:idempotency-key-reused",
    )


async def test_a_refused_request_leaves_its_key_free(shop: Shop) -> None:
    await shop.post(body=shop.body(store_ids=[str(new_id())]), **{"Idempotency-Key": "k-3"})
    answer = await shop.post(body=shop.body(), **{"Idempotency-Key": "k-3"})
    assert answer.status_code == 201


async def test_parallel_requests_under_one_key_make_one_campaign(shop: Shop) -> None:
    answers = await asyncio.gather(
        *(shop.post(body=shop.body(), **{"Idempotency-Key": "k-4"}) for _ in range(8))
    )
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await shop.get()).json()["items"]) == 1


async def test_another_merchant_may_use_the_same_key(shop: Shop) -> None:
    await shop.post(body=shop.body(), **{"Idempotency-Key": "k-5"})
    answer = await shop.post(body=shop.body(), token=shop.other_merchant(), **{"Idempotency-Key": "k-5"})
    assert (answer.status_code, pointers(answer)) == (422, ["/store_ids/0"])


async def test_a_key_is_forgotten_after_a_day_of_machine_time(shop: Shop) -> None:
    first = await shop.post(body=shop.body(), **{"Idempotency-Key": "k-6"})
    shop.makers.session.execute(
        text("UPDATE idempotent_answer SET created_at = created_at - interval '24 hours' WHERE key = 'k-6'")
    )
    shop.makers.done()
    again = await shop.post(body=shop.body(name="Dinner"), **{"Idempotency-Key": "k-6"})
    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]


async def test_the_schema_of_the_documents_is_public(shop: Shop) -> None:
    answer = await shop.client.get("/v1/schemas/campaign")
    assert answer.status_code == 200
    assert answer.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


async def test_a_polygon_of_many_vertices_is_refused(shop: Shop) -> None:
    ring = [[24.944 + index * 1e-6, 60.168] for index in range(501)]
    answer = await shop.post(body=shop.body(within={**POLYGON, "coordinates": [ring]}))
    assert answer.status_code == 422
