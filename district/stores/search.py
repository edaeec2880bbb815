"""The parameters of a search for stores, read from a query string."""

from typing import Annotated, Any, Final

import msgspec
from starlette.datastructures import QueryParams

from district.problems import Invalid
from geo.coordinates import LonLat
from geo.datum import Datum, to_wgs84
from geo.nearest import WORDS_MOST, Wishes

LIMIT_MOST: Final = 100
_Text = Annotated[str, msgspec.Meta(max_length=WORDS_MOST)]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """``GET …/stores/nearest``: lon and lat, and what the stores must be."""

    lon: float
    lat: float
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MOST)] = 10
    category: _Text | None = None
    open_now: bool = False
    has_offer: bool = False
    q: _Text | None = None
    brand: _Text | None = None
    floor: _Text | None = None
    radius_m: float | None = None
    crs: Datum = Datum.WGS84

    @property
    def origin(self) -> LonLat:
        """Where the searcher stands, in WGS-84. Raises: CoordinateInvalid."""
        return to_wgs84(LonLat(lon=self.lon, lat=self.lat), self.crs)

    @property
    def wishes(self) -> Wishes:
        """What the stores must be. Raises: SearchInvalid."""
        return Wishes(
            category=self.category or None,
            open_now=self.open_now,
            has_offer=self.has_offer,
            words=self.q or None,
            brand=self.brand or None,
            floor=self.floor or None,
            radius_m=self.radius_m,
        )


_MEANING: Final = {
    "lon": "longitude in degrees",
    "lat": "latitude in degrees",
    "limit": f"how many stores, 1 to {LIMIT_MOST}",
    "category": "category, exactly as the store has it",
    "open_now": "only stores that are known to be open",
    "has_offer": "only stores with a live campaign",
    "q": "words in the name or brand, or for the trade, in Chinese or English (coffee, 药店)",
    "brand": "the brand, whatever its case; a store without one answers to its name",
    "floor": "the floor, exactly as the store has it",
    "radius_m": "no further than this, in metres",
    "crs": "datum of lon and lat, and of the coordinates in the answer",
}


def read(parameters: QueryParams) -> Search:
    """A search from a query; an empty optional parameter is one that was left out, unknown ones are ignored.

    Raises: Invalid, naming the parameter.
    """
    given = {
        name: value.strip()
        for name, value in parameters.items()
        if name in _MEANING and (value.strip() or name in ("lon", "lat"))
    }
    if "crs" in given:
        given["crs"] = given["crs"].lower().replace("-", "")
    try:
        return msgspec.convert(given, Search, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None


def _refusal(text: str) -> Invalid:
    said, _, place = text.partition(" - at `$")
    name = place.strip("`.")
    if not name and "`" in said:
        name = said.split("`")[1]
    said = f"{said}. {name} means: {_MEANING[name]}." if name in _MEANING else said
    return Invalid("See errors.", errors=[{"pointer": f"/query/{name}", "detail": said}])


_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST, "default": 10},
    "open_now": {"type": "boolean", "default": False},
    "has_offer": {"type": "boolean", "default": False},
    "radius_m": {"type": "number", "exclusiveMinimum": 0},
    "crs": {"type": "string", "enum": [datum.value for datum in Datum], "default": Datum.WGS84.value},
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
}

OPENAPI: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": name in ("lon", "lat"),
            "description": meaning,
            "schema": _SCHEMAS.get(name, {"type": "string", "maxLength": WORDS_MOST}),
        }
        for name, meaning in _MEANING.items()
    ]
}
"""For ``openapi_extra``: the hot path reads the query itself, which FastAPI would take longer over than the search."""
