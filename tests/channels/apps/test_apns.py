"""Apple's push service: real HTTP/2 to another implementation, which checks every signature, and each of its answers."""

import asyncio
import json
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from push import leaving
from push.channels.apns import MOST_PAYLOAD_BYTES, ApnsSender, Said, classify, payload, said
from push.channels.http2 import Http2
from push.channels.outbound import Answer, Outbound, OutboundPolicy
from push.channels.provider_tokens import AppleToken, KeyUnreadable, elliptic_key
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt
from tests.channels.apps.vendors import APP, APPLE_KEY, GOOGLE_KEY, KEY_ID, TEAM_ID, Vendor, apple
from tests.channels.certificates import self_signed
from tests.channels.refusing import refuse
from tests.push.makers import FRIDAY_NOON, minutes
from tests.push.outbox_world import BASE_MESSAGE

K = FailureKind
DEVICE = "a1" * 32


def machine_now() -> datetime:
    """Real time: Apple compares it with its own."""
    return datetime.now(UTC)  # noqa: TID251 the service's clock is the machine's


def message(**changes: Any) -> Message:
    made = replace(
        BASE_MESSAGE,
        id=DeliveryId(uuid.uuid4()),
        channel=Channel.APP,
        address=f"apns:{APP}:{DEVICE}",
        link="https://wifi.example/m/abc",
        stop_link="https://wifi.example/s/abc",
    )
    return replace(made, **changes)


@asynccontextmanager
async def sending(
    url: str, *, now: Callable[[], datetime] = machine_now, deadline_s: float = 60, **changes: Any
) -> AsyncIterator[ApnsSender]:
    """A sender of the team's."""
    deadline = timedelta(seconds=deadline_s)
    outbound = Outbound(policy=OutboundPolicy(ports=None, allows_loopback=True, deadline=deadline, **changes))
    sender = ApnsSender(
        http=Http2(outbound=outbound, monotonic=time.monotonic),
        token=AppleToken(key=elliptic_key(APPLE_KEY), key_id=KEY_ID, team_id=TEAM_ID, now=now),
        base_url=url,
        apps=(APP,),
        now=lambda: FRIDAY_NOON,
        machine_now=now,
    )
    try:
        yield sender
    finally:
        await sender.close()
        await outbound.close()


async def answered(*script: dict[str, Any], messages: int = 1) -> tuple[list[Outcome], Vendor]:
    """What becomes of messages when Apple answers so, one after the other."""
    deadline_s = 8 if any("hang" in one for one in script) else 60
    async with apple(script=list(script)) as service, sending(service.url, deadline_s=deadline_s) as sender:
        outcomes = [await sender.send(message()) for _ in range(messages)]
    return outcomes, service


async def test_a_message_is_taken_with_a_token_that_the_service_verifies() -> None:
    async with apple() as service, sending(service.url) as sender:
        told = message()
        began = machine_now()
        assert await sender.send(told) == Receipt(provider_id=str(told.id))
    headers = service.requests[0]["headers"]
    assert service.requests[0]["device"] == DEVICE
    assert headers["apns-id"] == headers["apns-collapse-id"] == str(told.id)
    assert (headers["apns-topic"], headers["apns-push-type"], headers["apns-priority"]) == (
        APP,
        "alert",
        "10",
    )
    ends_at = datetime.fromtimestamp(int(headers["apns-expiration"]), tz=UTC)
    assert timedelta(0) <= ends_at - (began + minutes(90)).replace(microsecond=0) <= timedelta(seconds=5)
    shown = json.loads(service.requests[0]["body"])
    assert shown["aps"]["alert"] == {"title": told.title, "body": told.body}
    assert (shown["link"], shown["stop"]) == (told.link, told.stop_link)


async def test_many_messages_share_one_connection_and_one_token() -> None:
    async with apple() as service, sending(service.url) as sender:
        assert isinstance(await sender.send(message()), Receipt)
        outcomes = await asyncio.gather(*(sender.send(message()) for _ in range(60)))
    assert all(isinstance(one, Receipt) for one in outcomes)
    assert len({one["headers"]["apns-id"] for one in service.requests}) == 61
    assert {one["session"] for one in service.requests} == {1}
    assert len({one["headers"]["authorization"] for one in service.requests}) == 1


async def test_no_more_are_under_way_than_apple_allows() -> None:
    async with apple(streams=2) as service, sending(service.url) as sender:
        outcomes = await asyncio.gather(*(sender.send(message()) for _ in range(20)))
    assert all(isinstance(one, Receipt) for one in outcomes)
    assert {one["session"] for one in service.requests} == {1}


