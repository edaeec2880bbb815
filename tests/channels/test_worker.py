"""Screens and wallets by the worker that people run: the whole product in processes of its own, and the vendors' servers beside it."""

import asyncio
import json
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from district.stores.models import Store, Till
from tests.channels.apps.vendors import Vendor, apple, google, service_account
from tests.channels.screens.broker import PASSWORD, USER, mosquitto
from tests.channels.screens.test_mqtt import heard, screen, shown
from tests.channels.wallet.authority import PASS_TYPE, authority
from tests.channels.wallet.conftest import ISSUER, parts_of
from tests.product import Product

LONGEST_S = 90.0
ENVIRONMENT = {
    "DISTRICT_SECRET": "installation-" + secrets.token_hex(16),
    "DISTRICT_PROVIDER_ALLOW_LOOPBACK": "true",
    "DISTRICT_PUBLIC_URL": "https://wifi.example",
}
DEVICE = "ab" * 32


@dataclass(frozen=True, kw_only=True)
class Town:
    """A running product with one district: a shop with a till, and a member with a coupon for it."""

    product: Product
    district_id: uuid.UUID
    slug: str
    merchant_id: uuid.UUID
    store_id: uuid.UUID
    offer_id: uuid.UUID
    code: str
    operator: str
    shopper: str
    till: str

    def client(self, token: str = "") -> httpx.AsyncClient:
        """Somebody with this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.product.base_url, headers=headers, timeout=LONGEST_S)

    async def provide(self, slug: str, kind: str, options: dict[str, Any], secrets_: dict[str, Any]) -> None:
        """An operator enters a provider."""
        body = {"slug": slug, "kind": kind, "name": slug, "options": options, "secrets": secrets_}
        async with self.client(self.operator) as operator:
            made = await operator.post(f"/v1/districts/{self.slug}/channel-providers", json=body)
        assert made.status_code == 201, made.text


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with Product(environment=ENVIRONMENT) as product:
        with product.makers() as makers:
            district = makers.district()
            merchant = makers.merchant(district)
            store = makers.store(district, merchant_id=merchant.id)
            till = Till(
                district_id=district.id,
                id=new_id(),
                store_id=store.id,
                name="1",
                created_at=makers.clock.now(),
            )
            makers.session.add(till)
            member = makers.member(district)
            offer = makers.offer(makers.campaign(district, merchant, [store]), member)
            made = Town(
                product=product,
                district_id=district.id,
                slug=district.slug,
                merchant_id=merchant.id,
                store_id=store.id,
                offer_id=offer.id,
                code=offer.code,
                operator=makers.token(district, Role.OPERATOR),
                shopper=makers.token(district, Role.SHOPPER, subject_id=member.id),
                till=makers.key(district, Role.TILL, scope_id=till.id, merchant_id=merchant.id),
            )
        product.start()
        yield made


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(LONGEST_S):
        while not holds():  # noqa: ASYNC110 other processes offer no event to wait for
            await asyncio.sleep(0.05)


def campaign(town: Town, *, lasts: timedelta) -> uuid.UUID:
    """One that anybody may claim in the shop, from now on."""
    claim = {"mode": "open", "closes_at": (town.product.now() + lasts).isoformat()}
    words = {"title": {"zh": "八折", "en": "20 % off"}, "text": {"zh": "今天有效", "en": "Today only"}}
    offer = {"kind": "coupon", "value": {"type": "percent", "percent": 20}, **words, "claim": claim}
    with town.product.makers() as makers:
        here = makers.session.get_one(District, town.district_id)
        merchant = makers.session.get_one(Merchant, (town.district_id, town.merchant_id))
        store = makers.session.get_one(Store, (town.district_id, town.store_id))
        made: uuid.UUID = makers.campaign(here, merchant, [store], offer=offer).id
    return made


def end(town: Town, campaign_id: uuid.UUID) -> None:
    """Its merchant ends it."""
    town.product.rows("UPDATE campaign SET state = 'ended' WHERE id = %s RETURNING id", campaign_id)


async def test_a_screen_is_told_of_an_offer_and_of_its_end(town: Town, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker:
        options = {"host": broker.host, "port": broker.port, "tls": False, "user": USER}
        await town.provide("screens", "mqtt_screens", options, {"password": PASSWORD})
        async with screen(broker) as client:
            campaign_id = campaign(town, lasts=timedelta(minutes=30))
            (said,) = await heard(client, 1)
            topic = str(said.topic)
            assert topic.startswith(f"shangquan/{town.slug}/stores/")
            assert [one["id"] for one in json.loads(said.payload)["offers"]] == [str(campaign_id)]
            kept = await shown(broker)  # who is switched on now
            assert json.loads(kept[topic]) == json.loads(said.payload)
            lasts_s = said.properties.json()["MessageExpiryInterval"]  # type: ignore[union-attr]
            assert 1_500 <= lasts_s <= 1_800, "it ends with the offer, whoever is there to say so"
            end(town, campaign_id)
            (over,) = await heard(client, 1)
            assert (str(over.topic), over.payload) == (topic, b"")
            assert await shown(broker) == {}


async def test_a_use_at_a_till_reaches_the_wallets(town: Town, tmp_path: Path) -> None:
    """Apple's telephone is told and fetches the pass anew; Google's object is changed."""
    signer = authority(tmp_path)
    async with apple(no_tokens=True, topics=[PASS_TYPE]) as apples, google(issuer=True) as googles:
        certificates = {name: signer.texts[name] for name in ("certificate", "intermediate")}
        await town.provide(
            "apple-wallet",
            "apple_wallet",
            {**certificates, "base_url": apples.url},
            {"private_key": signer.texts["key"]},
        )
        await town.provide(
            "google-wallet",
            "google_wallet",
            {"issuer_id": ISSUER, "base_url": googles.url, "token_url": f"{googles.url}/token"},
            {"service_account": service_account()},
        )
        page, service = f"/d/{town.slug}/offers/{town.offer_id}", f"/wallet/{town.slug}/v1"
        serial = f"{PASS_TYPE}/{town.offer_id}"
        async with town.client(town.shopper) as shopper:
            document = parts_of(await shopper.get(f"{page}/coupon.pkpass"))
            assert (await shopper.get(f"{page}/google-wallet")).status_code == 303
        assert (document["voided"], document["barcodes"][0]["message"]) == (False, town.code)
        async with town.client() as phone:
            phone.headers["Authorization"] = f"ApplePass {document['authenticationToken']}"
            registration = f"{service}/devices/phone-1/registrations"
            answer = await phone.post(f"{registration}/{serial}", json={"pushToken": DEVICE})
            assert answer.status_code == 201, answer.text
            before = (await phone.get(f"{registration}/{PASS_TYPE}")).json()
            use = {"code": town.code, "store_id": str(town.store_id), "use_request_no": "n1"}
            async with town.client(town.till) as till:
                used = await till.post(f"/v1/districts/{town.slug}/redemptions", json=use)
            assert used.status_code in {200, 201}, used.text
            await until(lambda: bool(apples.requests) and bool(patches(googles)))
            told = f"{registration}/{PASS_TYPE}?passesUpdatedSince={before['lastUpdated']}"
            changed = (await phone.get(told)).json()
            assert changed["serialNumbers"] == [str(town.offer_id)]
            assert changed["lastUpdated"] > before["lastUpdated"]
            fresh = await phone.get(f"{service}/passes/{serial}")
            assert fresh.headers["last-modified"]
            assert parts_of(fresh)["voided"] is True
        # A word too many changes nothing, and is said where an answer came too late.
        assert {(one["device"], one["body"]) for one in apples.requests} == {(DEVICE, "{}")}
        path = f"/walletobjects/v1/offerObject/{ISSUER}.{town.offer_id}"
        assert {one["path"] for one in patches(googles)} == {path}
        assert all(json.loads(one["body"]) == {"state": "COMPLETED"} for one in patches(googles))


def patches(googles: Vendor) -> list[dict[str, Any]]:
    """Objects that were changed."""
    return [one for one in googles.requests if one["method"] == "PATCH"]
