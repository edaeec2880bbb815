"""Files of stores, read row by row: GeoJSON with OpenStreetMap tags, and CSV. A bad row is said and left out."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import shapely
from shapely.geometry import shape

from district.districts.text import ADDRESS_MOST, FLOOR_MOST, LABEL_MOST, NAME_MOST, clean
from district.problems import Invalid
from geo.hours import TEXT_LIMIT

MAX_FILE_BYTES: Final = 256 << 20
MAX_ROWS: Final = 1_000_000
MAX_TAGS: Final = 100
MAX_TAG_CHARACTERS: Final = 2_000
MAX_VERTICES: Final = 2_000
REF_MOST: Final = 128
KIND_KEYS: Final = ("shop", "amenity", "tourism", "leisure", "craft", "office", "healthcare")
"""The OpenStreetMap keys whose value is the category, in the order in which they are asked."""

_REQUIRED: Final = ("id", "name", "category", "lon", "lat")
_LIMITS: Final = {
    "ref": REF_MOST,
    "name": NAME_MOST,
    "name_zh": NAME_MOST,
    "category": LABEL_MOST,
    "brand": NAME_MOST,
    "opening_hours": TEXT_LIMIT,
    "floor": FLOOR_MOST,
    "address": ADDRESS_MOST,
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One row of a file, cleaned; lon and lat are in the file's own datum."""

    row: int
    ref: str
    name: str
    category: str
    lon: float
    lat: float
    name_zh: str = ""
    brand: str = ""
    opening_hours: str = ""
    floor: str | None = None
    address: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Issue:
    """What is wrong with a row, and how to mend it. A warning leaves the row in."""

    row: int
    what: str
    fix: str
    is_warning: bool = False

    def __str__(self) -> str:
        kind = "warning" if self.is_warning else "error"
        return f"row {self.row}: {kind}: {self.what}; {self.fix}"


class _Refused(Exception):
    """A row that cannot be taken."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


def read(path: Path) -> Iterator[Place | Issue]:
    """The rows of a file in its order: places, and issues of rows that are left out.

    A GeoJSON row is a feature's index from 0; a CSV row is its line in the file.
    Raises: Invalid when the file as a whole cannot be read.
    """
    text = _text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _of_geojson(text)
    return _of_csv(text)


def _text(path: Path) -> str:
    """The file as text: UTF-8 or UTF-16 by its mark, else UTF-8, else GB 18030."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Invalid(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB; split it.")
        content = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding).replace("\x00", "")
        except UnicodeDecodeError:
            continue
    raise Invalid(f"{path.name} is neither UTF-8 nor GB 18030 text; save it as UTF-8.")


def _of_geojson(text: str) -> Iterator[Place | Issue]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The file is not JSON: {error}.") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise Invalid("The file is not a GeoJSON FeatureCollection: it has no list of features.")
    if len(features) > MAX_ROWS:
        raise Invalid(f"The file has more than {MAX_ROWS} features; split it.")
    return (_tried(_of_feature, index, feature) for index, feature in enumerate(features))


def _of_csv(text: str) -> Iterator[Place | Issue]:
    first = text[: text.find("\n") + 1] or text
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [clean(name).lower() for name in reader.fieldnames or ()]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise Invalid(
            f"The file is neither GeoJSON nor CSV with the columns {', '.join(_REQUIRED)}: "
            f"missing {', '.join(missing)}."
        )
    reader.fieldnames = names
    return _csv_rows(reader)


def _csv_rows(reader: "csv.DictReader[str]") -> Iterator[Place | Issue]:
    count = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Issue(row=reader.line_num, what=f"not readable as CSV ({error})", fix="check its quotes")
            continue
        count += 1
        if count > MAX_ROWS:
            raise Invalid(f"The file has more than {MAX_ROWS} rows; split it.")
        yield _tried(_of_csv_row, reader.line_num, row)


def _tried(make: Any, row: int, value: object) -> Place | Issue:
    try:
        place: Place = make(row, value)
    except _Refused as refused:
        return Issue(row=row, what=refused.what, fix=refused.fix)
    return place


def _of_csv_row(row: int, values: Mapping[str | None, Any]) -> Place:
    if None in values:
        raise _Refused("has more fields than the header", "quote fields that hold the delimiter")
    given = {name: value or "" for name, value in values.items() if name is not None}
    if not clean(given["name"]):
        raise _Refused("has no name", "fill the column name")
    lon, lat = (_degrees(name, given[name], limit) for name, limit in (("lon", 180.0), ("lat", 90.0)))
    texts = {name: _short(name, given.get(name, "")) for name in _LIMITS if name != "ref"}
    return _place(row, _ref(given["id"]), (lon, lat), texts)


