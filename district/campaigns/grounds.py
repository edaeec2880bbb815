"""What the map, the zones and the stores of a district say of the places that a rule names."""

import contextlib
import uuid
from collections.abc import Collection
from dataclasses import dataclass

import shapely
from geoalchemy2.shape import to_shape
from shapely import LineString, MultiLineString
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from district.problems import Invalid
from district.stores.models import ImportedPlace, Store
from district.zones.models import MapFeature, Zone
from geo import geojson
from geo.coordinates import LonLat
from geo.zones import Area

BUILDINGS = "buildings"
STREETS = "streets"
MAX_STREET_PARTS = 500


def wrong(detail: str, *, zh: str, pointer: str) -> Invalid:
    """The refusal of a place, in both languages."""
    return Invalid(
        "The fence cannot be used.", errors=[{"pointer": pointer, "detail": detail, "detail_zh": zh}]
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Finder:
    """Looks up what one place in a document names; pointer is where it stands. Its methods raise: Invalid."""

    session: Session
    district_id: uuid.UUID
    pointer: str

    def building(self, name: str) -> Area:
        """The outline of the map's building with this id or ref."""
        shape = self.session.scalar(
            select(MapFeature.shape)
            .where(
                MapFeature.district_id == self.district_id,
                MapFeature.layer == BUILDINGS,
                func.ST_Dimension(MapFeature.shape) == 2,
                _is_named(name, MapFeature.id, MapFeature.ref),
            )
            .order_by(MapFeature.id)
            .limit(1)
        )
        if shape is None:
            raise self.wrong(
                f"The map has no building {name!r}; use an id or ref of its buildings, or draw the fence.",
                zh="地图上没有这栋建筑，请重新选择，或绘制围栏。",
            )
        outline: Area = to_shape(shape)
        self._check_detail(outline)
        return outline

    def street(self, name: str) -> MultiLineString:
        """The lines of the map's street with this id or ref: of all its parts, when it has a name."""
        of_layer = (
            MapFeature.district_id == self.district_id,
            MapFeature.layer == STREETS,
            func.ST_Dimension(MapFeature.shape) == 1,
        )
        found = self.session.execute(
            select(MapFeature.id, MapFeature.name)
            .where(*of_layer, _is_named(name, MapFeature.id, MapFeature.ref))
            .order_by(MapFeature.id)
            .limit(1)
        ).one_or_none()
        if found is None:
            raise self.wrong(
                f"The map has no street {name!r}; use an id or ref of its streets, or draw the fence.",
                zh="地图上没有这条街道，请重新选择，或绘制围栏。",
            )
        is_part = MapFeature.name == found.name if found.name else MapFeature.id == found.id
        shapes = self.session.scalars(
            select(MapFeature.shape).where(*of_layer, is_part).order_by(MapFeature.id).limit(MAX_STREET_PARTS)
        )
        lines = [line for shape in shapes for line in shapely.get_parts(to_shape(shape))]
        street = MultiLineString([line for line in lines if isinstance(line, LineString)])
        self._check_detail(street)
        return street

    def zone(self, name: str) -> tuple[Area, str | None]:
        """The outline of the zone with this id or slug, and its floor."""
        zone = self.session.scalar(
            select(Zone)
            .where(Zone.district_id == self.district_id, _is_named(name, Zone.id, Zone.slug))
            .order_by(Zone.id)
            .limit(1)
        )
        if zone is None:
            raise self.wrong(
                f"The district has no zone {name!r}; use an id or slug of its zones, or draw the fence.",
                zh="商圈没有这个区域，请重新选择，或绘制围栏。",
            )
        outline: Area = to_shape(zone.outline)
        self._check_detail(outline)
        return outline, zone.floor

    def stores(self, store_ids: Collection[uuid.UUID]) -> list[LonLat]:
        """Where these stores stand; one without a position is passed over."""
        place = func.coalesce(Store.location, ImportedPlace.location)
        rows = self.session.scalars(
            select(place)
            .outerjoin(
                ImportedPlace,
                (ImportedPlace.district_id == Store.district_id) & (ImportedPlace.ref == Store.ref),
            )
            .where(
                Store.district_id == self.district_id,
                Store.id.in_(store_ids),
                Store.closed_at.is_(None),
                place.is_not(None),
            )
            .order_by(Store.id)
        )
        points = [to_shape(location) for location in rows]
        return [LonLat(lon=point.x, lat=point.y) for point in points]

    def wrong(self, detail: str, *, zh: str) -> Invalid:
        return wrong(detail, zh=zh, pointer=self.pointer)

    def _check_detail(self, shape: Area | MultiLineString) -> None:
        if shapely.get_num_coordinates(shape) > geojson.MAX_VERTICES:
            raise self.wrong(
                "Its outline is too detailed; draw the fence instead.", zh="轮廓过于复杂，请改为绘制围栏。"
            )


def may_ask_for_visits(
    session: Session, district_id: uuid.UUID, visited: uuid.UUID, store_ids: Collection[uuid.UUID]
) -> bool:
    """Whether a campaign of these stores may look at visits to a store: one of them, or of one of their merchants."""
    if visited in store_ids:
        return True
    merchants = select(Store.merchant_id).where(Store.district_id == district_id, Store.id.in_(store_ids))
    wanted = select(Store.id).where(
        Store.district_id == district_id, Store.id == visited, Store.merchant_id.in_(merchants)
    )
    return session.scalar(wanted) is not None


def _is_named(
    name: str, id_: InstrumentedAttribute[uuid.UUID], other: InstrumentedAttribute[str]
) -> ColumnElement[bool]:
    is_named: ColumnElement[bool] = other == name
    with contextlib.suppress(ValueError):
        is_named = or_(is_named, id_ == uuid.UUID(name))
    return is_named
