"""The public answers about stores, encoded without a model in between: GeoJSON (RFC 7946) and plain JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from district.stores.book import Found
from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84

GEOJSON: Final = "application/geo+json"
_encoder: Final = msgspec.json.Encoder()


class Point(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="Point", gc=False):
    """A GeoJSON point."""

    coordinates: tuple[float, float]


class Properties(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an answer says of one store."""

    id: UUID
    ref: str
    name: str
    name_zh: str
    category: str
    brand: str
    district: str
    distance_m: float | None
    open_now: bool | None
    opens_at: str | None
    closes_at: str | None
    opening_hours: str
    floor: str | None
    address: str
    has_offer: bool


class Feature(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="Feature", gc=False):
    """A GeoJSON feature."""

    id: UUID
    geometry: Point
    properties: Properties


class Collection(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="FeatureCollection", gc=False
):
    """A GeoJSON feature collection; ``crs`` names the datum of its coordinates."""

    features: list[Feature]
    crs: str
    attribution: str


def collection(found: Sequence[Found], *, datum: Datum) -> Response:
    """The stores found, in their order."""
    credits_ = sorted({item.district.attribution for item in found} - {""})
    body = Collection(
        features=[feature(item, datum=datum) for item in found],
        crs=datum.value,
        attribution="; ".join(credits_),
    )
    return Response(_encoder.encode(body), media_type=GEOJSON, headers={"Cache-Control": "no-cache"})


def feature(item: Found, *, datum: Datum) -> Feature:
    """One store as a feature."""
    position = shown_in(item.facts.position, datum)
    return Feature(
        id=item.facts.id,
        geometry=Point(coordinates=(position.lon, position.lat)),
        properties=properties(item),
    )


def properties(item: Found) -> Properties:
    """What is said of a store; distances to the centimetre."""
    facts, hours = item.facts, item.hours
    return Properties(
        id=facts.id,
        ref=facts.ref,
        name=facts.name,
        name_zh=facts.name_zh,
        category=facts.category,
        brand=facts.brand,
        district=item.district.slug,
        distance_m=round(item.distance_m, 2),
        open_now=hours.open_now,
        opens_at=hours.opens_at,
        closes_at=hours.closes_at,
        opening_hours=facts.opening_hours,
        floor=facts.floor,
        address=facts.address,
        has_offer=item.has_offer,
    )


def detail(item: Found, *, datum: Datum) -> Response:
    """One store, with what a page about it needs."""
    position = shown_in(item.facts.position, datum)
    said: Mapping[str, Any] = msgspec.structs.asdict(properties(item))
    extra = {
        "lon": position.lon,
        "lat": position.lat,
        "crs": datum.value,
        "website": item.facts.website,
        "phone": item.facts.phone,
        "attribution": item.district.attribution,
    }
    body = {name: value for name, value in said.items() if name != "distance_m"} | extra
    return Response(_encoder.encode(body), media_type="application/json")


def shown_in(position: LonLat, datum: Datum) -> LonLat:
    """The numbers of a position in a datum."""
    return position if datum is Datum.WGS84 else from_wgs84(position, datum)
