"""Links that lead a shopper to a store on foot, each in the datum of its map. Captive browsers open https only."""

from dataclasses import dataclass
from urllib.parse import urlencode

from geo.coordinates import LonLat
from geo.datum import Datum, from_wgs84


@dataclass(frozen=True, kw_only=True)
class WalkingLink:
    """A map service and where to open it."""

    name: str
    href: str


def walking_links(place: LonLat, title: str, *, country: str) -> list[WalkingLink]:
    """Links to Apple, Google and Amap; in China Amap first, and Baidu."""
    gcj02, bd09 = from_wgs84(place, Datum.GCJ02), from_wgs84(place, Datum.BD09)
    point = f"{place.lat:.6f},{place.lon:.6f}"
    apple = f"https://maps.apple.com/?{urlencode({'daddr': point, 'dirflg': 'w'})}"
    google = "https://www.google.com/maps/dir/?" + urlencode(
        {"api": "1", "destination": point, "travelmode": "walking"}
    )
    amap = "https://uri.amap.com/navigation?" + urlencode(
        {"to": f"{gcj02.lon:.6f},{gcj02.lat:.6f},{title[:40]}", "mode": "walk", "coordinate": "gaode"}
    )
    baidu = "https://api.map.baidu.com/marker?" + urlencode(
        {
            "location": f"{bd09.lat:.6f},{bd09.lon:.6f}",
            "title": title[:40],
            "content": title[:40],
            "coord_type": "bd09ll",
            "output": "html",
            "src": "webapp.shangquan.district",
        }
    )
    elsewhere = [
        WalkingLink(name="Apple Maps", href=apple),
        WalkingLink(name="Google Maps", href=google),
    ]
    chinese = [WalkingLink(name="高德地图 Amap", href=amap)]
    if country != "CN":
        return elsewhere + chinese
    return [*chinese, WalkingLink(name="百度地图 Baidu", href=baidu), *elsewhere]
