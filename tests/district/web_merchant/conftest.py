"""A merchant with a shop, a till and a live campaign, and a browser that is logged in."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.campaigns.models import Campaign
from district.database import new_id
from district.districts.models import District
from district.merchants.models import Merchant
from district.stores.models import Store, Till
from tests.conftest import refresh
from tests.factories import HELSINKI, Makers


@dataclass(frozen=True, kw_only=True)
class Business:
    """A merchant of a district and what is his."""

    district: District
    merchant: Merchant
    store: Store
    till: Till
    campaign: Campaign
    token: str


def open_business(makers: Makers, district: District, *, name: str = "Zio") -> Business:
    """A merchant with a shop, a till and a live campaign."""
    merchant = makers.merchant(district, name=name)
    store = makers.store(district, merchant_id=merchant.id, name=name)
    till = Till(
        district_id=district.id, id=new_id(), store_id=store.id, name="1", created_at=makers.clock.now()
    )
    makers.session.add(till)
    makers.done()
    account = makers.account(district, Role.MERCHANT, scope_id=merchant.id)
    token = makers.token(district, Role.MERCHANT, subject_id=account.id, scope_id=merchant.id)
    campaign = makers.campaign(district, merchant, [store], stock=100)
    return Business(
        district=district, merchant=merchant, store=store, till=till, campaign=campaign, token=token
    )


@pytest.fixture
async def business(app: FastAPI, committed: Makers) -> Business:
    made = open_business(committed, committed.district())
    await refresh(app)
    return made


@pytest.fixture
def rival(business: Business, committed: Makers) -> Business:
    """Another merchant of the same district."""
    return open_business(committed, business.district, name="Rival")


@pytest.fixture
async def merchant(app: FastAPI, business: Business) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app, business.token) as client:
        yield client


def browser(app: FastAPI, token: str = "") -> httpx.AsyncClient:
    """A browser that sends forms from our own pages."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://testserver",
        cookies={COOKIE: token} if token else {},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def form(business: Business, **changes: Any) -> dict[str, Any]:
    """A campaign form as a browser sends it."""
    return {
        "name": "Lunch",
        "store_ids": [str(business.store.id)],
        "ground": "drawn",
        "near_m": "60",
        "within": json.dumps(WITHIN),
        "hours": "chips",
        "days": ["Mo", "Tu", "Fr"],
        "opens": "11:00",
        "closes": "14:00",
        "audience": "new",
        "trigger": ["0"],
        "trigger-0-on": "fence.dwell",
        "trigger-0-min": "2.5",
        "trigger-0-min_unit": "min",
        "cap_n": "2",
        "cap_per": "7d",
        "ttl": "60",
        "ttl_unit": "min",
        "kind": "coupon",
        "value": "amount",
        "amount": "2.50",
        "percent": "20",
        "claim": "none",
        "stacks": ["points"],
        "title_en": "2.50 off",
        "title_zh": "立减 2.5 欧元",
        "text_en": "Today",
        "text_zh": "今天",
        "stock": "40",
        "starts": "",
        "ends": "2026-05-31T20:00",
        "then": "save",
    } | changes


WITHIN = {"circle": {"lon": HELSINKI.lon, "lat": HELSINKI.lat, "radius_m": 60.0}}
