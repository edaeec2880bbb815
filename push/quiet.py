"""Until when a channel must wait: one answer for whoever decides and for whoever sends."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from push.consent import Channel
from push.limits import QuietHours, quiet_until

_MOST_STEPS = 8
"""Quiet hours and a store's that follow on each other are gone through so often; then the time found is asked anew."""
_AGAIN_AFTER = timedelta(days=1)


class StoreHours(Protocol):
    """When the store is open (True), shut, or of unknown hours, which hold nothing back."""

    def is_open(self, now: datetime, /) -> bool | None: ...

    def next_change(self, now: datetime, /) -> datetime | None: ...


def waits_until(
    channel: Channel,
    *,
    now: datetime,
    member_zone: ZoneInfo | None,
    district_zone: ZoneInfo,
    quiet: Iterable[QuietHours],
    store: StoreHours | None,
) -> datetime | None:
    """When the channel may carry an offer; None: now.

    What rings keeps every one of the quiet hours, the venue's and the member's: the stricter of them. The inbox
    rings nothing; it follows the store's hours, for what one reads in it one may want to use at once.
    """
    if channel is Channel.INBOX:
        return opens_at(store, now)
    every = tuple(quiet)
    at = now
    for _ in range(_MOST_STEPS):
        ends = (
            quiet_until(channel, now=at, member_zone=member_zone, district_zone=district_zone, hours=hours)
            for hours in every
        )
        later = max((end for end in ends if end is not None), default=None)
        if later is None:
            break
        at = later
    return at if at > now else None


def opens_at(store: StoreHours | None, now: datetime) -> datetime | None:
    """When a store that is known to be shut may be open again; None for one that is not known to be shut."""
    if store is None or store.is_open(now) is not False:
        return None
    return store.next_change(now) or now + _AGAIN_AFTER
