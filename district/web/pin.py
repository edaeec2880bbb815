"""The pin of a visitor to a demo: a telephone that lives in his browser alone, and is told to the product like any other."""

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx
from fastapi import Request, Response

from district.districts.service import DistrictInfo
from district.feeds.schemas import Vendor
from district.feeds.service import FeedInfo
from district.problems import NotFound
from geo.coordinates import LonLat
from geo.datum import from_wgs84
from geo.errors import CoordinateInvalid
from geo.metric import LocalPlane

COOKIE = "demo_pin"
COOKIE_LIFE_S = 12 * 3600
FURTHEST_M = 1_500.0
ACCURACY_M = 4.0
RSSI_DBM = -58


@dataclass(frozen=True, kw_only=True)
class Pin:
    """The visitor's telephone: it lives in his browser alone."""

    slug: str
    mac: str
    at: LonLat

    def sealed(self, key: bytes) -> str:
        """For a cookie that only this product can make."""
        body = base64.urlsafe_b64encode(
            json.dumps([self.slug, self.mac, round(self.at.lon, 7), round(self.at.lat, 7)]).encode()
        ).decode()
        return f"{body}.{_seal(key, body)}"


def _seal(key: bytes, body: str) -> str:
    return hmac.new(key, f"demo-pin:{body}".encode(), "sha256").hexdigest()


def unsealed(text_: str, key: bytes) -> Pin | None:
    """The pin of a cookie; None when somebody else made it."""
    body, _, seal = text_[:400].partition(".")
    if not hmac.compare_digest(_seal(key, body).encode(), seal.encode()):
        return None
    try:
        slug, mac, lon, lat = json.loads(base64.urlsafe_b64decode(body))
        return Pin(slug=slug, mac=mac, at=LonLat(lon=lon, lat=lat))
    except (ValueError, TypeError, binascii.Error, CoordinateInvalid):
        return None


def _key(request: Request) -> bytes:
    secret = request.app.state.settings.secret
    return secret.get_secret_value().encode() if secret else _process_key()


_process_secret = secrets.token_bytes(32)


def _process_key() -> bytes:
    """Without a secret of the product a pin lives as long as the process."""
    return _process_secret


def own_pin(request: Request) -> Pin | None:
    """The browser's pin."""
    return unsealed(request.cookies.get(COOKIE, ""), _key(request))


def keep(request: Request, response: Response, pin: Pin) -> None:
    response.set_cookie(
        COOKIE,
        pin.sealed(_key(request)),
        max_age=COOKIE_LIFE_S,
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
        path="/demo",
    )


def within(district: DistrictInfo, at: LonLat) -> LonLat:
    """The nearest place that the demo still covers."""
    plane = LocalPlane(anchor=district.center)
    x_m = (at.lon - district.center.lon) * plane.metres_per_lon
    y_m = (at.lat - district.center.lat) * plane.metres_per_lat
    away_m = max((x_m**2 + y_m**2) ** 0.5, 1e-9)
    share = min(1.0, FURTHEST_M / away_m)
    return LonLat(
        lon=district.center.lon + share * x_m / plane.metres_per_lon,
        lat=district.center.lat + share * y_m / plane.metres_per_lat,
    )


async def report(request: Request, district: DistrictInfo, pin: Pin, now: datetime) -> int:
    """One fix, posted as the district's own positioning network posts: over HTTP, with its secret."""
    feed = _feed(request, district)
    transport = httpx.ASGITransport(app=request.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo.invalid", timeout=10) as client:
        answer = await client.post(f"/v1/feeds/meraki/{feed.slug}", json=_post(feed, pin, now))
    return int(answer.json().get("accepted", 0)) if answer.status_code == HTTPStatus.ACCEPTED else 0


def _feed(request: Request, district: DistrictInfo) -> FeedInfo:
    feeds = request.app.state.feeds.value.by_slug
    for (district_id, _slug), feed in feeds.items():
        if district_id == district.id and feed.vendor is Vendor.MERAKI:
            found: FeedInfo = feed
            return found
    raise NotFound("This demo has no Meraki feed.")


def _post(feed: FeedInfo, pin: Pin, now: datetime) -> dict[str, Any]:
    at = now.isoformat(timespec="milliseconds")
    position = from_wgs84(pin.at, feed.datum)
    mac = ":".join(pin.mac[index : index + 2] for index in range(0, 12, 2))
    location = {"lat": position.lat, "lng": position.lon, "variance": ACCURACY_M, "time": at}
    latest = {"time": at, "nearestApRssi": RSSI_DBM}
    return {
        "version": "3.0",
        "secret": feed.secret,
        "type": "WiFi",
        "data": {
            "networkId": "N_demo_pin",
            "observations": [{"clientMac": mac, "locations": [location], "latestRecord": latest}],
        },
    }
