"""A provider's settings change while a worker runs: what is on its way ends as it would have, and nobody else notices."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse

from district.database import Pool
from district.deliveries import fleet as fleet_module
from district.deliveries import retiring
from district.deliveries.channels import provider_policy_of
from district.deliveries.fleet import Fleet
from district.settings import Settings
from push.channels import signing
from push.channels.outbound import Outbound
from push.channels.providers import ProviderChannel
from push.consent import Channel
from push.receipts import Failure, FailureKind, Outcome, Receipt
from tests.district.deliveries.conftest import desk, ground, pool
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import served, until
from tests.district.offers.conftest import Ground
from tests.push.outbox_world import BASE_MESSAGE

__all__ = ["desk", "ground", "pool"]
PATIENCE = timedelta(minutes=2)
"""What a busy machine takes for a request is no reason to cut off a call."""
WORDS = {"secret": signing.secret_from(secrets.token_bytes(32))}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    changes = {"secret": SecretStr(secrets.token_hex(16)), "provider_allow_loopback": True}
    return settings.model_copy(update=changes)


@dataclass
class Slow:
    """A relay that answers when it is let."""

    taken: list[str] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        await request.body()
        self.taken.append(request.url.path)
        await self.answers.wait()
        await JSONResponse({"id": f"r-{len(self.taken)}"})(scope, receive, send)


@dataclass
class Stage:
    """Two relays of a district, and a worker's senders."""

    desk: Desk
    ground: Ground
    relay: Slow
    fleet: Fleet
    url: str

    async def channel(self, name: Channel = Channel.SMS) -> ProviderChannel:
        found = (await self.fleet.of(self.ground.info))[name]
        assert isinstance(found, ProviderChannel)
        return found

    async def change(self, slug: str, body: dict[str, Any]) -> httpx.Response:
        answer = await self.desk.ask("PATCH", f"channel-providers/{slug}", body)
        assert answer.status_code == 200, answer.text
        return answer

    async def until_another(self, before: ProviderChannel, name: Channel = Channel.SMS) -> ProviderChannel:
        """The channel's senders, once they are not these."""

        async def is_another() -> bool:
            return await self.channel(name) is not before

        await until(is_another)
        return await self.channel(name)

    async def underway(self, channel: ProviderChannel) -> "asyncio.Task[Outcome]":
        """A call that waits for its answer."""
        known = len(self.relay.taken)
        call = asyncio.create_task(
            channel.send(replace(BASE_MESSAGE, channel=channel.name, address="+358401234567"))
        )

        async def is_taken() -> bool:
            return len(self.relay.taken) > known

        await until(is_taken)
        return call


@pytest.fixture
async def stage(
    desk: Desk, ground: Ground, pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    monkeypatch.setattr(fleet_module, "REFRESH_S", 0.0)  # each look is a new one
    monkeypatch.setattr(retiring, "WITHIN_S", PATIENCE.total_seconds())
    relay = Slow()
    async with served(relay) as address:
        for kind in ("sms", "email"):
            body = {
                "slug": kind,
                "kind": f"relay_{kind}",
                "name": kind,
                "options": {"url": f"{address}/{kind}"},
                "secrets": WORDS,
            }
            assert (await desk.ask("POST", "channel-providers", body)).status_code == 201
        fleet = Fleet.opened(pool, settings, ground.clock)
        await fleet.outbound.close()
        fleet.outbound = Outbound(policy=replace(provider_policy_of(settings), deadline=PATIENCE))
        try:
            yield Stage(desk, ground, relay, fleet, address)
        finally:
            relay.answers.set()
            await fleet.close()


@pytest.mark.parametrize("change", [{"weight": 7}, {"is_on": False}], ids=["changed", "switched-off"])
async def test_a_call_under_way_ends_as_it_would_have(stage: Stage, change: dict[str, Any]) -> None:
    before = await stage.channel()
    call = await stage.underway(before)
    await stage.change("sms", change)

    async def is_let_go() -> bool:
        return (await stage.fleet.of(stage.ground.info)).get(Channel.SMS) is not before

    await until(is_let_go)
    assert not call.done()
    stage.relay.answers.set()
    assert isinstance(await call, Receipt)


async def test_nothing_more_begins_with_the_old_settings(stage: Stage) -> None:
    before = await stage.channel()
    call = await stage.underway(before)
    await stage.change("sms", {"options": {"url": f"{stage.url}/another"}})
    after = await stage.until_another(before)
    late = await before.send(replace(BASE_MESSAGE, channel=Channel.SMS, address="+358401234567"))
    assert isinstance(late, Failure)
    assert late.kind is FailureKind.THROTTLED
    stage.relay.answers.set()
    message = replace(BASE_MESSAGE, channel=Channel.SMS, address="+358401234567")
    assert isinstance(await after.send(message), Receipt)
    assert isinstance(await call, Receipt)
    assert stage.relay.taken == ["/sms", "/another"]


async def test_providers_that_did_not_change_go_on_as_they_are(stage: Stage) -> None:
    text, letter = await stage.channel(), await stage.channel(Channel.EMAIL)
    call = await stage.underway(letter)
    await stage.change("sms", {"weight": 7})
    await stage.until_another(text)
    kept = await stage.channel(Channel.EMAIL)
    assert [one.sender for one in kept.providers] == [one.sender for one in letter.providers]
    stage.relay.answers.set()
    assert isinstance(await call, Receipt)
    assert isinstance(
        await kept.send(replace(BASE_MESSAGE, channel=Channel.EMAIL, address="a@b.example")), Receipt
    )


async def test_a_call_without_end_holds_nothing_up_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retiring, "WITHIN_S", 0.1)
    before = await stage.channel()
    call = await stage.underway(before)
    await stage.change("sms", {"weight": 7})
    await stage.until_another(before)
    outcome = await call
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.UNKNOWN
