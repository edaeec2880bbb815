"""Web push: the standard's own example, what is signed and sent, and what each answer means."""

import base64
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from push.channels.outbound import Answer, OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.vapid import Vapid, new_private_key, private_key_of, public_key_of
from push.channels.web_push import KNOWN_HOSTS, WebPushSender, classify, is_known, payload, topic
from push.channels.web_push_encoding import (
    MOST_PLAIN_BYTES,
    BrowserKeys,
    KeysInvalid,
    PlainTooLong,
    decoded,
    encoded,
    encrypt,
)
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt
from tests.push.listener import listening
from tests.push.makers import FRIDAY_NOON
from tests.push.outbox_world import BASE_MESSAGE

K = FailureKind
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
CONTACT = "mailto:push@district.example"

# RFC 8291, appendix A.
RFC_PLAIN = b"When I grow up, I want to be a watermelon"
RFC_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
RFC_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
RFC_SERVER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RFC_SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RFC_BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_standards_own_example_comes_out_bit_by_bit() -> None:
    keys = BrowserKeys.read(RFC_POINT, RFC_AUTH)
    body = encrypt(RFC_PLAIN, keys, private=private_key_of(RFC_SERVER), salt=decoded(RFC_SALT))
    assert encoded(body) == RFC_BODY


def test_no_two_messages_are_encrypted_alike() -> None:
    keys = BrowserKeys.read(RFC_POINT, RFC_AUTH)
    assert encrypt(RFC_PLAIN, keys)[:86] != encrypt(RFC_PLAIN, keys)[:86]


def test_the_longest_message_fills_a_body_to_the_byte_and_one_more_is_refused() -> None:
    keys = BrowserKeys.read(RFC_POINT, RFC_AUTH)
    assert len(encrypt(b"x" * MOST_PLAIN_BYTES, keys)) == 4_096
    with pytest.raises(PlainTooLong):
        encrypt(b"x" * (MOST_PLAIN_BYTES + 1), keys)


@given(st.text(max_size=120), st.text(max_size=60))
def test_whatever_is_given_as_keys_is_read_or_refused(point: str, auth: str) -> None:
    with pytest.raises(KeysInvalid):
        BrowserKeys.read(point, auth)


def parts_of(header: str) -> tuple[dict[str, object], bool]:
    """The claims of an Authorization, and whether its signature is its key's."""
    named = dict(part.strip().split("=", 1) for part in header.removeprefix("vapid ").split(","))
    head, claims, signature = named["t"].split(".")
    raw = decoded(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(named["k"]))
    signed = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public.verify(signed, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    return json.loads(decoded(claims)), json.loads(decoded(head)) == {"typ": "JWT", "alg": "ES256"}


def test_a_signature_names_the_push_service_its_end_and_who_is_found_where() -> None:
    vapid = Vapid(private_key=new_private_key(), subject=CONTACT, machine_now=lambda: NOW)
    claims, is_signed = parts_of(vapid.header("https://push.example"))
    ends_at = int((NOW + timedelta(hours=12)).timestamp())
    assert claims == {"aud": "https://push.example", "exp": ends_at, "sub": CONTACT}
    assert is_signed


def test_a_signature_is_kept_for_its_service_until_it_is_about_to_end() -> None:
    now = NOW
    vapid = Vapid(private_key=new_private_key(), subject=CONTACT, machine_now=lambda: now)
    first = vapid.header("https://one.example")
    now = NOW + timedelta(hours=10)
    assert vapid.header("https://one.example") == first
    assert vapid.header("https://two.example") != first
    now = NOW + timedelta(hours=11)
    assert vapid.header("https://one.example") != first
    now = NOW - timedelta(hours=1)
    claims, _ = parts_of(vapid.header("https://one.example"))
    assert claims["exp"] == int((now + timedelta(hours=12)).timestamp())


@pytest.mark.parametrize(
    "text", ["", "AAAA", encoded(bytes(32)), "%" * 43], ids=["none", "short", "zero", "junk"]
)
def test_what_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(KeysInvalid):
        private_key_of(text)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://fcm.googleapis.com/fcm/send/a", True),
        ("https://FCM.googleapis.com/fcm/send/a", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/a", True),
        ("https://wns2-par02p.notify.windows.com/w/?token=a", True),
        ("https://web.push.apple.com/a", True),
        ("https://push.apple.com/a", False),
        ("https://evilpush.apple.com.example/a", False),
        ("https://fcm.googleapis.com:444/a", False),
        ("http://fcm.googleapis.com/a", False),
        ("https://[::1]/a", False),
        ("https://fcm.googleapis.com:x/a", False),
    ],
    ids=str,
)
def test_only_known_push_services_are_called(endpoint: str, expected: bool) -> None:
    assert is_known(endpoint, KNOWN_HOSTS) is expected


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (201, {}, Receipt()),
        (202, {}, Receipt()),
        (404, {}, K.ADDRESS_GONE),
        (410, {}, K.ADDRESS_GONE),
        (400, {}, K.MESSAGE_REFUSED),
        (413, {}, K.MESSAGE_REFUSED),
        (403, {}, K.MESSAGE_REFUSED),
        (307, {"location": "https://other.example"}, K.MESSAGE_REFUSED),
        (429, {"retry-after": "7"}, timedelta(seconds=7)),
        (503, {"retry-after": "Fri, 08 May 2026 09:01:00 GMT"}, timedelta(minutes=1)),
        (503, {}, None),
        (500, {}, K.UNKNOWN),
        (502, {}, K.UNKNOWN),
    ],
    ids=["201", "202", "404", "410", "400", "413", "403", "307", "429", "503-date", "503", "500", "502"],
)
def test_each_answer_means_one_thing(status: int, headers: dict[str, str], expected: object) -> None:
    outcome = classify(Answer(status=status, headers=headers), now=NOW)
    if isinstance(outcome, Failure) and outcome.kind is K.THROTTLED:
        assert outcome.retry_after == expected
    else:
        assert (outcome.kind if isinstance(outcome, Failure) else outcome) == expected


