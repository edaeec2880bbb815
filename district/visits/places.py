"""The places of a district that visits are made to, ready to look fixes up in."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.districts.service import DistrictInfo
from district.visits import queries
from district.visits.fixes import Fixes, Integers
from district.visits.making import Layer, PlaceKind
from geo.metric import LocalPlane
from geo.presence import ANY_FLOOR, AreaLayers, Spots

STORE_RADIUS_M = 15.0
"""Who is nearer to no other merchant's store, and within this, is at the store: an estimate (docs/metrics.md)."""
MOST_ACCURATE_M = 50.0
"""A fix that may be further off than this says nothing of zones and stores."""
Rows = Sequence[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Zones in layers that do not overlap, merchants' stores, and the floors that fixes are told apart by."""

    zones: Sequence[uuid.UUID]
    stores: Sequence[uuid.UUID]
    floors: Sequence[str]
    areas: AreaLayers = field(repr=False)
    spots: Spots = field(repr=False)

    def layers(self, fixes: Fixes, used: Integers) -> list[Layer]:
        """Each layer of zones and the stores, with the place of every fix that is ``used``."""
        found = []
        for number in range(len(self.areas)):
            place = np.full(len(fixes), -1, dtype=np.int64)
            place[used] = self.areas.locate(number, fixes.lon[used], fixes.lat[used], fixes.floor[used])
            found.append(Layer(kind=PlaceKind.ZONE, places=self.zones, place=place))
        place = np.full(len(fixes), -1, dtype=np.int64)
        place[used] = self.spots.locate(fixes.lon[used], fixes.lat[used], fixes.floor[used])
        return [*found, Layer(kind=PlaceKind.STORE, places=self.stores, place=place)]

    def layer_of(self, zone_id: uuid.UUID) -> int | None:
        """In which layer a zone is; None when it is gone."""
        if zone_id not in self.zones:
            return None
        number = self.zones.index(zone_id)
        return next(layer for layer, numbers in enumerate(self.areas.layers) if number in numbers)


_kept: dict[uuid.UUID, tuple[int, Places]] = {}


async def read(connection: AsyncConnection[TupleRow], district: DistrictInfo) -> Places:
    """The district's places; made again only when a row of them has changed."""
    values = {"district_id": district.id}
    zones = await (await connection.execute(queries.ZONES_SQL, values)).fetchall()
    stores = await (await connection.execute(queries.STORES_SQL, values)).fetchall()
    mark = hash((tuple((row[0], bytes(row[1]), row[2]) for row in zones), tuple(stores)))
    kept = _kept.get(district.id)
    if kept is None or kept[0] != mark:
        kept = _kept[district.id] = (mark, _places(district, zones, stores))
    return kept[1]


def _places(district: DistrictInfo, zones: Rows, stores: Rows) -> Places:
    plane = LocalPlane(anchor=district.center)
    floors = sorted({row[2] for row in zones if row[2]} | {row[3] for row in stores if row[3]})
    codes: dict[str | None, int] = {None: ANY_FLOOR, "": ANY_FLOOR}
    codes |= {name: number for number, name in enumerate(floors, start=ANY_FLOOR + 1)}
    return Places(
        zones=[row[0] for row in zones],
        stores=[row[0] for row in stores],
        floors=floors,
        areas=AreaLayers(
            [shapely.from_wkb(bytes(row[1])) for row in zones], [codes[row[2]] for row in zones], plane
        ),
        spots=Spots(
            np.array([row[1] for row in stores], dtype=np.float64),
            np.array([row[2] for row in stores], dtype=np.float64),
            [codes[row[3]] for row in stores],
            plane,
            within_m=STORE_RADIUS_M,
        ),
    )
