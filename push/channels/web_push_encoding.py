"""Web push messages as only the subscribed browser can read them: RFC 8291 over the content coding of RFC 8188."""

import base64
import binascii
import secrets
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from push.errors import PushError

POINT_BYTES: Final = 65
AUTH_BYTES: Final = 16
MOST_PLAIN_BYTES: Final = 3_993
"""RFC 8030 §7.2 lets a push service refuse bodies of more than 4,096 bytes; head, delimiter and tag take 103."""
RECORD_BYTES: Final = 4_096
_CURVE: Final = ec.SECP256R1()
_LAST_RECORD: Final = b"\x02"


class KeysInvalid(PushError):
    """Keys of a subscription that no browser makes."""


class PlainTooLong(PushError):
    """A message that does not fit into one record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserKeys:
    """What a browser gives with its subscription: its public point, and a secret known to the page's server alone."""

    point: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    _public: ec.EllipticCurvePublicKey = field(repr=False)

    @classmethod
    def read(cls, p256dh: str, auth: str) -> "BrowserKeys":
        """Raises: KeysInvalid."""
        point, secret = decoded(p256dh), decoded(auth)
        if len(point) != POINT_BYTES or len(secret) != AUTH_BYTES:
            raise KeysInvalid("p256dh is an uncompressed P-256 point of 65 bytes, auth has 16 bytes.")
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
        except ValueError:
            raise KeysInvalid("p256dh is not a point of the curve P-256.") from None
        return cls(point=point, auth=secret, _public=public)

    def shared_with(self, private: ec.EllipticCurvePrivateKey) -> bytes:
        """The secret that the browser finds from its own side."""
        return private.exchange(ec.ECDH(), self._public)


def encrypt(
    plain: bytes,
    keys: BrowserKeys,
    *,
    private: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push request. Key pair and salt are new for each message; only a test names them.

    Raises: PlainTooLong.
    Source: RFC 8291 §3.4, §4; RFC 8188 §2.
    """
    if len(plain) > MOST_PLAIN_BYTES:
        raise PlainTooLong(f"A web push message has at most {MOST_PLAIN_BYTES} bytes.")
    own = private or ec.generate_private_key(_CURVE)
    own_point = point_of(own.public_key())
    grain = salt or secrets.token_bytes(16)
    about = b"WebPush: info\x00" + keys.point + own_point
    material = _derive(keys.shared_with(own), salt=keys.auth, about=about, size=32)
    key = _derive(material, salt=grain, about=b"Content-Encoding: aes128gcm\x00", size=16)
    nonce = _derive(material, salt=grain, about=b"Content-Encoding: nonce\x00", size=12)
    head = grain + struct.pack("!IB", RECORD_BYTES, POINT_BYTES) + own_point
    return head + AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)


def point_of(public: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as browsers write it: uncompressed."""
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def decoded(text: str) -> bytes:
    """Bytes of base64 for URLs, with or without padding. Raises: KeysInvalid."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise KeysInvalid("This is not base64 for URLs.") from None


def encoded(raw: bytes) -> str:
    """Base64 for URLs without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _derive(secret: bytes, *, salt: bytes, about: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=about).derive(secret)
