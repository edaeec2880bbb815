"""A merchant with a store, an operator, and a campaign's body."""

import copy
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.districts.models import District
from district.merchants.models import Merchant
from district.stores.models import Store
from tests.conftest import refresh
from tests.factories import Makers

CIRCLE = {"circle": {"lon": 24.9445, "lat": 60.1689, "radius_m": 50}}
POLYGON = {
    "type": "Polygon",
    "coordinates": [[[24.944, 60.168], [24.946, 60.168], [24.946, 60.17], [24.944, 60.17], [24.944, 60.168]]],
}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One merchant's side of the interface, and the operator's."""

    makers: Makers
    client: httpx.AsyncClient
    district: District
    merchant: Merchant
    store: Store
    token: str
    operator: str

    @property
    def path(self) -> str:
        return f"/v1/districts/{self.district.slug}/campaigns"

    def body(self, **values: Any) -> dict[str, Any]:
        rule = {
            "v": 1,
            "trigger": {"any": [{"on": "fence.enter"}]},
            "where": {"within": copy.deepcopy(values.pop("within", CIRCLE))},
        } | values.pop("rule", {})
        return {
            "name": "Lunch",
            "store_ids": [str(self.store.id)],
            "rule": rule,
            "offer": {
                "kind": "coupon",
                "value": {"type": "amount", "minor_units": 300},
                "title": {"zh": "减三元", "en": "3 off"},
                "text": {"zh": "今天", "en": "Today"},
            },
            "stock": 100,
        } | values

    async def post(
        self, path: str = "", body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        headers["Authorization"] = f"Bearer {token or self.token}"
        return await self.client.post(self.path + path, json=body, headers=headers)

    async def get(self, path: str = "", *, token: str | None = None) -> httpx.Response:
        return await self.client.get(
            self.path + path, headers={"Authorization": f"Bearer {token or self.token}"}
        )

    async def patch(self, path: str, body: Any, *, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return await self.client.patch(self.path + path, json=body, headers=headers)

    async def made(self, **values: Any) -> dict[str, Any]:
        answer = await self.post(body=self.body(**values))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def live(self, **values: Any) -> dict[str, Any]:
        campaign = await self.made(**values)
        await self.post(f"/{campaign['id']}/submit")
        answer = await self.post(f"/{campaign['id']}/approve", token=self.operator)
        assert answer.status_code == 200, answer.text
        live: dict[str, Any] = answer.json()
        return live

    def other_merchant(self) -> str:
        other = self.makers.merchant(self.district)
        return self.makers.token(self.district, Role.MERCHANT, scope_id=other.id)


@pytest.fixture
async def shop(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Shop:
    """A merchant with one store in a district of his own."""
    district = committed.district()
    merchant = committed.merchant(district)
    store = committed.store(district, merchant_id=merchant.id, opening_hours="Mo-Su 10:00-20:00")
    await refresh(app)
    return Shop(
        makers=committed,
        client=client,
        district=district,
        merchant=merchant,
        store=store,
        token=committed.token(district, Role.MERCHANT, scope_id=merchant.id),
        operator=committed.token(district, Role.OPERATOR),
    )
