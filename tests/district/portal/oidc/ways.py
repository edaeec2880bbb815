"""A gateway that offers a provider's accounts, and the way of a browser through it."""

import uuid
from dataclasses import dataclass

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.districts.models import District
from district.gateways.vendors.click import redirect_query
from district.members.models import Member

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:99"


@dataclass
class Portal:
    """A gateway whose page offers the provider."""

    app: FastAPI
    slug: str
    clock: FixedClock

    def address(self, mac: str = MAC) -> str:
        query = redirect_query(
            SECRET,
            mac=mac,
            ap="00:18:0a:13:dd:b0",
            url=f"http://example.com/{uuid.uuid4()}",
            machine_now=self.clock.machine_now(),
        )
        return f"/portal/{self.slug}?{query}&lang=zh"

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://testserver")


async def leave(browser: httpx.AsyncClient, portal: Portal, **form: str) -> str:
    """Press the provider's button: where the browser is sent."""
    gone = await browser.post(portal.address(), data={"method": "oidc:mine", **form})
    assert gone.status_code == 303, gone.text
    return gone.headers["location"]


async def agree(url: str) -> str:
    """The person agrees at the provider: where it sends the browser back to."""
    async with httpx.AsyncClient(timeout=90) as elsewhere:
        answer = await elsewhere.get(url)
    return answer.headers["location"]


async def whole_way(browser: httpx.AsyncClient, portal: Portal, **form: str) -> httpx.Response:
    return await browser.get(await agree(await leave(browser, portal, **form)))


def members(engine: Engine, district: District) -> list[Member]:
    with Session(engine) as session:
        return list(session.scalars(select(Member).where(Member.district_id == district.id)))
