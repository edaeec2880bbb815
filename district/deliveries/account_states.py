"""What goes along with a member who is sent to a provider, so that he comes back to his own membership alone."""

import hashlib
import hmac
import uuid
from datetime import datetime, timedelta
from typing import Final

LIFE: Final = timedelta(minutes=10)
"""Machine time from leaving to coming back."""
_SECONDS_BYTES, _PROOF_BYTES = 4, 16
LETTERS: Final = 2 * (_SECONDS_BYTES + _PROOF_BYTES)


def made(secret: str, *, provider_id: uuid.UUID, member_id: uuid.UUID, now: datetime) -> str:
    """Digits and letters alone, as WeChat wants a state to be."""
    at = int(now.timestamp()).to_bytes(_SECONDS_BYTES)
    return (at + _proof(secret, provider_id, member_id, at)).hex()


def is_good(text: str, secret: str, *, provider_id: uuid.UUID, member_id: uuid.UUID, now: datetime) -> bool:
    """Whether this member was sent to this provider a moment ago."""
    try:
        raw = bytes.fromhex(text) if len(text) == LETTERS else b""
    except ValueError:
        raw = b""
    at, proof = raw[:_SECONDS_BYTES], raw[_SECONDS_BYTES:]
    wanted = _proof(secret, provider_id, member_id, at)
    age_s = now.timestamp() - int.from_bytes(at)
    return hmac.compare_digest(proof, wanted) and 0 <= age_s + 1 <= LIFE.total_seconds()


def _proof(secret: str, provider_id: uuid.UUID, member_id: uuid.UUID, at: bytes) -> bytes:
    said = b"shangquan account state 1" + provider_id.bytes + member_id.bytes + at
    return hmac.digest(secret.encode(), said, hashlib.sha256)[:_PROOF_BYTES]
