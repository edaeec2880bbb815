"""What may be done with stores: the operator places them, a merchant words its own."""

import uuid
from typing import Final

from geoalchemy2.shape import from_shape, to_shape
from shapely import Point
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.merchants.models import Merchant
from district.problems import Conflict, Invalid, NotAllowed, NotFound
from district.stores.models import ImportedPlace, Property, Store
from district.stores.schemas import NewStore, StoreChange, StoreView, StoreWords
from geo.coordinates import LonLat
from geo.datum import to_wgs84
from geo.hours import Hours, HoursInvalid

CHANNEL: Final = "stores_changed"
WORDS: Final = tuple(StoreWords.model_fields)
_OPERATORS: Final = ("merchant_id", "property_id", "lon", "lat", "crs")


def seen_by(caller: Principal, district: DistrictInfo) -> Select[Store]:
    """The stores that a caller may see: an operator all, a merchant its own."""
    statement = select(Store).where(Store.district_id == district.id)
    return (
        statement if caller.merchant_id is None else statement.where(Store.merchant_id == caller.merchant_id)
    )


def found(session: Session, caller: Principal, district: DistrictInfo, store_id: uuid.UUID) -> Store:
    """Raises: NotFound, for another merchant's store too."""
    row = session.scalar(seen_by(caller, district).where(Store.id == store_id))
    if row is None:
        raise NotFound("No such store.")
    return row


def views(session: Session, district: DistrictInfo, rows: list[Store]) -> list[StoreView]:
    """Stores as their staff see them, imported words where they say none themselves."""
    wanted = select(ImportedPlace).where(
        ImportedPlace.district_id == district.id, ImportedPlace.ref.in_([row.ref for row in rows])
    )
    places = {place.ref: place for place in session.scalars(wanted)}
    return [_view(row, places.get(row.ref)) for row in rows]


def view(session: Session, district: DistrictInfo, row: Store) -> StoreView:
    """One store as its staff see it."""
    return views(session, district, [row])[0]


def _view(row: Store, place: ImportedPlace | None) -> StoreView:
    own = {name: getattr(row, name) for name in WORDS}
    words = {name: getattr(place, name, None) if value is None else value for name, value in own.items()}
    location = row.location if row.location is not None else getattr(place, "location", None)
    point = None if location is None else to_shape(location)
    overrides = [name for name, value in own.items() if value is not None]
    return StoreView(
        id=row.id,
        ref=row.ref,
        merchant_id=row.merchant_id,
        property_id=row.property_id,
        name=words["name"] or "",
        name_zh=words["name_zh"] or "",
        category=words["category"] or "",
        brand=words["brand"] or "",
        opening_hours=words["opening_hours"] or "",
        floor=words["floor"],
        address=words["address"] or "",
        member_price_percent=row.member_price_percent,
        lon=None if point is None else point.x,
        lat=None if point is None else point.y,
        overrides=overrides + (["location"] if row.location is not None else []),
        closed_at=row.closed_at,
        created_at=row.created_at,
    )


def create(session: Session, district: DistrictInfo, new: NewStore, *, clock: Clock) -> Store:
    """Make a store. Raises: Conflict when its ref is taken; Invalid without a position or with bad hours."""
    ref = new.ref or new_id().hex
    is_imported = session.get(ImportedPlace, (district.id, ref)) is not None
    if not is_imported and (new.lon is None or not new.name or not new.category):
        raise Invalid("A store that was not imported needs a name, a category, lon and lat.")
    taken = select(Store.id).where(Store.district_id == district.id, Store.ref == ref)
    if session.scalar(taken) is not None:
        raise Conflict(f"There is a store with the ref {ref!r} already.")
    row = Store(district_id=district.id, id=new_id(), ref=ref, created_at=clock.now())
    session.add(row)
    _apply(session, district, row, new)
    return row


def change(
    session: Session, caller: Principal, district: DistrictInfo, row: Store, wanted: StoreChange
) -> Store:
    """Change a store. Raises: NotAllowed for a merchant that changes more than words; Invalid."""
    given = sorted(wanted.model_fields_set & set(_OPERATORS))
    if caller.merchant_id is not None and given:
        raise NotAllowed(f"Only the operator changes {', '.join(given)} of a store.")
    _apply(session, district, row, wanted)
    return row


def close(session: Session, district: DistrictInfo, row: Store, *, clock: Clock) -> None:
    """Close a store for good; what happened in it stays."""
    row.closed_at = row.closed_at or clock.now()
    session.flush()
    notify(session, CHANNEL, str(district.id))


def _apply(session: Session, district: DistrictInfo, row: Store, wanted: StoreChange) -> None:
    given = wanted.model_fields_set
    _check_hours(district, wanted.opening_hours)
    for name in given.intersection(WORDS):
        setattr(row, name, getattr(wanted, name))
    if wanted.member_price_percent is not None:
        row.member_price_percent = wanted.member_price_percent
    if "merchant_id" in given:
        row.merchant_id = _known(session, Merchant, district, wanted.merchant_id, "merchant")
    if "property_id" in given:
        row.property_id = _known(session, Property, district, wanted.property_id, "property")
    if wanted.lon is not None and wanted.lat is not None:
        position = to_wgs84(LonLat(lon=wanted.lon, lat=wanted.lat), wanted.crs)
        row.location = from_shape(Point(position.lon, position.lat), srid=4326)
    session.flush()
    notify(session, CHANNEL, str(district.id))


def _check_hours(district: DistrictInfo, hours: str | None) -> None:
    """An imported text may be unreadable, one that a person sends now may not."""
    if not hours:
        return
    try:
        Hours.parse(hours, zone=district.zone)
    except HoursInvalid as invalid:
        raise Invalid(
            "See errors.", errors=[{"pointer": "/body/opening_hours", "detail": str(invalid)}]
        ) from None


def _known(
    session: Session,
    table: type[Merchant] | type[Property],
    district: DistrictInfo,
    row_id: uuid.UUID | None,
    name: str,
) -> uuid.UUID | None:
    if row_id is not None and session.get(table, (district.id, row_id)) is None:
        raise Invalid("See errors.", errors=[{"pointer": f"/body/{name}_id", "detail": f"No such {name}."}])
    return row_id
