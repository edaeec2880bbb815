"""What became of messages by the public interface: lists, stories, sending again, and a provider's trial."""

import secrets
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import JSONResponse

from district.auth.models import Role
from district.database import Pool
from district.settings import Settings
from tests.conftest import refresh
from tests.district.deliveries.relays import Desk, Relay, drain, send, told
from tests.district.deliveries.servers import served
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    return settings.model_copy(update={"secret": SecretStr(SECRET), "provider_allow_loopback": True})


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """A relay that wants none of it."""
    await JSONResponse({}, status_code=422)(scope, receive, send)


@pytest.fixture
async def refusing() -> AsyncIterator[str]:
    async with served(refuse) as address:
        yield address


async def items(desk: Desk, query: str = "") -> list[dict[str, Any]]:
    answer = await desk.ask("GET", f"deliveries{query}")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_story_goes_from_the_planning_to_the_last_receipt_and_names_nobody(
    desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    await send(ground, settings, pool)
    await told(desk, relay, ground, [{"id": "relay-1", "kind": "delivered"}])
    (one,) = await items(desk)
    assert (one["state"], one["channel"], one["provider"], one["purpose"]) == (
        "accepted",
        "sms",
        "relay",
        "service",
    )
    answer = await desk.ask("GET", f"deliveries/{one['id']}")
    story = answer.json()
    assert [(a["provider"], a["outcome"]) for a in story["attempts"]] == [("relay", "accepted")]
    assert [(r["provider"], r["kind"]) for r in story["receipts"]] == [("relay", "delivered")]
    assert story["may_replay"] is False
    assert "358401234567" not in answer.text
    assert "你好" not in answer.text


async def test_lists_are_filtered_and_go_page_by_page(
    desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    for _ in range(3):
        await send(ground, settings, pool)
    every = [one["id"] for one in await items(desk)]
    assert every == sorted(every, reverse=True)
    page = (await desk.ask("GET", "deliveries?limit=2")).json()
    assert ([one["id"] for one in page["items"]], page["next"]) == (every[:2], every[1])
    assert [one["id"] for one in await items(desk, f"?before={page['next']}")] == every[2:]
    assert len(await items(desk, "?state=accepted&channel=sms")) == 3
    assert await items(desk, "?state=dead") == []
    assert await items(desk, "?channel=email") == []
    assert await items(desk, f"?campaign={uuid.uuid4()}") == []
    now = ground.clock.now().isoformat().replace("+00:00", "Z")
    assert await items(desk, f"?to={now}") == []
    assert len(await items(desk, f"?from={now}")) == 3


async def test_what_failed_is_sent_again_and_what_was_taken_is_not(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool, refusing: str
) -> None:
    await desk.make(relay, options={"url": f"{refusing}/send"})
    await send(ground, settings, pool)
    (one,) = await items(desk)
    assert one["state"] == "failed"
    await desk.ask("PATCH", "channel-providers/relay", {"options": {"url": f"{relay.address}/send"}})
    assert (await desk.ask("POST", f"deliveries/{one['id']}/replay")).json()["state"] == "queued"
    await drain(ground, settings, pool)
    assert [(m["to"], m["body"]) for m in relay.taken] == [("+358401234567", "你好")]
    again = await desk.ask("POST", f"deliveries/{one['id']}/replay")
    assert again.status_code == 409
    assert "certain" in again.json()["detail"]


@pytest.mark.parametrize("state", ["unknown", "queued", "sending", "accepted", "suppressed", "expired"])
async def test_only_what_is_dead_or_failed_is_sent_again(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool, state: str
) -> None:
    await desk.make(relay)
    await send(ground, settings, pool)
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE outbox_message SET state = %s, finished_at = NULL WHERE district_id = %s",
            (state, ground.info.id),
        )
    (one,) = await items(desk)
    assert (await desk.ask("POST", f"deliveries/{one['id']}/replay")).status_code == 409
    assert [kept["state"] for kept in await items(desk)] == [state]


async def test_a_trial_tells_what_the_provider_said_at_once(
    desk: Desk, relay: Relay, refusing: str, ground: Ground
) -> None:
    await desk.make(relay)
    body = {"to": "+358409999999", "language": "zh"}
    said = (await desk.ask("POST", "channel-providers/relay/test", body)).json()
    assert (said["outcome"], said["message_id"]) == ("accepted", "relay-1")
    assert (relay.taken[0]["to"], relay.taken[0]["title"]) == ("+358409999999", "测试消息")
    assert await items(desk) == []
    await desk.make(relay, slug="no", options={"url": f"{refusing}/send"})
    refused = (await desk.ask("POST", "channel-providers/no/test", body)).json()
    assert (refused["outcome"], refused["detail"] != "") == ("message_refused", True)
    assert (await desk.ask("POST", "channel-providers/nobody/test", body)).status_code == 404
    assert (await desk.ask("POST", "channel-providers/relay/test", {"to": "a\nb"})).status_code == 422


async def test_another_district_sees_none_of_it(
    *,
    app: FastAPI,
    client: httpx.AsyncClient,
    desk: Desk,
    relay: Relay,
    ground: Ground,
    settings: Settings,
    pool: Pool,
) -> None:
    await desk.make(relay)
    await send(ground, settings, pool)
    (one,) = await items(desk)
    elsewhere = ground.makers.district()
    headers = {"Authorization": f"Bearer {ground.makers.token(elsewhere, Role.OPERATOR)}"}
    await refresh(app)
    stranger = Desk(client=client, headers=headers, slug=elsewhere.slug)
    assert await items(stranger) == []
    assert (await stranger.ask("GET", f"deliveries/{one['id']}")).status_code == 404
    assert (await stranger.ask("POST", f"deliveries/{one['id']}/replay")).status_code == 404
    assert (
        await stranger.ask("POST", "channel-providers/relay/test", {"to": "+358401234567"})
    ).status_code == 404
