"""Bringing the base map of a district in: buildings, streets and the rest, from GeoJSON features."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import shapely
from shapely.geometry import shape
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.database import notify
from district.districts.service import DistrictInfo
from district.districts.text import NAME_MOST, clean
from district.zones.queries import DROP_OTHER_FEATURES_SQL, FEATURE_LAYERS, UPSERT_FEATURES_SQL
from district.zones.service import CHANNEL

BATCH_ROWS: Final = 500
MAX_COORDINATES: Final = 20_000
ISSUES_KEPT: Final = 200
_NAMESPACE: Final = uuid.UUID("6f1d1b0e-6f0a-5b0c-9a53-8d5c3f6f7c11")
_KIND_KEYS: Final = {
    "landuse": ("landuse", "natural", "leisure"),
    "water": ("natural", "waterway", "water"),
    "plazas": ("highway", "place"),
    "streets": ("highway",),
    "rail": ("railway",),
    "buildings": ("building",),
    "transit": ("railway", "public_transport", "highway", "amenity"),
    "entrances": ("entrance",),
}
_KEPT_TAGS: Final = (
    "name:en", "name:zh", "name:zh-Hans", "layer", "tunnel", "bridge", "indoor", "foot", "oneway", "access",
    "building:levels", "addr:street", "addr:housenumber", "ref", "surface", "width",
)  # fmt: skip


@dataclass(kw_only=True)
class MapImport:
    """What came of one layer: how many features it has now, and which were left out, by index."""

    kept: int = 0
    refused: int = 0
    issues: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Shape:
    id: uuid.UUID
    ref: str
    name: str
    kind: str
    wkb: bytes
    tags: str


class _Refused(Exception):
    """A feature that cannot be drawn."""


def import_map(
    session: Session, district: DistrictInfo, layer: str, features: Iterable[Mapping[str, Any]]
) -> MapImport:
    """Make one layer of the base map equal to these GeoJSON features (WGS-84). A feature keeps its id over imports.

    Raises: ValueError for an unknown layer.
    """
    if layer not in FEATURE_LAYERS:
        raise ValueError(f"{layer!r} is not one of {', '.join(FEATURE_LAYERS)}")
    result = MapImport()
    shapes: dict[uuid.UUID, _Shape] = {}
    for index, feature in enumerate(features):
        try:
            made = _shape_of(district, layer, index, feature)
        except _Refused as refused:
            result.refused += 1
            if len(result.issues) < ISSUES_KEPT:
                result.issues.append((index, str(refused)))
        else:
            shapes[made.id] = made
    result.kept = len(shapes)
    _write(session, district.id, layer, list(shapes.values()))
    notify(session, CHANNEL, str(district.id))
    return result


def _shape_of(district: DistrictInfo, layer: str, index: int, feature: Mapping[str, Any]) -> _Shape:
    tags = feature.get("properties") or {}
    ref = str(tags.get("osm") or feature.get("id") or index)[:NAME_MOST]
    geometry = feature.get("geometry")
    if not isinstance(geometry, Mapping) or not isinstance(tags, Mapping):
        raise _Refused("has no geometry or no properties")
    if json.dumps(geometry).count(",") > MAX_COORDINATES:
        raise _Refused(f"has more than {MAX_COORDINATES // 2} corners; split it")
    try:
        drawn = shape(geometry)
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise _Refused("has a geometry that cannot be read") from None
    west, south, east, north = drawn.bounds
    is_inside = not drawn.is_empty and (west >= -180 and east <= 180 and south >= -85 and north <= 85)
    if not is_inside or not shapely.is_valid(drawn):
        raise _Refused("is empty, crosses itself or leaves the map")
    kinds = (str(tags[key]) for key in _KIND_KEYS[layer] if tags.get(key))
    kept = {key: clean(str(tags[key]))[:NAME_MOST] for key in _KEPT_TAGS if tags.get(key)}
    return _Shape(
        id=uuid.uuid5(_NAMESPACE, f"{district.id}:{layer}:{ref}"),
        ref=ref,
        name=clean(str(tags.get("name") or ""))[:NAME_MOST],
        kind=next(kinds, "")[:64],
        wkb=shapely.to_wkb(drawn, output_dimension=2),
        tags=json.dumps(kept, ensure_ascii=False),
    )


def _write(session: Session, district_id: uuid.UUID, layer: str, shapes: list[_Shape]) -> None:
    known = {"district_id": district_id, "layer": layer}
    for start in range(0, len(shapes), BATCH_ROWS):
        batch = shapes[start : start + BATCH_ROWS]
        columns = {
            "ids": [item.id for item in batch],
            "refs": [item.ref for item in batch],
            "names": [item.name for item in batch],
            "kinds": [item.kind for item in batch],
            "shapes": [item.wkb for item in batch],
            "tags": [item.tags for item in batch],
        }
        session.execute(text(UPSERT_FEATURES_SQL), known | columns)
    session.execute(text(DROP_OTHER_FEATURES_SQL), known | {"ids": [item.id for item in shapes]})
