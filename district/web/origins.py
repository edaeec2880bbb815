"""Where the reader of a page stands, and what the page calls that."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.datastructures import QueryParams

from district.districts.service import DistrictInfo
from district.districts.text import normal_mac
from district.stores.book import DistrictStores
from district.stores.public import row_of
from district.web.language import Language
from district.web.language import gettext as _
from district.zones.queries import ACCESS_POINT_PLACE_SQL, LANDMARK_SQL, LANDMARKS_SQL
from geo.coordinates import LonLat
from geo.errors import CoordinateInvalid

KEY_MOST = 128


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A place to search from; ``query`` brings it back in an address. ``title`` is text of a source or our own words."""

    position: LonLat
    title: str
    query: dict[str, str]
    is_guess: bool = False

    @property
    def address_end(self) -> str:
        """For the end of a link within the pages."""
        return f"?{urlencode(self.query)}" if self.query else ""


def origin_of(
    session: Session, stores: DistrictStores, parameters: QueryParams, language: Language
) -> Origin:
    """The browser's position, else the access point, else the landmark or shop of a QR code, else the centre.

    What cannot be read is passed over: a page with a worn link still answers. Call it while speaking.
    """
    district = stores.district
    return (
        _of_browser(parameters)
        or _of_access_point(session, district, parameters.get("ap", ""))
        or _of_code(session, stores, parameters.get("from", ""), language)
        or center_of(stores)
    )


def center_of(stores: DistrictStores) -> Origin:
    """The district's centre, where nothing better is known. Call it while speaking."""
    title = _("the centre of the district")
    return Origin(position=stores.district.center, title=title, query={}, is_guess=True)


def landmarks_of(session: Session, district: DistrictInfo, language: Language) -> list[tuple[str, str]]:
    """Refs and names of the stops and plazas that a reader may say he stands at."""
    rows = session.execute(text(LANDMARKS_SQL), {"district_id": district.id}).mappings()
    return sorted(((row["ref"], named(row, language)) for row in rows), key=lambda pair: pair[1].casefold())


def named(row: Any, language: Language) -> str:
    """The name of a row that has ``name``, ``name_en`` and ``name_zh``."""
    own = row["name_zh"] if language is Language.ZH else row["name_en"]
    return str(own or row["name"])


def _of_browser(parameters: QueryParams) -> Origin | None:
    lon, lat = parameters.get("lon", ""), parameters.get("lat", "")
    try:
        position = LonLat(lon=float(lon[:32]), lat=float(lat[:32]))
    except (ValueError, CoordinateInvalid):
        return None
    query = {"lon": f"{position.lon:.6f}", "lat": f"{position.lat:.6f}"}
    return Origin(position=position, title=_("your position"), query=query)


def _of_access_point(session: Session, district: DistrictInfo, key: str) -> Origin | None:
    if not key or len(key) > KEY_MOST:
        return None
    try:
        mac = normal_mac(key)
    except ValueError:
        mac = ""
    values = {"district_id": district.id, "key": key.replace("\x00", "").lower(), "mac": mac}
    row = session.execute(text(ACCESS_POINT_PLACE_SQL), values).mappings().first()
    if row is None:
        return None
    title = _("the Wi-Fi at %(place)s", place=row["name"]) if row["name"] else _("your Wi-Fi access point")
    return Origin(position=LonLat(lon=row["lon"], lat=row["lat"]), title=title, query={"ap": key})


def _of_code(session: Session, stores: DistrictStores, ref: str, language: Language) -> Origin | None:
    if not ref or len(ref) > KEY_MOST:
        return None
    store = row_of(stores, ref)
    if store is not None:
        facts = stores.stores[store]
        return Origin(position=facts.position, title=facts.title(language) or ref, query={"from": ref})
    values = {"district_id": stores.district.id, "ref": ref.replace("\x00", "")}
    row = session.execute(text(LANDMARK_SQL), values).mappings().first()
    if row is None:
        return None
    return Origin(
        position=LonLat(lon=row["lon"], lat=row["lat"]), title=named(row, language), query={"from": ref}
    )
