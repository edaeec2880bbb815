"""The Class attribute: which session or member an accounting packet belongs to, signed, so that no NAS can name another."""

import hmac
import uuid
from dataclasses import dataclass
from enum import Enum

from district.districts.service import DistrictInfo

_PURPOSE = b"radius class"
_SIGNATURE_BYTES = 16
_LENGTH = 1 + 16 + _SIGNATURE_BYTES


class MarkKind(bytes, Enum):
    """What a mark names."""

    SESSION = b"s"
    MEMBER = b"m"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What an answer told the NAS to repeat."""

    kind: MarkKind
    id: uuid.UUID


def written(district: DistrictInfo, mark: Mark) -> bytes:
    """The bytes of the Class attribute."""
    said = mark.kind.value + mark.id.bytes
    return said + _signature(district, said)


def read(district: DistrictInfo, told: bytes) -> Mark | None:
    """The mark that a NAS repeats; None when it is not ours."""
    if len(told) != _LENGTH:
        return None
    said, signature = told[:-_SIGNATURE_BYTES], told[-_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(district, said)):
        return None
    try:
        return Mark(kind=MarkKind(said[:1]), id=uuid.UUID(bytes=said[1:]))
    except ValueError:
        return None


def user_identity(district: DistrictInfo, member_id: uuid.UUID) -> str:
    """Chargeable-User-Identity (RFC 4372): the same for all sessions of a member, and nobody else's business."""
    return hmac.digest(district.alias_key, b"chargeable" + member_id.bytes, "sha256")[:16].hex()


def _signature(district: DistrictInfo, said: bytes) -> bytes:
    return hmac.digest(district.alias_key, _PURPOSE + said, "sha256")[:_SIGNATURE_BYTES]
