"""Fences that reach into a property's building: whom they need, who may agree, and what a withdrawal stops."""

from typing import Any

import httpx
import pytest
from geoalchemy2.shape import from_shape

from district.auth.models import Role
from district.database import new_id
from district.stores.models import Property
from district.zones.models import MapFeature
from tests.district.campaigns.conftest import Shop
from tests.district.campaigns.test_owners import FAR, mall, manager
from tests.factories import square

INTO = {"circle": {"lon": FAR.lon, "lat": FAR.lat, "radius_m": 40}}


async def granted(shop: Shop, place: Property, token: str, **body: Any) -> httpx.Response:
    path = f"/v1/districts/{shop.district.slug}/properties/{place.id}/territory-consents"
    return await shop.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


async def withdrawn(shop: Shop, place: Property, token: str, consent_id: str, **body: Any) -> httpx.Response:
    path = (
        f"/v1/districts/{shop.district.slug}/properties/{place.id}/territory-consents/{consent_id}/withdraw"
    )
    return await shop.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})


async def test_a_fence_that_reaches_into_anothers_building_is_refused_and_names_the_property(
    shop: Shop,
) -> None:
    place = mall(shop)
    answer = await shop.post(body=shop.body(within=INTO))
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (
        422,
        "urn:shangquan:problem:territory-consent-needed",
    )
    assert problem["properties"] == [{"id": str(place.id), "name": "Forum", "name_zh": "论坛"}]
    (error,) = problem["errors"]
    assert error["pointer"] == "/rule/where/within"
    assert "Forum" in error["detail"]
    assert "论坛" in error["detail_zh"]


async def test_own_premises_and_public_space_are_free(shop: Shop) -> None:
    mall(shop, kind="street", name="Aleksi")
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 201
    place = mall(shop)
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 422
    shop.makers.store(shop.district, merchant_id=shop.merchant.id, property_id=place.id, at=FAR)
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 201
    one = shop.body(within=INTO, owner={"kind": "store", "id": str(shop.store.id)})
    assert (await shop.post(body=one)).status_code == 422  # that store stands elsewhere


async def test_a_store_that_stands_inside_needs_no_line_in_the_books(shop: Shop) -> None:
    mall(shop)
    shop.makers.store(shop.district, merchant_id=shop.merchant.id, at=FAR)
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 201


async def test_the_buildings_of_the_map_say_where_a_propertys_walls_are(shop: Shop) -> None:
    mall(shop)
    walls = square(FAR, 0.0002)
    feature = MapFeature(
        district_id=shop.district.id,
        id=new_id(),
        layer="buildings",
        ref="way/2",
        shape=from_shape(walls, srid=4326),
        shape_3857=from_shape(walls, srid=3857),
    )
    shop.makers.session.add(feature)
    shop.makers.done()
    beside = {"circle": {"lon": FAR.lon + 0.0006, "lat": FAR.lat, "radius_m": 15}}
    assert (await shop.post(body=shop.body(within=beside))).status_code == 201  # its forecourt
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 422


@pytest.mark.parametrize("who", ["property", "operator"])
async def test_the_property_or_the_operator_on_its_behalf_agrees(shop: Shop, who: str) -> None:
    place = mall(shop)
    token = manager(shop, place) if who == "property" else shop.operator
    consent = await granted(shop, place, token, kind="merchant", id=str(shop.merchant.id))
    assert (consent.status_code, consent.json()["granted_role"]) == (201, who)
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 201
    other = shop.makers.merchant(shop.district)
    store = shop.makers.store(shop.district, merchant_id=other.id)
    stranger = shop.makers.token(shop.district, Role.MERCHANT, scope_id=other.id)
    body = shop.body(within=INTO, store_ids=[str(store.id)])
    assert (await shop.post(body=body, token=stranger)).status_code == 422


async def test_who_agrees_to_anyone_agrees_to_the_operator_too(shop: Shop) -> None:
    place = mall(shop)
    operators = shop.body(within=INTO, owner={"kind": "operator"})
    assert (await shop.post(body=operators, token=shop.operator)).status_code == 422
    await granted(shop, place, shop.operator, kind="operator")
    assert (await shop.post(body=operators, token=shop.operator)).status_code == 201
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 422
    await granted(shop, place, shop.operator, kind="anyone")
    assert (await shop.post(body=shop.body(within=INTO))).status_code == 201


