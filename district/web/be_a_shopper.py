"""Be a shopper: in a demo district a visitor joins the real portal, drags a pin of his own, and gets the offer.

The pin stands for a telephone: wherever it is put, the product is told so by a Meraki post like any network's.
"""

import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.principals import Anyone
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbPool, DbSession
from district.deliveries import inbox
from district.deliveries.schemas import InboxItemOut
from district.districts.service import DistrictInfo, RegistryDep
from district.gateways.click import redirect_query
from district.gateways.models import Gateway
from district.offers import wallet
from district.offers.schemas import OfferOut, ShownState
from district.problems import Invalid, NotAuthenticated, NotFound
from district.stores.book import Found
from district.web import pin as pins
from district.web.home import demo_district, near_offers
from district.web.language import Language as PageLanguage
from district.web.language import negotiate
from district.web.security import require_own_form
from district.web.shells import shell_of
from district.web.shopper_tabs import tabs_of
from district.web.templating import render
from district.zones.picture import HEIGHT, WIDTH, draw
from geo.coordinates import LonLat
from geo.errors import CoordinateInvalid
from geo.metric import LocalPlane
from push.wording import Language

router = APIRouter(prefix="/demo")
ARRIVALS = 6
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


OCCASIONS_SQL = """
SELECT cs.store_id, c.rule->>'who' AS who,
       (SELECT min((given->>'min_s')::int) FROM jsonb_array_elements(c.rule->'trigger'->'any') AS given
        WHERE given->>'on' = 'fence.dwell') AS stay_s
FROM campaign c JOIN campaign_store cs ON cs.district_id = c.district_id AND cs.campaign_id = c.id
WHERE c.district_id = %(district_id)s AND c.state = 'live' AND cs.store_id = ANY(%(store_ids)s)
"""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """When a store near the pin gives its offer, so that a visitor knows what to try."""

    place: Found
    stay_s: int
    """How long one must stay; 0 when walking up is enough."""
    who: str


async def _occasions(pool: DbPool, district: DistrictInfo, near: Sequence[Found]) -> list[Occasion]:
    """The stores near the pin, those first that ask for the least."""
    values = {"district_id": district.id, "store_ids": [found.facts.id for found in near]}
    async with pool.connection() as connection:
        rows = await (await connection.execute(OCCASIONS_SQL, values)).fetchall()
    rules = {row[0]: (row[2] or 0, row[1]) for row in rows}
    found = [
        Occasion(place=place, stay_s=rules[place.facts.id][0], who=rules[place.facts.id][1])
        for place in near
        if place.facts.id in rules
    ]
    return sorted(found, key=lambda one: (one.who == "returning", one.stay_s))


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who drags: a member of a demo district with a pin."""

    district: DistrictInfo
    principal: Principal
    pin: pins.Pin


def read_visitor(request: Request, registry: RegistryDep, principal: Anyone) -> Visitor | None:
    """The visitor; None for who has not joined yet, or is somebody else by now."""
    pin = pins.own_pin(request)
    if pin is None or principal is None or principal.role is not Role.SHOPPER:
        return None
    district = registry.by_slug.get(pin.slug)
    if district is None or not district.label or principal.district_id != district.id:
        return None
    return Visitor(district=district, principal=principal, pin=pin)


VisitorDep = Annotated[Visitor | None, Depends(read_visitor)]


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
        near=await _occasions(pool, visitor.district, near),
        tapped_width=TAPPED_WIDTH,
        tapped_height=TAPPED_HEIGHT,
        tabs=tabs_of(visitor.district.slug),
        district=visitor.district,
        **await _arrivals(request, pool, clock, visitor),
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
        **await _arrivals(request, pool, clock, visitor),
    )


async def _arrivals(request: Request, pool: DbPool, clock: Clock, visitor: Visitor) -> dict[str, Any]:
    language = Language(negotiate(request).value)
    reader = inbox.Reader(
        pool=pool,
        district_id=visitor.district.id,
        member_id=visitor.principal.subject_id,
        language=language,
    )
    page = await reader.page(before=None, limit=ARRIVALS)
    newest = await _newest_offer(pool, clock, visitor, page.items, language)
    return {
        "items": page.items,
        "last_event_id": page.last_event_id,
        "offer": newest,
        # Our own SVG of a code that consists of letters and digits.
        "qr": Markup(wallet.qr_svg(newest.code)) if newest and newest.code else "",  # noqa: S704
    }


async def _newest_offer(
    pool: DbPool, clock: Clock, visitor: Visitor, items: list[InboxItemOut], language: Language
) -> OfferOut | None:
    """The newest coupon that can be used."""
    for item in items:
        if item.offer_id is None:
            continue
        offer = await _offer(pool, clock, visitor, item.offer_id, language)
        if offer and offer.code and offer.state in (ShownState.ISSUED, ShownState.OPENED):
            return offer
    return None


async def _offer(
    pool: DbPool, clock: Clock, visitor: Visitor, offer_id: uuid.UUID, language: Language
) -> OfferOut | None:
    try:
        return await wallet.find(
            pool,
            visitor.district.id,
            visitor.principal.subject_id,
            offer_id,
            now=clock.now(),
            language=language,
        )
    except NotFound:
        return None


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
