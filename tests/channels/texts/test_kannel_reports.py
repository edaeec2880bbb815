"""What a report of Kannel's says of the number that a text went to; its address is called as Kannel would call it."""

import hmac
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from district.channels.kinds.kind import Building, Incoming, ReceiptEvent, ReceiptKind, ReceiptRefused
from district.channels.kinds.text_kannel import KannelOptions, KannelSecrets, build, receive
from push.channels.email_verp import digest_of
from push.channels.outbound import Outbound
from tests.push.outbox_world import BASE_MESSAGE

NUMBER = "+358401230404"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
UNDELIVERED = "id:1 sub:001 dlvrd:000 submit date:2611220900 done date:2611220901 stat:UNDELIV err:001 text:"
K = ReceiptKind


@pytest.fixture
def building() -> Building:
    options = {"base_url": "http://10.0.0.5:13013", "username": "u", "source": "17123", "gone_errors": ["99"]}
    secret_words = {"password": "p", "token": "a-word-of-our-own-42"}
    return Building(
        provider_id="p",
        district_slug="d",
        district_name="D",
        options=KannelOptions.model_validate(options),
        secrets=KannelSecrets.model_validate(secret_words),
        outbound=Outbound(),
        origin="https://district.example",
        now=lambda: NOW,
        monotonic=lambda: 0.0,
        provider_slug="kannel",
    )


def called(building: Building, type_: str, said: str, **changed: str) -> tuple[ReceiptEvent, ...]:
    """What is told when Kannel fills in the address that a message left with, in which somebody changed something."""
    address = build(building).told_at(replace(BASE_MESSAGE, address=NUMBER))
    filled = address.replace("%d", type_).replace("%A", quote(said))
    query = dict(parse_qsl(urlsplit(filled).query, keep_blank_values=True)) | changed
    reply = receive(building, Incoming(method="GET", headers={}, query=query, body=b"", received_at=NOW))
    return tuple(reply.events)


@pytest.mark.parametrize(
    ("type_", "said", "kind", "counts"),
    [
        ("1", "id:1 stat:DELIVRD err:000", K.DELIVERED, True),
        ("2", UNDELIVERED, K.FAILED, True),
        ("2", UNDELIVERED.replace("001 text", "099 text"), K.ADDRESS_GONE, True),
        ("2", "id:1 stat:REJECTD err:005", K.FAILED, False),
        ("2", "", K.FAILED, False),
        ("16", "NACK/0x0000000b/Invalid Destination Address", K.ADDRESS_GONE, True),
        ("16", "NACK/11/Invalid Destination Address", K.ADDRESS_GONE, True),
        ("16", "NACK/0x00000045/submit_sm failed", K.FAILED, False),
        ("16", "NACK/0x0000000bb", K.FAILED, False),
        ("16", "NACK/", K.FAILED, False),
    ],
)
def test_only_what_concerns_the_number_is_held_against_it(
    building: Building, type_: str, said: str, kind: ReceiptKind, *, counts: bool
) -> None:
    (event,) = called(building, type_, said)
    assert event.kind is kind
    assert event.address_hash == (digest_of(NUMBER) if counts else None)


def test_nobody_can_say_it_of_another_number(building: Building) -> None:
    with pytest.raises(ReceiptRefused):
        called(building, "2", UNDELIVERED, to=digest_of("+358401234567").hex())


def test_a_report_of_a_message_that_an_earlier_version_sent_is_taken(building: Building) -> None:
    # Such an address named no number, and its key was of the delivery's id alone.
    key = hmac.new(b"a-word-of-our-own-42", str(BASE_MESSAGE.id).encode(), sha256).hexdigest()[:32]
    (event,) = called(building, "2", UNDELIVERED, to="", key=key)
    assert (event.kind, event.address_hash) == (K.FAILED, None)
