"""What tests of the sign-in page share: a gateway's page, browsers that know nothing of each other, codes."""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from district.clock import FixedClock
from district.districts.models import District
from district.gateways.vendors.click import redirect_query
from district.outbox.models import OutboxMessage
from district.vouchers import service as vouchers
from district.vouchers.schemas import NewBatch
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:55"
PHONE = "+358401234567"


@dataclass
class Portal:
    """A gateway's sign-in page, met by browsers that know nothing of each other."""

    app: FastAPI
    slug: str
    clock: FixedClock
    browsers: list[httpx.AsyncClient]

    def address(self, mac: str = MAC) -> str:
        query = redirect_query(
            SECRET,
            mac=mac,
            ap="00:18:0a:13:dd:b0",
            url=f"http://example.com/{uuid.uuid4()}",
            machine_now=self.clock.machine_now(),
        )
        return f"/portal/{self.slug}?{query}&lang=en"

    def browser(self) -> httpx.AsyncClient:
        made = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://testserver")
        self.browsers.append(made)
        return made


Open = Callable[..., Awaitable[Portal]]


Rows = Callable[[type[Any]], list[Any]]


def code_for(committed: Makers, district: District, clock: FixedClock, **values: Any) -> str:
    new = NewBatch.model_validate({"name": "Lobby", "count": 1} | values)
    info = committed.info(district)
    batch = vouchers.create(committed.session, info, new, clock=clock)
    committed.session.commit()
    return vouchers.vouchers_of(committed.session, info.id, batch.id)[0].code


async def by_code(browser: httpx.AsyncClient, rows: Rows, address: str, **form: str) -> httpx.Response:
    """The whole way with a code."""
    asked = await browser.post(address, data=form)
    assert asked.status_code == 200, asked.text
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    newest = max(rows(OutboxMessage), key=lambda row: row.id)
    sent = {"ticket": ticket[1], "code": newest.payload["code"]}
    return await browser.post(address, data=form | sent)
