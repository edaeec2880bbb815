"""From the bytes of Meraki v3 posts to the transitions of fences, as an engine with a real policy works them off.

The product's own decoder can be passed in; the one here reads only the fields that the engine needs.
"""

import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np

from geo import fences
from geo.fence_index import FenceIndex, FencePolicy
from geo.fence_state import FenceState
from geo.transitions import Fixes
from tests.benchmarks import store18

DEVICES: Final = 100_000
PER_POST: Final = 1_000
POSTS: Final = 40
_SEGMENTS: Final = 16
_ELIGIBLE: Final = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """The columns of one post, all (n,) but the addresses."""

    mac: list[str]
    lon: store18.Floats
    lat: store18.Floats
    accuracy_m: store18.Floats
    at_ms: store18.Integers


Decode = Callable[[bytes], Decoded]


class _Location(msgspec.Struct, gc=False):
    lat: float
    lng: float
    variance: float
    time: datetime


class _Observation(msgspec.Struct, gc=False):
    clientMac: str  # noqa: N815 - the vendor's name
    locations: list[_Location]


class _Content(msgspec.Struct):
    observations: list[_Observation]


class _Post(msgspec.Struct):
    data: _Content


_decoder = msgspec.json.Decoder(_Post)


def decode(body: bytes) -> Decoded:
    """The newest location of each client."""
    seen = [(item.clientMac, item.locations[-1]) for item in _decoder.decode(body).data.observations]
    count = len(seen)
    return Decoded(
        mac=[mac for mac, _ in seen],
        lon=np.fromiter((place.lng for _, place in seen), np.float64, count),
        lat=np.fromiter((place.lat for _, place in seen), np.float64, count),
        accuracy_m=np.fromiter((place.variance for _, place in seen), np.float64, count),
        at_ms=np.fromiter((int(place.time.timestamp() * 1_000) for _, place in seen), np.int64, count),
    )


def measure(rounds: int, decode: Decode) -> float:
    """Fixes per CPU-second, the best round: decoded, rows looked up, projected, masked, advanced, ticked."""
    walk = store18.walk(DEVICES, step_s=15.0)
    engine = _Engine()
    for body in posts(next(walk), DEVICES // PER_POST):
        engine.take(decode(body))
    best = 0.0
    for _ in range(rounds):
        bodies = posts(next(walk), POSTS)
        gc.collect()
        before = time.process_time()
        for body in bodies:
            engine.take(decode(body))
        best = max(best, POSTS * PER_POST / (time.process_time() - before))
    return best


class _Engine:
    def __init__(self) -> None:
        self.index = FenceIndex(store18.fences(), plane=store18.PLANE, policy=FencePolicy())
        rng = np.random.default_rng(0)
        ids = list(self.index.slots)
        for segment in range(_SEGMENTS):
            chosen = np.flatnonzero(rng.random(len(ids)) < _ELIGIBLE)
            self.index.set_segment(segment, [ids[slot] for slot in chosen])
        self.state = FenceState(self.index, rows=DEVICES)
        self.rows: dict[str, int] = {}

    def take(self, post: Decoded) -> int:
        row = np.fromiter((self.rows.get(mac, -1) for mac in post.mac), np.int64, len(post.mac))
        new = np.flatnonzero(row < 0)
        if len(new):
            row[new] = self.state.allocate(len(new))
            self.state.set_segment(row[new], row[new] % _SEGMENTS)
            self.rows.update(zip((post.mac[at] for at in new), row[new].tolist(), strict=True))
        x_m, y_m = self.index.plane.to_metres_or_nan(post.lon, post.lat)
        fixes = Fixes(row=row, x_m=x_m, y_m=y_m, at_ms=post.at_ms, accuracy_m=post.accuracy_m)
        crossed = fences.advance(self.state, self.index, fixes)
        ticked = fences.tick(self.state, self.index, int(post.at_ms[-1]))
        return len(crossed) + len(ticked.transitions)


def posts(positions: store18.Positions, count: int, *, epoch_s: float = 1_780_000_000) -> list[bytes]:
    """The first part of a tick as posts of a thousand clients, with all the fields that Meraki sends.

    ``epoch_s``: when the walk began, in seconds since 1970.
    """
    return [_post(positions, start, epoch_s) for start in range(0, count * PER_POST, PER_POST)]


def _post(positions: store18.Positions, start: int, epoch_s: float) -> bytes:
    part = slice(start, start + PER_POST)
    columns = (positions.device[part], positions.lon[part], positions.lat[part], positions.at_ms[part])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    observations = [_observation(*row, epoch_s=epoch_s) for row in rows]
    body = {
        "version": "3.0",
        "secret": "a shared secret",
        "type": "WiFi",
        "data": {"networkId": "N_1", "observations": observations},
    }
    return json.dumps(body).encode()


def _observation(device: int, lon: float, lat: float, at_ms: int, *, epoch_s: float) -> dict[str, Any]:
    at = datetime.fromtimestamp(epoch_s + at_ms / 1_000, UTC).isoformat().replace("+00:00", "Z")
    mac = ":".join(f"{0x020000000000 + device:012x}"[i : i + 2] for i in range(0, 12, 2))
    return {
        "clientMac": mac,
        "ipv4": "10.1.2.3",
        "ipv6": "fe80:0:0:0:1430:aac1:6826:75ab",
        "ssid": "Guest",
        "os": "Android",
        "manufacturer": "Samsung Electronics",
        "userId": None,
        "latestRecord": {"time": at, "nearestApMac": "e4:55:a8:11:22:33", "nearestApRssi": -61},
        "locations": [
            {
                "lat": round(lat, 7),
                "lng": round(lon, 7),
                "variance": 2.0 + device % 7,
                "floorPlanId": "g_727894289736675",
                "floorPlanName": "L1",
                "x": "12.3",
                "y": "45.6",
                "time": at,
                "nearestApTags": ["guest", "floor1"],
                "rssiRecords": [
                    {"apMac": "e4:55:a8:11:22:33", "rssi": -61},
                    {"apMac": "e4:55:a8:11:22:34", "rssi": -72},
                    {"apMac": "e4:55:a8:11:22:35", "rssi": -80},
                ],
            }
        ],
    }
