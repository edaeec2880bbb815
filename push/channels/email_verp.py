"""Return addresses of their own for each delivery, signed: what comes back names it, and nobody can make one up.

A token is 30 bytes in base32, which mail servers may write in either case: the delivery's id, the first four bytes of
the address's SHA-256, by which a bounce that is late hits no newer address, and 80 bits of an HMAC-SHA-256 over both.
"""

import base64
import binascii
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Final

from push.identifiers import DeliveryId

PREFIX: Final = "bounces+"
TOKEN_LETTERS: Final = 48
DIGEST_BYTES: Final = 4
_ID_BYTES, _MAC_BYTES = 16, 10
_ABOUT: Final = b"shangquan return address 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """What a return address says: which delivery, and to which address it went."""

    delivery_id: DeliveryId
    digest: bytes


def digest_of(address: str) -> bytes:
    """By what an address is known again without being told."""
    return hashlib.sha256(address.encode()).digest()[:DIGEST_BYTES]


def token_of(key: bytes, delivery_id: uuid.UUID, address: str) -> str:
    """48 letters and digits, all small."""
    said = delivery_id.bytes + digest_of(address)
    return base64.b32encode(said + _mac(key, said)).decode().lower()


def return_path(token: str, domain: str) -> str:
    """The address that a server returns the message to; its local part has 56 letters."""
    return f"{PREFIX}{token}@{domain}"


def read_address(key: bytes, address: str) -> Returned | None:
    """What a return address names, in brackets or not; None for what is none of ours."""
    local = address.strip().strip("<>").rpartition("@")[0].lower()
    return read(key, local.removeprefix(PREFIX)) if local.startswith(PREFIX) else None


def read(key: bytes, token: str) -> Returned | None:
    """What a token names; None for what nobody signed with this key."""
    text = token.strip()
    if len(text) != TOKEN_LETTERS or not text.isascii():
        return None
    try:
        raw = base64.b32decode(text.upper())
    except binascii.Error:
        return None
    said = raw[: _ID_BYTES + DIGEST_BYTES]
    if not hmac.compare_digest(_mac(key, said), raw[len(said) :]):
        return None
    return Returned(delivery_id=DeliveryId(uuid.UUID(bytes=said[:_ID_BYTES])), digest=said[_ID_BYTES:])


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(hmac.digest(key, _ABOUT, hashlib.sha256), said, hashlib.sha256)[:_MAC_BYTES]
