"""What decoders share: tolerant JSON, and columns filled row by row."""

import json
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np

from district.bodies import BodyUnreadable
from district.problems import TooLarge
from district.sightings.batch import Floats, Singles
from district.sightings.reported import Rejection, Reported, Texts

MAX_ROWS = 10_000
_EPOCH_MS_FROM = 1e11
"""Larger numbers are milliseconds: as seconds they would lie beyond the year 5138."""
_MAX_MS = 253_402_300_799_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """A body as columns; ``rejected`` are the rows that never got that far."""

    reported: Reported
    rejected: tuple[tuple[int, Rejection], ...] = ()

    @property
    def rows(self) -> int:
        return len(self.reported) + len(self.rejected)


class Row(NamedTuple):
    """One row on its way into columns."""

    place: int
    at_ms: int
    lon: float
    lat: float
    accuracy_m: float
    rssi_dbm: float
    mac: str
    access_point_mac: str
    floor: str
    source_id: str = ""
    member_id: uuid.UUID | None = None


class Rows:
    """Rows as they are found, good ones and those that are none."""

    def __init__(self) -> None:
        self.good: list[Row] = []
        self.rejected: list[tuple[int, Rejection]] = []

    def __len__(self) -> int:
        return len(self.good) + len(self.rejected)

    def reject(self, reason: Rejection, *, index: int | None = None) -> None:
        """Note a row that is none."""
        self.rejected.append((len(self) if index is None else index, reason))

    def decoded(self, *, has_ids: bool) -> Decoded:
        """The rows as columns."""
        columns: tuple[Any, ...] = tuple(zip(*self.good, strict=True)) or ((),) * len(Row._fields)
        place, at_ms, lon, lat, accuracy_m, rssi_dbm, mac, access_point_mac, floor, source_id, member = (
            columns
        )
        reported = Reported(
            index=np.array(place, np.int64),
            at_ms=np.array(at_ms, np.int64),
            lon=np.array(lon, np.float64),
            lat=np.array(lat, np.float64),
            accuracy_m=singles(accuracy_m),
            rssi_dbm=singles(rssi_dbm),
            mac=list(mac),
            access_point_mac=Texts.of(access_point_mac),
            floor=Texts.of(floor),
            source_id=list(source_id) if has_ids else None,
            member_id=list(member) if any(member) else [],
        )
        return Decoded(reported=reported, rejected=tuple(self.rejected))


def singles(values: Sequence[float] | Floats) -> Singles:
    """float32; what is beyond its range becomes infinite, and is refused later."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float64).astype(np.float32)


def any_json(body: bytes) -> Any:
    """A body as plain objects, NaN and infinite numbers included, which JSON does not have and programs send.

    Raises: BodyUnreadable.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
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
