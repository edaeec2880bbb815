"""Channels and deliveries on the operator's pages."""

import re
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select

from district.channels.models import ChannelPolicy, ChannelProvider
from district.clock import FixedClock
from district.database import new_id
from district.deliveries.models import DeliveryAttempt, DeliveryReceipt
from district.districts.models import District
from district.outbox.models import OutboxMessage
from district.settings import Settings
from tests.district.deliveries.relays import Relay
from tests.district.deliveries.servers import served
from tests.factories import Makers

PAGE = "/operator/channels"
DELIVERIES = "/operator/deliveries"
INSTALLATION = "installation-" + secrets.token_hex(16)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    return settings.model_copy(update={"secret": SecretStr(INSTALLATION), "provider_allow_loopback": True})


@pytest.fixture
async def relay(clock: FixedClock) -> AsyncIterator[Relay]:
    made = Relay(clock=clock)
    async with served(made) as address:
        made.address = address
        yield made


def providers(committed: Makers, district: District) -> list[ChannelProvider]:
    committed.session.rollback()
    committed.session.expire_all()
    wanted = select(ChannelProvider).where(ChannelProvider.district_id == district.id)
    return list(committed.session.scalars(wanted))


def form(relay: Relay, **changes: str) -> dict[str, str]:
    return {
        "kind": "relay_sms",
        "slug": "texts",
        "name": "Our relay",
        "options.url": f"{relay.address}/send",
        "secrets.secret": relay.secret,
        "weight": "2",
        "in_flight": "4",
        "per_s": "12.5",
        "cost": "0.045",
        "is_on": "on",
    } | changes


async def test_a_provider_is_added_tried_changed_and_removed(
    operator: httpx.AsyncClient, committed: Makers, district: District, relay: Relay
) -> None:
    assert (await operator.post(PAGE, data=form(relay))).status_code == 303
    (row,) = providers(committed, district)
    assert (row.slug, row.weight, row.in_flight, row.per_s, row.cost_micro, row.is_on) == (
        "texts", 2, 4, 12.5, 45_000, True,
    )  # fmt: skip
    shown = await operator.get(PAGE, params={"edit": "texts", "lang": "en"})
    assert relay.secret not in shown.text
    assert f'value="{relay.address}/send"' in shown.text
    tried = await operator.post(f"{PAGE}/texts/test", data={"to": "+358401234567"}, params={"lang": "en"})
    assert (tried.status_code, "took the test message" in tried.text) == (200, True)
    assert [one["to"] for one in relay.taken] == ["+358401234567"]
    sealed = bytes(row.sealed)
    changed = form(relay, edited="texts", name="Other", per_s="") | {"secrets.secret": ""}
    del changed["is_on"]
    assert (await operator.post(PAGE, data=changed)).status_code == 303
    (row,) = providers(committed, district)
    assert (row.name, row.per_s, row.is_on, bytes(row.sealed)) == ("Other", None, False, sealed)
    assert (await operator.post(f"{PAGE}/texts/remove")).status_code == 303
    assert providers(committed, district) == []


async def test_an_installation_without_an_address_says_that_its_messages_lead_nowhere(
    operator: httpx.AsyncClient,
    relay: Relay,
    app: FastAPI,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warning = "Messages lead nowhere yet"
    assert warning not in (await operator.get(PAGE, params={"lang": "en"})).text
    await operator.post(PAGE, data=form(relay))
    assert warning in (await operator.get(PAGE, params={"lang": "en"})).text
    reachable = settings.model_copy(update={"public_url": "https://wifi.example"})
    monkeypatch.setattr(app.state, "settings", reachable)
    assert warning not in (await operator.get(PAGE, params={"lang": "en"})).text


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"options.url": "ftp://x"}, "options.url"),
        ({"secrets.secret": "hunter2"}, "secrets.secret"),
        ({"weight": "0"}, "weight"),
        ({"cost": "much"}, "cost"),
        ({"slug": "A b"}, "slug"),
    ],
    ids=["address", "secret", "weight", "price", "slug"],
)
async def test_what_cannot_be_is_marked_and_no_secret_is_repeated(
    operator: httpx.AsyncClient, relay: Relay, wrong: dict[str, str], place: str
) -> None:
    answer = await operator.post(PAGE, data=form(relay) | wrong)
    assert answer.status_code == 422
    assert re.search(rf'id="f-{place}"[^>]*aria-invalid="true"', answer.text)
    assert relay.secret not in answer.text
    assert "hunter2" not in answer.text


