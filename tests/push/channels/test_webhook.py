"""The signed webhook: what is posted, and what each answer means."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from push.channels.console import ConsoleChannel
from push.channels.outbound import Answer, OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.signing import secret_from, verify
from push.channels.webhook import WebhookChannel, classify, payload, retry_after
from push.consent import Channel
from push.message import Message
from push.receipts import Failure, FailureKind, Receipt
from tests.push.listener import listening
from tests.push.makers import CAMPAIGN, FRIDAY_NOON, STORE
from tests.push.outbox_world import BASE_MESSAGE, code_message

SECRET = secret_from(bytes(range(32)))
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)


def channel(pooled: Pooled, secrets: Sequence[str] = (SECRET,)) -> WebhookChannel:
    return WebhookChannel(pooled=pooled, secrets=lambda _: secrets, machine_now=lambda: NOW)


async def posted(answer: bytes, secrets: Sequence[str] = (SECRET,)) -> tuple[object, list[bytes]]:
    """The outcome of one message to a server with this answer, and the requests that the server saw."""
    pooled = Pooled(policy=OutboundPolicy(allows_loopback=True, deadline=timedelta(seconds=60)))
    async with listening(answer) as listener:
        message = replace(BASE_MESSAGE, address=f"http://127.0.0.1:{listener.port}/hook")
        outcome = await channel(pooled, secrets).send(message)
    await pooled.close()
    return outcome, listener.requests


async def test_a_receiver_can_verify_what_arrives() -> None:
    outcome, requests = await posted(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert outcome == Receipt()
    head, body = requests[0].split(b"\r\n\r\n", 1)
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert verify(headers, body, secrets=[SECRET], now=NOW) == str(BASE_MESSAGE.id)
    assert json.loads(body)["data"]["title"] == "Lunch for less"


async def test_an_address_without_secrets_was_removed() -> None:
    outcome, requests = await posted(b"", secrets=())
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.ADDRESS_GONE
    assert requests == []


async def test_a_broken_secret_of_ours_sends_nothing() -> None:
    outcome, requests = await posted(b"", secrets=("changeme",))
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MESSAGE_REFUSED
    assert requests == []


@pytest.mark.parametrize("address", ["https://127.0.0.1/", "http://10.0.0.1/", "https://[::1]/", "nonsense"])
async def test_an_address_inside_is_refused_at_send(address: str) -> None:
    pooled = Pooled()
    outcome = await channel(pooled).send(replace(BASE_MESSAGE, address=address))
    await pooled.close()
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.MESSAGE_REFUSED


async def test_nobody_there_is_transient_and_a_cut_answer_unknown() -> None:
    outcome, _ = await posted(b"HTTP/1.1 20")
    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.UNKNOWN
    pooled = Pooled(policy=OutboundPolicy(allows_loopback=True))
    async with listening(b"") as listener:
        port = listener.port
    gone = await channel(pooled).send(replace(BASE_MESSAGE, address=f"http://127.0.0.1:{port}/"))
    await pooled.close()
    assert isinstance(gone, Failure)
    assert gone.kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None),
        (202, None),
        (204, None),
        (302, FailureKind.MESSAGE_REFUSED),
        (400, FailureKind.MESSAGE_REFUSED),
        (401, FailureKind.MESSAGE_REFUSED),
        (404, FailureKind.MESSAGE_REFUSED),
        (408, FailureKind.TRANSIENT),
        (410, FailureKind.ADDRESS_GONE),
        (425, FailureKind.TRANSIENT),
        (429, FailureKind.THROTTLED),
        (500, FailureKind.UNKNOWN),
        (502, FailureKind.UNKNOWN),
        (503, FailureKind.THROTTLED),
        (504, FailureKind.UNKNOWN),
    ],
)
def test_what_each_status_means(status: int, kind: FailureKind | None) -> None:
    outcome = classify(Answer(status=status, headers={}), now=NOW)
    assert (outcome.kind if isinstance(outcome, Failure) else None) is kind


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("Fri, 08 May 2026 09:01:00 GMT", timedelta(minutes=1)),
        ("Fri, 08 May 2026 08:00:00 GMT", timedelta(0)),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("9" * 400, None),
        ("１２", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, wait: timedelta | None) -> None:
    assert retry_after(value, now=NOW) == wait


def test_the_event_names_what_a_receiver_needs() -> None:
    message = replace(BASE_MESSAGE, campaign_id=CAMPAIGN, store_id=STORE, code="ABC", title="午餐")
    event = json.loads(payload(message))
    assert (event["type"], event["timestamp"]) == ("offer.issued", "2026-05-08T09:00:00+00:00")
    assert event["data"]["campaign_id"] == str(CAMPAIGN)
    assert event["data"]["title"] == "午餐"
    assert event["data"]["offer_id"] is None
    assert event["data"]["expires_at"] == "2026-05-08T10:30:00+00:00"


def test_neither_address_nor_code_shows_in_a_message_that_is_printed() -> None:
    shown = repr(replace(BASE_MESSAGE, code="SECRET-CODE", at=FRIDAY_NOON))
    assert "partner.example" not in shown
    assert "SECRET-CODE" not in shown


async def test_the_console_hands_over_codes_and_refuses_marketing() -> None:
    kept: list[Message] = []

    async def keep(message: Message) -> None:
        kept.append(message)

    console = ConsoleChannel(name=Channel.SMS, sink=keep)
    assert await console.send(code_message(1)) == Receipt(provider_id=str(code_message(1).id))
    refused = await console.send(BASE_MESSAGE)
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.MESSAGE_REFUSED
    assert kept == [code_message(1)]
