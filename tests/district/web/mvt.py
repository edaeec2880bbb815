"""A vector-tile writer small enough for tests: GeoJSON features to one tile of the map's schema (MVT 2.1)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

EXTENT = 4096
_POINT, _LINE, _POLYGON = 1, 2, 3


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _pixel(point: Sequence[float], z: int, x: int, y: int) -> tuple[int, int]:
    across = (point[0] + 180) / 360 * 2**z - x
    down = (1 - math.asinh(math.tan(math.radians(point[1]))) / math.pi) / 2 * 2**z - y
    return round(across * EXTENT), round(down * EXTENT)


def _area(points: Sequence[tuple[int, int]]) -> int:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, [*points[1:], points[0]], strict=True))


def _commands(parts: Iterable[Sequence[tuple[int, int]]], kind: int) -> list[int]:
    out: list[int] = []
    here = (0, 0)
    for part in parts:
        for index, point in enumerate(part):
            if index == 0:
                out.append(1 | 1 << 3)
            elif index == 1:
                out.append(2 | (len(part) - 1) << 3)
            out += [_zigzag(point[0] - here[0]), _zigzag(point[1] - here[1])]
            here = point
        if kind == _POLYGON:
            out.append(7 | 1 << 3)
    return out


def _parts(geometry: Mapping[str, Any]) -> tuple[int, list[list[Any]]]:
    name, coordinates = geometry["type"], geometry["coordinates"]
    if name == "Point":
        return _POINT, [[coordinates]]
    if name == "LineString":
        return _LINE, [coordinates]
    if name == "MultiLineString":
        return _LINE, coordinates
    rings = coordinates if name == "Polygon" else [ring for polygon in coordinates for ring in polygon]
    return _POLYGON, [ring[:-1] for ring in rings]


def _value(value: object) -> bytes:
    if isinstance(value, bool):
        return _number(7, int(value))
    if isinstance(value, int):
        return _number(4, value)
    return _field(1, str(value).encode())


def _layer(name: str, features: Iterable[Mapping[str, Any]], z: int, x: int, y: int) -> bytes:
    keys: dict[str, int] = {}
    values: dict[tuple[type, object], int] = {}
    out = _field(1, name.encode())
    for feature in features:
        kind, raw = _parts(feature["geometry"])
        parts = [[_pixel(point, z, x, y) for point in part] for part in raw]
        if not any(-64 <= u <= EXTENT + 64 and -64 <= v <= EXTENT + 64 for part in parts for u, v in part):
            continue
        if kind == _POLYGON:
            parts = [part if (_area(part) > 0) == (i == 0) else part[::-1] for i, part in enumerate(parts)]
        tags: list[int] = []
        for key, value in feature["properties"].items():
            if value is not None:
                tags += [
                    keys.setdefault(key, len(keys)),
                    values.setdefault((type(value), value), len(values)),
                ]
        packed = b"".join(map(_varint, _commands(parts, kind)))
        out += _field(2, _field(2, b"".join(map(_varint, tags))) + _number(3, kind) + _field(4, packed))
    out += b"".join(_field(3, key.encode()) for key in keys)
    out += b"".join(_field(4, _value(value)) for _, value in values)
    return out + _number(5, EXTENT) + _number(15, 2)


def tile(layers: Mapping[str, Iterable[Mapping[str, Any]]], z: int, x: int, y: int) -> bytes:
    """One tile holding every feature that has a vertex in or near it, unclipped."""
    return b"".join(_field(3, _layer(name, features, z, x, y)) for name, features in layers.items())
