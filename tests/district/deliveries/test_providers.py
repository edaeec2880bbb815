"""Providers by the public interface, and a relay that is really called: sealed secrets, a message out, receipts back."""

import secrets

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from district.database import Pool
from district.settings import Settings
from tests.district.deliveries.relays import Desk, Relay, send, told
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)
ROW = "SELECT state, reason, provider_message_id, delivered_at IS NOT NULL, opened_at IS NOT NULL FROM outbox_message WHERE district_id = %(d)s"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    return settings.model_copy(update={"secret": SecretStr(SECRET), "provider_allow_loopback": True})


async def test_what_is_wrong_is_named_by_its_field_and_no_secret_is_repeated(
    desk: Desk, relay: Relay
) -> None:
    unknown = await desk.make(relay, kind="pigeon")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/kind")
    wrong = await desk.make(relay, options={"url": "ftp://x"}, secrets={"secret": "hunter2"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/options/url"
    weak = await desk.make(relay, secrets={"secret": "hunter2-hunter2"})
    assert weak.json()["errors"][0]["pointer"] == "/secrets/secret"
    assert "hunter2" not in weak.text


async def test_secrets_are_sealed_and_never_shown(desk: Desk, relay: Relay, ground: Ground) -> None:
    made = await desk.make(relay)
    assert made.status_code == 201
    assert relay.secret not in made.text
    assert relay.secret not in (await desk.ask("GET", "channel-providers")).text
    kept = await ground.rows("SELECT sealed FROM channel_provider WHERE district_id = %(d)s")
    assert relay.secret.encode() not in bytes(kept[0][0])
    again = await desk.make(relay)
    assert again.status_code == 409


async def test_a_message_goes_to_the_relay_and_its_receipts_come_back_in_any_order(
    desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    await send(ground, settings, pool)
    assert [(one["to"], one["body"], one["channel"]) for one in relay.taken] == [
        ("+358401234567", "你好", "sms")
    ]
    assert await ground.rows(ROW) == [("accepted", "", "relay-1", False, False)]
    receipts = [{"id": "relay-1", "kind": "opened"}, {"id": "relay-1", "kind": "delivered"}]
    for _ in range(2):
        assert (await told(desk, relay, ground, receipts)).status_code == 204
    assert await ground.rows(ROW) == [("accepted", "", "relay-1", True, True)]
    assert await ground.number("SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s") == 2


async def test_a_receipt_that_is_not_the_relays_is_refused(desk: Desk, relay: Relay, ground: Ground) -> None:
    await desk.make(relay)
    forged = await told(desk, relay, ground, [], body=b'{"receipts": [{"id": "x", "kind": "delivered"}]}')
    assert (forged.status_code, forged.json()["type"].rpartition(":")[2]) == (401, "receipt-refused")
    odd = await told(desk, relay, ground, [{"id": "x", "kind": "eaten"}])
    assert odd.status_code == 401
    assert "kind" in odd.json()["detail"]
    for unreadable in (b"{", b"[" * 100_000):
        answer = await told(desk, relay, ground, unreadable)
        assert (answer.status_code, answer.json()["detail"]) == (401, "The body is not JSON.")


async def test_a_complaint_ends_messages_by_that_channel(
    desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    member = ground.member(phone="+358401234567")
    await send(ground, settings, pool)
    ground.makers.session.execute(
        text("UPDATE outbox_message SET member_id = :m WHERE district_id = :d"),
        {"m": member.id, "d": ground.info.id},
    )
    ground.makers.done()
    await told(desk, relay, ground, [{"id": "relay-1", "kind": "complained"}])
    said = "SELECT channel, granted, action FROM consent WHERE district_id = %(d)s AND purpose = 'marketing' ORDER BY id DESC LIMIT 1"
    assert await ground.rows(said) == [("sms", False, "provider")]


async def test_the_order_of_channels_is_set_and_taken_back(desk: Desk) -> None:
    assert (await desk.ask("GET", "channel-order")).json() == {"order": None}
    assert (await desk.ask("PUT", "channel-order", {"order": ["sms", "email"]})).status_code == 200
    assert (await desk.ask("GET", "channel-order")).json() == {"order": ["sms", "email"]}
    for wrong in (["inbox"], ["webhook"], ["sms", "sms"]):
        assert (await desk.ask("PUT", "channel-order", {"order": wrong})).status_code == 422
    assert (await desk.ask("PUT", "channel-order", {"order": None})).json() == {"order": None}
