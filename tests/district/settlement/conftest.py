"""A district with two merchants whose tills give discounts that several bear."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.campaigns.shared_models import FundingShare
from district.clock import FixedClock
from district.database import Pool, make_pool, new_id
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.merchants.models import Merchant
from district.settlement import jobs
from district.stores.models import Property, Store
from tests.conftest import refresh
from tests.factories import Makers


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One merchant with one store and its key."""

    merchant: Merchant
    store: Store
    key: str
    campaign: Campaign


@dataclass(frozen=True, kw_only=True)
class Market:
    """The district, its shops and the mall that one stands in."""

    makers: Makers
    app: FastAPI
    client: httpx.AsyncClient
    clock: FixedClock
    pool: Pool
    district: District
    info: DistrictInfo
    mall: Property
    shops: tuple[Shop, Shop]
    joint: Campaign
    numbers: list[int] = field(default_factory=list)

    async def redeem(
        self, shop: Shop, minor: int, *, campaign: Campaign | None = None, number: str = ""
    ) -> str:
        self.numbers.append(1)
        offer = self.makers.offer(
            campaign or shop.campaign,
            self.makers.member(self.district),
            value={"type": "amount", "minor_units": minor},
            valid_until=self.clock.now() + timedelta(days=40),
        )
        body = {"code": offer.code, "use_request_no": number or f"u{len(self.numbers)}"}
        answer = await self.post(shop, "", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["redemption_id"])

    async def reverse(self, shop: Shop, redemption_id: str) -> None:
        body = {"return_request_no": f"r{redemption_id}"}
        assert (await self.post(shop, f"/{redemption_id}/reversal", body)).status_code == 200

    async def post(self, shop: Shop, path: str, body: Any) -> httpx.Response:
        return await self.client.post(
            f"/v1/districts/{self.district.slug}/redemptions{path}",
            json=body,
            headers={"Authorization": f"Bearer {shop.key}"},
        )

    async def ask(
        self,
        method: str,
        path: str,
        *,
        role: Role = Role.OPERATOR,
        scope: uuid.UUID | None = None,
        **values: Any,
    ) -> httpx.Response:
        token = self.makers.token(self.district, role, scope_id=scope)
        return await self.client.request(
            method,
            f"/v1/districts/{self.district.slug}/statements{path}",
            headers={"Authorization": f"Bearer {token}"},
            **values,
        )

    async def statements(self, **values: Any) -> list[dict[str, Any]]:
        answer = await self.ask("GET", "?limit=200", **values)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def close(self) -> date:
        """Go on to the next trading day and close what is over; the day that ended."""
        day = self.info.trading_day(self.clock.now())
        self.clock.advance(timedelta(days=1))
        await jobs.close(self.pool, [self.info], self.clock)
        return day

    def balances(self) -> dict[tuple[str, uuid.UUID], int]:
        self.makers.session.rollback()
        rows = self.makers.session.execute(
            text(
                "SELECT account, owner_id, sum(amount_minor) FROM ledger_entry WHERE district_id = :d"
                " GROUP BY 1, 2 HAVING sum(amount_minor) <> 0"
            ),
            {"d": self.district.id},
        )
        return {(account, owner): int(amount) for account, owner, amount in rows}


@pytest.fixture
async def market(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, clock: FixedClock, database_url: str
) -> AsyncIterator[Market]:
    """A market in a district of its own."""
    district = committed.district()
    mall = Property(district_id=district.id, id=new_id(), kind="mall", name="Mall", created_at=clock.now())
    committed.session.add(mall)
    committed.session.flush()
    shops = tuple(_shop(committed, district, mall if number == 0 else None) for number in range(2))
    first, second = shops
    joint = committed.campaign(district, first.merchant, [first.store, second.store])
    for kind, permille in (("merchant", 500), ("property", 300), ("platform", 200)):
        committed.session.add(
            FundingShare(district_id=district.id, campaign_id=joint.id, party_kind=kind, permille=permille)
        )
    committed.done()
    await refresh(app)
    pool = make_pool(database_url, size=4)
    await pool.open(wait=True)
    yield Market(
        makers=committed,
        app=app,
        client=client,
        clock=clock,
        pool=pool,
        district=district,
        info=committed.info(district),
        mall=mall,
        shops=(first, second),
        joint=joint,
    )
    await pool.close()


def _shop(makers: Makers, district: District, mall: Property | None) -> Shop:
    merchant = makers.merchant(district)
    store = makers.store(district, merchant_id=merchant.id, property_id=mall.id if mall else None)
    key = makers.key(district, Role.TILL, scope_id=store.id, merchant_id=merchant.id)
    return Shop(
        merchant=merchant, store=store, key=key, campaign=makers.campaign(district, merchant, [store])
    )
