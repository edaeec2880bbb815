"""Notices in the shape of WeChat Pay's smart business circle (智慧商圈): signed, encrypted, repeated.

The headers sign timestamp, nonce and the raw body (SHA-256 with RSA, PKCS #1 v1.5); the resource is AES-256-GCM under the
API key. Tested against the documented shape only, with keys of our own making.
Source: pay.weixin.qq.com, APIv3, "on-site-payment" and "on-site-refund" of smart-business-circle.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from district.problems import DistrictError, Invalid, NotAuthenticated
from district.purchases.schemas import Amount, Reference

FRESH_FOR = timedelta(seconds=300)
PAID, REFUNDED = "MALL_TRANSACTION.SUCCESS", "MALL_REFUND.SUCCESS"
MOST_TEXT = 64
SMALLEST_KEY_BITS = 2048


class Undecipherable(DistrictError):
    """What is signed and cannot be read: the API key is another one."""

    status, slug, title = HTTPStatus.BAD_REQUEST, "notice-unreadable", "The notice cannot be read"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The keys of one source."""

    id: uuid.UUID
    public_keys: Mapping[str, str]
    api_key: bytes
    app_id: str


class _Resource(BaseModel):
    algorithm: str = Field(max_length=MOST_TEXT)
    ciphertext: str = Field(max_length=16_384)
    nonce: str = Field(min_length=12, max_length=12)
    associated_data: str = Field(default="", max_length=MOST_TEXT)


class _Envelope(BaseModel):
    id: Reference
    event_type: str = Field(max_length=MOST_TEXT)
    resource: _Resource


class _Payment(BaseModel):
    model_config = ConfigDict(extra="ignore")

    openid: str = Field(min_length=1, max_length=128)
    transaction_id: Reference
    appid: str = Field(default="", max_length=MOST_TEXT)
    shop_number: str = Field(default="", max_length=128)


class Paid(_Payment):
    """A member paid in one of the district's shops; ``shop_number`` is the store's ``ref``."""

    amount: Amount
    time_end: AwareDatetime


class Refunded(_Payment):
    """He got some of it back."""

    refund_id: Reference
    refund_amount: Amount
    refund_time: AwareDatetime


@dataclass(frozen=True, kw_only=True)
class Event:
    """A notice that is what it says. ``said`` is None for a kind that is not ours to take."""

    id: str
    plain: bytes
    said: Paid | Refunded | None


def check_keys(public_keys: Mapping[str, str]) -> None:
    """Raises: Invalid for what is no RSA public key of 2,048 bits or more."""
    for serial, pem in public_keys.items():
        try:
            key = serialization.load_pem_public_key(pem.encode())
        except ValueError:
            key = None
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_KEY_BITS:
            raise Invalid(
                "See errors.",
                errors=[
                    {
                        "pointer": f"/body/public_keys/{serial}",
                        "detail": "Paste the platform's RSA public key: -----BEGIN PUBLIC KEY-----",
                    }
                ],
            )


def read(source: Source, headers: Mapping[str, str], body: bytes, *, machine_now: datetime) -> Event:
    """The event of a notice. Raises: NotAuthenticated, Undecipherable, Invalid."""
    _check_signature(source, headers, body, machine_now=machine_now)
    try:
        envelope = _Envelope.model_validate_json(body)
    except ValidationError:
        raise Invalid("The body is no notice: it has id, event_type and resource.", code="FAIL") from None
    plain = _decipher(source.api_key, envelope.resource)
    kinds: dict[str, type[Paid | Refunded]] = {PAID: Paid, REFUNDED: Refunded}
    kind = kinds.get(envelope.event_type)
    try:
        said = None if kind is None else kind.model_validate_json(plain)
    except ValidationError:
        raise Invalid(f"The resource is no {envelope.event_type}.", code="FAIL") from None
    return Event(id=envelope.id, plain=_canonical(envelope.event_type, plain), said=said)


def _check_signature(
    source: Source, headers: Mapping[str, str], body: bytes, *, machine_now: datetime
) -> None:
    stamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    pem = source.public_keys.get(headers.get("wechatpay-serial", ""))
    is_stamp = stamp.isascii() and stamp.isdigit() and len(stamp) <= 12
    if pem is None or not is_stamp or not nonce or len(nonce) > MOST_TEXT:
        raise _refused("The headers name no key of this source, or no time.")
    if abs(machine_now.timestamp() - int(stamp)) > FRESH_FOR.total_seconds():
        raise _refused("The notice is older than five minutes, or a clock is wrong.")
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)  # noqa: S101  checked when it was stored
    try:
        signature = base64.b64decode(headers.get("wechatpay-signature", ""), validate=True)
        signed = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise _refused("The signature does not fit the body.") from None


def _refused(detail: str) -> NotAuthenticated:
    return NotAuthenticated(detail, code="FAIL")


def _decipher(api_key: bytes, resource: _Resource) -> bytes:
    try:
        sealed = base64.b64decode(resource.ciphertext, validate=True)
        if resource.algorithm != "AEAD_AES_256_GCM":
            raise ValueError
        return AESGCM(api_key).decrypt(resource.nonce.encode(), sealed, resource.associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError):
        raise Undecipherable("Check the source's API key.", code="FAIL") from None


def _canonical(event_type: str, plain: bytes) -> bytes:
    """What it says, however it was wrapped: a repeat is encrypted anew."""
    try:
        value: Any = json.loads(plain)
    except (ValueError, RecursionError):
        value = plain.hex()
    return json.dumps([event_type, value], sort_keys=True, separators=(",", ":")).encode()
