"""Which of the rows that a feed reported are sightings: bounds, times, places and pseudonyms, for a whole body at once."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from district.sightings.batch import (
    NO_MEMBER,
    NOWHERE,
    Columns,
    Floats,
    Integers,
    RowFlag,
    Shorts,
    microseconds,
    pseudonyms,
)
from district.sightings.edge import Edge
from district.sightings.naming import Named, pseudonyms_of
from district.sightings.pseudonyms import mac_bytes
from district.sightings.reported import Booleans, Ledger, Rejection, Reported
from geo.datum import Datum, to_wgs84_arrays

AHEAD = timedelta(minutes=5)
OLDEST = timedelta(hours=24)
MAX_ACCURACY_M = 100_000.0
ACCESS_POINT_ACCURACY_M = 30.0
"""How well an access point's place tells where its client is: the usual reach indoors."""
UNKNOWN_ACCURACY_M = 15.0
"""Taken where a source gives a position without its accuracy: what Wi-Fi positioning usually reaches."""
MAX_FLOOR_LENGTH = 32
MAX_FLOORS = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """The sightings of a body, and what became of its other rows."""

    columns: Columns
    rejected: tuple[tuple[int, Rejection], ...] = ()
    duplicates: int = 0

    @property
    def accepted(self) -> int:
        return len(self.columns)


def admit(reported: Reported, edge: Edge, *, datum: Datum, now: datetime) -> Admission:
    """The rows that are sightings; a bad row never takes its neighbours with it.

    Raises: Unavailable while the district's salt of today could not be made.
    """
    ledger = Ledger(len(reported))
    _check_times(reported, ledger, now)
    lon, lat, has_fix = _positions(reported, ledger, datum)
    numbers, points = _access_points(reported, edge, ledger, has_fix)
    floors, floor = _floors(reported, ledger, points, numbers)
    named = pseudonyms_of(reported, edge, ledger, now)
    by_point = ~has_fix
    if points and by_point.any():
        placed = np.array([(point.lon, point.lat) for point in points])
        lon = np.where(by_point, placed[numbers, 0], lon)
        lat = np.where(by_point, placed[numbers, 1], lat)
    said = np.where(np.isnan(reported.accuracy_m), np.float32(UNKNOWN_ACCURACY_M), reported.accuracy_m)
    columns = Columns(
        device=named.device,
        member=pseudonyms(_members(reported)),
        lon=lon,
        lat=lat,
        accuracy_m=np.where(by_point, np.float32(ACCESS_POINT_ACCURACY_M), said),
        floor=floor,
        at_ms=reported.at_ms,
        access_point=numbers,
        rssi_dbm=reported.rssi_dbm,
        flags=(named.is_late * np.uint8(RowFlag.LATE)) | (has_fix * np.uint8(RowFlag.HAS_FIX)),
        source_id=named.source_id,
        floors=floors,
        access_points=[point.id.bytes for point in points],
    )
    keep, duplicates = _first_of_each(named, reported, ledger)
    return Admission(
        columns=columns if len(keep) == len(columns) else columns.rows(keep),
        rejected=ledger.rejected(reported.index),
        duplicates=duplicates,
    )


