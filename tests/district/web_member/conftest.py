"""A member with an offer in the inbox, and browsers that are logged in or not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.database import new_id
from district.deliveries.models import InboxItem
from district.districts.models import District
from district.members.models import Member
from district.offers.models import Offer
from district.settings import Settings
from district.stores.models import Store
from tests.conftest import refresh
from tests.factories import Makers


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@dataclass(frozen=True, kw_only=True)
class Shopping:
    """A district with one member, one store and one offer that arrived."""

    district: District
    member: Member
    store: Store
    offer: Offer

    @property
    def base(self) -> str:
        return f"/d/{self.district.slug}"


def arrive(makers: Makers, offer: Offer, store: Store) -> InboxItem:
    """Put an offer into its member's inbox."""
    item = InboxItem(
        district_id=offer.district_id,
        id=new_id(),
        member_id=offer.member_id,
        offer_id=offer.id,
        store_id=store.id,
        title=offer.title,
        body=offer.text,
        why={"en": "You entered the area of Zio.", "zh": "您进入了 Zio 附近。"},
        kind="offer",
        at=makers.clock.now(),
        committed_at=makers.clock.machine_now(),
    )
    makers.session.add(item)
    makers.done()
    return item


@pytest.fixture
async def shopping(app: FastAPI, committed: Makers) -> Shopping:
    district = committed.district(country="FI")
    merchant = committed.merchant(district)
    store = committed.store(district, merchant_id=merchant.id, address="Aleksanterinkatu 9")
    campaign = committed.campaign(district, merchant, [store])
    member = committed.member(district)
    offer = committed.offer(campaign, member, why={"en": "You entered the area of Zio."})
    arrive(committed, offer, store)
    await refresh(app)
    return Shopping(district=district, member=member, store=store, offer=offer)


@pytest.fixture
async def shopper(app: FastAPI, shopping: Shopping, committed: Makers) -> AsyncIterator[httpx.AsyncClient]:
    """The member's browser, which sends forms from our own pages."""
    token = committed.token(shopping.district, Role.SHOPPER, subject_id=shopping.member.id)
    async with browser(app, token) as client:
        yield client


def browser(app: FastAPI, token: str = "") -> httpx.AsyncClient:
    """A browser with a session or without."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://testserver",
        cookies={COOKIE: token} if token else {},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
