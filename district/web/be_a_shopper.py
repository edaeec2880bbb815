"""Be a shopper: in a demo district a visitor joins the real portal, drags a pin of his own, and gets the offer.

The pin stands for a telephone: wherever it is put, the product is told so by a Meraki post like any network's.
"""

import json
import secrets
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.clock import Clock, ClockDep
from district.database import DbPool, DbSession
from district.districts.service import DistrictInfo, RegistryDep
from district.gateways.models import Gateway
from district.gateways.vendors.click import redirect_query
from district.problems import Invalid, NotAuthenticated, NotFound
from district.web import pin as pins
from district.web.home import demo_district, near_offers
from district.web.language import Language as PageLanguage
from district.web.language import negotiate
from district.web.security import require_own_form
from district.web.shells import shell_of
from district.web.shopper_tabs import tabs_of
from district.web.templating import render
from district.web.visitor import Visitor, VisitorDep, occasions
from district.web.visitor import arrivals as what_arrived
from district.zones.picture import HEIGHT, WIDTH, draw
from geo.coordinates import LonLat
from geo.errors import CoordinateInvalid
from geo.metric import LocalPlane

router = APIRouter(prefix="/demo")
TAPPED_WIDTH = 306
"""CSS pixels of the picture that is tapped without a script, so that a tap's place is known."""
TAPPED_HEIGHT = TAPPED_WIDTH * HEIGHT // WIDTH
WANTED_URL = "http://example.com/"
START_SQL = """
SELECT mac, ST_X(location) AS lon, ST_Y(location) AS lat FROM access_point
WHERE district_id = :district_id AND location IS NOT NULL
ORDER BY location <-> ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) LIMIT 1
"""


@router.get("/join")
def join(
    request: Request, registry: RegistryDep, session: DbSession, clock: ClockDep, district: str = ""
) -> Response:
    """As the demo's gateway does with an unknown telephone: a fresh signed redirect to the sign-in page."""
    found = demo_district(registry, district)
    gateway = session.scalar(
        select(Gateway).where(Gateway.district_id == found.id, Gateway.vendor == "click").limit(1)
    )
    if gateway is None:
        raise NotFound("This demo has no click-through gateway.")
    start = _start(session, found)
    mac = f"da{secrets.token_hex(5)}"
    query = redirect_query(
        gateway.secret, mac=mac, ap=start[0], url=WANTED_URL, machine_now=clock.machine_now()
    )
    response = RedirectResponse(f"/portal/{gateway.slug}?{query}", HTTPStatus.SEE_OTHER)
    pins.keep(request, response, pins.Pin(slug=found.slug, mac=mac, at=start[1]))
    return response


def _start(session: Session, district: DistrictInfo) -> tuple[str, LonLat]:
    """The access point in the middle, and where it hangs."""
    values = {"district_id": district.id, "lon": district.center.lon, "lat": district.center.lat}
    row = session.execute(text(START_SQL), values).mappings().first()
    if row is None:
        return "", district.center
    return row["mac"], LonLat(lon=row["lon"], lat=row["lat"])


@router.get("/be-a-shopper")
async def show(
    request: Request,
    registry: RegistryDep,
    pool: DbPool,
    clock: ClockDep,
    visitor: VisitorDep,
    district: str = "",
) -> Response:
    """The map with the visitor's pin, and what has arrived; or how to join first."""
    if visitor is None:
        found = demo_district(registry, district)
        return render(
            request,
            "demo/join.html",
            shell=shell_of(request, found),
            now=clock.now(),
            join_address=f"/demo/join?district={found.slug}",
        )
    near = near_offers(request, visitor.district, clock, around=visitor.pin.at)
    return render(
        request,
        "demo/be_a_shopper.html",
        shell=shell_of(request, visitor.district, visitor.principal),
        now=clock.now(),
        pin=visitor.pin,
        near=await occasions(pool, visitor.district, near),
        tapped_width=TAPPED_WIDTH,
        tapped_height=TAPPED_HEIGHT,
        tabs=tabs_of(visitor.district.slug),
        district=visitor.district,
        **await what_arrived(request, pool, clock, visitor),
    )


