"""How often and at what hours a member may be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from geo.wall_clock import day_start, instant, trading_day
from push.consent import RINGING, Channel

MAX_CAP = 10
"""The most that a cap may let through: beyond so many in a period every cap is full, and nothing need be counted."""
_MICROSECOND = timedelta(microseconds=1)
_WEEK = timedelta(days=7)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Period(StrEnum):
    """Over what time a cap counts: the trading day, any seven days, or for ever."""

    DAY = "day"
    SEVEN_DAYS = "7d"
    TOTAL = "total"


class CapScope(StrEnum):
    """What a cap counts together."""

    CAMPAIGN = "campaign"
    MERCHANT = "merchant"
    GLOBAL = "global"
    CHANNEL = "channel"
    GAP = "gap"
    TRIGGER = "trigger"


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingDay:
    """How a district cuts time into days: [starts_at, next starts_at) by the clocks of its zone."""

    zone: ZoneInfo
    starts_at: time = time(6)

    def on(self, now: datetime) -> date:
        """The day that holds this moment."""
        return trading_day(now, self.starts_at, self.zone)

    def start_of(self, day: date) -> datetime:
        """When this day begins."""
        return day_start(day, self.starts_at, self.zone)

    def start(self, now: datetime) -> datetime:
        """When the day that holds this moment began."""
        return _day_start(self, now)

    def end(self, now: datetime) -> datetime:
        """When the next day begins."""
        return self.start_of(self.on(now) + timedelta(days=1))


@lru_cache(maxsize=4_096)
def _day_start(day: TradingDay, now: datetime) -> datetime:
    """Many offers of one moment ask for the same."""
    return day.start_of(day.on(now))


@dataclass(frozen=True, kw_only=True, slots=True)
class CapRule:
    """At most n offers to a member in a period."""

    n: int
    per: Period

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError("A cap lets at least one through.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """One slot to take in a scope, as rows (member, scope, slot).

    Take the first slot of 0..slots-1 that is not there or whose taken_at <= reusable_at_or_before
    (inclusive: the database keeps microseconds), but only while fewer than slots of the scope's rows are
    newer: campaigns with other caps count in the same scope. None free means that the cap is reached.
    is_limit False: the slot is taken so that others count it; that none is free refuses nothing.
    """

    scope: str
    slots: int
    reusable_at_or_before: datetime
    is_limit: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """What a cap counts: offers of a scope (of its owner: a merchant, a channel) in a period; a gap has none."""

    scope: CapScope
    per: Period | None = None
    owner: str = ""

    @property
    def key(self) -> str:
        """The text under which its slots are kept."""
        parts = (self.scope.value, self.owner, self.per.value if self.per else "")
        return ":".join(part for part in parts if part)


def reservation(
    scope: CapScope, cap: CapRule, *, owner: UUID | Channel | None = None, now: datetime, day: TradingDay
) -> Reservation:
    """What to reserve so that the cap holds at this moment; one set of slots a period, so that a changed cap starts
    anew.
    """
    count = Count(scope=scope, per=cap.per, owner=str(owner or ""))
    return Reservation(
        scope=count.key, slots=cap.n, reusable_at_or_before=_reusable(cap.per, now=now, day=day)
    )


def recorded(count: Count, *, now: datetime, day: TradingDay) -> Reservation:
    """What to reserve so that other campaigns' caps count this offer."""
    if count.per is None:
        return Reservation(scope=count.key, slots=1, reusable_at_or_before=now, is_limit=False)
    reusable = _reusable(count.per, now=now, day=day)
    return Reservation(scope=count.key, slots=MAX_CAP, reusable_at_or_before=reusable, is_limit=False)


def pause(scope: CapScope, length: timedelta, *, owner: str = "", now: datetime) -> Reservation:
    """One slot that is free again after a while: a minimum gap, or a trigger's cool-down."""
    return Reservation(scope=Count(scope=scope, owner=owner).key, slots=1, reusable_at_or_before=now - length)


def _reusable(per: Period, *, now: datetime, day: TradingDay) -> datetime:
    match per:
        case Period.DAY:
            return day.start(now) - _MICROSECOND
        case Period.SEVEN_DAYS:
            return now - _WEEK
        case Period.TOTAL:
            return _NEVER


def is_full(wanted: Reservation, taken: Mapping[str, Sequence[datetime]]) -> bool:
    """Whether, as far as is known, this refuses the offer; only the insert itself decides."""
    if not wanted.is_limit:
        return False
    counted = sum(at > wanted.reusable_at_or_before for at in taken.get(wanted.scope, ()))
    return counted >= wanted.slots


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietHours:
    """The hours [start, end) by local clocks in which nothing may ring; they may span midnight."""

    start: time = time(21)
    end: time = time(9)

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet that holds now ends; None when it is not quiet."""
        today = now.astimezone(zone).date()
        for offset in (-1, 0):
            day = today + timedelta(days=offset)
            last = day if self.start < self.end else day + timedelta(days=1)
            starts = instant(datetime.combine(day, self.start), zone)
            ends = instant(datetime.combine(last, self.end), zone)
            if self.start != self.end and starts <= now < ends:
                return ends
        return None


def quiet_until(
    channel: Channel,
    *,
    now: datetime,
    member_zone: ZoneInfo | None,
    district_zone: ZoneInfo,
    hours: QuietHours,
) -> datetime | None:
    """When this channel may ring again; None when it may now.

    A member without a zone is taken to be in the district's: an unknown zone never means "send".
    """
    if channel not in RINGING:
        return None
    return hours.until(now, member_zone or district_zone)
