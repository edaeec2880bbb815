"""What may be done with zones and access points."""

from typing import Final

CHANNEL: Final = "zone_changed"
ACCESS_POINT_CHANNEL: Final = "access_point_changed"
