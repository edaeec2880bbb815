"""Meraki's Scanning API, versions 2.0, 2.1 and 3.0: lenient about types, strict about who sends.

A post carries the shared secret in its body; there is no signature. https://developer.cisco.com/meraki/scanning-api/
"""

import hmac
import math
from typing import Any

import msgspec

from district.bodies import BodyUnreadable
from district.feeds.decoding import Decoded, Rows, any_json, check_count, epoch_ms, number
from district.problems import Invalid, NotAllowed
from district.sightings.admission import Rejection

RSSI_FLOOR_DBM = -95.0
"""Version 2 counts signal strength upwards from here."""
WIFI_TYPES = frozenset({"DevicesSeen", "WiFi"})
BLUETOOTH_TYPES = frozenset({"BluetoothDevicesSeen", "Bluetooth"})
_NAN = math.nan
Loose = float | str | None


class FloorPlan(msgspec.Struct, gc=False):
    """The plan that a location was found on."""

    name: str | None = None


class Location(msgspec.Struct, gc=False, rename="camel"):
    """One position of a client; ``variance`` and ``unc`` are metres."""

    lat: Loose = None
    lng: Loose = None
    variance: Loose = None
    unc: Loose = None
    time: Loose = None
    floor_plan_name: str | None = None
    floor_plan: FloorPlan | None = None


class LatestRecord(msgspec.Struct, gc=False, rename="camel"):
    """The newest frame of a client and the access point that heard it best."""

    time: Loose = None
    nearest_ap_mac: str | None = None
    nearest_ap_rssi: Loose = None


class Observation(msgspec.Struct, gc=False, rename="camel"):
    """One client, in either version; whatever else it says is not even decoded."""

    client_mac: str | None = None
    locations: list[Location] | None = None
    latest_record: LatestRecord | None = None
    seen_time: Loose = None
    seen_epoch: Loose = None
    rssi: Loose = None
    location: Location | list[Location] | None = None


class Data(msgspec.Struct, gc=False, rename="camel"):
    """The payload."""

    observations: list[Observation]
    ap_mac: str | None = None
    ap_floors: list[str] | str | None = None


class Post(msgspec.Struct, gc=False):
    """The envelope."""

    data: Data
    version: str | float = ""
    secret: str = ""
    type: str = ""


_decoder = msgspec.json.Decoder(Post)


def decode(body: bytes, *, secret: str) -> Decoded | None:
    """The Wi-Fi sightings of a post, in columns, each client's in order of time; None for Bluetooth, which is not for us.

    Raises: BodyUnreadable, NotAllowed for a wrong secret, Invalid for what is no post of a known version and type,
    TooLarge over 10,000 positions.
    """
    try:
        post = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _decode_any(any_json(body), secret)
    major = _check_envelope(post.version, post.secret, post.type, secret)
    if major is None:
        return None
    check_count(len(post.data.observations))
    rows = Rows()
    for observation in post.data.observations:
        _add(rows, observation, post.data, major)
    check_count(len(rows.mac) + len(rows.rejected))
    return rows.decoded()


def _decode_any(document: Any, secret: str) -> Decoded | None:
    """The same for a post in which something has an unexpected type: that observation is lost, its neighbours are not."""
    if not isinstance(document, dict):
        raise Invalid("A post is a JSON object with version, secret, type and data.")
    said = [document.get(key) for key in ("version", "secret", "type")]
    version, given, kind = (str(value) if isinstance(value, str | float | int) else "" for value in said)
    major = _check_envelope(version, given, kind, secret)
    if major is None:
        return None
    data = document.get("data")
    observations = data.get("observations") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(observations, list):
        raise Invalid("The post has no data.observations.")
    check_count(len(observations))
    head = Data(observations=[], ap_mac=_text(data.get("apMac")), ap_floors=_texts(data.get("apFloors")))
    rows = Rows()
    for item in observations:
        try:
            _add(rows, msgspec.convert(item, Observation), head, major)
        except (msgspec.ValidationError, OverflowError, RecursionError):
            _reject(rows, Rejection.WRONG_TYPE)
    check_count(len(rows.mac) + len(rows.rejected))
    return rows.decoded()


def _check_envelope(version: str | float, given: str, kind: str, secret: str) -> int | None:
    """The major version; None for Bluetooth."""
    if not given:
        raise Invalid("The post carries no secret.")
    if not secret or not hmac.compare_digest(given.encode(errors="replace"), secret.encode()):
        raise NotAllowed("The secret is not the one of this feed; copy it into the dashboard again.")
    major = str(version).strip()[:1]
    if major not in ("2", "3"):
        raise BodyUnreadable(
            "Only versions 2 and 3 of the Scanning API are taken; choose 3.0 in the dashboard."
        )
    if kind in BLUETOOTH_TYPES:
        return None
    if kind not in WIFI_TYPES:
        raise Invalid(f"Posts of type {kind[:40]!r} are not known; choose Wi-Fi in the dashboard.")
    return int(major)


