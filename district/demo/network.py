"""What the district's access points see of the crowd, as a Meraki network reports it."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from district.demo.crowd import Crowd, Fixes, meraki_post
from district.demo.ground import Ground
from geo.datum import from_wgs84_arrays
from geo.metric import LocalPlane

ACCURACY_M = (5.0, 14.0)
RSSI_DBM = (-74, -48)


class Network:
    """The access points of a district; ``random`` is the crowd's own."""

    def __init__(self, ground: Ground, crowd: Crowd, plane: LocalPlane, random: np.random.Generator) -> None:
        self._ground = ground
        self._crowd = crowd
        self._plane = plane
        self._random = random
        lon = np.array([position.lon for _, position in ground.access_points])
        lat = np.array([position.lat for _, position in ground.access_points])
        self._points = cKDTree(np.column_stack(plane.to_metres(lon, lat)))

    def post(self, fixes: Fixes) -> dict[str, Any] | None:
        """One network's observations of this second; None of nobody."""
        if not len(fixes.slots):
            return None
        # The feed is declared in the district's own datum, so that is what it must hear.
        lon, lat = from_wgs84_arrays(
            *self._plane.to_degrees(fixes.x_m, fixes.y_m), self._ground.district.datum
        )
        _, found = self._points.query(np.column_stack((fixes.x_m, fixes.y_m)))
        points = np.asarray(found)
        observations = [
            self._observation(int(slot), float(at_s), float(lon[row]), float(lat[row]), int(points[row]))
            for row, (slot, at_s) in enumerate(zip(fixes.slots, fixes.at_s, strict=True))
            if self._crowd.people[int(slot)] is not None
        ]
        return meraki_post(fixes, observations, self._ground.feed_secret) if observations else None

    def _observation(self, slot: int, at_s: float, lon: float, lat: float, point: int) -> dict[str, Any]:
        person = self._crowd.people[slot]
        mac = person.mac if person else ""
        at = datetime.fromtimestamp(at_s, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        near = _spelled(self._ground.access_points[point][0])
        return {
            "clientMac": _spelled(mac),
            "locations": [
                {
                    "lat": round(lat, 7),
                    "lng": round(lon, 7),
                    "variance": round(float(self._random.uniform(*ACCURACY_M)), 1),
                    "time": at,
                    "nearestApTags": [],
                    "floorPlanName": self._crowd.floor(slot),
                }
            ],
            "latestRecord": {
                "time": at,
                "nearestApMac": near,
                "nearestApRssi": int(self._random.integers(*RSSI_DBM)),
            },
        }


def _spelled(mac: str) -> str:
    """With colons, as vendors write it."""
    return ":".join(mac[index : index + 2] for index in range(0, len(mac), 2))
