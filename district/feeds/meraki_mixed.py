"""A post of version 3 in which some clients are out of the ordinary: those are taken one by one, the others by columns."""

from collections.abc import Callable, Sequence

import numpy as np

from district.feeds.decoding import Decoded, Rows, check_count, epoch_ms
from district.feeds.meraki_columns import columns_of
from district.feeds.meraki_shapes import Loose, Observation
from district.sightings.batch import Integers
from district.sightings.reported import Reported, Texts

MOST_ODD = 0.5
"""With more than this share of odd clients both ways together take longer than one by one."""


def mixed(
    observations: Sequence[Observation], rows: Rows, take: Callable[[Observation], None]
) -> Decoded | None:
    """The rows of a post, each with the index that it would have were they all taken one by one.

    ``take`` puts the rows of one client into ``rows``, which is empty. None where it does not pay. Raises: TooLarge.
    """
    times: dict[Loose, bool] = {}
    is_odd = [not _is_usual(seen, times) for seen in observations]
    if sum(is_odd) > MOST_ODD * len(observations):
        return None
    usual = [seen for seen, odd in zip(observations, is_odd, strict=True) if not odd]
    reported = columns_of(usual)
    if reported is None:
        return None
    counts: list[int] = []
    for seen, odd in zip(observations, is_odd, strict=True):
        before = len(rows)
        if odd:
            take(seen)
        counts.append(len(rows) - before if odd else len(seen.locations or ()))
    check_count(sum(counts))
    return _merged(reported, rows, np.repeat(is_odd, counts))


def _is_usual(seen: Observation, times: dict[Loose, bool]) -> bool:
    latest, places = seen.latest_record, seen.locations
    if latest is None or not places or not _is_time(latest.time, times):
        return False
    return all(
        isinstance(place.lat, float | int)
        and isinstance(place.lng, float | int)
        and _is_time(place.time, times)
        for place in places
    )


def _is_time(said: Loose, times: dict[Loose, bool]) -> bool:
    found = times.get(said)
    if found is None:
        found = times[said] = epoch_ms(said) is not None
    return found


def _merged(usual: Reported, rows: Rows, is_odd: Integers) -> Decoded:
    """Both kinds of rows in the order of the body; ``is_odd`` tells of each of its rows which kind it is."""
    odd = rows.decoded(has_ids=False)
    place_of_odd = np.flatnonzero(is_odd)
    index = np.concatenate([np.flatnonzero(~is_odd), place_of_odd[odd.reported.index]])
    order = np.argsort(index)
    one, two = usual, odd.reported
    macs = [*one.mac, *two.mac]
    reported = Reported(
        index=index[order],
        at_ms=np.concatenate([one.at_ms, two.at_ms])[order],
        lon=np.concatenate([one.lon, two.lon])[order],
        lat=np.concatenate([one.lat, two.lat])[order],
        accuracy_m=np.concatenate([one.accuracy_m, two.accuracy_m])[order],
        rssi_dbm=np.concatenate([one.rssi_dbm, two.rssi_dbm])[order],
        mac=[macs[row] for row in order.tolist()],
        access_point_mac=_texts(one.access_point_mac, two.access_point_mac, order),
        floor=_texts(one.floor, two.floor, order),
    )
    rejected = tuple((int(place_of_odd[index]), reason) for index, reason in odd.rejected)
    return Decoded(reported=reported, rejected=rejected)


def _texts(one: Texts, two: Texts, order: Integers) -> Texts:
    both = Texts.of([*one.different, *two.different])
    number = np.concatenate([one.number, two.number + len(one.different)])
    return Texts(different=both.different, number=both.number[number[order]])
