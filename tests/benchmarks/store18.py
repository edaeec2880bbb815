"""The generated set "store18": 5,000 fences in 1 km² of which about 18 contain each point, and its walkers."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt
import shapely

from geo.coordinates import LonLat
from geo.fence_index import Fence, FenceId
from geo.metric import LocalPlane

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SIDE_M = 1_000.0
PLANE = LocalPlane(anchor=LonLat(lon=110.785, lat=32.6475), radius_m=3_000)
_STREETS = 20
_CIRCLES, _MALLS = 4_500, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Positions:
    """Who is where: (n,) device numbers and (n,) degrees, in arrival order, with their common time."""

    device: Integers
    lon: Floats
    lat: Floats
    at_ms: Integers

    def __len__(self) -> int:
        return len(self.device)


def stores(count: int = 10_000, seed: int = 1) -> Floats:
    """(count, 2) metres from the south-west corner: 60 % along a grid of streets, the rest anywhere."""
    rng = np.random.default_rng(seed)
    shops = int(count * 0.6)
    street = rng.integers(0, _STREETS, shops) * (SIDE_M / _STREETS) + SIDE_M / _STREETS / 2
    across, along = street + rng.normal(0, 6, shops), rng.random(shops) * SIDE_M
    level = rng.random(shops) < 0.5
    lined = np.column_stack((np.where(level, along, across), np.where(level, across, along)))
    places = np.concatenate((lined, rng.random((count - shops, 2)) * SIDE_M))
    shuffled: Floats = np.clip(rng.permutation(places), 0, SIDE_M)
    return shuffled


def fences(seed: int = 2) -> list[Fence]:
    """4,500 circles of 32 corners, 8-60 m wide log-uniformly, and 500 wavy malls of 50 corners."""
    rng = np.random.default_rng(seed)
    at = stores()[rng.choice(10_000, _CIRCLES + _MALLS, replace=False)]
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    radius = np.exp(rng.uniform(np.log(8), np.log(60), (_CIRCLES, 1)))
    circles = _rings(at[:_CIRCLES], radius * np.cos(angle), radius * np.sin(angle))
    angle = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    waves = 0.25 * np.sin(angle * 3 + rng.uniform(0, 6, (_MALLS, 1)))
    waves = waves + 0.12 * np.sin(angle * 7 + rng.uniform(0, 6, (_MALLS, 1)))
    radius = rng.uniform(25, 90, (_MALLS, 1)) * (1 + waves)
    stretch = rng.uniform(0.5, 1.6, (_MALLS, 1))
    malls = _rings(at[_CIRCLES:], radius * np.cos(angle) * stretch, radius * np.sin(angle))
    polygons = rng.permutation(np.concatenate((circles, malls)))
    return [Fence(id=FenceId(UUID(int=i + 1)), polygon=polygon) for i, polygon in enumerate(polygons)]


def walk(
    devices: int = 100_000, *, seed: int = 3, step_s: float = 5.0, noise_m: float = 4.0
) -> Iterator[Positions]:
    """Endless ticks of step_s; in each, every device reports once, in a new order. 40 % stand still."""
    rng = np.random.default_rng(seed)
    home = stores()
    at = np.clip(home[rng.choice(len(home), devices)] + rng.normal(0, 15, (devices, 2)), 0, SIDE_M)
    heading = rng.uniform(0, 2 * np.pi, devices)
    speed = np.abs(rng.normal(1.0, 0.5, devices)) * (rng.random(devices) < 0.6)
    tick = 0
    while True:
        heading += rng.normal(0, 0.4, devices)
        at += (speed * step_s)[:, np.newaxis] * np.column_stack((np.cos(heading), np.sin(heading)))
        heading = np.where(((at < 0) | (at > SIDE_M)).any(axis=1), heading + np.pi, heading)
        at = np.clip(at, 0, SIDE_M)
        seen = np.clip(at + rng.normal(0, noise_m, at.shape), 0, SIDE_M)
        order = rng.permutation(devices)
        lon, lat = _degrees(seen[order])
        tick += 1
        at_ms = np.full(devices, int(tick * step_s * 1_000), dtype=np.int64)
        yield Positions(device=order, lon=lon, lat=lat, at_ms=at_ms)


def _rings(center: Floats, x: Floats, y: Floats) -> npt.NDArray[np.object_]:
    corners = np.stack((center[:, :1] + x, center[:, 1:] + y), axis=-1)
    lon, lat = _degrees(corners.reshape(-1, 2))
    rings: npt.NDArray[np.object_] = shapely.polygons(np.stack((lon, lat), axis=-1).reshape(corners.shape))
    return rings


def _degrees(metres: Floats) -> tuple[Floats, Floats]:
    return PLANE.to_degrees(metres[:, 0] - SIDE_M / 2, metres[:, 1] - SIDE_M / 2)
