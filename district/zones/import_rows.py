"""Files of access points, read row by row: CSV and GeoJSON. A bad row is said and left out."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from district.districts.text import FLOOR_MOST, NAME_MOST, clean, normal_mac
from district.problems import Invalid

MAX_FILE_BYTES: Final = 5 << 20
MAX_ROWS: Final = 10_000
MAX_SHOWN: Final = 40
COLUMNS: Final = ("mac", "name", "lon", "lat", "floor", "zone")


class Fault(StrEnum):
    """What can be wrong with a row."""

    NOT_CSV = "not_csv"
    TOO_MANY_FIELDS = "too_many_fields"
    NOT_A_FEATURE = "not_a_feature"
    NOT_A_POINT = "not_a_point"
    BAD_MAC = "bad_mac"
    HALF_A_PLACE = "half_a_place"
    BAD_PLACE = "bad_place"
    TOO_LONG = "too_long"
    UNKNOWN_ZONE = "unknown_zone"
    REPEATED = "repeated"


_WORDS: Final[Mapping[Fault, tuple[str, str]]] = {
    Fault.NOT_CSV: ("is not readable as CSV; check its quotes", "无法按 CSV 读取，请检查引号"),
    Fault.TOO_MANY_FIELDS: (
        "has more fields than the header; quote fields that hold the delimiter",
        "字段数多于表头，请给含分隔符的字段加引号",
    ),
    Fault.NOT_A_FEATURE: ("is not a GeoJSON Feature", "不是 GeoJSON Feature"),
    Fault.NOT_A_POINT: (
        "has a shape that is no Point; give a Point or null",
        "图形不是 Point，请使用 Point 或 null",
    ),
    Fault.BAD_MAC: (
        "has no MAC address such as aa:bb:cc:dd:ee:ff: {value}",
        "没有有效的 MAC 地址（例如 aa:bb:cc:dd:ee:ff）：{value}",
    ),
    Fault.HALF_A_PLACE: (
        "has only one of lon and lat; give both or none",
        "经纬度只填了一个，请都填或都留空",
    ),
    Fault.BAD_PLACE: (
        "has coordinates that are no degrees: {value}; lon is -180 to 180, lat -90 to 90",
        "坐标不是有效的度数：{value}；经度 -180 至 180，纬度 -90 至 90",
    ),
    Fault.TOO_LONG: (
        "has a name or floor that is too long: {value}; shorten it",
        "名称或楼层过长：{value}，请缩短",
    ),
    Fault.UNKNOWN_ZONE: (
        "names no zone of this district: {value}; make the zone first",
        "本商圈没有该区域：{value}，请先创建",
    ),
    Fault.REPEATED: ("repeats the MAC address of row {value}", "与第 {value} 行的 MAC 地址重复"),
}


@dataclass(frozen=True, kw_only=True)
class Issue:
    """What is wrong with a row."""

    row: int
    fault: Fault
    value: str = ""

    def words(self, *, is_chinese: bool = False) -> str:
        """What is wrong and what to do."""
        return _WORDS[self.fault][is_chinese].format(value=self.value)

    def __str__(self) -> str:
        return f"row {self.row}: error: {self.words()}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One access point of a file, cleaned; what the file leaves empty is None."""

    row: int
    mac: str
    name: str | None
    lon: float | None
    lat: float | None
    floor: str | None
    zone: str | None
    """Its name in addresses, its name, or its id."""


class _Refused(Exception):
    def __init__(self, fault: Fault, value: object = "") -> None:
        super().__init__(fault)
        self.fault, self.value = fault, clean(str(value))[:MAX_SHOWN]


def read(content: bytes) -> Iterator[Row | Issue]:
    """The rows of a file in its order. A GeoJSON row is a feature's index from 0; a CSV row is its line in the file.

    Raises: Invalid when the file as a whole cannot be read.
    """
    if len(content) > MAX_FILE_BYTES:
        raise Invalid(f"The file is larger than {MAX_FILE_BYTES >> 20} MiB; split it.")
    text = _text(content)
    return _of_geojson(text) if text.lstrip()[:1] in ("{", "[") else _of_csv(text)


def _text(content: bytes) -> str:
    """UTF-8 or UTF-16 by its mark, else UTF-8, else GB 18030."""
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding).replace("\x00", "")
        except UnicodeDecodeError:
            continue
    raise Invalid("The file is neither UTF-8 nor GB 18030 text; save it as UTF-8.")


def _of_geojson(text: str) -> Iterator[Row | Issue]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("The file is not JSON.") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise Invalid("The file is not a GeoJSON FeatureCollection: it has no list of features.")
    if len(features) > MAX_ROWS:
        raise Invalid(f"The file has more than {MAX_ROWS} features; split it.")
    return (_tried(index, _of_feature(feature)) for index, feature in enumerate(features))


def _of_csv(text: str) -> Iterator[Row | Issue]:
    first = text[: text.find("\n") + 1] or text
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        names = [clean(name).lower() for name in reader.fieldnames or ()]
    except csv.Error:
        names = []
    if "mac" not in names:
        raise Invalid(
            f"The file is neither GeoJSON nor CSV with the columns {', '.join(COLUMNS)}: missing mac."
        )
    reader.fieldnames = names
    return _csv_rows(reader)


def _csv_rows(reader: "csv.DictReader[str]") -> Iterator[Row | Issue]:
    count = 0
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Issue(row=reader.line_num, fault=Fault.NOT_CSV)
            continue
        count += 1
        if count > MAX_ROWS:
            raise Invalid(f"The file has more than {MAX_ROWS} rows; split it.")
        if None in values:
            yield Issue(row=reader.line_num, fault=Fault.TOO_MANY_FIELDS)
        else:
            yield _tried(reader.line_num, values)


def _of_feature(feature: Any) -> Mapping[str, Any] | Fault:
    """A feature as a CSV row would have it."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return Fault.NOT_A_FEATURE
    properties = feature.get("properties")
    values = dict(properties) if isinstance(properties, dict) else {}
    geometry = feature.get("geometry")
    if geometry is None:
        return values
    place = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(place, list) or len(place) < 2 or geometry.get("type") != "Point":
        return Fault.NOT_A_POINT
    return values | {"lon": place[0], "lat": place[1]}


def _tried(row: int, values: Mapping[str, Any] | Fault) -> Row | Issue:
    if isinstance(values, Fault):
        return Issue(row=row, fault=values)
    try:
        return _row(row, values)
    except _Refused as refused:
        return Issue(row=row, fault=refused.fault, value=refused.value)


def _row(row: int, values: Mapping[str, Any]) -> Row:
    given = {name: _plain(values.get(name)) for name in COLUMNS}
    try:
        mac = normal_mac(given["mac"])
    except ValueError:
        raise _Refused(Fault.BAD_MAC, given["mac"]) from None
    if bool(given["lon"]) != bool(given["lat"]):
        raise _Refused(Fault.HALF_A_PLACE)
    return Row(
        row=row,
        mac=mac,
        name=_short(given["name"], NAME_MOST),
        lon=_degrees(given["lon"], 180),
        lat=_degrees(given["lat"], 90),
        floor=_short(given["floor"], FLOOR_MOST),
        zone=_short(given["zone"], NAME_MOST),
    )


def _plain(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _short(text: str, most: int) -> str | None:
    if len(text) > most:
        raise _Refused(Fault.TOO_LONG, text)
    return clean(text) or None


def _degrees(text: str, limit: float) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise _Refused(Fault.BAD_PLACE, text) from None
    if not -limit <= value <= limit:
        raise _Refused(Fault.BAD_PLACE, text)
    return value
