"""The ground of the invented district: streets of a bent grid, forty malls, rows of houses, a park and a square."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
import shapely

from district.demo.shiyan_names import Name, Names

Floats = npt.NDArray[np.float64]
SIDE_M = 1_000.0
LINES = 9
"""Streets in each direction; between them lie (LINES − 1)² blocks."""
LINE_JITTER_M, CORNER_JITTER_M = 16.0, 5.0
STREET_M, AVENUE_M, LANE_M = 14.0, 26.0, 6.0
MALLS = 40
MALL_MARGIN_M, HOUSE_DEPTH_M = 3.0, 15.0
HOUSE_FRONTS_M = (14.0, 34.0)
GAP_M = 3.0
LANE_REACH_M = 14.0
"""From the edge of a block across the middle of the street beside it."""


@dataclass(frozen=True, kw_only=True)
class Street:
    """A street with its middle line in metres."""

    name: Name
    kind: str
    line_m: Floats
    width_m: float


@dataclass(frozen=True, kw_only=True)
class Building:
    """A house; a mall has a name."""

    outline: shapely.Polygon
    street: Name
    number: int
    name: Name | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that stands still, in metres around the middle."""

    streets: Sequence[Street]
    malls: Sequence[Building]
    houses: Sequence[Building]
    parks: Sequence[shapely.Polygon]
    square: shapely.Polygon


def plan(random: Random, names: Names) -> Plan:
    """A plan from a seeded generator: the same each time."""
    corners = _corners(random)
    streets = list(_streets(corners, random, names))
    blocks = _blocks(corners)
    order = list(range(len(blocks)))
    random.shuffle(order)
    chosen, green, square, rest = (
        order[:MALLS],
        order[MALLS : MALLS + 2],
        order[MALLS + 2],
        order[MALLS + 3 :],
    )
    malls = [_mall(blocks[index], streets, names, random) for index in sorted(chosen)]
    houses: list[Building] = []
    for index in sorted(rest):
        streets.append(_lane(blocks[index], names))
        houses += _houses(blocks[index], streets, random)
    return Plan(
        streets=streets,
        malls=malls,
        houses=houses,
        parks=[blocks[index].buffer(-MALL_MARGIN_M) for index in green],
        square=blocks[square].buffer(-MALL_MARGIN_M),
    )


def _corners(random: Random) -> Floats:
    """(LINES, LINES, 2) crossings: by column, then row."""
    step = SIDE_M / (LINES - 1)
    columns, rows = (
        [index * step - SIDE_M / 2 + random.uniform(-LINE_JITTER_M, LINE_JITTER_M) for index in range(LINES)]
        for _ in range(2)
    )
    return np.array(
        [
            [(x + random.gauss(0, CORNER_JITTER_M), y + random.gauss(0, CORNER_JITTER_M)) for y in rows]
            for x in columns
        ]
    )


def _streets(corners: Floats, random: Random, names: Names) -> Iterator[Street]:
    for index in range(LINES):
        is_avenue = index in (LINES // 2, 0, LINES - 1)
        kind, width_m = ("secondary", AVENUE_M) if is_avenue else ("residential", STREET_M)
        for line_m in (corners[index], corners[:, index]):
            is_quiet = not is_avenue and random.random() < 0.3
            yield Street(
                name=names.street(), kind="pedestrian" if is_quiet else kind, line_m=line_m, width_m=width_m
            )


def _blocks(corners: Floats) -> list[shapely.Polygon]:
    """The ground between the streets."""
    return [
        shapely.Polygon(
            [
                corners[column, row],
                corners[column + 1, row],
                corners[column + 1, row + 1],
                corners[column, row + 1],
            ]
        ).buffer(-STREET_M / 2 - 2.0, join_style="mitre")
        for column in range(LINES - 1)
        for row in range(LINES - 1)
    ]


def _mall(block: shapely.Polygon, streets: Sequence[Street], names: Names, random: Random) -> Building:
    outline = block.buffer(-MALL_MARGIN_M, join_style="mitre")
    return Building(
        outline=outline,
        street=_nearest(streets, outline.centroid).name,
        number=random.randint(1, 299),
        name=names.mall(),
    )


def _nearest(streets: Sequence[Street], point: shapely.Point) -> Street:
    lines = shapely.linestrings([street.line_m[[0, -1]] for street in streets])
    return streets[int(np.argmin(shapely.distance(lines, point)))]


def _middle_line(block: shapely.Polygon) -> Floats:
    """From the middle of one side of a block to the middle of the opposite one, out to the streets."""
    ring = np.array(block.exterior.coords)[:4]
    ends = np.array([(ring[0] + ring[1]) / 2, (ring[2] + ring[3]) / 2])
    along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
    line: Floats = ends + np.array([-along, along]) * LANE_REACH_M
    return line


def _lane(block: shapely.Polygon, names: Names) -> Street:
    return Street(name=names.street(is_lane=True), kind="footway", line_m=_middle_line(block), width_m=LANE_M)


def _houses(block: shapely.Polygon, streets: Sequence[Street], random: Random) -> Iterator[Building]:
    """Rows along the block's edges, cut by its lane."""
    inner = block.buffer(-HOUSE_DEPTH_M, join_style="mitre")
    lane = shapely.LineString(_middle_line(block)).buffer(LANE_M / 2 + 1)
    ring = block.exterior
    at_m, number = 0.0, 1
    while at_m < ring.length - HOUSE_FRONTS_M[0]:
        front_m = random.uniform(*HOUSE_FRONTS_M)
        start, end = ring.interpolate(at_m), ring.interpolate(min(at_m + front_m, ring.length))
        at_m += front_m + GAP_M
        strip = shapely.LineString([start, end]).buffer(HOUSE_DEPTH_M, cap_style="flat")
        house = strip.intersection(block).difference(lane).difference(inner.buffer(-2))
        if isinstance(house, shapely.Polygon) and house.area > 80:
            street = _nearest(streets, house.centroid)
            yield Building(outline=house.simplify(0.3), street=street.name, number=number)
            number += 2
