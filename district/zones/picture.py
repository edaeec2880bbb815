"""A small picture of the map around a place, as paths for an inline SVG: works without a script and costs a few KB."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pyproj import Transformer
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.zones.queries import PICTURE_SQL, STREET_NAMES_SQL
from geo.coordinates import LonLat

WIDTH: Final = 720
HEIGHT: Final = 560
NAMES_MOST: Final = 7
NARROWEST_M: Final = 140.0
WIDEST_M: Final = 600.0
_MARGIN: Final = 1.18
_WIDE_BELOW: Final = 0.5
_FINE: Final = 2.0
_COARSE: Final = 5.0
"""Corners closer than this are drawn as one: a wide picture holds too many to send."""
_PIN: Final = 19.0
_WIDE_CHARACTER: Final = 20.0
_CHARACTER: Final = 11.0


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Where a numbered store is drawn; ``number`` is its place in the list."""

    number: int
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class StreetName:
    """A name along its street, turned by ``angle`` degrees."""

    name: str
    x: int
    y: int
    angle: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What is drawn: paths by part, names, pins, and where the reader stands."""

    parts: Mapping[str, str]
    names: Sequence[StreetName]
    pins: Sequence[Pin]
    here: tuple[int, int]
    metre: float
    """How long one metre is drawn."""

    def street_width(self, is_major: bool) -> int:
        """How wide a street is drawn: about as wide as it is, within what reads well."""
        return round(min(max((13 if is_major else 8) * self.metre, 4), 20 if is_major else 14))


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The part of the map that is drawn, in Web Mercator metres, and what one of them is drawn as."""

    west: float
    south: float
    east: float
    north: float
    scale: float

    def drawn(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.west) * self.scale, (self.north - y) * self.scale

    def holds(self, x: float, y: float) -> bool:
        return _PIN < x < WIDTH - _PIN and _PIN < y < HEIGHT - _PIN


def draw(
    session: Session,
    district: DistrictInfo,
    here: LonLat,
    places: Sequence[LonLat],
    *,
    is_chinese: bool = False,
) -> Picture | None:
    """The map around ``here``, wide enough for the places within 600 m; None for a district without a base map."""
    center = _mercator(here)
    points = [_mercator(place) for place in places]
    stretch = 1 / math.cos(math.radians(here.lat))
    frame = _frame(center, points, stretch)
    values = {
        "district_id": district.id,
        "west": frame.west,
        "south": frame.south,
        "east": frame.east,
        "north": frame.north,
        "scale": frame.scale,
    }
    detail = {"step": _FINE if frame.scale > _WIDE_BELOW else _COARSE}
    rows = session.execute(text(PICTURE_SQL), values | detail)
    parts = {row.part: row.path for row in rows}
    if not parts:
        return None
    pins = _pins([frame.drawn(x, y) for x, y in points], frame)
    found = session.execute(text(STREET_NAMES_SQL), values | {"is_chinese": is_chinese}).mappings()
    return Picture(
        parts=parts,
        names=_names([dict(row) for row in found], pins, frame),
        pins=pins,
        here=(WIDTH // 2, HEIGHT // 2),
        metre=frame.scale * stretch,
    )


def _frame(center: tuple[float, float], points: Sequence[tuple[float, float]], stretch: float) -> _Frame:
    ratio = WIDTH / HEIGHT
    reach = [max(abs(x - center[0]), abs(y - center[1]) * ratio) * _MARGIN for x, y in points]
    within = [half for half in reach if half <= WIDEST_M * stretch]
    half = max([NARROWEST_M * stretch, *within])
    return _Frame(
        west=center[0] - half,
        east=center[0] + half,
        south=center[1] - half / ratio,
        north=center[1] + half / ratio,
        scale=WIDTH / (2 * half),
    )


def _pins(drawn: Sequence[tuple[float, float]], frame: _Frame) -> list[Pin]:
    """The pins inside the frame, the nearest where they are, later ones moved off those before."""
    pins: list[Pin] = []
    for number, (x, y) in enumerate(drawn, 1):
        if frame.holds(x, y):
            free_x, free_y = _free(x, y, pins)
            pins.append(Pin(number=number, x=round(free_x), y=round(free_y)))
    return pins


def _free(x: float, y: float, pins: Sequence[Pin]) -> tuple[float, float]:
    """The nearest place on a spiral that no pin covers."""
    for step in range(60):
        angle, away = step * 2.4, 5.0 * math.sqrt(step)
        at = (
            min(max(x + away * math.cos(angle), _PIN), WIDTH - _PIN),
            min(max(y + away * math.sin(angle), _PIN), HEIGHT - _PIN),
        )
        if all(math.dist(at, (pin.x, pin.y)) >= 1.7 * _PIN for pin in pins):
            return at
    return x, y


def _names(found: Sequence[Mapping[str, Any]], pins: Sequence[Pin], frame: _Frame) -> list[StreetName]:
    """The longest streets' names, each at the first of its places where it covers neither a pin nor another name."""
    taken = [(float(pin.x), float(pin.y)) for pin in pins]
    names: dict[str, StreetName] = {}
    for row in found:
        name, half = row["name"], _half_length(row["name"])
        if len(names) == NAMES_MOST or name in names or 2.2 * half > row["length"] or row["angle"] is None:
            continue
        angle = (row["angle"] + 90) % 180 - 90
        line = _points_along(row["x"], row["y"], angle, half)
        is_inside = all(frame.holds(x, y) for x, y in line)
        if is_inside and all(math.dist(point, other) > 1.6 * _PIN for point in line for other in taken):
            taken += line
            names[name] = StreetName(name=name, x=round(row["x"]), y=round(row["y"]), angle=round(angle))
    return list(names.values())


def _half_length(name: str) -> float:
    return sum(_WIDE_CHARACTER if ord(character) > 0x2E80 else _CHARACTER for character in name) / 2


def _points_along(x: float, y: float, angle: float, half: float) -> list[tuple[float, float]]:
    """Points along a written name, close enough to each other to notice what it would cover."""
    steps = max(2, math.ceil(2 * half / _PIN))
    along = [half * (2 * step / steps - 1) for step in range(steps + 1)]
    turn = math.radians(angle)
    return [(x + away * math.cos(turn), y + away * math.sin(turn)) for away in along]


@lru_cache(maxsize=1)
def _projection() -> Transformer:
    return Transformer.from_crs(4326, 3857, always_xy=True)


def _mercator(place: LonLat) -> tuple[float, float]:
    x, y = _projection().transform(place.lon, place.lat)
    return float(x), float(y)
