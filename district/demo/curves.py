"""When people come to a shopping district and how long they stay: the shapes behind walkers and past visits.

Shapes, not measurements: a working week with its peak on Saturday, lunch and after-work humps, log-normal stays.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WEEKDAY_WEIGHTS = (0.85, 0.90, 0.95, 1.05, 1.25, 1.35, 0.65)
"""Monday to Sunday, against a mean day."""
ARRIVALS_BY_HOUR = (
    *(0.02,) * 7,
    *(0.08, 0.20, 0.40, 0.60, 0.85, 1.00, 0.95, 0.85, 0.88, 1.02, 1.10, 0.88, 0.58, 0.34, 0.16, 0.06, 0.03),
)
PRESENCE: Mapping[float, float] = MappingProxyType(
    {0.0: 0.30, 6.0: 0.30, 8.0: 0.35, 9.0: 0.45, 10.0: 0.60, 11.0: 0.82, 12.0: 1.00, 13.0: 1.05, 14.0: 0.96}
    | {16.0: 1.00, 17.0: 1.10, 18.0: 1.02, 19.0: 0.80, 20.0: 0.58, 21.0: 0.40, 22.0: 0.30, 24.0: 0.30}
)
"""People inside by local hour, against noon; never so few that the demo looks asleep."""
VISIT_MEDIAN = timedelta(minutes=62)
VISIT_SPREAD = 0.65
STORE_SPREAD = 0.7
STORE_MEDIANS: Mapping[str, timedelta] = MappingProxyType(
    {
        "restaurant": timedelta(minutes=42),
        "cafe": timedelta(minutes=26),
        "bar": timedelta(minutes=55),
        "pub": timedelta(minutes=55),
        "fast_food": timedelta(minutes=17),
        "department_store": timedelta(minutes=28),
        "hairdresser": timedelta(minutes=38),
        "supermarket": timedelta(minutes=15),
        "clothes": timedelta(minutes=13),
        "books": timedelta(minutes=16),
        "kiosk": timedelta(minutes=4),
        "convenience": timedelta(minutes=6),
    }
)
ANY_STORE_MEDIAN = timedelta(minutes=9)
LONGEST_STAY_S = 4 * 3600.0
SHORTEST_STAY_S = 60.0


def presence(local: datetime) -> float:
    """How many people are inside at a local time, as a share of noon's."""
    hours = local.hour + local.minute / 60 + local.second / 3600
    return float(np.interp(hours, list(PRESENCE), list(PRESENCE.values())))


def stay_s(median: timedelta, spread: float, random: np.random.Generator, count: int = 1) -> Floats:
    """(count,) float64 seconds of log-normal stays around a median, within bounds."""
    drawn = median.total_seconds() * np.exp(random.normal(0.0, spread, count))
    return np.clip(drawn, SHORTEST_STAY_S, LONGEST_STAY_S)


def store_stay_s(category: str, random: np.random.Generator) -> float:
    """How long one person stays in a store of this category."""
    return float(stay_s(STORE_MEDIANS.get(category, ANY_STORE_MEDIAN), STORE_SPREAD, random)[0])


def arrival_days(first: date, days: int, count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """(count,) days after ``first``, busier towards the weekend."""
    weights = np.array([WEEKDAY_WEIGHTS[(first.weekday() + day) % 7] for day in range(days)])
    return random.choice(days, size=count, p=weights / weights.sum())


def arrival_seconds(count: int, random: np.random.Generator, *, opens: time, closes: time) -> Floats:
    """(count,) float64 seconds after local midnight, between two hours, by the day's curve."""
    hours = np.arange(opens.hour, closes.hour)
    weights = np.array([ARRIVALS_BY_HOUR[hour] for hour in hours])
    chosen = random.choice(hours, size=count, p=weights / weights.sum())
    return chosen * 3600.0 + random.uniform(0.0, 3600.0, count)
