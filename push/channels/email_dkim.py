"""Signatures of e-mail (DKIM, RFC 6376) with a key of the operator's own, and what is to stand in the DNS for it."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from dkim.canonicalization import CanonicalizationPolicy

from push.errors import PushError

KEY_BITS: Final = 2048
HEADER: Final = b"DKIM-Signature"
_FORM: Final = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
LEAST_BITS: Final = 1024
MOST_BITS: Final = 4096
SIGNED: Final = (
    "reply-to",
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-language",
    "auto-submitted",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
    "cfbl-address",
    "cfbl-feedback-id",
)
TWICE: Final = ("from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post")
"""Signed once more than they are there, so that nobody adds a second one on the way."""


class DkimKeyInvalid(PushError):
    """What is no private key for signatures."""

    def __init__(self) -> None:
        super().__init__(
            f"An RSA private key of {LEAST_BITS} to {MOST_BITS} bits, as PEM or base64, is wanted."
        )


def new_key() -> str:
    """A new private key, as PEM."""
    return _pem(rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS))


def private_key_of(text: str) -> str:
    """A key in the one form that is kept, PEM; given as PEM, or as base64 of its DER. Raises: DkimKeyInvalid."""
    return _pem(_loaded(text))


def public_record(text: str) -> str:
    """What the DNS says of the key: the value of the TXT record (§3.6.1). Raises: DkimKeyInvalid."""
    der = _loaded(text).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DkimSigner:
    """Signs as one domain by one selector. key is PEM."""

    domain: str
    selector: str
    key: str = field(repr=False)

    def signed(self, message: bytes, names: Sequence[str], *, at: datetime) -> bytes:
        """The message with its signature before it; names are the headers that it has, at is machine time.

        dkimpy brings messages into the form that is signed; RSA by its own hand, in Python, would take 7 ms of each.
        """
        there = {one.lower() for one in names}
        include = [one for one in SIGNED if one in there] + [one for one in TWICE if one in there]
        headers, body = dkim.rfc822_parse(message)
        tags = self._tags(include, body_hash=sha256(_FORM.canonicalize_body(body)).digest(), at=at)
        hasher = sha256()
        dkim.hash_headers(
            hasher,
            _FORM,
            _FORM.canonicalize_headers(headers),
            [one.encode() for one in include],
            (HEADER, b" " + tags),
            {},
        )
        signature = _key_of(self.key).sign(hasher.digest(), PKCS1v15(), Prehashed(SHA256()))
        return HEADER + b": " + tags + base64.b64encode(signature) + b"\r\n" + message

    def _tags(self, include: Sequence[str], *, body_hash: bytes, at: datetime) -> bytes:
        """Everything in the signature but itself, in lines that are not long (§3.5)."""
        names = [":".join(include[start : start + 4]) for start in range(0, len(include), 4)]
        tags = (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; t={int(at.timestamp())}",
            f"d={self.domain}; s={self.selector}",
            "h=" + ":\r\n ".join(names),
            f"bh={base64.b64encode(body_hash).decode()}",
            "b=",
        )
        return ";\r\n ".join(tags).encode()


@lru_cache(maxsize=64)
def _key_of(text: str) -> rsa.RSAPrivateKey:
    """Loading checks the key, which takes longer than a signature."""
    return _loaded(text)


def _loaded(text: str) -> rsa.RSAPrivateKey:
    written = text.strip()
    try:
        if written.startswith("-----"):
            key = load_pem_private_key(written.encode(), password=None)
        else:
            key = load_der_private_key(
                base64.b64decode("".join(written.split()), validate=True), password=None
            )
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        raise DkimKeyInvalid from None
    if not isinstance(key, rsa.RSAPrivateKey) or not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise DkimKeyInvalid
    return key


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