async def test_only_the_property_itself_and_the_operator_speak_for_it(shop: Shop) -> None:
    place, other = mall(shop), mall(shop, name="Kämp")
    body = {"kind": "merchant", "id": str(shop.merchant.id)}
    assert (await granted(shop, place, manager(shop, other), **body)).status_code == 404
    assert (await granted(shop, place, shop.token, **body)).status_code == 403
    consent = (await granted(shop, place, manager(shop, place), **body)).json()
    assert (await withdrawn(shop, place, manager(shop, other), consent["id"])).status_code == 404
    assert (await withdrawn(shop, other, manager(shop, other), consent["id"])).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "merchant"},
        {"kind": "anyone", "id": str(new_id())},
        {"kind": "merchant", "id": str(new_id())},
    ],
)
async def test_a_consent_names_somebody_there_is(shop: Shop, body: dict[str, Any]) -> None:
    assert (await granted(shop, mall(shop), shop.operator, **body)).status_code == 422


async def test_taking_a_consent_back_pauses_what_relied_on_it_and_says_why(shop: Shop) -> None:
    place = mall(shop)
    token = manager(shop, place)
    consent = (await granted(shop, place, token, kind="merchant", id=str(shop.merchant.id))).json()
    reliant = await shop.live(within=INTO)
    elsewhere = await shop.live()
    answer = await withdrawn(shop, place, token, consent["id"], reason="Too many people")
    assert (answer.status_code, answer.json()["paused"]) == (200, [reliant["id"]])
    paused = (await shop.get(f"/{reliant['id']}")).json()
    assert paused["state"] == "paused"
    assert "Forum" in paused["pause_reason"]["en"]
    assert "Too many people" in paused["pause_reason"]["zh"]
    assert (await shop.get(f"/{elsewhere['id']}")).json()["state"] == "live"
    event = (await shop.get(f"/{reliant['id']}/history")).json()["items"][-1]
    assert (event["what"], event["role"], event["from_state"]) == ("pause", "property", "live")
    refused = await shop.post(f"/{reliant['id']}/resume")
    assert refused.json()["type"] == "urn:shangquan:problem:territory-consent-needed"
    assert (await withdrawn(shop, place, token, consent["id"])).status_code == 409
    await granted(shop, place, token, kind="merchant", id=str(shop.merchant.id))
    resumed = (await shop.post(f"/{reliant['id']}/resume")).json()
    assert (resumed["state"], resumed["pause_reason"]) == ("live", None)


async def test_another_consent_keeps_a_campaign_going(shop: Shop) -> None:
    place = mall(shop)
    token = manager(shop, place)
    own = (await granted(shop, place, token, kind="merchant", id=str(shop.merchant.id))).json()
    await granted(shop, place, token, kind="anyone")
    campaign = await shop.live(within=INTO)
    assert (await withdrawn(shop, place, token, own["id"])).json()["paused"] == []
    assert (await shop.get(f"/{campaign['id']}")).json()["state"] == "live"


async def test_a_consent_that_went_before_the_approval_is_missed_there(shop: Shop) -> None:
    place = mall(shop)
    consent = (await granted(shop, place, shop.operator, kind="anyone")).json()
    campaign = await shop.made(within=INTO)
    await shop.post(f"/{campaign['id']}/submit")
    await withdrawn(shop, place, shop.operator, consent["id"])
    refused = await shop.post(f"/{campaign['id']}/approve", token=shop.operator)
    assert (refused.status_code, refused.json()["properties"][0]["name"]) == (422, "Forum")
    assert (await shop.get(f"/{campaign['id']}")).json()["state"] == "in_review"


async def test_properties_are_kept_by_the_operator_and_read_by_staff(shop: Shop) -> None:
    path = f"/v1/districts/{shop.district.slug}/properties"
    outline = {"type": "Polygon", "coordinates": [[list(one) for one in square(FAR).exterior.coords]]}
    body = {"kind": "mall", "name": "Forum", "outline": outline}
    heads = {
        role: {"Authorization": f"Bearer {token}"}
        for role, token in (("o", shop.operator), ("m", shop.token))
    }
    assert (await shop.client.post(path, json=body, headers=heads["m"])).status_code == 403
    made = (await shop.client.post(path, json=body, headers=heads["o"])).json()
    assert made["outline"]["type"] == "MultiPolygon"
    changed = await shop.client.patch(f"{path}/{made['id']}", json={"outline": None}, headers=heads["o"])
    assert changed.json()["outline"] is None
    listed = (await shop.client.get(path, headers=heads["m"])).json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    bow = [[24.94, 60.16], [24.95, 60.17], [24.95, 60.16], [24.94, 60.17], [24.94, 60.16]]
    crossed = {"kind": "mall", "name": "Bow", "outline": {"type": "Polygon", "coordinates": [bow]}}
    assert (await shop.client.post(path, json=crossed, headers=heads["o"])).status_code == 422
    assert (await shop.client.delete(f"{path}/{made['id']}", headers=heads["o"])).status_code == 204