def _of_feature(row: int, value: object) -> Place:
    if not isinstance(value, dict) or value.get("type") != "Feature":
        raise _Refused("is not a Feature", 'each entry of features must have "type": "Feature"')
    tags = _tags(value.get("properties"))
    lon, lat = _position(value.get("geometry"))
    texts = {
        "name": tags.get("name") or tags.get("name:en") or tags.get("brand", ""),
        "name_zh": tags.get("name:zh-Hans") or tags.get("name:zh", ""),
        "category": next((tags[key] for key in KIND_KEYS if tags.get(key)), tags.get("category", "")),
        "brand": tags.get("brand", ""),
        "opening_hours": tags.get("opening_hours", ""),
        "floor": tags.get("level") or tags.get("floor", ""),
        "address": _address(tags),
    }
    short = {name: _short(name, text) for name, text in texts.items()}
    ref = _ref(value.get("id") or tags.get("@id") or tags.get("id") or tags.get("osm") or "")
    return _place(row, ref, (lon, lat), short, tags)


def _place(
    row: int,
    ref: str,
    position: tuple[float, float],
    texts: Mapping[str, str],
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Place:
    if not texts["category"]:
        raise _Refused(
            "has no category", f"give one, or in OpenStreetMap one of the tags {', '.join(KIND_KEYS)}"
        )
    return Place(
        row=row,
        ref=ref,
        name=texts["name"],
        name_zh=texts["name_zh"],
        category=texts["category"],
        brand=texts["brand"],
        opening_hours=texts["opening_hours"],
        floor=texts["floor"] or None,
        address=texts["address"],
        lon=position[0],
        lat=position[1],
        tags=tags,
    )


def _ref(value: object) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not (ref := _short("ref", text)):
        raise _Refused("has no id", "give each row an id that stays the same in later files")
    return ref


def _short(name: str, text: str) -> str:
    if len(text) > _LIMITS[name]:
        raise _Refused(f"{name} is longer than {_LIMITS[name]} characters", "shorten it")
    return clean(text)


def _degrees(name: str, text: object, limit: float) -> float:
    try:
        value = (
            float(text) if isinstance(text, str | int | float) and not isinstance(text, bool) else math.nan
        )
    except (ValueError, OverflowError):
        value = math.nan
    if not -limit <= value <= limit:
        shown = str(text)[:40]
        raise _Refused(f"{name} {shown!r} is not between -{limit:g} and {limit:g}", "give decimal degrees")
    return value


def _tags(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _Refused("has no properties", "give the tags as an object")
    if len(value) > MAX_TAGS:
        raise _Refused(f"has more than {MAX_TAGS} properties", "leave out what is not needed")
    return {
        clean(str(key))[:REF_MOST]: clean(str(text)[:MAX_TAG_CHARACTERS])
        for key, text in value.items()
        if isinstance(text, str | int | float) and not isinstance(text, bool)
    }


def _position(value: object) -> tuple[float, float]:
    """A point's position; of a line or area, a point on it."""
    if not isinstance(value, dict):
        raise _Refused("has no geometry", "give a Point with [lon, lat]")
    coordinates = value.get("coordinates")
    if value.get("type") != "Point":
        coordinates = _point_on(value)
    if not isinstance(coordinates, list) or len(coordinates) < 2:
        raise _Refused("has a Point without [lon, lat]", "give both, longitude first")
    return _degrees("lon", coordinates[0], 180.0), _degrees("lat", coordinates[1], 90.0)


def _point_on(value: Mapping[str, Any]) -> list[float]:
    if json.dumps(value).count(",") > 2 * MAX_VERTICES:
        raise _Refused(f"has a shape of more than {MAX_VERTICES} corners", "give a Point")
    try:
        point = shapely.point_on_surface(shape(value))
        return [float(point.x), float(point.y)]
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise _Refused("has a geometry that cannot be read", "give a Point with [lon, lat]") from None


def _address(tags: Mapping[str, str]) -> str:
    street, number = tags.get("addr:street", ""), tags.get("addr:housenumber", "")
    return tags.get("addr:full") or tags.get("address") or f"{street} {number}".strip() if street else ""
