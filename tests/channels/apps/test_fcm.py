"""Google's push service: its token service and its messages by a server that checks signatures and fields."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from push.channels.fcm import SCOPE, FcmSender, GoogleAccess
from push.channels.outbound import OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.provider_tokens import KeyUnreadable, ServiceAccount
from push.channels.providers import Provider, ProviderChannel
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt
from tests.channels.apps.vendors import APP, APPLE_KEY, Vendor, google, service_account
from tests.push.makers import FRIDAY_NOON
from tests.push.outbox_world import BASE_MESSAGE

K = FailureKind
TOKEN = "dW5pdA:APA91b" + "x" * 120


def machine_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 the service's clock is the machine's


def message(**changes: Any) -> Message:
    made = replace(
        BASE_MESSAGE,
        id=DeliveryId(uuid.uuid4()),
        channel=Channel.APP,
        address=f"fcm:{APP}:{TOKEN}",
        link="https://wifi.example/m/abc",
    )
    return replace(made, **changes)


@asynccontextmanager
async def sending(url: str, *, is_rehearsal: bool = False) -> AsyncIterator[FcmSender]:
    """A sender of the project's."""
    pooled = Pooled(policy=OutboundPolicy(ports=None, allows_loopback=True, deadline=timedelta(seconds=60)))
    account = ServiceAccount.read(service_account())
    access = GoogleAccess(
        pooled=pooled, account=account, token_url=f"{url}/token", scope=SCOPE, now=machine_now
    )
    sender = FcmSender(
        pooled=pooled,
        access=access,
        project=account.project,
        base_url=url,
        apps=(APP,),
        now=lambda: FRIDAY_NOON,
        machine_now=machine_now,
        is_rehearsal=is_rehearsal,
    )
    try:
        yield sender
    finally:
        await sender.close()


async def answered(
    *script: dict[str, Any], messages: int = 1, **options: Any
) -> tuple[list[Outcome], Vendor]:
    """What becomes of messages when Google answers so, one after the other."""
    async with google(script=list(script), **options) as service, sending(service.url) as sender:
        outcomes = [await sender.send(message()) for _ in range(messages)]
    return outcomes, service


def paths(service: Vendor) -> list[str]:
    return [one["path"].rpartition("/")[2] for one in service.requests]


async def test_a_message_is_taken_under_googles_own_name() -> None:
    async with google() as service, sending(service.url) as sender:
        told = message()
        outcome = await sender.send(told)
    assert isinstance(outcome, Receipt)
    assert outcome.provider_id.startswith("projects/district-app/messages/0:")
    sent = json.loads(service.requests[1]["body"])["message"]
    assert sent["token"] == TOKEN
    assert sent["notification"] == {"title": told.title, "body": told.body}
    assert sent["data"] == {"id": str(told.id), "lang": "en", "link": told.link}
    assert sent["android"] == {"priority": "HIGH", "ttl": "5400s", "notification": {"tag": str(told.id)}}


async def test_many_messages_ask_for_one_access_token() -> None:
    async with google() as service, sending(service.url) as sender:
        outcomes = await asyncio.gather(*(sender.send(message()) for _ in range(40)))
    assert all(isinstance(one, Receipt) for one in outcomes)
    assert paths(service).count("token") == 1


async def test_an_access_token_that_is_refused_is_asked_for_anew() -> None:
    refused = {"status": 401, "code": "UNAUTHENTICATED", "forget": True}
    outcomes, service = await answered(refused, messages=2)
    assert outcomes[0] == Failure(kind=K.TRANSIENT, detail="status 401 UNAUTHENTICATED")
    assert isinstance(outcomes[1], Receipt)
    assert paths(service).count("token") == 2


