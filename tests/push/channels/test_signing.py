"""Webhook signatures against vectors of OpenSSL, and everything that must not pass."""

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.channels import signing
from push.channels.signing import SecretInvalid, SignatureRefused, key_of, secret_from, sign, verify

AT = datetime.fromtimestamp(1_674_087_231, UTC)
OLD, NEW = secret_from(bytes(range(24))), secret_from(bytes(range(100, 132)))
BODY = '{"type":"offer.issued","data":{"title":"午餐"}}'.encode()


def headers(*secrets: str, body: bytes = BODY, at: datetime = AT) -> dict[str, str]:
    return signing.headers([key_of(one) for one in secrets], message_id="msg_1", at=at, body=body)


def test_the_published_example_of_the_standard_has_its_signature() -> None:
    # The example of the Standard Webhooks reference libraries, recomputed below with OpenSSL.
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    signature = sign(key, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256))])
def test_openssl_computes_the_same_signature(body: bytes) -> None:
    key = key_of(NEW)
    mac = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}", "-binary"],
        input=b"msg_1.1674087231." + body,
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout
    assert sign(key, message_id="msg_1", at=AT, body=body) == "v1," + base64.b64encode(mac).decode()


def test_what_was_signed_is_accepted_and_named() -> None:
    assert verify(headers(NEW), BODY, secrets=[NEW], now=AT) == "msg_1"


def test_header_names_may_come_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in headers(NEW).items()}
    assert verify(shouted, BODY, secrets=[NEW], now=AT) == "msg_1"


def test_during_a_rotation_either_secret_verifies() -> None:
    both = headers(NEW, OLD)
    assert both["webhook-signature"].count("v1,") == 2
    for secret in (OLD, NEW):
        assert verify(both, BODY, secrets=[secret], now=AT) == "msg_1"
    assert verify(headers(OLD), BODY, secrets=[NEW, OLD], now=AT) == "msg_1"


def test_another_secret_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="No signature fits"):
        verify(headers(OLD), BODY, secrets=[NEW], now=AT)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "1674087232"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-signature": " " * 1_000},
        {"webhook-signature": "v1,签名"},
        {"webhook-id": ""},
        {"webhook-id": "x" * 257},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "１６７４０８７２３１"},
        {"webhook-timestamp": "9" * 30},
        {"webhook-timestamp": "99999999999"},
    ],
)
def test_changed_headers_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused):
        verify({**headers(NEW), **change}, BODY, secrets=[NEW], now=AT)


@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_body_is_refused(at: int, bit: int) -> None:
    changed = bytearray(BODY)
    changed[at] ^= 1 << bit
    with pytest.raises(SignatureRefused):
        verify(headers(NEW), bytes(changed), secrets=[NEW], now=AT)


@pytest.mark.parametrize(
    ("off", "is_taken"),
    [(timedelta(minutes=5), True), (timedelta(minutes=5, seconds=1), False), (-timedelta(minutes=6), False)],
)
def test_the_time_must_be_near(off: timedelta, is_taken: bool) -> None:
    if is_taken:
        assert verify(headers(NEW), BODY, secrets=[NEW], now=AT + off)
    else:
        with pytest.raises(SignatureRefused, match="clocks"):
            verify(headers(NEW), BODY, secrets=[NEW], now=AT + off)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "whsec_!", NEW.removeprefix("whsec_"), "whsec_ü"]
)
def test_a_secret_that_is_short_or_odd_is_refused(secret: str) -> None:
    with pytest.raises(SecretInvalid):
        key_of(secret)


def test_a_secret_is_made_of_enough_random_bytes() -> None:
    assert key_of(secret_from(bytes(32))) == bytes(32)
    with pytest.raises(SecretInvalid):
        secret_from(bytes(23))