def _check_times(reported: Reported, ledger: Ledger, now: datetime) -> None:
    now_ms = microseconds(now) // 1000
    ledger.reject(reported.at_ms > now_ms + AHEAD // timedelta(milliseconds=1), Rejection.IN_FUTURE)
    ledger.reject(reported.at_ms < now_ms - OLDEST // timedelta(milliseconds=1), Rejection.TOO_OLD)


def _positions(reported: Reported, ledger: Ledger, datum: Datum) -> tuple[Floats, Floats, Booleans]:
    """WGS-84 degrees, and which rows have them."""
    lon, lat = reported.lon, reported.lat
    has_fix = ~(np.isnan(lon) | np.isnan(lat))
    is_outside = has_fix & ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    accuracy_m = reported.accuracy_m
    is_absurd = ~np.isnan(accuracy_m) & ~((accuracy_m >= 0) & (accuracy_m <= MAX_ACCURACY_M))
    ledger.reject(is_outside | is_absurd, Rejection.OUT_OF_RANGE)
    if datum is not Datum.WGS84:
        lon, lat = to_wgs84_arrays(np.where(is_outside, 0.0, lon), np.where(is_outside, 0.0, lat), datum)
    return lon, lat, has_fix


def _access_points(
    reported: Reported, edge: Edge, ledger: Ledger, has_fix: Booleans
) -> tuple[Shorts, list["_Point"]]:
    """Each row's number among the access points that the body names; a row with a fix needs none."""
    named = reported.access_point_mac
    number_of = np.full(len(named.different), NOWHERE, np.int16)
    points: list[_Point] = []
    for place, text in enumerate(named.different):
        mac = mac_bytes(text) if text else None
        point = edge.access_points.get(mac.hex()) if mac else None
        if point is not None:
            number_of[place] = len(points)
            points.append(_Point(id=point.id, lon=point.lon, lat=point.lat, floor=point.floor or ""))
    if not points and has_fix.all():
        return np.full(len(reported), NOWHERE, np.int16), points
    numbers = number_of[named.number]
    names_one = np.array([bool(text) for text in named.different], np.bool_)[named.number]
    ledger.reject(~has_fix & ~names_one, Rejection.MISSING_PLACE)
    ledger.reject(~has_fix & (numbers == NOWHERE), Rejection.UNKNOWN_ACCESS_POINT)
    unplaced = np.array([np.isnan(point.lon) for point in points] + [False])
    ledger.reject(~has_fix & unplaced[numbers], Rejection.UNPLACED_ACCESS_POINT)
    return numbers, points


@dataclass(frozen=True, kw_only=True, slots=True)
class _Point:
    id: uuid.UUID
    lon: float
    lat: float
    floor: str


def _floors(
    reported: Reported, ledger: Ledger, points: list[_Point], numbers: Shorts
) -> tuple[list[str], Shorts]:
    """The floors of the body, and each row's number among them: its own, else its access point's."""
    codes: dict[str, int] = {"": NOWHERE}
    usable: list[str] = []
    for floor in [point.floor for point in points] + reported.floor.different:
        if floor in codes:
            continue
        if len(usable) < MAX_FLOORS and len(floor) <= MAX_FLOOR_LENGTH and floor.isprintable():
            codes[floor] = len(usable)
            usable.append(floor)
        else:
            codes[floor] = NOWHERE - 1
    own = np.array([codes[floor] for floor in reported.floor.different], np.int16)[reported.floor.number]
    ledger.reject(own < NOWHERE, Rejection.BAD_FLOOR)
    of_point = np.array([codes[point.floor] for point in points] + [NOWHERE], np.int16)
    floor_number = np.where(own == NOWHERE, of_point[numbers], own)
    return usable, np.maximum(floor_number, NOWHERE).astype(np.int16)


def _members(reported: Reported) -> bytes:
    if not reported.member_id:
        return bytes(16 * len(reported))
    named = [NO_MEMBER if member_id is None else member_id.bytes for member_id in reported.member_id]
    return b"".join(named).ljust(16 * len(reported), b"\0")


def _first_of_each(named: Named, reported: Reported, ledger: Ledger) -> tuple[Integers, int]:
    """The rows to keep, and how many good ones say again what an earlier one said.

    A feed's own id counts alone; a made one, which stands for the device, together with its instant.
    """
    good = np.flatnonzero(~ledger.is_bad)
    if reported.source_id is None:
        words = np.frombuffer(named.device.tobytes(), np.uint64).reshape(-1, 2)[good]
        heads = np.sort(words[:, 0])
        if (heads[1:] != heads[:-1]).all():
            return good, 0
        order = np.lexsort((words[:, 1], words[:, 0], reported.at_ms[good]))
        ordered, at_ms = words[order], reported.at_ms[good][order]
        is_first = np.ones(len(good), np.bool_)
        is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1) | (at_ms[1:] != at_ms[:-1])
        keep = np.sort(good[order[is_first]])
    else:
        source_id, rows = reported.source_id, good.tolist()
        first = {source_id[row]: row for row in reversed(rows)}
        keep = np.array(sorted(first.values()), np.int64)
    return keep, len(good) - len(keep)