def _add(rows: Rows, observation: Observation, data: Data, major: int) -> None:
    if major == 3:
        _add_v3(rows, observation)
    else:
        _add_v2(rows, observation, data)


def _add_v3(rows: Rows, observation: Observation) -> None:
    mac = observation.client_mac or ""
    latest = observation.latest_record
    latest_ms = None if latest is None else epoch_ms(latest.time)
    fixes: list[tuple[int, Location, float, float]] = []
    for location in observation.locations or ():
        lon, lat = _lon_lat(location)
        at_ms = latest_ms if location.time is None else epoch_ms(location.time)
        if at_ms is None:
            _reject(rows, Rejection.BAD_TIME)
        elif lon == lon and lat == lat:  # noqa: PLR0124  NaN is not equal to itself
            fixes.append((at_ms, location, lon, lat))
    if len(fixes) > 1:
        fixes.sort(key=_at)
    for at_ms, location, lon, lat in fixes:
        heard = latest if at_ms == latest_ms else None
        _append(
            rows,
            mac=mac,
            at_ms=at_ms,
            lon=lon,
            lat=lat,
            accuracy_m=_accuracy_m(location),
            floor=location.floor_plan_name or (location.floor_plan.name if location.floor_plan else None),
            access_point_mac=heard.nearest_ap_mac if heard else None,
            rssi_dbm=number(heard.nearest_ap_rssi) if heard else _NAN,
        )
    if not fixes:
        _add_heard(rows, mac, latest, latest_ms)


def _add_heard(rows: Rows, mac: str, latest: LatestRecord | None, at_ms: int | None) -> None:
    """A client without a position is where the access point is that heard it best."""
    if latest is None or at_ms is None:
        _reject(rows, Rejection.MISSING_TIME if latest is None or latest.time is None else Rejection.BAD_TIME)
        return
    _append(
        rows,
        mac=mac,
        at_ms=at_ms,
        access_point_mac=latest.nearest_ap_mac,
        rssi_dbm=number(latest.nearest_ap_rssi),
    )


def _add_v2(rows: Rows, observation: Observation, data: Data) -> None:
    at_ms = epoch_ms(observation.seen_epoch)
    if at_ms is None:
        at_ms = epoch_ms(observation.seen_time)
    if at_ms is None:
        is_missing = observation.seen_epoch is None and observation.seen_time is None
        _reject(rows, Rejection.MISSING_TIME if is_missing else Rejection.BAD_TIME)
        return
    location = observation.location
    if isinstance(location, list):
        location = location[0] if location else None
    lon, lat = (_NAN, _NAN) if location is None else _lon_lat(location)
    _append(
        rows,
        mac=observation.client_mac or "",
        at_ms=at_ms,
        lon=lon,
        lat=lat,
        accuracy_m=_NAN if location is None else _accuracy_m(location),
        floor=_only_floor(data.ap_floors),
        access_point_mac=data.ap_mac,
        rssi_dbm=_dbm(number(observation.rssi)),
    )


def _append(
    rows: Rows,
    *,
    mac: str,
    at_ms: int,
    lon: float = _NAN,
    lat: float = _NAN,
    accuracy_m: float = _NAN,
    floor: str | None = None,
    access_point_mac: str | None = None,
    rssi_dbm: float = _NAN,
) -> None:
    rows.index.append(len(rows.index) + len(rows.rejected))
    rows.mac.append(mac)
    rows.at_ms.append(at_ms)
    rows.lon.append(lon)
    rows.lat.append(lat)
    rows.accuracy_m.append(accuracy_m)
    rows.floor.append(floor.strip() if floor else "")
    rows.access_point_mac.append(access_point_mac or "")
    rows.rssi_dbm.append(rssi_dbm)


def _reject(rows: Rows, reason: Rejection) -> None:
    rows.rejected.append((len(rows.index) + len(rows.rejected), reason))


def _at(fix: tuple[int, Location, float, float]) -> int:
    return fix[0]


def _lon_lat(location: Location) -> tuple[float, float]:
    lon, lat = location.lng, location.lat
    return (
        lon if type(lon) is float else number(lon),
        lat if type(lat) is float else number(lat),
    )


def _accuracy_m(location: Location) -> float:
    said = location.unc if location.variance is None else location.variance
    accuracy_m = said if type(said) is float else number(said)
    return accuracy_m if accuracy_m >= 0 else _NAN


def _dbm(rssi: float) -> float:
    return rssi + RSSI_FLOOR_DBM if rssi > 0 else rssi


def _only_floor(floors: list[str] | str | None) -> str | None:
    if isinstance(floors, str):
        return floors
    return floors[0] if floors and len(floors) == 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
