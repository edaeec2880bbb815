"""Who is left out on purpose, so that an effect can be told from what would have happened anyway."""

import hashlib
from uuid import UUID

BUCKETS = 10_000


def bucket(salt: str, member_id: UUID, *, campaign_id: UUID | None = None) -> int:
    """A stable random place 0..9999 for a member, the same whenever and wherever it is asked for."""
    key = "|".join(str(part) for part in (salt, campaign_id, member_id) if part is not None)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % BUCKETS


def is_control(place: int, *, control_buckets: int) -> bool:
    """Whether this place belongs to the first control_buckets of 10,000 (100 are one percent)."""
    return place < control_buckets