async def test_a_connection_that_apple_ends_in_order_loses_nothing() -> None:
    script = [{"status": 200}, {"status": 0, "leave": True}]
    async with apple(script=script) as service, sending(service.url) as sender:
        outcomes = [await sender.send(message()) for _ in range(3)]
    assert all(isinstance(one, Receipt) for one in outcomes)
    assert [one["session"] for one in service.requests] == [1, 1, 2, 2]


async def test_what_may_not_leave_any_more_is_not_posted() -> None:
    async with apple() as vendor, sending(vendor.url) as sender:
        assert isinstance(await sender.send(message()), Receipt)
        with pytest.raises(leaving.NotLeaving), leaving.asking(refuse):
            await sender.send(message())
        assert isinstance(await sender.send(message()), Receipt)
    assert len(vendor.requests) == 2


async def test_a_token_is_renewed_after_forty_minutes_and_when_the_clock_goes_back() -> None:
    moment = [machine_now()]
    token = AppleToken(key=elliptic_key(APPLE_KEY), key_id=KEY_ID, team_id=TEAM_ID, now=lambda: moment[0])
    first = token.bearer()
    moment[0] += timedelta(minutes=39, seconds=59)
    assert token.bearer() == first
    moment[0] += timedelta(seconds=1)
    second = token.bearer()
    assert second != first
    token.refused()
    assert token.bearer() == second, "Apple refuses a renewal within 20 minutes."
    moment[0] += timedelta(minutes=20)
    token.refused()
    third = token.bearer()
    assert third != second
    moment[0] -= timedelta(hours=1)
    assert token.bearer() != third


async def test_a_clock_that_is_two_hours_late_costs_no_message() -> None:
    late = machine_now() - timedelta(hours=2)
    async with apple() as service, sending(service.url, now=lambda: late) as sender:
        outcome = await sender.send(message())
    assert isinstance(outcome, Failure)
    assert outcome.kind is K.TRANSIENT
    assert "ExpiredProviderToken" in outcome.detail


def named(one: object) -> str:
    """What a case is called."""
    if not isinstance(one, dict):
        return str(one)
    reason = one["body"]["reason"] if "body" in one else "-".join(sorted(one))
    return f"{one['status']}-{reason}"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({"status": 410, "body": {"reason": "Unregistered", "timestamp": 4_000_000_000_000}}, K.ADDRESS_GONE),
        ({"status": 410, "body": {"reason": "ExpiredToken"}}, K.ADDRESS_GONE),
        ({"status": 400, "body": {"reason": "BadDeviceToken"}}, K.MESSAGE_REFUSED),
        ({"status": 400, "body": {"reason": "DeviceTokenNotForTopic"}}, K.MESSAGE_REFUSED),
        ({"status": 413, "body": {"reason": "PayloadTooLarge"}}, K.MESSAGE_REFUSED),
        ({"status": 403, "body": {"reason": "InvalidProviderToken"}}, K.MESSAGE_REFUSED),
        ({"status": 429, "body": {"reason": "TooManyProviderTokenUpdates"}}, K.THROTTLED),
        ({"status": 429, "body": {"reason": "TooManyRequests"}}, K.MESSAGE_REFUSED),
        ({"status": 503, "body": {"reason": "ServiceUnavailable"}}, K.THROTTLED),
        ({"status": 503, "body": {"reason": "Shutdown"}}, K.TRANSIENT),
        ({"status": 500, "body": {"reason": "InternalServerError"}}, K.UNKNOWN),
        ({"status": 307, "headers": {"location": "https://elsewhere.example/"}}, K.MESSAGE_REFUSED),
        ({"status": 400, "flood": True}, K.MESSAGE_REFUSED),
        ({"status": 0, "cut": True}, K.UNKNOWN),
        ({"status": 0, "hang": True}, K.UNKNOWN),
    ],
    ids=named,
)
async def test_each_answer_means_one_thing(script: dict[str, Any], kind: FailureKind) -> None:
    (outcome,), _ = await answered(script)
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind


async def test_a_retry_after_is_obeyed() -> None:
    script = {"status": 429, "body": {"reason": "TooManyRequests"}, "headers": {"retry-after": "7"}}
    (outcome,), _ = await answered(script)
    assert outcome == Failure(
        kind=K.THROTTLED, detail="status 429 TooManyRequests", retry_after=timedelta(seconds=7)
    )


async def test_a_bad_token_is_gone_once_another_one_was_taken() -> None:
    bad = {"status": 400, "body": {"reason": "BadDeviceToken"}}
    outcomes, _ = await answered(bad, {"status": 200}, bad, messages=3)
    kinds = [one.kind if isinstance(one, Failure) else None for one in outcomes]
    assert kinds == [K.MESSAGE_REFUSED, None, K.ADDRESS_GONE]


