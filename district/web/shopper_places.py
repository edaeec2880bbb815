"""Shoppers' pages about places: the district, the nearest stores, one store. All work without a script."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from district.auth.principals import Anyone
from district.auth.service import Principal
from district.clock import ClockDep
from district.districts.service import DistrictInfo
from district.problems import NotFound
from district.stores.book import DistrictStores, Found
from district.stores.public import row_of, stores_of
from district.web import categories, formats
from district.web.language import Language, Tongue, negotiate, speaking
from district.web.origins import Origin, center_of, landmarks_of, origin_of
from district.web.shells import shell_of
from district.web.shopper_follows import hearts, note_search, note_view
from district.web.shopper_tabs import tabs_of
from district.web.templating import render
from district.web.walking import walking_links
from district.zones.picture import Picture, draw
from geo.coordinates import LonLat
from geo.nearest import WORDS_MOST, Wishes

router = APIRouter()
SHOWN = 10
CHIPS = 8
OPEN_SOON = 3
ASKED_FOR_OPEN_SOON = 40
FLOORS_MOST = 40
BRANDS_MOST = 60
COMPRESSED_FROM_BYTES = 1_000
WEEK = timedelta(days=6)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the form asks for, as typed; a text that is too long is cut."""

    category: str
    q: str
    brand: str
    floor: str
    open_now: bool
    has_offer: bool

    @classmethod
    def of(cls, request: Request) -> "Asked":
        """From the address."""
        given = {name: value[:WORDS_MOST].strip() for name, value in request.query_params.items()}
        return cls(
            category=given.get("category", ""),
            q=given.get("q", ""),
            brand=given.get("brand", ""),
            floor=given.get("floor", ""),
            open_now=given.get("open_now", "") in ("1", "true", "on"),
            has_offer=given.get("has_offer", "") in ("1", "true", "on"),
        )

    @property
    def wishes(self) -> Wishes:
        """As the index takes them."""
        return Wishes(
            category=self.category or None,
            words=self.q or None,
            brand=self.brand or None,
            floor=self.floor or None,
            open_now=self.open_now,
            has_offer=self.has_offer,
        )

    @property
    def query(self) -> dict[str, str]:
        """What is asked, for an address."""
        texts = {"category": self.category, "q": self.q, "brand": self.brand, "floor": self.floor}
        ticks = {"open_now": self.open_now, "has_offer": self.has_offer}
        return {name: value for name, value in texts.items() if value} | {
            name: "1" for name, is_ticked in ticks.items() if is_ticked
        }

    @property
    def is_detailed(self) -> bool:
        """Whether a field of the folded part is filled."""
        return bool(self.brand or self.floor)


@router.get("/d/{slug}")
def home(slug: str, request: Request, caller: Anyone, clock: ClockDep) -> Response:
    """The district for shoppers: where to go from here."""
    stores = stores_of(request, slug)
    now = clock.now()
    index = stores.at(now)
    return _page(
        request,
        "shopper/home.html",
        stores.district,
        caller=caller,
        now=now,
        open_count=int((index.open_now == 1).sum()),
        store_count=len(stores.stores),
        offer_count=int(index.has_offer.sum()),
        chips=_chips(stores, Asked.of(request), {}, negotiate(request)),
    )


@router.get("/d/{slug}/nearest")
def nearest(slug: str, request: Request, caller: Anyone, clock: ClockDep) -> Response:
    """The nearest stores: a list, then a picture of the map with the same numbers."""
    stores = stores_of(request, slug)
    language, now, asked = negotiate(request), clock.now(), Asked.of(request)
    origin = _origin(request, stores, language)
    found = search(stores, origin, asked, now=now)
    soon = open_soon(stores, origin, asked, now=now) if asked.open_now and not found else []
    listed = found or soon
    picture = _picture(request, stores.district, origin.position, listed, language)
    note_search(request, caller, stores.district, asked.q, len(found), clock)
    return _page(
        request,
        "shopper/nearest.html",
        stores.district,
        caller=caller,
        now=now,
        hearts=hearts(request, caller, stores.district),
        asked=asked,
        origin=origin,
        found=found,
        soon=soon,
        listed=listed,
        picture=picture,
        chips=_chips(stores, asked, origin.query, language),
        choices=_choices(stores, language),
        landmarks=_landmarks(request, stores.district, language),
    )


@router.get("/d/{slug}/stores/{store_id}")
def store(slug: str, store_id: str, request: Request, caller: Anyone, clock: ClockDep) -> Response:
    """One store: open or not, where, and the way there."""
    stores = stores_of(request, slug)
    row = row_of(stores, store_id)
    if row is None:
        raise NotFound("No such store, or it has closed.")
    language, now = negotiate(request), clock.now()
    item = stores.found(row, now=now, distance_m=0.0)
    origin = _origin(request, stores, language)
    title = item.facts.title(language) or categories.title(item.facts.category, language)
    note_view(request, caller, stores.district, str(item.facts.id), clock)
    return _page(
        request,
        "shopper/store.html",
        stores.district,
        caller=caller,
        now=now,
        hearts=hearts(request, caller, stores.district),
        item=item,
        title=title,
        origin=origin,
        picture=_picture(request, stores.district, item.facts.position, [item], language),
        links=walking_links(item.facts.position, title, country=stores.district.country),
    )


