"""The bounds of a trading day, as the statements' SQL names them."""

from datetime import date, timedelta
from typing import Any

from district.districts.service import DistrictInfo

LATE_FOR = timedelta(days=45)
"""How late a posting of an earlier day is still found by a closing."""


def bounds(district: DistrictInfo, day: date) -> dict[str, Any]:
    """The values that a day's statements need."""
    since = district.day_starts_at(day)
    return {
        "district_id": district.id,
        "day": day,
        "since": since,
        "until": district.day_starts_at(day + timedelta(days=1)),
        "earliest": since - LATE_FOR,
    }
