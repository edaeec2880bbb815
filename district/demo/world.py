"""What a demo district is made of, before it is in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

import shapely

from district.districts.service import NewDistrict
from geo.coordinates import LonLat


@dataclass(frozen=True, kw_only=True)
class AreaSpec:
    """A mall or street: a property, and a zone that is counted in."""

    slug: str
    name: str
    kind: str
    outline: shapely.MultiPolygon
    name_zh: str = ""
    floor: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessPointSpec:
    """An access point to be mounted."""

    mac: str
    name: str
    position: LonLat
    floor: str | None = None


@dataclass(frozen=True, kw_only=True)
class World:
    """A district with its map, stores, areas and access points."""

    district: NewDistrict
    map_layers: Mapping[str, Sequence[Mapping[str, Any]]]
    stores_file: Traversable
    """GeoJSON or CSV, as ``district stores import`` takes it."""
    areas: tuple[AreaSpec, ...]
    access_points: tuple[AccessPointSpec, ...] = field(default=())