async def test_a_telephone_that_registered_after_apple_found_it_gone_is_kept() -> None:
    gone_at = machine_now() - timedelta(hours=1)
    answer = {
        "status": 410,
        "body": {"reason": "Unregistered", "timestamp": int(gone_at.timestamp() * 1000)},
    }
    async with apple(devices={DEVICE: answer}) as service, sending(service.url) as sender:
        before = await sender.send(
            message(keys={"registered_at": (gone_at - timedelta(minutes=1)).isoformat()})
        )
        after = await sender.send(
            message(keys={"registered_at": (gone_at + timedelta(minutes=1)).isoformat()})
        )
        unread = await sender.send(message(keys={"registered_at": "yesterday"}))
    kinds = [one.kind for one in (before, after, unread) if isinstance(one, Failure)]
    assert kinds == [K.ADDRESS_GONE, K.MESSAGE_REFUSED, K.ADDRESS_GONE]


@pytest.mark.parametrize("stamp", [True, -1, 10**30, "1", 1.5, None, [], {}], ids=str)
def test_a_timestamp_that_can_be_none_is_none(stamp: object) -> None:
    body = json.dumps({"reason": "Unregistered", "timestamp": stamp}).encode()
    read = said(Answer(status=410, headers={}, body=body), now=FRIDAY_NOON)
    assert read == Said(status=410, reason="Unregistered")
    assert classify(read, registered_at=FRIDAY_NOON, is_proven=False).kind is K.ADDRESS_GONE


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"[]", b"null", b'{"reason": 3}', b"[" * 2_000],
    ids=["binary", "list", "null", "number", "deep"],
)
def test_an_answer_of_another_form_is_read_by_its_status(body: bytes) -> None:
    assert said(Answer(status=400, headers={}, body=body), now=FRIDAY_NOON) == Said(status=400)


async def test_a_service_that_is_away_took_nothing() -> None:
    async with apple() as service:
        url = service.url
    async with sending(url) as sender:
        outcome = await sender.send(message())
    assert outcome == Failure(kind=K.TRANSIENT, detail="ConnectError")


async def test_a_service_that_came_back_is_found_again() -> None:
    async with apple() as service, sending(service.url) as sender:
        assert isinstance(await sender.send(message()), Receipt)
        port = service.port
        await service.kill()
        lost = await sender.send(message())
        assert isinstance(lost, Failure)
        async with apple(port=port):
            assert isinstance(await sender.send(message()), Receipt)


async def test_other_apps_and_other_platforms_are_not_this_providers() -> None:
    async with sending("http://127.0.0.1:9") as sender:
        for address in (f"apns:other.app:{DEVICE}", "fcm:" + APP + ":" + "x" * 30, DEVICE, ""):
            told = message(address=address)
            assert not sender.carries(told)
            assert await sender.send(told) == Failure(
                kind=K.MESSAGE_REFUSED, detail="not an address of this provider's apps"
            )


async def test_a_message_whose_time_is_over_is_not_sent() -> None:
    async with sending("http://127.0.0.1:9") as sender:
        late = await sender.send(message(expires_at=FRIDAY_NOON))
    assert late == Failure(kind=K.MESSAGE_REFUSED, detail="its time is over")


def test_a_long_text_ends_in_an_ellipsis_within_apples_limit() -> None:
    told = message(body="商" * 5_000)
    body = payload(told)
    assert MOST_PAYLOAD_BYTES - 3 <= len(body) <= MOST_PAYLOAD_BYTES
    cut = json.loads(body)["aps"]["alert"]["body"]
    assert cut.endswith("商…")
    assert json.loads(body)["link"] == told.link


async def test_a_certificate_of_another_name_is_refused_and_its_own_is_believed(tmp_path: Path) -> None:
    key, certificate = self_signed(tmp_path, "localhost")
    trust = ssl.create_default_context(cafile=str(certificate))
    options = {"tls": {"key": str(key), "certificate": str(certificate)}}
    async with apple(**options) as service:
        async with sending(f"https://127.0.0.1:{service.port}", trust=trust) as sender:
            other = await sender.send(message())
        async with sending(f"https://localhost:{service.port}", trust=trust) as sender:
            own = await sender.send(message())
    assert other == Failure(kind=K.TRANSIENT, detail="ConnectError")
    assert isinstance(own, Receipt)
    assert service.requests[0]["headers"][":authority"] == f"localhost:{service.port}"


@pytest.mark.parametrize("text", ["", "key", GOOGLE_KEY, APPLE_KEY[:100]], ids=["none", "word", "rsa", "cut"])
def test_what_is_no_key_of_apples_is_refused(text: str) -> None:
    with pytest.raises(KeyUnreadable):
        elliptic_key(text)


def test_a_key_whose_lines_a_form_ran_together_is_read() -> None:
    run_together = " ".join(APPLE_KEY.split("\n"))
    assert elliptic_key(run_together).as_dict(private=True) == elliptic_key(APPLE_KEY).as_dict(private=True)
