"""A relay that is really called, the operator who keeps it, and a worker's lane that sends."""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse

from district.clock import Clock
from district.database import Pool
from district.deliveries.fleet import Fleet
from district.deliveries.jobs import Lane
from district.districts import service as districts
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from district.settings import Settings
from push.channels import signing
from push.consent import Channel
from push.dispatch import DispatchPolicy
from push.message import MessagePurpose
from tests.district.offers.conftest import Ground


@dataclass
class Relay:
    """A relay that keeps what it was sent, once its signature holds."""

    clock: Clock
    secret: str = field(default_factory=lambda: signing.secret_from(secrets.token_bytes(32)))
    taken: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        signing.verify(request.headers, body, secrets=[self.secret], now=self.clock.machine_now())
        self.taken.append(json.loads(body))
        await JSONResponse({"id": f"relay-{len(self.taken)}"})(scope, receive, send)


@dataclass
class Desk:
    """An operator at the public interface."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    slug: str

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.client.request(
            method, f"/v1/districts/{self.slug}/{path}", headers=self.headers, json=body
        )

    async def make(self, relay: Relay, **values: Any) -> httpx.Response:
        given = {
            "slug": "relay",
            "kind": "relay_sms",
            "name": "Our relay",
            "options": {"url": f"{relay.address}/send"},
            "secrets": {"secret": relay.secret},
        }
        return await self.ask("POST", "channel-providers", given | values)


async def send(ground: Ground, settings: Settings, pool: Pool) -> None:
    """Queue one service message to a number, and let a worker's lane send it."""
    message = NewMessage(
        channel=Channel.SMS,
        purpose=MessagePurpose.SERVICE,
        payload={"to": "+358401234567", "title": "Hello", "body": "你好", "language": "zh"},
        due_at=ground.clock.now(),
    )
    async with pool.connection() as connection:
        await outbox.enqueue_all(connection, ground.info.id, [message])
    await drain(ground, settings, pool)


async def drain(ground: Ground, settings: Settings, pool: Pool) -> None:
    """Let a worker's lane send what is due as text messages."""
    registry = districts.registry(pool)
    await registry.refresh()
    fleet = Fleet.opened(pool, settings, ground.clock)
    lane = Lane(
        pool=pool,
        registry=registry,
        settings=settings,
        clock=ground.clock,
        fleet=fleet,
        channels=frozenset({Channel.SMS}),
        policy=DispatchPolicy(),
        stopping=asyncio.Event(),
    )
    await lane.tick()
    await fleet.close()


async def told(desk: Desk, relay: Relay, ground: Ground, receipts: Any, **changes: Any) -> httpx.Response:
    body = receipts if isinstance(receipts, bytes) else json.dumps({"receipts": receipts}).encode()
    signed = signing.headers(
        [signing.key_of(relay.secret)],
        message_id=secrets.token_hex(8),
        at=ground.clock.machine_now(),
        body=body,
    )
    return await desk.client.post(
        f"/v1/districts/{desk.slug}/receipts/relay", content=changes.get("body", body), headers=signed
    )
