"""What decoders share: tolerant JSON, and columns filled row by row."""

import json
import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import numpy as np

from district.bodies import BodyUnreadable
from district.problems import TooLarge
from district.sightings.admission import Rejection, Reported

MAX_ROWS = 10_000
_EPOCH_MS_FROM = 1e11
"""Larger numbers are milliseconds: as seconds they would lie beyond the year 5138."""
_MAX_MS = 253_402_300_799_000
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """A body as columns; ``rejected`` are the rows that never got that far."""

    reported: Reported
    rejected: tuple[tuple[int, Rejection], ...] = ()

    @property
    def rows(self) -> int:
        return len(self.reported) + len(self.rejected)


@dataclass(kw_only=True, slots=True)
class Rows:
    """Columns that grow by one row at a time."""

    index: list[int] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)
    lon: list[float] = field(default_factory=list)
    lat: list[float] = field(default_factory=list)
    accuracy_m: list[float] = field(default_factory=list)
    rssi_dbm: list[float] = field(default_factory=list)
    mac: list[str] = field(default_factory=list)
    access_point_mac: list[str] = field(default_factory=list)
    floor: list[str] = field(default_factory=list)
    source_id: list[str] = field(default_factory=list)
    member_id: list[uuid.UUID | None] = field(default_factory=list)
    rejected: list[tuple[int, Rejection]] = field(default_factory=list)

    def decoded(self) -> Decoded:
        """The columns as arrays."""
        reported = Reported(
            index=np.array(self.index, np.int64),
            at_ms=np.array(self.at_ms, np.int64),
            lon=np.array(self.lon, np.float64),
            lat=np.array(self.lat, np.float64),
            accuracy_m=singles(self.accuracy_m),
            rssi_dbm=singles(self.rssi_dbm),
            mac=self.mac,
            access_point_mac=self.access_point_mac,
            floor=self.floor,
            source_id=self.source_id or None,
            member_id=self.member_id,
        )
        return Decoded(reported=reported, rejected=tuple(self.rejected))


def singles(values: list[float]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """float32; what is beyond its range becomes infinite, and is refused later."""
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32)


def any_json(body: bytes) -> Any:
    """A body as plain objects, NaN and infinite numbers included, which JSON does not have and programs send.

    Raises: BodyUnreadable.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BodyUnreadable(f"The body is not JSON in UTF-8: {str(error)[:120]}") from None


def epoch_ms(value: str | float | datetime | None) -> int | None:
    """Milliseconds since 1970 of an ISO time (UTC unless it says otherwise), or of seconds or milliseconds as a number or
    text; None for anything else."""
    if isinstance(value, str):
        return _text_ms(value)
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000 + 0.5)
    if value is None or not math.isfinite(value):
        return None
    found_ms = value if abs(value) >= _EPOCH_MS_FROM else value * 1000
    return int(found_ms + 0.5) if abs(found_ms) <= _MAX_MS else None


def _text_ms(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _digits_ms(text)
    if at.tzinfo is None:
        # "20260501" is a date to fromisoformat and an instant to nobody; ten digits are seconds.
        if text.isdigit():
            return _digits_ms(text)
        at = at.replace(tzinfo=UTC)
    return int(at.timestamp() * 1000 + 0.5)


def _digits_ms(text: str) -> int | None:
    found = number(text)
    return None if math.isnan(found) else epoch_ms(found)


def number(value: str | float | None) -> float:
    """A number that may be written as text; NaN for anything else, infinities included."""
    if value is None:
        return math.nan
    try:
        found = float(value)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def check_count(count: int) -> None:
    """Raises: TooLarge."""
    if count > MAX_ROWS:
        raise TooLarge(f"{count} rows; at most {MAX_ROWS} are taken in one request.")
