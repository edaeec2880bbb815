"""Signatures of webhooks, made and checked. Source: Standard Webhooks (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from push.errors import PushError

TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64
_MAX_SIGNATURES = 16
_MAX_ID = 256


class SecretInvalid(PushError):
    """A secret that is no webhook secret."""

    def __init__(self) -> None:
        super().__init__(f"A webhook secret is {PREFIX} and {_MIN_BYTES} to {_MAX_BYTES} bytes in base64.")


class SignatureRefused(PushError):
    """A webhook that is not signed by one of the secrets, or not now."""


def secret_from(random: bytes) -> str:
    """The written form of a new secret of 24 to 64 random bytes."""
    if not _MIN_BYTES <= len(random) <= _MAX_BYTES:
        raise SecretInvalid
    return PREFIX + base64.b64encode(random).decode("ascii")


def key_of(secret: str) -> bytes:
    """The key in a written secret. Raises: SecretInvalid."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretInvalid from None
    if not secret.startswith(PREFIX) or not _MIN_BYTES <= len(key) <= _MAX_BYTES:
        raise SecretInvalid
    return key


def sign(key: bytes, *, message_id: str, at: datetime, body: bytes) -> str:
    """One signature: v1, and HMAC-SHA256 over id.timestamp.body in base64."""
    signed = b".".join((message_id.encode(), str(int(at.timestamp())).encode("ascii"), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")


def headers(keys: Sequence[bytes], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a signed webhook, with one signature for each key that is in force."""
    signatures = [sign(key, message_id=message_id, at=at, body=body) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def verify(
    received: Mapping[str, str],
    body: bytes,
    *,
    secrets: Sequence[str],
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The id of a webhook that one of the secrets signed within the tolerance; keep it, repeats carry it too.

    Raises: SignatureRefused; SecretInvalid for a secret of ours that cannot be one.
    """
    lower = {name.lower(): value for name, value in received.items()}
    message_id, stamp = lower.get("webhook-id", ""), lower.get("webhook-timestamp", "")
    if not 0 < len(message_id) <= _MAX_ID:
        raise SignatureRefused("The header webhook-id is missing or too long.")
    at = _time(stamp)
    if abs(now - at) > tolerance:
        raise SignatureRefused("The webhook's time is too far from now; check the clocks.")
    given = lower.get("webhook-signature", "").split(" ")[:_MAX_SIGNATURES]
    wanted = [sign(key_of(secret), message_id=message_id, at=at, body=body) for secret in secrets]
    # Every pair is compared, so that the time taken says nothing about which one fits.
    fits = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in wanted]
    if not any(fits):
        raise SignatureRefused("No signature fits; check the secret and sign the body as it was sent.")
    return message_id


def _time(stamp: str) -> datetime:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        raise SignatureRefused("The header webhook-timestamp is not a number of seconds.")
    return datetime.fromtimestamp(int(stamp), UTC)
