"""Positions on the earth: WGS-84 longitude and latitude, and the fixes that carry them."""

import math
from dataclasses import dataclass
from datetime import datetime

from geo.errors import CoordinateInvalid, FixInvalid


@dataclass(frozen=True, kw_only=True, slots=True)
class LonLat:
    """A WGS-84 position in degrees; always finite and in range.

    Raises: CoordinateInvalid for anything but finite numbers with |lon| ≤ 180 and |lat| ≤ 90.
    """

    lon: float
    lat: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "lon", degrees("lon", self.lon, limit=180.0))
        object.__setattr__(self, "lat", degrees("lat", self.lat, limit=90.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """Where a device was at a time; None means that the source did not say.

    Raises: FixInvalid for a naive time or an accuracy that is negative or not finite.
    """

    position: LonLat
    at: datetime
    accuracy_m: float | None = None
    floor: str | None = None

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise FixInvalid("A fix needs a time with an offset; add the zone or send UTC.")
        if self.accuracy_m is not None and not 0 <= self.accuracy_m < math.inf:
            raise FixInvalid(
                "accuracy_m must be a finite number of metres, zero or more; leave it out if unknown."
            )


def degrees(name: str, value: object, *, limit: float) -> float:
    """The value as a float, if it is a finite number within ±limit (True and "1" are not numbers here)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CoordinateInvalid(f"{name} must be a number of degrees, not {type(value).__name__}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not -limit <= number <= limit:
        raise CoordinateInvalid(
            f"{name} must be a finite number between -{limit:g} and {limit:g} degrees (WGS-84)."
        )
    return number
