"""Whose a campaign is: stores, chains, properties and the operator, and who sees and changes which."""

import uuid

import pytest
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon

from district.auth.models import Role
from district.campaigns.live import live_campaigns
from district.database import make_pool, new_id
from district.stores.models import Property
from geo.coordinates import LonLat
from tests.district.campaigns.conftest import Shop
from tests.factories import square

FAR = LonLat(lon=24.96, lat=60.175)


def mall(shop: Shop, *, at: LonLat = FAR, half_degrees: float = 0.001, **values: object) -> Property:
    """A mall with an outline, away from where the shop's fences are."""
    given = {"kind": "mall", "name": "Forum", "name_zh": "论坛", "created_at": shop.makers.clock.now()}
    row = Property(
        district_id=shop.district.id,
        id=new_id(),
        outline=from_shape(MultiPolygon([square(at, half_degrees)]), srid=4326),
        **(given | values),
    )
    shop.makers.session.add(row)
    shop.makers.done()
    return row


def manager(shop: Shop, place: Property) -> str:
    return shop.makers.token(shop.district, Role.PROPERTY, scope_id=place.id)


async def test_a_merchants_campaign_is_of_all_its_stores_unless_it_names_one(shop: Shop) -> None:
    chain = await shop.made()
    one = await shop.made(owner={"kind": "store", "id": str(shop.store.id)})
    assert (chain["owner_kind"], one["owner_kind"]) == ("chain", "store")
    assert chain["merchant_id"] == one["merchant_id"] == str(shop.merchant.id)
    other = shop.makers.store(shop.district, merchant_id=shop.merchant.id)
    body = shop.body(owner={"kind": "store", "id": str(shop.store.id)}, store_ids=[str(other.id)])
    assert (await shop.post(body=body)).status_code == 422


@pytest.mark.parametrize("kind", ["property", "operator", "chain", "store"])
async def test_a_merchant_makes_none_for_somebody_else(shop: Shop, kind: str) -> None:
    place = mall(shop)
    other = shop.makers.merchant(shop.district)
    store = shop.makers.store(shop.district, merchant_id=other.id)
    ids = {"property": str(place.id), "operator": None, "chain": str(other.id), "store": str(store.id)}
    answer = await shop.post(body=shop.body(owner={"kind": kind, "id": ids[kind]}))
    assert answer.status_code == 404


async def test_a_property_makes_campaigns_for_its_tenants_stores_alone(shop: Shop) -> None:
    place = mall(shop)
    inside = shop.makers.store(shop.district, merchant_id=shop.merchant.id, property_id=place.id, at=FAR)
    token = manager(shop, place)
    foreign = await shop.post(body=shop.body(), token=token)
    made = await shop.post(body=shop.body(store_ids=[str(inside.id)]), token=token)
    assert (foreign.status_code, made.status_code) == (422, 201)
    campaign = made.json()
    assert (campaign["owner_kind"], campaign["merchant_id"], campaign["property_id"]) == (
        "property",
        None,
        str(place.id),
    )
    assert campaign["allows"] == ["end", "submit"]
    await shop.post(f"/{campaign['id']}/submit", token=token)
    assert (await shop.post(f"/{campaign['id']}/approve", token=token)).status_code == 403
    approved = await shop.post(f"/{campaign['id']}/approve", token=shop.operator)
    assert approved.json()["state"] == "live"
    assert (await shop.get(f"/{campaign['id']}")).status_code == 404  # the tenant's merchant


async def test_a_property_sees_a_tenants_campaign_that_holds_in_it_alone_and_changes_none(shop: Shop) -> None:
    place = mall(shop)
    token = manager(shop, place)
    inside = shop.makers.store(shop.district, merchant_id=shop.merchant.id, property_id=place.id, at=FAR)
    tenants = await shop.made(store_ids=[str(inside.id)])
    both = await shop.made(store_ids=[str(inside.id), str(shop.store.id)])
    outside = await shop.made()
    seen = [one["id"] for one in (await shop.get(token=token)).json()["items"]]
    assert seen == [tenants["id"]]
    assert (await shop.get(f"/{tenants['id']}", token=token)).json()["allows"] == []
    for campaign in (both, outside):
        assert (await shop.get(f"/{campaign['id']}", token=token)).status_code == 404
        assert (await shop.get(f"/{campaign['id']}/history", token=token)).status_code == 404
    changed = await shop.patch(f"/{tenants['id']}", {"version": 1, "name": "Mine"}, token=token)
    ended = await shop.post(f"/{tenants['id']}/end", token=token)
    assert (changed.status_code, ended.status_code) == (403, 403)


async def test_a_property_reaches_no_campaign_of_another(shop: Shop) -> None:
    place, other = mall(shop), mall(shop, name="Kämp", at=LonLat(lon=24.95, lat=60.175))
    inside = shop.makers.store(shop.district, merchant_id=shop.merchant.id, property_id=place.id, at=FAR)
    made = (await shop.post(body=shop.body(store_ids=[str(inside.id)]), token=manager(shop, place))).json()
    stranger = manager(shop, other)
    assert (await shop.get(f"/{made['id']}", token=stranger)).status_code == 404
    assert (await shop.post(f"/{made['id']}/submit", token=stranger)).status_code == 404
    owner = {"kind": "property", "id": str(place.id)}
    body = shop.body(store_ids=[str(inside.id)], owner=owner)
    assert (await shop.post(body=body, token=stranger)).status_code == 404


async def test_the_operators_campaign_holds_at_stores_of_many_merchants_and_is_in_force_like_any(
    shop: Shop, database_url: str
) -> None:
    other = shop.makers.store(shop.district, merchant_id=shop.makers.merchant(shop.district).id)
    body = shop.body(owner={"kind": "operator"}, store_ids=[str(shop.store.id), str(other.id)])
    made = (await shop.post(body=body, token=shop.operator)).json()
    assert (made["owner_kind"], made["merchant_id"]) == ("operator", None)
    assert (await shop.get(f"/{made['id']}")).status_code == 404
    await shop.post(f"/{made['id']}/submit", token=shop.operator)
    await shop.post(f"/{made['id']}/approve", token=shop.operator)
    pool = make_pool(database_url, size=1)
    await pool.open()
    async with pool.connection() as connection:
        (live,) = await live_campaigns(connection, shop.makers.info(shop.district))
    await pool.close()
    assert set(live.campaign.store_ids) == {shop.store.id, other.id}
    assert live.campaign.merchant_id == shop.district.id  # whom its caps are counted for
    assert live.campaign.version == 2


async def test_an_owner_that_does_not_exist_is_not_found(shop: Shop) -> None:
    for kind in ("chain", "store", "property"):
        body = shop.body(owner={"kind": kind, "id": str(uuid.uuid4())})
        assert (await shop.post(body=body, token=shop.operator)).status_code == 404