async def test_a_pause_is_shown_with_its_reason_and_ended(
    operator: httpx.AsyncClient, committed: Makers, district: District, relay: Relay, clock: FixedClock
) -> None:
    await operator.post(PAGE, data=form(relay))
    (row,) = providers(committed, district)
    row.paused_until, row.pause_reason = clock.machine_now().replace(year=2100), "HTTP 429"
    committed.done()
    assert "HTTP 429" in (await operator.get(PAGE)).text
    assert (await operator.post(f"{PAGE}/texts/again")).status_code == 303
    (row,) = providers(committed, district)
    assert row.paused_until is None
    assert "HTTP 429" not in (await operator.get(PAGE)).text


async def test_channels_move_up_and_down_and_presets_are_taken(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    def order() -> list[str] | None:
        committed.session.rollback()
        committed.session.expire_all()
        row = committed.session.get(ChannelPolicy, district.id)
        return None if row is None else list(row.channel_order)

    async def press(**values: str) -> list[str] | None:
        assert (await operator.post(f"{PAGE}/order", data=values)).status_code == 303
        return order()

    assert await press(preset="mainland") == ["mini_program", "wechat", "wecom", "sms"]
    assert await press(move="up:sms") == ["mini_program", "wechat", "sms", "wecom"]
    assert await press(move="down:mini_program") == ["wechat", "mini_program", "sms", "wecom"]
    assert await press(move="out:wechat") == ["mini_program", "sms", "wecom"]
    assert await press(move="in:email") == ["mini_program", "sms", "wecom", "email"]
    assert await press(move="in:inbox") == ["mini_program", "sms", "wecom", "email"]
    assert await press(preset="default") is None


def message(committed: Makers, district: District, clock: FixedClock, **values: object) -> OutboxMessage:
    now = clock.now()
    usual = {
        "channel": "sms",
        "purpose": "service",
        "payload": {"to": "+358401234567", "title": "Hi", "body": "Private words"},
        "state": "failed",
        "reason": "HTTP 422",
        "due_at": now,
        "retry_at": now,
        "created_at": now,
        "finished_at": now,
    }
    row = OutboxMessage(district_id=district.id, id=new_id(), **(usual | values))
    committed.session.add(row)
    committed.session.flush()
    return row


async def test_deliveries_are_counted_filtered_told_and_sent_again(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    failed = message(committed, district, clock)
    taken = message(committed, district, clock, state="accepted", reason="", channel="email")
    shared = {"district_id": district.id, "delivery_id": failed.id, "provider_id": new_id()}
    committed.session.add(
        DeliveryAttempt(**shared, channel="sms", outcome="failed", detail="HTTP 422", at=clock.machine_now())
    )
    told = {"event_key": "k", "provider_message_id": "m", "kind": "failed", "at": clock.machine_now()}
    committed.session.add(DeliveryReceipt(**shared, **told, received_at=clock.machine_now()))
    committed.done()
    every = (await operator.get(DELIVERIES)).text
    assert str(failed.id) in every
    assert str(taken.id) in every
    some = (await operator.get(DELIVERIES, params={"state": "failed", "period": "day"})).text
    assert str(failed.id) in some
    assert str(taken.id) not in some
    rows = (await operator.get(f"{DELIVERIES}.csv", params={"channel": "email"})).text.splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(taken.id)]
    story = (await operator.get(f"{DELIVERIES}/{failed.id}", params={"lang": "en"})).text
    for words in ("The provider refused it", "HTTP 422", "The provider told", "did not arrive", "Send again"):
        assert words in story
    for private in ("Private words", "358401234567"):
        assert private not in every + story
    assert (await operator.post(f"{DELIVERIES}/{failed.id}/replay")).status_code == 303
    assert (await operator.post(f"{DELIVERIES}/{failed.id}/replay")).status_code == 409
    assert "Send again" not in (await operator.get(f"{DELIVERIES}/{taken.id}", params={"lang": "en"})).text


async def test_another_district_has_none_of_it(
    *,
    operator: httpx.AsyncClient, stranger: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock, relay: Relay
) -> None:  # fmt: skip
    failed = message(committed, district, clock)
    committed.done()
    await operator.post(PAGE, data=form(relay))
    assert "Our relay" not in (await stranger.get(PAGE)).text
    for path in (
        f"{PAGE}/texts/test",
        f"{PAGE}/texts/remove",
        f"{PAGE}/texts/again",
        f"{DELIVERIES}/{failed.id}/replay",
    ):
        assert (await stranger.post(path, data={"to": "+358401234567"})).status_code == 404
    assert str(failed.id) not in (await stranger.get(DELIVERIES)).text
    assert (await stranger.get(f"{DELIVERIES}/{failed.id}")).status_code == 404
