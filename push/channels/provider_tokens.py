"""What the push services of Apple and Google are shown: tokens signed with the operator's own key."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from push.errors import PushError

RENEWED_AFTER: Final = timedelta(minutes=40)
"""Apple refuses a token older than an hour, and one that is renewed more often than every 20 minutes."""
SOONEST: Final = timedelta(minutes=20)
ASSERTION_LASTS: Final = timedelta(hours=1)
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_WIDTH: Final = 64


class KeyUnreadable(PushError):
    """Text that is no private key of the kind that is needed."""


def pem_of(text: str) -> str:
    """A PEM private key whose lines a form may have run together."""
    head, begin, rest = text.strip().partition("-----BEGIN PRIVATE KEY-----")
    body, end, tail = rest.partition("-----END PRIVATE KEY-----")
    if head or tail.strip() or not begin or not end:
        raise KeyUnreadable(
            "Give the whole key, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----."
        )
    packed = "".join(body.replace("\\n", "").split())
    lines = [packed[start : start + _WIDTH] for start in range(0, len(packed), _WIDTH)]
    return "\n".join((begin, *lines, end, ""))


def elliptic_key(text: str) -> ECKey:
    """A P-256 key. Raises: KeyUnreadable."""
    try:
        key = ECKey.import_key(pem_of(text))
    except (JoseError, ValueError, TypeError):
        raise KeyUnreadable("This is no private key of the elliptic curve P-256.") from None
    if key.curve_name != "P-256" or not key.is_private:
        raise KeyUnreadable("This is no private key of the elliptic curve P-256.")
    return key


def rsa_key(text: str) -> RSAKey:
    """Raises: KeyUnreadable."""
    try:
        key = RSAKey.import_key(pem_of(text))
    except (JoseError, ValueError, TypeError):
        raise KeyUnreadable("This is no RSA private key.") from None
    if not key.is_private:
        raise KeyUnreadable("This is no RSA private key.")
    return key


@dataclass(slots=True, kw_only=True)
class AppleToken:
    """A provider authentication token, kept for 40 minutes. now is machine time."""

    key: ECKey = field(repr=False)
    key_id: str
    team_id: str
    now: Callable[[], datetime]
    _made: tuple[datetime, str] | None = field(default=None, repr=False)

    def bearer(self) -> str:
        """The value of Authorization."""
        now = self.now()
        # A clock that was set back leaves a token of the future, which Apple refuses.
        if self._made is None or not timedelta(0) <= now - self._made[0] < RENEWED_AFTER:
            header = {"alg": "ES256", "kid": self.key_id}
            claims = {"iss": self.team_id, "iat": int(now.timestamp())}
            self._made = (now, jwt.encode(header, claims, self.key, algorithms=["ES256"], default_type=None))
        return f"bearer {self._made[1]}"

    def refused(self) -> None:
        """Make another one next time, if Apple lets us by then."""
        if self._made is not None and self.now() - self._made[0] >= SOONEST:
            self._made = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """An account of Google's that programs use: its name and its key, out of the file that the console gives."""

    email: str
    project: str
    key: RSAKey = field(repr=False)
    key_id: str = ""

    @classmethod
    def read(cls, text: str) -> "ServiceAccount":
        """From the JSON key file. Raises: KeyUnreadable."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise KeyUnreadable("Give the JSON key file of a service account, whole.") from None
        found = document if isinstance(document, dict) else {}
        parts = [found.get(name) for name in ("client_email", "project_id", "private_key")]
        if found.get("type") != "service_account" or not all(isinstance(one, str) and one for one in parts):
            raise KeyUnreadable(
                "Give the JSON key file of a service account: type, client_email, project_id and private_key."
            )
        email, project, key = map(str, parts)
        return cls(
            email=email, project=project, key=rsa_key(key), key_id=str(found.get("private_key_id", ""))
        )

    def assertion(self, *, audience: str, scope: str, now: datetime) -> str:
        """What is exchanged for an access token (RFC 7523 §2.1)."""
        claims = {
            "iss": self.email,
            "scope": scope,
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int((now + ASSERTION_LASTS).timestamp()),
        }
        return self.signed(claims)

    def signed(self, claims: dict[str, object]) -> str:
        """A JSON web token of the account's."""
        header = {"alg": "RS256"} | ({"kid": self.key_id} if self.key_id else {})
        return jwt.encode(header, claims, self.key, algorithms=["RS256"])