async def test_an_access_token_that_is_about_to_end_is_asked_for_anew() -> None:
    moment = [machine_now()]
    async with google() as service, sending(service.url) as sender:
        access = sender.access
        access.now = lambda: moment[0]
        first = await access.bearer()
        moment[0] += timedelta(minutes=54)
        assert await access.bearer() == first
        moment[0] -= timedelta(minutes=55)
        back = await access.bearer()
        assert back != first, "The clock was set back: nobody knows how old it is."
    assert paths(service) == ["token", "token"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 429, "headers": {"retry-after": "9"}}, K.THROTTLED),
        ({"status": 503}, K.THROTTLED),
        ({"status": 500}, K.TRANSIENT),
        ({"status": 400, "body": {"error": "invalid_grant"}}, K.MESSAGE_REFUSED),
        ({"status": 200, "body": {}}, K.TRANSIENT),
        ({"status": 200, "text": "[" * 9_000}, K.TRANSIENT),
        ({"status": 200, "body": {"access_token": "a\nb", "expires_in": 3599}}, K.TRANSIENT),
        ({"status": 0, "cut": True}, K.TRANSIENT),
    ],
    ids=["429", "503", "500", "invalid_grant", "empty", "deep", "two-lines", "cut"],
)
async def test_without_an_access_token_nothing_was_sent(answer: dict[str, Any], kind: FailureKind) -> None:
    (outcome,), service = await answered(tokens=[answer])
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind
    assert paths(service) == ["token"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 404, "code": "NOT_FOUND", "details": "UNREGISTERED"}, K.ADDRESS_GONE),
        ({"status": 404, "code": "NOT_FOUND"}, K.MESSAGE_REFUSED),
        ({"status": 400, "code": "INVALID_ARGUMENT", "details": "INVALID_ARGUMENT"}, K.MESSAGE_REFUSED),
        ({"status": 403, "code": "PERMISSION_DENIED", "details": "SENDER_ID_MISMATCH"}, K.MESSAGE_REFUSED),
        ({"status": 401, "code": "UNAUTHENTICATED", "details": "THIRD_PARTY_AUTH_ERROR"}, K.MESSAGE_REFUSED),
        ({"status": 503, "code": "UNAVAILABLE", "details": "UNAVAILABLE"}, K.THROTTLED),
        ({"status": 500, "code": "INTERNAL", "details": "INTERNAL"}, K.UNKNOWN),
        ({"status": 502, "text": "<html>"}, K.UNKNOWN),
        ({"status": 307, "headers": {"location": "https://elsewhere.example/"}}, K.MESSAGE_REFUSED),
        ({"status": 0, "cut": True}, K.UNKNOWN),
    ],
    ids=[
        "unregistered",
        "no-project",
        "argument",
        "mismatch",
        "apple",
        "503",
        "500",
        "html",
        "redirect",
        "cut",
    ],
)
async def test_each_answer_means_one_thing(answer: dict[str, Any], kind: FailureKind) -> None:
    (outcome,), _ = await answered(answer)
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"retry-after": "20"}, timedelta(seconds=20)), ({}, timedelta(minutes=1))],
    ids=["said", "unsaid"],
)
async def test_a_quota_that_is_used_up_is_waited_for(headers: dict[str, str], expected: timedelta) -> None:
    answer = {"status": 429, "code": "RESOURCE_EXHAUSTED", "details": "QUOTA_EXCEEDED", "headers": headers}
    (outcome,), _ = await answered(answer)
    assert outcome == Failure(kind=K.THROTTLED, detail="status 429 QUOTA_EXCEEDED", retry_after=expected)


async def test_a_rehearsal_is_checked_and_delivers_nothing() -> None:
    async with google() as service, sending(service.url, is_rehearsal=True) as sender:
        outcome = await sender.send(message())
    assert outcome == Receipt(provider_id="projects/district-app/messages/fake_message_id")
    assert json.loads(service.requests[1]["body"])["validate_only"] is True


async def test_of_codes_only_the_newest_waits_for_a_telephone_that_is_off() -> None:
    async with google() as service, sending(service.url) as sender:
        await sender.send(message(purpose=MessagePurpose.CODE, expires_at=None))
    android = json.loads(service.requests[1]["body"])["message"]["android"]
    assert (android["collapse_key"], android["ttl"]) == ("code", "86400s")


async def test_the_longest_text_is_taken_with_an_ellipsis() -> None:
    async with google() as service, sending(service.url) as sender:
        assert isinstance(await sender.send(message(body="商" * 5_000)), Receipt)
    sent = json.loads(service.requests[1]["body"])
    assert sent["message"]["notification"]["body"].endswith("商…")


async def test_a_message_whose_time_is_over_is_not_sent() -> None:
    async with sending("http://127.0.0.1:9") as sender:
        late = await sender.send(message(expires_at=FRIDAY_NOON))
    assert late == Failure(kind=K.MESSAGE_REFUSED, detail="its time is over")


async def test_an_address_goes_to_the_provider_that_carries_it_and_to_no_other() -> None:
    async with (
        google() as first,
        google() as second,
        sending(first.url) as ours,
        sending(second.url) as other,
    ):
        theirs = replace(other, apps=("another.app",))
        channel = ProviderChannel(
            name=Channel.APP,
            providers=[Provider(id="a", sender=theirs, weight=1000), Provider(id="b", sender=ours)],
            monotonic=time.monotonic,
        )
        outcomes = [await channel.send(message()) for _ in range(5)]
        nobodys = await channel.send(message(address=f"fcm:third.app:{TOKEN}"))
    assert {one.via for one in outcomes if isinstance(one, Receipt)} == {"b"}
    assert second.requests == []
    assert nobodys == Failure(kind=K.MESSAGE_REFUSED, detail="no provider for this address")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        service_account(type="authorized_user"),
        service_account(private_key=APPLE_KEY),
        service_account(project_id=3),
    ],
    ids=["nothing", "list", "empty", "user", "elliptic", "number"],
)
def test_what_is_no_service_account_is_refused(text: str) -> None:
    with pytest.raises(KeyUnreadable):
        ServiceAccount.read(text)
