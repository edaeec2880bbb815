"""A member with a coupon, in a district whose wallets are set up."""

import io
import json
import secrets
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update

from district.auth.models import Role
from district.deliveries import wallet_jobs
from district.offers.models import Offer
from district.settings import Settings
from tests.channels.apps.vendors import service_account
from tests.channels.wallet.authority import PASS_TYPE, Authority, authority
from tests.conftest import refresh
from tests.district.deliveries.conftest import desk, ground, pool
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground
from tests.district.web_member.conftest import browser

__all__ = ["desk", "ground", "pool"]
ISSUER = "3388000000012345678"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Apple and Google may be on this machine."""
    secret = SecretStr("installation-" + secrets.token_hex(16))
    changes = {"secret": secret, "provider_allow_loopback": True, "public_url": "https://wifi.example"}
    return settings.model_copy(update=changes)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs for Apple."""
    return authority(tmp_path_factory.mktemp("authority"))


@dataclass
class Coupon:
    """A member's coupon, his browser, and his telephone's wallet."""

    ground: Ground
    desk: Desk
    offer: Offer
    page: httpx.AsyncClient
    phone: httpx.AsyncClient
    settings: Settings
    signer: Authority

    @property
    def base(self) -> str:
        return f"/d/{self.ground.district.slug}/offers/{self.offer.id}"

    async def set_up_apple(self, base_url: str = "http://127.0.0.1:9", **secrets_: Any) -> httpx.Response:
        texts = self.signer.texts
        body = {
            "slug": "apple-wallet",
            "kind": "apple_wallet",
            "name": "Apple",
            "options": {
                "certificate": texts["certificate"],
                "intermediate": texts["intermediate"],
                "base_url": base_url,
            },
            "secrets": {"private_key": texts["key"]} | secrets_,
        }
        return await self.desk.ask("POST", "channel-providers", body)

    async def set_up_google(self, base_url: str = "http://127.0.0.1:9") -> httpx.Response:
        body = {
            "slug": "google-wallet",
            "kind": "google_wallet",
            "name": "Google",
            "options": {"issuer_id": ISSUER, "base_url": base_url, "token_url": f"{base_url}/token"},
            "secrets": {"service_account": service_account()},
        }
        return await self.desk.ask("POST", "channel-providers", body)

    async def take(self) -> dict[str, Any]:
        """The pass that the member downloads: its document."""
        return parts_of(await self.page.get(f"{self.base}/coupon.pkpass"))

    def become(self, **values: Any) -> None:
        """Change the offer as its use at a till does."""
        self.ground.makers.session.execute(update(Offer).where(Offer.id == self.offer.id).values(**values))
        self.ground.makers.done()

    async def tell(self, recent: timedelta | None = None) -> int:
        """One round of the worker: its sweep, or what was used of late."""
        ground = self.ground
        return await wallet_jobs.tell(ground.pool, ground.info, self.settings, ground.clock, recent=recent)

    async def ask(
        self, method: str, path: str, token: str = "", body: Any = None, **headers: str
    ) -> httpx.Response:
        """What the telephone's wallet asks."""
        given = headers | ({"Authorization": f"ApplePass {token}"} if token else {})
        address = f"/wallet/{self.ground.district.slug}/v1{path}"
        return await self.phone.request(method, address, headers=given, json=body)

    async def register(
        self, document: dict[str, Any], device: str = "phone-1", **body: Any
    ) -> httpx.Response:
        path = f"/devices/{device}/registrations/{PASS_TYPE}/{document['serialNumber']}"
        told = {"pushToken": "ab" * 32} | body
        return await self.ask("POST", path, document["authenticationToken"], told)


def parts_of(answer: httpx.Response) -> dict[str, Any]:
    """pass.json of a pass."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apple.pkpass"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        found: dict[str, Any] = json.loads(packed.read("pass.json"))
    return found


@pytest.fixture
async def coupon(
    app: FastAPI, ground: Ground, desk: Desk, settings: Settings, signer: Authority
) -> AsyncIterator[Coupon]:
    """No wallet is set up yet."""
    makers = ground.makers
    store = makers.store(ground.district, merchant_id=ground.merchant.id)
    campaign = makers.campaign(ground.district, ground.merchant, [store])
    member = makers.member(ground.district)
    offer = makers.offer(campaign, member)
    token = makers.token(ground.district, Role.SHOPPER, subject_id=member.id)
    makers.done()
    await refresh(app)
    async with browser(app) as page, browser(app) as phone:
        page.headers["Authorization"] = f"Bearer {token}"
        yield Coupon(
            ground=ground, desk=desk, offer=offer, page=page, phone=phone, settings=settings, signer=signer
        )
