"""Meraki's posts as far as they are read; what else they say is not even decoded.

Fields stand in the order in which version 3 sends them: the decoder looks for the next name where the last one was.
"""

import msgspec

Loose = float | str | None


class FloorPlan(msgspec.Struct, gc=False):
    """The plan that a location was found on."""

    name: str | None = None


class Location(msgspec.Struct, gc=False, rename="camel"):
    """One position of a client; ``variance`` and ``unc`` are metres."""

    lat: Loose = None
    lng: Loose = None
    variance: Loose = None
    floor_plan_name: str | None = None
    time: Loose = None
    unc: Loose = None
    floor_plan: FloorPlan | None = None


class LatestRecord(msgspec.Struct, gc=False, rename="camel"):
    """The newest frame of a client and the access point that heard it best."""

    time: Loose = None
    nearest_ap_mac: str | None = None
    nearest_ap_rssi: Loose = None


class Observation(msgspec.Struct, gc=False, rename="camel"):
    """One client, in either version; whatever else it says is not even decoded."""

    client_mac: str | None = None
    latest_record: LatestRecord | None = None
    locations: list[Location] | None = None
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
