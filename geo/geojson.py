"""Untrusted GeoJSON polygons (RFC 7946) in, shapely polygons in WGS-84 degrees out; refused, never repaired."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar

import numpy as np
import shapely
from shapely import MultiLineString, MultiPolygon, Polygon

from geo.coordinates import LonLat
from geo.errors import (
    BadPosition,
    CrossesAntimeridian,
    GeometryRefused,
    NotPolygon,
    OutsidePlane,
    RingNotClosed,
    SelfCrossing,
    TooManyVertices,
    WrongReferenceSystem,
)
from geo.metric import LocalPlane
from geo.zones import Area

MAX_RING_VERTICES: Final = 500
MAX_VERTICES: Final = 2_000
MAX_RADIUS_M: Final = 2_000.0
_MIN_RING_VERTICES: Final = 4
_Shape = TypeVar("_Shape", Polygon, MultiPolygon, Polygon | MultiPolygon, MultiLineString)
_CRS84: Final = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "OGC:CRS84")


def parse(value: object) -> Area:
    """The polygon of a decoded GeoJSON Polygon, MultiPolygon or Feature, exactly as drawn.

    Sizes are checked before numbers, numbers before geometry, so that the cost of a refusal is bounded by
    the caps. Complexity: O(vertices), then GEOS validity of at most 2,000 vertices.

    Raises: a subclass of GeometryRefused that names the cause and says what to do.
    """
    geometry = _geometry(value)
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):  # a tuple, as a hostile type may be unhashable
        raise NotPolygon(
            f"Send a Polygon or a MultiPolygon, not {_named(kind)}; collections cannot be a zone."
        )
    polygons: Any = [coordinates] if kind == "Polygon" else coordinates
    _check_sizes(polygons)
    rings = [[_ring(ring) for ring in polygon] for polygon in polygons]
    _check_span([ring for polygon in rings for ring in polygon])
    parts = [Polygon(shell, holes) for shell, *holes in rings]
    area: Area = parts[0] if kind == "Polygon" else MultiPolygon(parts)
    _check_valid(area)
    return area


def dump(area: Area) -> dict[str, Any]:
    """The area as a GeoJSON geometry of plain lists and floats."""
    parts = [_rings_of(part) for part in shapely.get_parts(area)]
    if isinstance(area, MultiPolygon):
        return {"type": "MultiPolygon", "coordinates": parts}
    return {"type": "Polygon", "coordinates": parts[0]}


def circle(center: LonLat, radius_m: float, vertices: int = 64) -> Polygon:
    """A circle as a regular polygon whose corners are radius_m from the centre.

    Raises: GeometryRefused unless 0 < radius_m ≤ 2,000 and the centre is far enough from the poles.
    """
    _check_length("radius_m", radius_m)
    plane = LocalPlane(anchor=center, radius_m=radius_m * 1.01)
    angle = np.linspace(0.0, 2 * np.pi, vertices, endpoint=False)
    lon, lat = plane.to_degrees(radius_m * np.cos(angle), radius_m * np.sin(angle))
    return Polygon(np.column_stack((lon, lat)))


def buffer(area: Area | MultiLineString, buffer_m: float) -> Area:
    """The area, or the lines, and all within buffer_m, corners rounded to eight segments a quarter.

    Raises: GeometryRefused unless 0 < buffer_m ≤ 2,000; OutsidePlane for an area wider than a district.
    """
    _check_length("buffer_m", buffer_m)
    plane = plane_around(area, margin_m=buffer_m)
    grown = shapely.buffer(in_metres(area, plane), buffer_m, quad_segs=8)
    degrees: Area = shapely.transform(grown, plane.to_degrees, interleaved=False)
    return degrees


def in_metres(area: _Shape, plane: LocalPlane) -> _Shape:
    """The shape on the plane, in metres; raises OutsidePlane when any corner lies beyond its radius."""
    metres: _Shape = shapely.transform(area, plane.to_metres, interleaved=False)
    return metres


def plane_around(area: Area | MultiLineString, *, margin_m: float = 0.0) -> LocalPlane:
    """A plane anchored in the middle of the area, wide enough for it and a margin."""
    west, south, east, north = shapely.bounds(area)
    anchor = LonLat(lon=float(west + east) / 2, lat=float(south + north) / 2)
    plane = LocalPlane(anchor=anchor, radius_m=1.0)
    half_m = math.hypot((east - west) * plane.metres_per_lon, (north - south) * plane.metres_per_lat) / 2
    if half_m > 2 * MAX_RADIUS_M:
        raise OutsidePlane("The area is wider than a district; draw a smaller one.")
    return LocalPlane(anchor=anchor, radius_m=(half_m + margin_m) * 1.5 + 1.0)


def _geometry(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotPolygon("Send a GeoJSON object with type and coordinates.")
    _check_reference_system(value)
    if value.get("type") != "Feature":
        return value
    geometry = value.get("geometry")
    if not isinstance(geometry, Mapping):
        raise NotPolygon("The Feature has no geometry; send one with a Polygon or a MultiPolygon.")
    _check_reference_system(geometry)
    return geometry


def _check_reference_system(value: Mapping[str, Any]) -> None:
    if "crs" not in value:
        return
    crs = value["crs"]
    properties = crs.get("properties") if isinstance(crs, Mapping) else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if name not in _CRS84:
        raise WrongReferenceSystem(
            "The crs member names a reference system other than CRS84; send WGS-84 degrees, lon before lat, without crs."
        )


def _check_sizes(polygons: object) -> None:
    total = 0
    for polygon in _lists(polygons, "coordinates"):
        for ring in _lists(polygon, "a polygon"):
            if not isinstance(ring, list | tuple):
                raise BadPosition("A ring must be a list of [lon, lat] positions.")
            total += len(ring)
            if len(ring) > MAX_RING_VERTICES or total > MAX_VERTICES:
                raise TooManyVertices(
                    f"A ring may have {MAX_RING_VERTICES} vertices and a body {MAX_VERTICES}; simplify the outline."
                )
            if len(ring) < _MIN_RING_VERTICES:
                raise RingNotClosed("A ring needs at least four positions, the last equal to the first.")


def _lists(value: object, what: str) -> Iterator[object]:
    if not isinstance(value, list | tuple) or not value:
        raise BadPosition(f"{what} must be a non-empty list, as RFC 7946 section 3.1 shows.")
    if len(value) > MAX_VERTICES:
        raise TooManyVertices(f"{what} has more than {MAX_VERTICES} members; simplify the outline.")
    yield from value


def _ring(ring: list[object]) -> list[tuple[float, float]]:
    positions = [_position(position) for position in ring]
    if positions[0] != positions[-1]:
        raise RingNotClosed("A ring must end where it began; repeat its first position at the end.")
    longitudes = np.array([lon for lon, _ in positions])
    if np.any(np.abs(np.diff(longitudes)) > 180):
        _refuse_antimeridian()
    return positions


def _position(position: object) -> tuple[float, float]:
    if not isinstance(position, list | tuple) or len(position) != 2:
        raise BadPosition("Each position must be [lon, lat]: two numbers, without altitude.")
    lon, lat = (_number(part) for part in position)
    if abs(lon) > 180 or abs(lat) > 90:
        if abs(lon) > 360 or abs(lat) > 360:
            raise WrongReferenceSystem(
                "These look like projected metres; send WGS-84 degrees, lon before lat."
            )
        raise BadPosition("A position is out of range; send WGS-84 degrees, lon (±180) before lat (±90).")
    return lon, lat


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadPosition("Coordinates must be JSON numbers, neither strings nor booleans nor null.")
    if not -1e15 < value < 1e15:
        raise BadPosition("Coordinates must be finite numbers; NaN and Infinity are not positions.")
    return float(value)


def _check_span(rings: list[list[tuple[float, float]]]) -> None:
    longitudes = [lon for ring in rings for lon, _ in ring]
    if max(longitudes) - min(longitudes) > 180:
        _refuse_antimeridian()


def _refuse_antimeridian() -> NoReturn:
    raise CrossesAntimeridian("The outline jumps over the 180th meridian; a zone must lie on one side of it.")


def _check_valid(area: Area) -> None:
    if not shapely.is_valid(area):
        # GEOS answers like "Self-intersection[121.47 31.23]": the place helps whoever drew it.
        reason = str(shapely.is_valid_reason(area))
        raise SelfCrossing(f"The outline crosses or overlaps itself ({reason}); redraw it there.")
    if shapely.area(area) <= 0:
        raise SelfCrossing("The outline encloses no area; draw one that does.")


def _check_length(name: str, length_m: float) -> None:
    if not 0 < length_m <= MAX_RADIUS_M:
        raise GeometryRefused(f"{name} must be between 0 and {MAX_RADIUS_M:g} metres.")


def _rings_of(part: Polygon) -> list[list[list[float]]]:
    rings: list[list[list[float]]] = [
        shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(part)
    ]
    return rings


def _named(kind: object) -> str:
    return kind[:40] if isinstance(kind, str) else "something without a type"
