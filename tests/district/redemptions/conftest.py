"""A store with a till, an offer for it, its member's page, and the request that uses it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.districts.models import District
from district.merchants.models import Merchant
from district.offers.models import Offer
from district.stores.models import Store, Till
from push.coupon import CouponCode, code_from
from tests.conftest import refresh
from tests.factories import Makers

PROBLEM = "urn:shangquan:problem:"


@dataclass(frozen=True, kw_only=True)
class Counter:
    """One store's counter."""

    makers: Makers
    app: FastAPI
    client: httpx.AsyncClient
    district: District
    merchant: Merchant
    store: Store
    till: Till
    campaign: Campaign
    key: str

    def offer(self, **values: Any) -> Offer:
        member = self.makers.member(self.district)
        return self.makers.offer(self.campaign, member, **({"code": new_code()} | values))

    async def use(
        self, code: str, number: str = "1", *, key: str | None = None, **values: Any
    ) -> httpx.Response:
        body = {"code": code, "store_id": str(self.store.id), "use_request_no": number} | values
        return await self.post("", body, key=key)

    async def post(self, path: str, body: Any, *, key: str | None = None) -> httpx.Response:
        return await self.client.post(
            f"/v1/districts/{self.district.slug}/redemptions{path}",
            json=body,
            headers={"Authorization": f"Bearer {key or self.key}"},
        )

    async def other_key(self, **values: Any) -> str:
        key = self.makers.key(self.district, Role.TILL, **values)
        await refresh(self.app)
        return key


def new_code() -> CouponCode:
    return code_from(secrets.token_bytes(16))


@pytest.fixture
async def counter(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Counter:
    """A counter in a district of its own."""
    district = committed.district()
    merchant = committed.merchant(district)
    store = committed.store(district, merchant_id=merchant.id)
    till = Till(district_id=district.id, store_id=store.id, name="1", created_at=committed.clock.now())
    committed.session.add(till)
    committed.done()
    campaign = committed.campaign(district, merchant, [store])
    key = committed.key(district, Role.TILL, scope_id=till.id, merchant_id=merchant.id)
    await refresh(app)
    return Counter(
        makers=committed,
        app=app,
        client=client,
        district=district,
        merchant=merchant,
        store=store,
        till=till,
        campaign=campaign,
        key=key,
    )


@dataclass(frozen=True, kw_only=True)
class Page:
    """A member with one coupon, looking at its page."""

    counter: Counter
    offer: Offer
    headers: Mapping[str, str]

    async def look(self) -> dict[str, Any]:
        answer = await self.counter.client.get(f"/v1/me/offers/{self.offer.id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def code(self) -> str:
        return str((await self.look())["qr"])


@pytest.fixture
async def page(counter: Counter) -> Page:
    return await page_of(counter)


async def page_of(counter: Counter, **values: Any) -> Page:
    member = counter.makers.member(counter.district)
    offer = counter.makers.offer(counter.campaign, member, **values)
    token = counter.makers.token(counter.district, Role.SHOPPER, subject_id=member.id)
    headers = {"Authorization": f"Bearer {token}"}
    await refresh(counter.app)
    return Page(counter=counter, offer=offer, headers=headers)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)
