"""Who is left out on purpose, so that an effect can be told from what would have happened anyway."""

import hashlib
from enum import StrEnum
from uuid import UUID

BUCKETS = 10_000
BUCKETS_A_PERCENT = BUCKETS // 100


class Arm(StrEnum):
    """In which arm of an experiment a member is.

    CONTROL is held out from one campaign, DISTRICT_CONTROL from all marketing of the district.
    """

    TREATED = "treated"
    CONTROL = "control"
    DISTRICT_CONTROL = "district_control"


def bucket(salt: str, member_id: UUID, *, campaign_id: UUID | None = None) -> int:
    """A stable random place 0..9999 for a member, the same whenever and wherever it is asked for."""
    key = f"{salt}|{member_id}" if campaign_id is None else f"{salt}|{campaign_id}|{member_id}"
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % BUCKETS


def is_control(place: int, *, control_buckets: int) -> bool:
    """Whether this place belongs to the first control_buckets of 10,000 (100 are one percent)."""
    return place < control_buckets


def is_held_out(percent: float, salt: str, *, campaign_id: UUID, member_id: UUID) -> bool:
    """Whether the campaign leaves this member out; a larger percentage keeps whom a smaller one left out."""
    if percent <= 0:
        return False
    place = bucket(salt, member_id, campaign_id=campaign_id)
    return is_control(place, control_buckets=round(percent * BUCKETS_A_PERCENT))
