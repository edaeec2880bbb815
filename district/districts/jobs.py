"""Making a district from the command line."""

import re
from collections.abc import Callable
from datetime import time
from typing import TypeVar

from babel.core import get_global
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts import service
from district.districts.models import District
from district.districts.service import SLUG_PATTERN, NewDistrict
from district.districts.text import NAME_MOST, clean
from district.problems import Invalid
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84
from geo.errors import CoordinateInvalid

T = TypeVar("T")


def create(
    session: Session,
    *,
    slug: str,
    name: str,
    center: str,
    zone: str,
    clock: Clock,
    day_start: str = "06:00",
    crs: str = "wgs84",
    currency: str = "CNY",
    name_zh: str = "",
    country: str | None = None,
) -> District:
    """Make a district from texts as typed: ``center`` is LON,LAT in ``crs``, ``day_start`` HH:MM.

    ``country`` (ISO 3166), whose public holidays opening hours follow, is by default the zone's.
    Raises: Invalid, naming what to mend; Conflict when the slug is taken.
    """
    if not re.fullmatch(SLUG_PATTERN, slug):
        raise Invalid(f"{slug!r} is not a slug: 1 to 40 of a-z, 0-9 and -, no - at either end.")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise Invalid(f"{currency!r} is not an ISO 4217 currency such as CNY.")
    if not (title := clean(name)) or len(title) > NAME_MOST:
        raise Invalid(f"A name has 1 to {NAME_MOST} visible characters.")
    datum = _chosen(Datum, crs.lower().replace("-", ""), "crs", ", ".join(Datum))
    new = NewDistrict(
        slug=slug,
        name=title,
        name_zh=clean(name_zh),
        center=to_wgs84(position(center), datum),
        zone=zone,
        currency=currency,
        day_start=_chosen(time.fromisoformat, day_start, "day start", "HH:MM such as 06:00"),
        datum=datum,
        country=_country_of(zone) if country is None else country.upper(),
    )
    return service.create(session, new, clock=clock)


def position(text: str) -> LonLat:
    """A position from ``LON,LAT``. Raises: Invalid."""
    try:
        lon, lat = (float(part) for part in text.split(","))
        return LonLat(lon=lon, lat=lat)
    except (ValueError, CoordinateInvalid):
        raise Invalid(f"{text!r} is not LON,LAT in degrees, such as 24.9445,60.1689.") from None


def _chosen(choose: Callable[[str], T], text: str, what: str, form: str) -> T:
    try:
        return choose(text)
    except ValueError:
        raise Invalid(f"The {what} {text!r} is not one of: {form}.") from None


def _country_of(zone: str) -> str:
    """The territory that a zone belongs to (Unicode CLDR), empty when it is nobody's."""
    territory = str(get_global("zone_territories").get(zone, ""))
    return territory if len(territory) == 2 and territory.isalpha() else ""
