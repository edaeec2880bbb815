"""The plain form of sightings: one JSON object a row, each judged by itself."""

import math
import uuid
from datetime import datetime
from typing import Annotated, Any

import msgspec

from district.feeds.decoding import Decoded, Row, Rows, any_json, check_count, epoch_ms
from district.problems import Invalid
from district.sightings.reported import Rejection

MAX_ID_LENGTH = 64
_NAN = math.nan
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Storey = Annotated[int, msgspec.Meta(ge=-999, le=9999)]  # some senders count floors instead of naming them


class Sent(msgspec.Struct, gc=False):
    """One sighting as sent."""

    id: str | None = None
    at: Instant | None = None
    mac: str | None = None
    member_id: uuid.UUID | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    floor: str | Storey | None = None
    ap_mac: str | None = None
    rssi_dbm: float | None = None


class Body(msgspec.Struct, gc=False):
    """The whole body."""

    sightings: list[Sent]


_decoder = msgspec.json.Decoder(Body)
_FIELD_REASONS = {
    "id": Rejection.BAD_ID,
    "at": Rejection.BAD_TIME,
    "mac": Rejection.BAD_MAC,
    "ap_mac": Rejection.UNKNOWN_ACCESS_POINT,
    "member_id": Rejection.BAD_MEMBER,
    "floor": Rejection.BAD_FLOOR,
}


def decode(body: bytes) -> Decoded:
    """The rows of a body, in columns.

    Raises: BodyUnreadable when it is not JSON, Invalid when it has no list of sightings, TooLarge over 10,000 rows.
    """
    rows = Rows()
    try:
        sent: list[Sent] = _decoder.decode(body).sightings
        check_count(len(sent))
        for index, row in enumerate(sent):
            _add(rows, index, row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        rows = Rows()
        for index, item in enumerate(_items(any_json(body))):
            _add_any(rows, index, item)
    return rows.decoded(has_ids=True)


def _items(document: Any) -> list[Any]:
    items = document.get("sightings") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise Invalid(
            'Send {"sightings": [...]}.', errors=[{"pointer": "/sightings", "detail": "must be a list"}]
        )
    check_count(len(items))
    return items


def _add_any(rows: Rows, index: int, item: Any) -> None:
    """A row of any shape: what is wrong with it is said, what is right about its neighbours stays."""
    try:
        _add(rows, index, msgspec.convert(item, Sent))
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        place = str(error).rpartition("`$.")[2].rstrip("`")
        rows.reject(_FIELD_REASONS.get(place, Rejection.WRONG_TYPE), index=index)


def _add(rows: Rows, index: int, row: Sent) -> None:
    refused = _refused(row)
    if refused is not None:
        rows.reject(refused, index=index)
        return
    at_ms = epoch_ms(row.at)
    assert at_ms is not None  # noqa: S101  a row without a time was refused
    rows.good.append(
        Row(
            place=index,
            at_ms=at_ms,
            lon=_NAN if row.lon is None else row.lon,
            lat=_NAN if row.lat is None else row.lat,
            accuracy_m=_NAN if row.accuracy_m is None else row.accuracy_m,
            rssi_dbm=_NAN if row.rssi_dbm is None else row.rssi_dbm,
            mac=row.mac or "",
            access_point_mac=row.ap_mac or "",
            floor="" if row.floor is None else str(row.floor).strip(),
            source_id=row.id or "",
            member_id=row.member_id,
        )
    )


def _refused(row: Sent) -> Rejection | None:
    if not row.id:
        return Rejection.MISSING_ID
    if len(row.id) > MAX_ID_LENGTH or not row.id.isprintable():
        return Rejection.BAD_ID
    if row.at is None:
        return Rejection.MISSING_TIME
    if not row.mac and row.member_id is None:
        return Rejection.MISSING_DEVICE
    numbers = (row.lon, row.lat, row.accuracy_m, row.rssi_dbm)
    if not all(value is None or math.isfinite(value) for value in numbers):
        return Rejection.NOT_FINITE
    return None
