"""Webhooks of a merchant and the report of a campaign, over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from district.auth.models import Role
from district.clock import FixedClock
from district.deliveries.jobs import Deliveries
from district.settings import Settings
from push.channels import signing
from push.decision import Refusal
from push.identifiers import CampaignId, MemberId
from push.suppression import Suppression
from tests.conftest import refresh
from tests.district.deliveries.servers import served, until
from tests.district.offers.conftest import Ground


@dataclass
class Receiver:
    """A merchant's own server."""

    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.got.append((dict(request.headers), await request.body()))
        await Response(status_code=self.status)(scope, receive, send)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with served(receiver) as url:
        receiver.url = f"{url}/hook"
        yield receiver


@dataclass
class Caller:
    """A merchant's program."""

    client: httpx.AsyncClient
    path: str
    token: str

    async def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return await self.client.request(method, self.path + path, json=body, headers=headers)


@pytest.fixture
async def merchant(app: FastAPI, client: httpx.AsyncClient, ground: Ground) -> Caller:
    await refresh(app)
    token = ground.makers.token(ground.district, Role.MERCHANT, scope_id=ground.merchant.id)
    return Caller(client, f"/v1/districts/{ground.district.slug}", token)


@pytest.fixture
async def sender(
    app: FastAPI, ground: Ground, settings: Settings, clock: FixedClock
) -> AsyncIterator[Deliveries]:
    """The dispatcher of a worker, running."""
    deliveries = Deliveries(pool=ground.pool, registry=app.state.registry, settings=settings, clock=clock)
    task = asyncio.create_task(deliveries.run())
    yield deliveries
    deliveries.stopping.set()
    await task


async def finished(ground: Ground, number: int) -> None:
    """Wait until so many messages have come to an end."""

    async def are() -> bool:
        return await ground.number(FINISHED) == number

    await until(are)


def other(ground: Ground) -> str:
    return ground.makers.token(
        ground.district, Role.MERCHANT, scope_id=ground.makers.merchant(ground.district).id
    )


FINISHED = "SELECT count(*) FROM outbox_message WHERE district_id = %(d)s AND finished_at IS NOT NULL"


async def test_an_issued_offer_reaches_inbox_and_signed_webhook_without_the_members_name(
    ground: Ground, merchant: Caller, receiver: Receiver, sender: Deliveries
) -> None:
    made = (await merchant.call("POST", "/webhooks", {"url": receiver.url})).json()
    member = ground.member()
    batch = await ground.issue(ground.draft(ground.campaign(), member))
    await finished(ground, 2)
    headers, body = receiver.got[0]
    ids = await ground.rows("SELECT id FROM outbox_message WHERE district_id = %(d)s AND channel = 'webhook'")
    now = ground.clock.machine_now()
    assert signing.verify(headers, body, secrets=[made["secret"]], now=now) == str(ids[0][0])
    event = json.loads(body)
    assert (event["type"], event["data"]["offer_id"]) == ("offer.issued", str(batch.issued[0].id))
    assert str(member.id) not in body.decode()
    assert event["data"]["code"] is None
    assert await ground.number("SELECT count(*) FROM inbox_item WHERE district_id = %(d)s") == 1


async def test_an_endpoint_that_is_gone_is_disabled(
    ground: Ground, merchant: Caller, receiver: Receiver, sender: Deliveries
) -> None:
    receiver.status = 410
    await merchant.call("POST", "/webhooks", {"url": receiver.url})
    await ground.issue(ground.draft(ground.campaign(), ground.member()))
    await finished(ground, 2)
    listed = (await merchant.call("GET", "/webhooks")).json()["items"]
    assert listed[0]["disabled_at"] is not None
    assert listed[0]["secret"] is None


