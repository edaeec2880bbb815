"""Buildings as ground that belongs to somebody: what stands within an outline, and whether an area reaches inside."""

from collections.abc import Sequence
from typing import Final

import shapely

from geo.geojson import in_metres, plane_around
from geo.zones import Area

SHARE: Final = 0.5
"""A building belongs to the outline that holds this much of it; a narrow one is reached when this much is covered."""
MARGIN_M: Final = 50.0


def walls_within(outline: Area, buildings: Sequence[Area]) -> Area:
    """The part of an outline that its buildings cover; the outline where none stands in it.

    A building of which less than half stands inside is a neighbour's that leans over the line.
    """
    own = [
        inside
        for building in buildings
        if (inside := shapely.intersection(building, outline)).area >= SHARE * building.area > 0
    ]
    walls: Area = shapely.union_all(own) if own else outline
    return walls


def reaches_into(area: Area, walls: Area, *, tolerance_m: float) -> bool:
    """Whether the area comes more than tolerance_m past the walls, on the local plane (error < 0.1 %).

    Walls that are narrower than twice the tolerance are reached when half of what they enclose is covered.
    """
    plane = plane_around(walls, margin_m=MARGIN_M)
    half_lon, half_lat = MARGIN_M / plane.metres_per_lon / 2, MARGIN_M / plane.metres_per_lat / 2
    west, south, east, north = shapely.bounds(walls)
    # A fence may be far larger than the walls: only what lies around them matters, and only that fits the plane.
    near = shapely.intersection(
        area, shapely.box(west - half_lon, south - half_lat, east + half_lon, north + half_lat)
    )
    if near.is_empty:
        return False
    flat, ground = in_metres(walls, plane), in_metres(near, plane)
    core = shapely.buffer(flat, -tolerance_m)
    if core.is_empty:
        return bool(shapely.intersection(flat, ground).area >= SHARE * flat.area)
    return bool(shapely.intersects(core, ground))
