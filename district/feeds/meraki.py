"""Meraki's Scanning API, versions 2.0, 2.1 and 3.0: lenient about types, strict about who sends.

A post carries the shared secret in its body; there is no signature. https://developer.cisco.com/meraki/scanning-api/
"""

import hmac
import math
from typing import Any

import msgspec

from district.bodies import BodyUnreadable
from district.feeds.decoding import Decoded, Row, Rows, any_json, check_count, epoch_ms, number
from district.feeds.meraki_columns import columns_of
from district.feeds.meraki_mixed import mixed
from district.feeds.meraki_shapes import Data, LatestRecord, Location, Loose, Observation, Post
from district.problems import Invalid, NotAllowed
from district.sightings.reported import Rejection

RSSI_FLOOR_DBM = -95.0
"""Version 2 counts signal strength upwards from here."""
WIFI_TYPES = frozenset({"DevicesSeen", "WiFi"})
BLUETOOTH_TYPES = frozenset({"BluetoothDevicesSeen", "Bluetooth"})
_NAN = math.nan


_decoder = msgspec.json.Decoder(Post)


def decode(body: bytes, *, secret: str) -> Decoded | None:
    """The Wi-Fi sightings of a post, in columns, each client's in order of time; None for Bluetooth, which is not for us.

    Raises: BodyUnreadable, NotAllowed for a wrong secret, Invalid for what is no post of a known version and type,
    TooLarge over 10,000 positions.
    """
    try:
        post = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_any(any_json(body), secret)
    major = _check_envelope(post.version, post.secret, post.type, secret)
    if major is None:
        return None
    check_count(len(post.data.observations))
    return _decode_v3(post.data) if major == 3 else row_by_row(post.data, major)


def _decode_v3(data: Data) -> Decoded:
    reported = columns_of(data.observations)
    if reported is not None:
        return Decoded(reported=reported)
    reader = Reader(data, 3)
    return mixed(data.observations, reader.rows, reader.take) or row_by_row(data, 3)


def row_by_row(data: Data, major: int) -> Decoded:
    """The rows of a post, each taken by itself. Raises: TooLarge."""
    reader = Reader(data, major)
    for observation in data.observations:
        reader.take(observation)
    check_count(len(reader.rows))
    return reader.rows.decoded(has_ids=False)


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
    reader = Reader(head, major)
    for item in observations:
        try:
            reader.take(msgspec.convert(item, Observation))
        except (msgspec.ValidationError, OverflowError, RecursionError):
            reader.rows.reject(Rejection.WRONG_TYPE)
    check_count(len(reader.rows))
    return reader.rows.decoded(has_ids=False)


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


class Reader:
    """Takes observations of one post apart."""

    def __init__(self, data: Data, major: int) -> None:
        self.rows = Rows()
        self.take = self._take_v3 if major == 3 else self._take_v2
        self._times: dict[str | float | None, int | None] = {}
        self._access_point_mac = data.ap_mac or ""
        self._floor = _only_floor(data.ap_floors)

    def _ms(self, said: Loose) -> int | None:
        """Milliseconds since 1970; a post says few different times."""
        try:
            return self._times[said]
        except KeyError:
            found = self._times[said] = epoch_ms(said)
            return found

    def _take_v3(self, observation: Observation) -> None:
        mac = observation.client_mac or ""
        latest = observation.latest_record
        latest_ms = None if latest is None else self._ms(latest.time)
        fixes: list[tuple[int, Location, float, float]] = []
        for location in observation.locations or ():
            lon, lat = _lon_lat(location)
            at_ms = latest_ms if location.time is None else self._ms(location.time)
            if at_ms is None:
                self.rows.reject(Rejection.BAD_TIME)
            elif lon == lon and lat == lat:  # noqa: PLR0124  NaN is not equal to itself
                fixes.append((at_ms, location, lon, lat))
        if not fixes:
            self._take_heard(mac, latest, latest_ms)
            return
        if len(fixes) > 1:
            fixes.sort(key=_at)
        for at_ms, location, lon, lat in fixes:
            heard = latest if at_ms == latest_ms else None
            self.rows.good.append(
                Row(
                    len(self.rows),
                    at_ms,
                    lon,
                    lat,
                    _accuracy_m(location),
                    number(heard.nearest_ap_rssi) if heard else _NAN,
                    mac,
                    (heard.nearest_ap_mac or "") if heard else "",
                    _floor_of(location),
                )
            )

    def _take_heard(self, mac: str, latest: LatestRecord | None, at_ms: int | None) -> None:
        """A client without a position is where the access point is that heard it best."""
        if latest is None or at_ms is None:
            is_missing = latest is None or latest.time is None
            self.rows.reject(Rejection.MISSING_TIME if is_missing else Rejection.BAD_TIME)
            return
        rssi_dbm, access_point_mac = number(latest.nearest_ap_rssi), latest.nearest_ap_mac or ""
        self.rows.good.append(
            Row(len(self.rows), at_ms, _NAN, _NAN, _NAN, rssi_dbm, mac, access_point_mac, "")
        )

    def _take_v2(self, observation: Observation) -> None:
        at_ms = self._ms(observation.seen_epoch)
        if at_ms is None:
            at_ms = self._ms(observation.seen_time)
        if at_ms is None:
            is_missing = observation.seen_epoch is None and observation.seen_time is None
            self.rows.reject(Rejection.MISSING_TIME if is_missing else Rejection.BAD_TIME)
            return
        location = observation.location
        if isinstance(location, list):
            location = location[0] if location else None
        lon, lat = (_NAN, _NAN) if location is None else _lon_lat(location)
        self.rows.good.append(
            Row(
                len(self.rows),
                at_ms,
                lon,
                lat,
                _NAN if location is None else _accuracy_m(location),
                _dbm(number(observation.rssi)),
                observation.client_mac or "",
                self._access_point_mac,
                self._floor,
            )
        )


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


def _only_floor(floors: list[str] | str | None) -> str:
    if isinstance(floors, str):
        return floors.strip()
    return floors[0].strip() if floors and len(floors) == 1 else ""


def _floor_of(location: Location) -> str:
    plan = location.floor_plan
    name = location.floor_plan_name or (plan.name if plan else None)
    return name.strip() if name else ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
