"""Offers that tills may take without a line are bound to one shop when they are given out."""

import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.offers import offline, terms
from district.offers.models import Offer
from geo.coordinates import LonLat
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers

FAR = LonLat(lon=HELSINKI.lon + 0.01, lat=HELSINKI.lat)
WORDS = {"zh": "券", "en": "Coupon"}
OFFERED: dict[str, Any] = {
    "kind": "coupon",
    "value": {"type": "amount", "minor_units": 500},
    "title": WORDS,
    "text": WORDS,
    "claim": {"mode": "open"},
}


async def claimed(
    app: FastAPI, client: httpx.AsyncClient, makers: Makers, **more: Any
) -> tuple[Any, list[str]]:
    """The offer that a member claimed, and the campaign's stores."""
    district = makers.district()
    merchant = makers.merchant(district)
    stores = [makers.store(district, merchant_id=merchant.id, at=place) for place in (HELSINKI, FAR)]
    campaign = makers.campaign(district, merchant, stores, stock=5, offer=OFFERED | more)
    member = makers.member(district)
    token = makers.token(district, Role.SHOPPER, subject_id=member.id)
    await refresh(app)
    answer = await client.post(
        f"/v1/me/offers/{campaign.id}/claim", json={}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["offer"], sorted(str(store.id) for store in stores)


async def test_a_claimed_offer_is_bound_to_the_first_shop_and_names_it_alone(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    offer, stores = await claimed(app, client, committed, offline={"ok": True})
    assert offer["store_ids"] == stores[:1]


async def test_an_offer_for_tills_with_a_line_holds_in_every_shop(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers
) -> None:
    offer, stores = await claimed(app, client, committed, offline={"ok": False})
    assert sorted(offer["store_ids"]) == stores


@pytest.mark.parametrize(("near", "place"), [(HELSINKI, 0), (FAR, 1)], ids=["first", "second"])
async def test_a_triggered_offer_is_bound_to_the_shop_nearest_to_where_the_member_was(
    app: FastAPI, committed: Makers, near: LonLat, place: int
) -> None:
    district = committed.district()
    merchant = committed.merchant(district)
    stores = [committed.store(district, merchant_id=merchant.id, at=at) for at in (HELSINKI, FAR)]
    campaign = committed.campaign(district, merchant, stores, offer=OFFERED | {"offline": {"ok": True}})
    offer = committed.offer(campaign, committed.member(district), trigger_lon=near.lon, trigger_lat=near.lat)
    async with app.state.pool.connection() as connection:
        known = await terms.load(connection, district.id, [campaign.id])
        await offline.bind(connection, district.id, [(offer.id, known[campaign.id])])
    assert bound(committed, offer) == stores[place].id


async def test_a_closed_shop_gets_none(app: FastAPI, committed: Makers) -> None:
    district = committed.district()
    merchant = committed.merchant(district)
    closed = committed.store(district, merchant_id=merchant.id, closed_at=committed.clock.now())
    open_one = committed.store(district, merchant_id=merchant.id, at=FAR)
    campaign = committed.campaign(
        district, merchant, [closed, open_one], offer=OFFERED | {"offline": {"ok": True}}
    )
    offer = committed.offer(campaign, committed.member(district))
    async with app.state.pool.connection() as connection:
        known = await terms.load(connection, district.id, [campaign.id])
        await offline.bind(connection, district.id, [(offer.id, known[campaign.id])])
    assert bound(committed, offer) == open_one.id


def bound(makers: Makers, offer: Offer) -> uuid.UUID | None:
    makers.session.expire_all()
    return makers.session.get_one(Offer, (offer.district_id, offer.id)).offline_store_id
