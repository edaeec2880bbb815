"""What WeChat and WeCom post to an address of ours: signed by a token, sealed by a key.

Source: developer.work.weixin.qq.com/document/path/90968; developers.weixin.qq.com, "Message encryption and decryption".
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from push.errors import PushError

KEY_LETTERS: Final = 43
_RANDOM, _LENGTH, _BLOCK = 16, 4, 32


class EnvelopeRefused(PushError):
    """What the account's server did not post, or what cannot be opened."""


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts, of which one is the token: the vendors' own rule."""
    joined = "".join(sorted(parts)).encode("utf-8", "replace")
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def check(given: str, *parts: str) -> None:
    """Raises: EnvelopeRefused unless the signature is that of these parts."""
    if not hmac.compare_digest(signature(*parts).encode(), given.encode("utf-8", "replace")):
        raise EnvelopeRefused("The signature does not fit; check the token.")


def key_of(text: str) -> bytes:
    """The key in an EncodingAESKey: 43 letters of base64. Raises: EnvelopeRefused."""
    try:
        # Consoles draw the last letter freely: two of its bits belong to no byte.
        key = base64.b64decode(f"{text}=") if len(text) == KEY_LETTERS else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BLOCK:
        raise EnvelopeRefused(f"An EncodingAESKey is {KEY_LETTERS} letters and digits.")
    return key


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """How one account's posts are opened. receiver is its app id, or its corp id."""

    token: str = field(repr=False)
    key: bytes = field(repr=False)
    receiver: str

    def open(self, sealed: str, *, given: str, timestamp: str, nonce: str) -> bytes:
        """What was posted. Raises: EnvelopeRefused."""
        check(given, self.token, timestamp, nonce, sealed)
        return self._opened(sealed)

    def seal(self, plain: bytes, *, timestamp: str, nonce: str) -> tuple[str, str]:
        """As the other side does it: what is posted, and its signature."""
        content = secrets.token_bytes(_RANDOM) + len(plain).to_bytes(_LENGTH) + plain + self.receiver.encode()
        padding = _BLOCK - len(content) % _BLOCK
        encryptor = self._cipher().encryptor()
        sealed = encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()
        text = base64.b64encode(sealed).decode("ascii")
        return text, signature(self.token, timestamp, nonce, text)

    def _cipher(self) -> Cipher[CBC]:
        return Cipher(AES256(self.key), CBC(self.key[:16]))

    def _opened(self, sealed: str) -> bytes:
        try:
            raw = base64.b64decode(sealed, validate=True)
            decryptor = self._cipher().decryptor()
            content = decryptor.update(raw) + decryptor.finalize()
        except (binascii.Error, ValueError):
            raise EnvelopeRefused("The content cannot be opened; check the EncodingAESKey.") from None
        padding = content[-1] if content else 0
        if not 1 <= padding <= _BLOCK or content[-padding:] != bytes([padding]) * padding:
            raise EnvelopeRefused("The content cannot be opened; check the EncodingAESKey.")
        body = content[_RANDOM:-padding]
        length = int.from_bytes(body[:_LENGTH])
        plain, receiver = body[_LENGTH : _LENGTH + length], body[_LENGTH + length :]
        if len(plain) != length or receiver != self.receiver.encode():
            raise EnvelopeRefused("The content is for another account; check the app id.")
        return plain
