"""Who sends, signed for each push service: VAPID, RFC 8292."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from push.channels.web_push_encoding import KeysInvalid, decoded, encoded, point_of

LASTS: Final = timedelta(hours=12)
RENEWED_BEFORE: Final = timedelta(hours=1)
MOST_ORIGINS: Final = 200
_SCALAR_BYTES: Final = 32


def new_private_key() -> str:
    """A key of one's own: the scalar in base64 for URLs."""
    scalar = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encoded(scalar.to_bytes(_SCALAR_BYTES))


def private_key_of(text: str) -> ec.EllipticCurvePrivateKey:
    """Raises: KeysInvalid."""
    raw = decoded(text)
    try:
        if len(raw) != _SCALAR_BYTES:
            raise ValueError
        return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except ValueError:
        raise KeysInvalid("A VAPID private key is a P-256 scalar: 32 bytes in base64 for URLs.") from None


def public_key_of(private_key: str) -> str:
    """What pages subscribe with. Raises: KeysInvalid."""
    return encoded(point_of(private_key_of(private_key).public_key()))


@dataclass(slots=True, kw_only=True)
class Vapid:
    """Signs for one application server. subject is where a push service finds somebody: mailto: or https:.

    A signature is kept for its origin until it is about to end: making one costs more than all the rest.
    """

    private_key: str = field(repr=False)
    subject: str
    machine_now: Callable[[], datetime]
    _key: ec.EllipticCurvePrivateKey = field(init=False, repr=False)
    _public: str = field(init=False)
    _headers: dict[str, tuple[datetime, str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._key = private_key_of(self.private_key)
        self._public = public_key_of(self.private_key)

    def header(self, origin: str) -> str:
        """The value of Authorization for a push service, by its origin: scheme, host and port."""
        now = self.machine_now()
        known = self._headers.get(origin)
        # A clock that was set back makes a kept signature end too late for the push service: it is made anew.
        if known is not None and RENEWED_BEFORE < known[0] - now <= LASTS:
            return known[1]
        ends_at = now + LASTS
        made = f"vapid t={self._token(origin, ends_at)}, k={self._public}"
        if len(self._headers) >= MOST_ORIGINS:
            self._headers.clear()
        self._headers[origin] = (ends_at, made)
        return made

    def _token(self, origin: str, ends_at: datetime) -> str:
        """A JSON web token signed by ES256 (RFC 7518 §3.4)."""
        head = {"typ": "JWT", "alg": "ES256"}
        claims = {"aud": origin, "exp": int(ends_at.timestamp()), "sub": self.subject}
        signed = ".".join(
            encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims)
        )
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{encoded(r.to_bytes(_SCALAR_BYTES) + s.to_bytes(_SCALAR_BYTES))}"
