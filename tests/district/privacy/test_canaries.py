"""No telephone number, address, device, code or token is in any log line or metric, at any level, whatever happens."""

import io
import logging
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import select

from district import logs
from district.auth.models import Role
from district.districts.models import District
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.outbox.models import OutboxMessage
from district.settings import LogFormat, Settings
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
PHONE, NATIONAL, EMAIL = "+358409876543", "040 987 6543", "canary.person@example.com"
MAC = "06:c0:ff:ee:ca:fe"
RADIUS_NAME, RADIUS_PASSWORD = "canary-name-of-a-login", "canary-password-of-a-login"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True, "metrics_token": None})


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that any part logs, down to DEBUG."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(Settings(log_level="DEBUG", log_format=LogFormat.JSON), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Walk:
    """A person through the portal, the member's interface and RADIUS; everything that must stay out of logs."""

    def __init__(self, client: httpx.AsyncClient, makers: Makers, district: District, slug: str) -> None:
        self.client, self.makers, self.district, self.slug = client, makers, district, slug
        self.canaries = {
            PHONE,
            PHONE.removeprefix("+"),
            NATIONAL,
            "409876543",
            EMAIL,
            MAC,
            MAC.replace(":", ""),
            MAC.replace(":", "-").upper(),
            RADIUS_NAME,
            RADIUS_PASSWORD,
            SECRET,
        }

    def redirect(self) -> str:
        self.makers.clock.advance(timedelta(seconds=1))
        query = redirect_query(
            SECRET,
            mac=MAC,
            ap="00:18:0a:13:dd:b0",
            url=f"http://example.com/?me={EMAIL}",
            machine_now=self.makers.clock.machine_now(),
        )
        return f"/portal/{self.slug}?{query}"

    async def portal(self) -> None:
        """In with a wrong and a right code, by number and by address; and with broken forms."""
        for method, typed in (("phone", NATIONAL), ("email", EMAIL)):
            page = await self.client.post(self.redirect(), data={"method": method, method: typed})
            [ticket] = re.findall(r'name="ticket" value="([^"]+)"', page.text)
            self.makers.session.expire_all()
            messages = self.makers.session.scalars(
                select(OutboxMessage).where(OutboxMessage.district_id == self.district.id)
            ).all()
            code = max(messages, key=lambda message: message.id).payload["code"]
            self.canaries |= {ticket, f'"{code}"', f" {code} "}
            form = {"method": method, method: typed, "ticket": ticket}
            for tried in ("000000", code):
                answer = await self.client.post(self.redirect(), data=form | {"code": tried})
            assert answer.status_code == 303
            self.canaries |= set(self.client.cookies.values())
        await self.client.post(self.redirect(), data={"method": "phone", "phone": f"{PHONE}\x00{PHONE}" * 3})
        await self.client.get(f"/portal/{self.slug}?mac={MAC}&sig=wrong&url={EMAIL}")

    async def member(self) -> None:
        """Reads and changes his own; asks for codes and shows wrong ones."""
        for path in ("/v1/me", "/v1/me/export", "/v1/me/export.zip", "/v1/me/consents/proof?purpose=access"):
            assert (await self.client.get(path)).status_code == 200
        await self.client.put("/v1/me/preferences", json={"zone": EMAIL})
        await self.client.post("/v1/codes", json={"phone": PHONE, "district": self.district.slug})
        for contact in ({"phone": PHONE}, {"email": EMAIL}, {"phone": EMAIL}, {"phone": [PHONE]}):
            body = {**contact, "code": "123456", "district": self.district.slug}
            assert (await self.client.post("/v1/tokens", json=body)).status_code in {401, 403, 422}

    async def operator(self) -> None:
        """Asks the access log, with sense and without."""
        headers = {"authorization": f"Bearer {self.makers.token(self.district, Role.OPERATOR)}"}
        address = f"/v1/districts/{self.district.slug}/access-log/searches"
        now = self.makers.clock.now()
        span = {
            "since": (now - timedelta(hours=1)).isoformat(),
            "until": (now + timedelta(hours=1)).isoformat(),
        }
        found = await self.client.post(address, json={"mac": MAC} | span, headers=headers)
        assert found.json()["holders"]
        await self.client.post(address, json={"mac": EMAIL, "identity": PHONE}, headers=headers)

    async def radius(self) -> None:
        """Asks with unknown names, broken attributes and in clear passwords."""
        headers = {"authorization": f"Bearer {self.makers.key(self.district, Role.RADIUS)}"}
        await refresh(self.client._transport.app)  # type: ignore[attr-defined]
        attributes = {
            "User-Name": RADIUS_NAME,
            "User-Password": RADIUS_PASSWORD,
            "Calling-Station-Id": MAC.replace(":", "-").upper(),
            "NAS-IP-Address": "10.0.0.1",
            "Acct-Status-Type": "Start",
            "Acct-Session-Id": PHONE,
        }
        good = {name: {"type": "string", "value": [value]} for name, value in attributes.items()}
        bad = {name: {"type": 7, "value": value} for name, value in attributes.items()}
        for path in ("authorize", "post-auth", "accounting"):
            for document in (good, bad, [EMAIL], {EMAIL: PHONE}):
                answer = await self.client.post(f"/v1/radius/{path}", json=document, headers=headers)
                assert answer.status_code < 500


async def test_nothing_personal_is_in_logs_or_metrics(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, written: io.StringIO
) -> None:
    district = committed.district(country="FI")
    slug = f"gw-{uuid.uuid4().hex[:10]}"
    new = NewGateway(slug=slug, vendor="click", secret=SECRET, methods=["click", "phone", "email"])
    row = gateways.create(committed.session, committed.info(district), new, clock=committed.clock)
    row.is_real_name = True
    committed.done()
    await refresh(app)
    walk = Walk(client, committed, district, slug)
    await walk.portal()
    await walk.member()
    await walk.operator()
    await walk.radius()
    structlog.get_logger().info("test.last_line")
    metrics = (await client.get("/metrics")).text
    found = written.getvalue()
    assert "test.last_line" in found
    assert "shangquan_up" in metrics
    assert [canary for canary in walk.canaries if canary in found + metrics] == []