def search(stores: DistrictStores, origin: Origin, asked: Asked, *, now: datetime) -> list[Found]:
    """The nearest stores that fit. Parking and the like are listed only for who asks for them."""
    wishes = asked.wishes
    if asked.category or asked.q:
        return stores.nearest(origin.position, now=now, limit=SHOWN, wishes=wishes)
    wanted = SHOWN
    while True:
        found = stores.nearest(origin.position, now=now, limit=wanted * 2, wishes=wishes)
        shops = [item for item in found if item.facts.category not in categories.NOT_SHOPPING]
        if len(shops) >= SHOWN or len(found) < wanted * 2 or wanted * 4 > ASKED_FOR_OPEN_SOON * 10:
            return shops[:SHOWN]
        wanted *= 2


def open_soon(stores: DistrictStores, origin: Origin, asked: Asked, *, now: datetime) -> list[Found]:
    """When nothing that fits is open: of those near, the ones that open first."""
    wishes = Wishes(
        category=asked.category or None,
        words=asked.q or None,
        brand=asked.brand or None,
        floor=asked.floor or None,
        has_offer=asked.has_offer,
    )
    near = stores.nearest(origin.position, now=now, limit=ASKED_FOR_OPEN_SOON, wishes=wishes)
    coming = [item for item in near if item.hours.opens_at is not None]
    first = sorted(coming, key=lambda item: (item.hours.opens_at or "", item.distance_m))[:OPEN_SOON]
    return sorted(first, key=lambda item: item.distance_m)


def _chips(
    stores: DistrictStores, asked: Asked, origin: Mapping[str, str], language: Language
) -> list[dict[str, Any]]:
    """Links to the commonest categories, the one chosen among them."""
    shown = categories.commonest((facts.category for facts in stores.stores), CHIPS)
    if asked.category and asked.category not in shown:
        shown.insert(0, asked.category)
    rest = {name: value for name, value in asked.query.items() if name != "category"} | dict(origin)
    base = f"/d/{stores.district.slug}/nearest"
    chips = [{"value": category, "title": categories.title(category, language)} for category in shown]
    return [chip | {"href": f"{base}?{urlencode(rest | {'category': chip['value']})}"} for chip in chips]


def _choices(stores: DistrictStores, language: Language) -> dict[str, Sequence[Any]]:
    """What the form offers to choose from."""
    known = {facts.category for facts in stores.stores} - {""}
    floors = {facts.floor for facts in stores.stores if facts.floor}
    brands = {facts.brand for facts in stores.stores if facts.brand}
    titled = ((category, categories.title(category, language)) for category in known)
    return {
        "categories": sorted(titled, key=lambda pair: pair[1].casefold()),
        "floors": sorted(floors, key=_floor_order)[:FLOORS_MOST],
        "brands": sorted(brands, key=str.casefold) if len(brands) <= BRANDS_MOST else [],
    }


def _floor_order(floor: str) -> tuple[float, str]:
    try:
        return float(floor), floor
    except ValueError:
        return 1_000.0, floor


def _read(request: Request, ask: Callable[[Session], T], otherwise: T) -> T:
    """What the database says; with it away the page does without: its list comes from memory."""
    try:
        with request.app.state.sessions() as session:
            return ask(session)
    except (OperationalError, PoolTimeout):
        return otherwise


def _origin(request: Request, stores: DistrictStores, language: Language) -> Origin:
    with speaking(Tongue(language=language)):
        given = request.query_params
        found = _read(request, lambda session: origin_of(session, stores, given, language), None)
        return found or center_of(stores)


def _picture(
    request: Request, district: DistrictInfo, here: LonLat, listed: Sequence[Found], language: Language
) -> Picture | None:
    places = [item.facts.position for item in listed]
    is_chinese = language is Language.ZH
    return _read(request, lambda session: draw(session, district, here, places, is_chinese=is_chinese), None)


def _landmarks(request: Request, district: DistrictInfo, language: Language) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = _read(
        request, lambda session: landmarks_of(session, district, language), []
    )
    return found


def _page(
    request: Request,
    template: str,
    district: DistrictInfo,
    *,
    caller: Principal | None,
    now: datetime,
    **values: Any,
) -> Response:
    language = negotiate(request)
    response = render(
        request,
        template,
        shell=shell_of(request, district, caller),
        now=now,
        district=district,
        category_title=lambda category: categories.title(category, language),
        tabs=tabs_of(district.slug),
        moment=lambda text: _moment(text, now),
        **values,
    )
    # A page with a heart holds the form's secret beside what the reader typed: compressing both would tell it.
    return response if values.get("hearts") is not None else _compressed(request, response)


def _moment(text: str, now: datetime) -> str:
    """A coming time from RFC 3339: the hour today, with the weekday this week, else the day as well."""
    at = datetime.fromisoformat(text)
    local = now.astimezone(at.tzinfo)
    if at.date() == local.date():
        return formats.clock_time(at)
    return formats.weekday_time(at) if at - local < WEEK else formats.day_time(at)


def _compressed(request: Request, response: Response) -> Response:
    """Gzip for a reader on a slow Wi-Fi; the pages hold nothing secret that a reader could steer."""
    body = bytes(response.body)
    if "gzip" in request.headers.get("accept-encoding", "") and len(body) >= COMPRESSED_FROM_BYTES:
        response.body = gzip.compress(body, compresslevel=6, mtime=0)
        response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(response.body))
        response.headers["vary"] = f"{response.headers.get('vary', '')}, Accept-Encoding".strip(", ")
    return response