MESSAGE = replace(
    BASE_MESSAGE,
    at=FRIDAY_NOON,
    expires_at=FRIDAY_NOON + timedelta(minutes=90),
    keys={"p256dh": public_key_of(new_private_key()), "auth": encoded(secrets.token_bytes(16))},
)


@pytest.mark.parametrize(
    "body", ["饭" * 5_000, '"' * 5_000, "a" * 5_000, "😀" * 2_000], ids=["zh", "escapes", "a", "emoji"]
)
def test_a_text_that_is_too_long_is_cut_at_a_letter(body: str) -> None:
    plain = payload(replace(MESSAGE, body=body), {"link": "/d/x/inbox"})
    assert MOST_PLAIN_BYTES - 60 < len(plain) <= MOST_PLAIN_BYTES
    said = json.loads(plain)["body"]
    assert said.endswith("…")
    assert body.startswith(said[:-1])


def test_the_topic_is_the_delivery_in_what_a_topic_may_be_made_of() -> None:
    assert base64.urlsafe_b64decode(topic(MESSAGE) + "==") == MESSAGE.id.bytes
    assert len(topic(MESSAGE)) <= 32


async def sent(
    answer: bytes, message: Message = MESSAGE, *, now: datetime = FRIDAY_NOON, deadline_s: float = 60
) -> tuple[Outcome, list[bytes]]:
    """The outcome of one message to a push service with this answer, and what it was sent."""
    pooled = Pooled(policy=OutboundPolicy(allows_loopback=True, deadline=timedelta(seconds=deadline_s)))
    async with listening(answer) as listener:
        sender = WebPushSender(
            pooled=pooled,
            vapid=Vapid(private_key=new_private_key(), subject=CONTACT, machine_now=lambda: NOW),
            hosts=[f"127.0.0.1:{listener.port}"],
            now=lambda: now,
            machine_now=lambda: NOW,
            links=lambda _: {},
        )
        outcome = await sender.send(replace(message, address=f"http://127.0.0.1:{listener.port}/push/a"))
        await sender.close()
    return outcome, listener.requests


CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


async def test_what_is_sent_says_how_long_how_urgent_and_which() -> None:
    outcome, requests = await sent(CREATED, now=FRIDAY_NOON + timedelta(minutes=30))
    assert outcome == Receipt(provider_id=str(MESSAGE.id))
    head = requests[0].split(b"\r\n\r\n", 1)[0].decode().lower()
    wanted = (
        "ttl: 3600",
        "urgency: normal",
        f"topic: {topic(MESSAGE)}".lower(),
        "content-encoding: aes128gcm",
    )
    assert [one for one in wanted if one not in head] == []
    assert MESSAGE.title.encode() not in requests[0]


async def test_after_its_time_nothing_is_sent() -> None:
    outcome, requests = await sent(CREATED, now=FRIDAY_NOON + timedelta(minutes=90))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, requests) == (K.MESSAGE_REFUSED, [])


async def test_an_answer_that_never_comes_leaves_it_open_whether_it_was_taken() -> None:
    outcome, requests = await sent(b"", deadline_s=2)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, len(requests)) == (K.UNKNOWN, 1)


async def test_without_keys_the_address_is_of_no_use() -> None:
    outcome, requests = await sent(CREATED, replace(MESSAGE, keys={}))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, requests) == (K.ADDRESS_GONE, [])