@router.get("/arrivals")
async def arrivals(request: Request, pool: DbPool, clock: ClockDep, visitor: VisitorDep) -> Response:
    """What has arrived, as a part of the page."""
    if visitor is None:
        raise NotAuthenticated("Join the Wi-Fi first.")
    return render(
        request,
        "demo/arrivals.html",
        shell=shell_of(request, visitor.district, visitor.principal),
        now=clock.now(),
        district=visitor.district,
        **await what_arrived(request, pool, clock, visitor),
    )


@router.post("/pin", dependencies=[Depends(require_own_form)])
async def move(
    request: Request,
    clock: ClockDep,
    visitor: VisitorDep,
    lon: Annotated[float | None, Form()] = None,
    lat: Annotated[float | None, Form()] = None,
    x: Annotated[int | None, Form(alias="at.x", ge=0, le=TAPPED_WIDTH)] = None,
    y: Annotated[int | None, Form(alias="at.y", ge=0, le=TAPPED_HEIGHT)] = None,
) -> Response:
    """Put the pin somewhere: by its position, or by a tap on the picture. The product hears of it as of any telephone."""
    if visitor is None:
        raise NotAuthenticated("Join the Wi-Fi first.")
    pin = replace(visitor.pin, at=_target(request, visitor, clock, lon=lon, lat=lat, tap=(x, y)))
    accepted = await pins.report(request, visitor.district, pin, clock.now())
    if request.headers.get("accept", "").startswith("application/json"):
        response: Response = Response(
            json.dumps({"accepted": accepted, "lon": pin.at.lon, "lat": pin.at.lat}),
            media_type="application/json",
        )
    else:
        response = RedirectResponse("/demo/be-a-shopper", HTTPStatus.SEE_OTHER)
    pins.keep(request, response, pin)
    return response


def _target(
    request: Request,
    visitor: Visitor,
    clock: Clock,
    *,
    lon: float | None,
    lat: float | None,
    tap: tuple[int | None, int | None],
) -> LonLat:
    """Raises: Invalid for what is no place of this district."""
    at = visitor.pin.at
    x, y = tap
    if x is not None and y is not None:
        with request.app.state.sessions() as session:
            at = _tapped(session, request, visitor, clock, x, y)
    elif lon is not None and lat is not None:
        try:
            at = LonLat(lon=lon, lat=lat)
        except CoordinateInvalid as error:
            raise Invalid(str(error)) from None
    return pins.within(visitor.district, at)


def _tapped(session: Session, request: Request, visitor: Visitor, clock: Clock, x: int, y: int) -> LonLat:
    """The place under a tap on the picture, which shows the pin in its middle."""
    at = visitor.pin.at
    picture = _picture(session, request, visitor, clock)
    if picture is None:
        return at
    scale = WIDTH / TAPPED_WIDTH / picture.metre
    plane = LocalPlane(anchor=at)
    return LonLat(
        lon=at.lon + (x - TAPPED_WIDTH / 2) * scale / plane.metres_per_lon,
        lat=at.lat - (y - TAPPED_HEIGHT / 2) * scale / plane.metres_per_lat,
    )


def _picture(session: Session, request: Request, visitor: Visitor, clock: Clock) -> Any:
    near = near_offers(request, visitor.district, clock, around=visitor.pin.at)
    return draw(
        session,
        visitor.district,
        visitor.pin.at,
        [found.facts.position for found in near],
        is_chinese=negotiate(request) is PageLanguage.ZH,
    )


@router.get("/map.svg")
def map_picture(request: Request, session: DbSession, clock: ClockDep, visitor: VisitorDep) -> Response:
    """The surroundings of the pin, to be tapped."""
    if visitor is None:
        raise NotAuthenticated("Join the Wi-Fi first.")
    picture = _picture(session, request, visitor, clock)
    if picture is None:
        raise NotFound("This district has no map.")
    response = render(
        request,
        "demo/map.svg",
        shell=shell_of(request, visitor.district),
        now=clock.now(),
        keeps_cookies=False,
        picture=picture,
        district=visitor.district,
    )
    response.headers["content-type"] = "image/svg+xml"
    return response
