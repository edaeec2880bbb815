"""Secrets of others that must be given out again, such as providers' passwords: sealed with the installation's own secret.

A copy of the database alone opens none of them. Whoever changes DISTRICT_SECRET enters them anew.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE_BYTES, _KEY_BYTES = 12, 32
_INFO = b"shangquan sealed secrets 1"


class SealBroken(Exception):
    """What was sealed with another secret, for another purpose, or was changed since."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be opened: DISTRICT_SECRET is not the one it was sealed with."
        )


def seal(secret: str, plain: bytes, *, about: str) -> bytes:
    """Encrypt ``plain``; only the same secret and the same ``about`` (what it belongs to) open it again."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + _cipher(secret).encrypt(nonce, plain, about.encode())


def unseal(secret: str, sealed: bytes, *, about: str) -> bytes:
    """What was sealed. Raises: SealBroken."""
    start = len(_VERSION)
    nonce, rest = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
    if sealed[:start] != _VERSION or len(nonce) != _NONCE_BYTES:
        raise SealBroken
    try:
        return _cipher(secret).decrypt(nonce, rest, about.encode())
    except InvalidTag:
        raise SealBroken from None


def _cipher(secret: str) -> AESGCM:
    key = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_INFO).derive(secret.encode())
    return AESGCM(key)
