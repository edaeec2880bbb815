"""A member's own zone and quiet hours, from their columns."""

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from push.limits import QuietHours


def zone_of(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def quiet_of(start_minute: int | None, end_minute: int | None) -> tuple[QuietHours, ...]:
    """The member's own quiet hours, if he named any."""
    if start_minute is None or end_minute is None:
        return ()
    return (QuietHours(start=_time(start_minute), end=_time(end_minute)),)


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
