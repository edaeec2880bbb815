"""The usual post of version 3 column by column: every client has positions, every position its time.

Whatever is not so is left to the reader that takes rows one by one, whose result is the same where both can give one.
"""

from array import array
from collections.abc import Sequence
from itertools import chain

import numpy as np

from district.feeds.decoding import check_count, epoch_ms, number, singles
from district.feeds.meraki_shapes import LatestRecord, Location, Loose, Observation
from district.sightings.batch import Floats, Integers, Singles
from district.sightings.reported import Booleans, Reported, Texts

_NO_TIME = np.iinfo(np.int64).min


def columns_of(observations: Sequence[Observation]) -> Reported | None:
    """The sightings of a post, each client's in order of time; None if not every one of its positions is one.

    Raises: TooLarge.
    """
    latest = [seen.latest_record for seen in observations if seen.latest_record is not None]
    histories = [seen.locations for seen in observations if seen.locations]
    if not len(observations) == len(latest) == len(histories) > 0:
        return None
    places = list(chain.from_iterable(histories))
    check_count(len(places))
    times = _Times()
    said, latest_said = [place.time for place in places], [one.time for one in latest]
    at_ms = times.of(said)
    latest_ms = at_ms if said == latest_said else times.of(latest_said)
    if at_ms is None or latest_ms is None:
        return None
    macs = [seen.client_mac or "" for seen in observations]
    if len(places) > len(histories):
        owner = np.repeat(np.arange(len(histories)), [*map(len, histories)])
        order = np.lexsort((at_ms, owner))
        places, at_ms, latest_ms = [places[row] for row in order.tolist()], at_ms[order], latest_ms[owner]
        owners = owner.tolist()
        macs, latest = [macs[row] for row in owners], [latest[row] for row in owners]
    return _reported(places, macs, latest, at_ms, at_ms == latest_ms)


def _reported(
    places: Sequence[Location],
    macs: list[str],
    latest: Sequence[LatestRecord],
    at_ms: Integers,
    is_latest: Booleans,
) -> Reported | None:
    lon, lat = _numbers([place.lng for place in places]), _numbers([place.lat for place in places])
    if np.isnan(lon).any() or np.isnan(lat).any():
        return None
    rssi_dbm = _numbers([one.nearest_ap_rssi for one in latest])
    return Reported(
        index=np.arange(len(places)),
        at_ms=at_ms,
        lon=lon,
        lat=lat,
        accuracy_m=_accuracies(places),
        rssi_dbm=singles(np.where(is_latest, rssi_dbm, np.nan)),
        mac=macs,
        access_point_mac=_access_points(latest, is_latest),
        floor=_floors(places),
    )


class _Times(dict[Loose, int]):
    """Milliseconds since 1970 by time as said; a post says few different ones."""

    def __missing__(self, said: Loose) -> int:
        found = epoch_ms(said)
        self[said] = _NO_TIME if found is None else found
        return self[said]

    def of(self, said: Sequence[Loose]) -> Integers | None:
        """None if one of them is no time."""
        found = np.fromiter(map(self.__getitem__, said), np.int64, len(said))
        return None if found.min() == _NO_TIME else found


def _numbers(said: Sequence[Loose]) -> Floats:
    """NaN for what is no number."""
    try:
        return np.frombuffer(array("d", said), np.float64)  # type: ignore[type-var]  # texts and None are refused
    except TypeError:
        return np.array([number(one) for one in said], np.float64)


def _accuracies(places: Sequence[Location]) -> Singles:
    said = [place.variance for place in places]
    if None in said:
        said = [place.unc if place.variance is None else place.variance for place in places]
    accuracy_m = _numbers(said)
    return singles(np.where(accuracy_m >= 0, accuracy_m, np.nan))


def _access_points(latest: Sequence[LatestRecord], is_latest: Booleans) -> Texts:
    """Who heard the newest frame, in the rows of that instant."""
    named = [one.nearest_ap_mac or "" for one in latest]
    if is_latest.all():
        return Texts.of(named)
    return Texts.of(
        [mac if is_heard else "" for mac, is_heard in zip(named, is_latest.tolist(), strict=True)]
    )


def _floors(places: Sequence[Location]) -> Texts:
    """The plan's name, flat or nested."""
    named = Texts.of([place.floor_plan_name or _nested_floor(place) for place in places])
    stripped = Texts.of([name.strip() for name in named.different])
    return Texts(different=stripped.different, number=stripped.number[named.number])


def _nested_floor(place: Location) -> str:
    plan = place.floor_plan
    return (plan.name or "") if plan else ""
