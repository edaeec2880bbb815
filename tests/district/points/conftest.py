"""A counter whose district gives and takes points."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from district.auth.models import Role
from district.clock import FixedClock
from district.districts.models import District
from district.members.models import Member
from district.merchants.models import Merchant
from district.points.models import PointsRule
from district.stores.models import Store, Till
from tests.conftest import refresh
from tests.factories import Makers


@dataclass(frozen=True, kw_only=True)
class Bank:
    """A district with points, one till of one merchant, and what is asked of them."""

    makers: Makers
    app: FastAPI
    client: httpx.AsyncClient
    clock: FixedClock
    district: District
    merchant: Merchant
    store: Store
    till: Till
    key: str
    numbers: list[int] = field(default_factory=list)

    def rule(self, **values: Any) -> PointsRule:
        given: dict[str, Any] = {
            "is_on": True,
            "value_minor": 5,
            "life_days": 365,
            "per_visit": 0,
            "visits_per_day": 1,
            "per_redemption": 10,
            "minor_units_per_point": 100,
            "most_per_purchase": 1000,
            "most_per_day": 100_000,
            "changed_at": self.clock.now(),
        }
        row = PointsRule(district_id=self.district.id, **(given | values))
        self.makers.session.merge(row)
        self.makers.done()
        return row

    def token(self, member: Member) -> dict[str, str]:
        token = self.makers.token(self.district, Role.SHOPPER, subject_id=member.id)
        return {"Authorization": f"Bearer {token}"}

    async def pass_of(self, member: Member) -> str:
        answer = await self.client.post("/v1/me/points/pass", headers=self.token(member))
        assert answer.status_code == 201
        return str(answer.json()["code"])

    async def points_of(self, member: Member) -> dict[str, Any]:
        answer = await self.client.get("/v1/me/points", headers=self.token(member))
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    async def spend(self, code: str, points: int, number: str | None = None, **values: Any) -> httpx.Response:
        self.numbers.append(1)
        body = {
            "pass_code": code,
            "points": points,
            "use_request_no": number or f"n{len(self.numbers)}",
        } | values
        return await self.post("/points/spends", body)

    async def post(self, path: str, body: Any, *, key: str | None = None) -> httpx.Response:
        return await self.client.post(
            f"/v1/districts/{self.district.slug}{path}",
            json=body,
            headers={"Authorization": f"Bearer {key or self.key}"},
        )

    def entries(self) -> dict[tuple[str, uuid.UUID], int]:
        self.makers.session.rollback()
        rows = self.makers.session.execute(
            text(
                "SELECT account, owner_id, sum(amount_minor) FROM ledger_entry WHERE district_id = :d"
                " GROUP BY 1, 2 HAVING sum(amount_minor) <> 0"
            ),
            {"d": self.district.id},
        )
        return {(account, owner): int(amount) for account, owner, amount in rows}

    def liability(self) -> int:
        return sum(amount for (account, _), amount in self.entries().items() if account == "points_liability")


@pytest.fixture
async def bank(app: FastAPI, client: httpx.AsyncClient, committed: Makers, clock: FixedClock) -> Bank:
    """A bank in a district of its own."""
    district = committed.district()
    merchant = committed.merchant(district)
    store = committed.store(district, merchant_id=merchant.id)
    till = Till(district_id=district.id, store_id=store.id, name="1", created_at=clock.now())
    committed.session.add(till)
    committed.done()
    key = committed.key(district, Role.TILL, scope_id=till.id, merchant_id=merchant.id)
    await refresh(app)
    bank = Bank(
        makers=committed,
        app=app,
        client=client,
        clock=clock,
        district=district,
        merchant=merchant,
        store=store,
        till=till,
        key=key,
    )
    bank.rule()
    return bank