async def test_a_removed_webhook_gets_nothing_any_more(
    ground: Ground, merchant: Caller, receiver: Receiver, sender: Deliveries
) -> None:
    made = (await merchant.call("POST", "/webhooks", {"url": receiver.url})).json()
    removed = await merchant.call("DELETE", f"/webhooks/{made['id']}")
    await ground.issue(ground.draft(ground.campaign(), ground.member()))
    await finished(ground, 1)
    assert (removed.status_code, receiver.got) == (204, [])


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest",
        "http://example.invalid/hook",
        "ftp://127.0.0.1/x",
        "https://user:pw@127.0.0.1/x",
        "https://127.0.0.1/x#y",
        "",
    ],
)
async def test_an_address_that_must_not_be_called_is_refused(merchant: Caller, url: str) -> None:
    assert (await merchant.call("POST", "/webhooks", {"url": url})).status_code == 422


async def test_a_merchant_has_at_most_five_webhooks(merchant: Caller) -> None:
    answers = [
        (await merchant.call("POST", "/webhooks", {"url": f"http://127.0.0.1:9/{number}"})).status_code
        for number in range(6)
    ]
    assert answers == [201] * 5 + [409]


async def test_another_merchant_neither_sees_nor_removes_a_webhook(ground: Ground, merchant: Caller) -> None:
    made = (await merchant.call("POST", "/webhooks", {"url": "http://127.0.0.1:9/"})).json()
    token = other(ground)
    assert (await merchant.call("GET", "/webhooks", token=token)).json()["items"] == []
    assert (await merchant.call("DELETE", f"/webhooks/{made['id']}", token=token)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("DELETE", "/webhooks/01a2006a-0cfd-718a-ac91-5bc6be0f080c"),
    ],
)
async def test_nobody_manages_webhooks_without_a_token(merchant: Caller, method: str, path: str) -> None:
    answer = await merchant.client.request(method, merchant.path + path, json={"url": "http://127.0.0.1:9/"})
    assert answer.status_code == 401


async def test_a_report_counts_what_became_of_each_offer(
    ground: Ground, merchant: Caller, sender: Deliveries
) -> None:
    campaign = ground.campaign()
    batch = await ground.issue(*(ground.draft(campaign, ground.member()) for _ in range(4)))
    await finished(ground, 4)
    for offer, change in zip(
        batch.issued,
        ("opened_at = issued_at", "opened_at = issued_at, state = 'redeemed'", "state = 'void'"),
        strict=False,
    ):
        ground.makers.session.execute(text(f"UPDATE offer SET {change} WHERE id = :id"), {"id": offer.id})
    ground.makers.done()
    report = (await merchant.call("GET", f"/campaigns/{campaign.id}/report")).json()
    figures = {name: report[name] for name in ("issued", "withdrawn", "delivered", "opened", "redeemed")}
    assert figures == {"issued": 3, "withdrawn": 1, "delivered": 4, "opened": 2, "redeemed": 1}


async def test_refusals_of_fewer_than_ten_people_are_not_counted_out(
    ground: Ground, merchant: Caller
) -> None:
    campaign = ground.campaign()

    def refused(number: int, reason: Suppression) -> list[Refusal]:
        return [
            Refusal(
                campaign_id=CampaignId(campaign.id),
                member_id=MemberId(ground.member().id),
                reason=reason,
                at=ground.clock.now(),
            )
            for _ in range(number)
        ]

    await ground.issue(refusals=(*refused(10, Suppression.STALE), *refused(9, Suppression.NOT_IN_AUDIENCE)))
    report = (await merchant.call("GET", f"/campaigns/{campaign.id}/report")).json()
    assert report["refusals"] == [
        {"reason": "not_in_audience", "times": None, "members": None, "suppressed": True, "winners": []},
        {"reason": "stale", "times": 10, "members": 10, "suppressed": False, "winners": []},
    ]


async def test_another_merchants_report_is_not_found(ground: Ground, merchant: Caller) -> None:
    campaign = ground.campaign()
    answer = await merchant.call("GET", f"/campaigns/{campaign.id}/report", token=other(ground))
    assert answer.status_code == 404
    anonymous = await merchant.client.get(f"{merchant.path}/campaigns/{campaign.id}/report")
    assert anonymous.status_code == 401
