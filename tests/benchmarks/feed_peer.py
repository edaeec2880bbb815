"""A web role with two more routes, for comparison: the Meraki feed with a pydantic body, and a route that only reads.

python -m tests.benchmarks.feed_peer PORT
"""

import math
import sys
from datetime import datetime
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from district import bodies
from district.app import create_app
from district.districts.models import RouteKind
from district.districts.service import RegistryDep
from district.feeds import service
from district.feeds.decoding import Decoded
from district.feeds.routes import FeedsDep
from district.feeds.schemas import Vendor
from district.problems import NotAllowed
from district.settings import get_settings
from district.sightings.reported import Reported, Texts


class RssiRecord(BaseModel):
    """How an access point heard the client."""

    apMac: str  # noqa: N815 - the vendor's names
    rssi: int


class LatestRecord(BaseModel):
    """The newest frame."""

    time: datetime
    nearestApMac: str  # noqa: N815
    nearestApRssi: int  # noqa: N815


class Location(BaseModel):
    """One position."""

    lat: float
    lng: float
    variance: float
    floorPlanId: str | None = None  # noqa: N815
    floorPlanName: str | None = None  # noqa: N815
    x: str | None = None
    y: str | None = None
    time: datetime
    nearestApTags: list[str] = []  # noqa: N815
    rssiRecords: list[RssiRecord] = []  # noqa: N815


class Observation(BaseModel):
    """One client."""

    clientMac: str  # noqa: N815
    ipv4: str | None = None
    ipv6: str | None = None
    ssid: str | None = None
    os: str | None = None
    manufacturer: str | None = None
    userId: str | None = None  # noqa: N815
    latestRecord: LatestRecord  # noqa: N815
    locations: list[Location]


class Data(BaseModel):
    """The payload."""

    networkId: str  # noqa: N815
    observations: list[Observation]


class Post(BaseModel):
    """Version 3.0 as its documentation describes it."""

    version: str
    secret: str
    type: str
    data: Data


def columns_of(post: Post) -> Decoded:
    """What the product's own decoder would give."""
    rows: list[tuple[Any, ...]] = []
    for observation in post.data.observations:
        latest = observation.latestRecord
        for place in sorted(observation.locations, key=lambda location: location.time):
            heard = latest if place.time == latest.time else None
            rows.append(
                (
                    int(place.time.timestamp() * 1000 + 0.5),
                    place.lng,
                    place.lat,
                    place.variance,
                    heard.nearestApRssi if heard else math.nan,
                    observation.clientMac,
                    heard.nearestApMac if heard else "",
                    place.floorPlanName or "",
                )
            )
    at_ms, lon, lat, accuracy_m, rssi_dbm, mac, access_point_mac, floor = zip(*rows, strict=True)
    reported = Reported(
        index=np.arange(len(rows)),
        at_ms=np.array(at_ms, np.int64),
        lon=np.array(lon, np.float64),
        lat=np.array(lat, np.float64),
        accuracy_m=np.array(accuracy_m, np.float32),
        rssi_dbm=np.array(rssi_dbm, np.float32),
        mac=list(mac),
        access_point_mac=Texts.of(access_point_mac),
        floor=Texts.of(floor),
    )
    return Decoded(reported=reported)


def add_routes(app: FastAPI) -> None:
    """The peer and the yardstick."""

    @app.post("/peer/meraki/{feed}", status_code=202)
    async def post_pydantic(
        feed: str, post: Post, request: Request, registry: RegistryDep, feeds: FeedsDep
    ) -> JSONResponse:
        found = feeds.find(registry.routed(RouteKind.FEED, feed).id, feed, Vendor.MERAKI)
        if post.secret != found.secret:
            raise NotAllowed
        state = request.app.state
        published = await service.take(
            columns_of(post),
            found,
            body=await request.body(),
            edges=state.edges,
            stream=state.stream,
            counts=state.feed_counts,
            now=state.clock.now(),
        )
        return JSONResponse(
            {
                "accepted": published.accepted,
                "duplicates": published.duplicates,
                "rejected": len(published.rejected),
            },
            status_code=202,
        )

    @app.post("/yardstick/discard", status_code=202)
    async def discard(request: Request) -> JSONResponse:
        body = await bodies.read(
            request, limit_bytes=5 * bodies.MEBIBYTE, pause=request.app.state.settings.body_timeout
        )
        return JSONResponse({"bytes": len(body)}, status_code=202)


def main() -> None:
    """Serve as the web role does."""
    app = create_app(get_settings())
    add_routes(app)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
