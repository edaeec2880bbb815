"""The stores of a campaign of the whole district: found by name, trade, zone, street or building, then ticked."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from geoalchemy2.shape import from_shape, to_shape
from shapely import union_all
from shapely.geometry import mapping, shape
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from district.campaigns import territory
from district.campaigns.grounds import Finder
from district.campaigns.owners import Owner
from district.campaigns.schemas import MOST_STORES, OwnerKind
from district.campaigns.territory import Reached
from district.districts.service import DistrictInfo
from district.problems import Invalid
from district.stores import service as stores
from district.stores.models import ImportedPlace, Property, Store
from district.stores.schemas import StoreView
from district.web.editor import where
from district.web.editor.choices import MOST, Choice
from district.web.editor.fields import Fields
from district.web.editor.reading import dumped
from district.web.language import Language
from district.web.merchant_fence import FenceFacts
from geo import geojson
from geo.errors import GeoError
from geo.zones import Area

SHOWN: Final = 60
"""Stores that are shown of what was found."""
LONGEST_NAME: Final = 80
STREET_M: Final = 30.0
"""So near to its middle a shop stands on a street."""
OPERATOR: Final = Owner(kind=OwnerKind.OPERATOR)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search for stores came to."""

    stores: Sequence[StoreView]
    """The first of them that are not chosen yet."""
    total: int
    """All of them, chosen or not."""
    left: int
    """How many of them are not chosen yet."""


def ids_in(form: Fields) -> list[uuid.UUID]:
    """The stores that are ticked; what is no id is passed over."""
    found: list[uuid.UUID] = []
    for text in form.many("store_ids"):
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


def chosen(session: Session, district: DistrictInfo, form: Fields) -> list[StoreView]:
    """The open stores that are ticked, by name."""
    rows = session.scalars(_open(district).where(Store.id.in_(ids_in(form))).limit(MOST))
    return _by_name(stores.views(session, district, list(rows)))


def found(session: Session, district: DistrictInfo, form: Fields) -> Found | None:
    """What the form's search finds; None while nobody searches."""
    if not form.one("find_on"):
        return None
    wanted = _wanted(session, district, form)
    if wanted is None:
        return Found(stores=(), total=0, left=0)
    more = wanted.where(Store.id.not_in(ids_in(form)))
    rows = list(session.scalars(more.order_by(_name(), Store.id).limit(SHOWN)))
    return Found(
        stores=stores.views(session, district, rows),
        total=_count(session, wanted),
        left=_count(session, more),
    )


def buildings(session: Session, district: DistrictInfo, language: Language) -> list[Choice]:
    """The properties that stores may stand in."""
    rows = session.scalars(
        select(Property).where(Property.district_id == district.id).order_by(Property.name).limit(MOST)
    )
    is_chinese = language is Language.ZH
    return [(str(row.id), (is_chinese and row.name_zh) or row.name) for row in rows]


def arrange(session: Session, district: DistrictInfo, form: Fields, action: str) -> Fields:
    """The form after a button: ``stores:find``, ``stores:all`` (that were found), ``stores:none``, ``stores:back``."""
    match action:
        case "stores:find":
            return form.with_values(find_on="yes")
        case "stores:all":
            return _with_all(session, district, form)
        case "stores:none":
            return form.with_values(store_ids=(), stores_were=form.many("store_ids"))
        case "stores:back":
            both = dict.fromkeys((*form.many("stores_were"), *form.many("store_ids")))
            return form.with_values(store_ids=tuple(both)[:MOST_STORES], stores_were=())
        case _:
            return form


def _with_all(session: Session, district: DistrictInfo, form: Fields) -> Fields:
    """As many of those that were found as the campaign has room for."""
    wanted, ticked = _wanted(session, district, form), ids_in(form)
    room = MOST_STORES - len(ticked)
    if wanted is None or room <= 0:
        return form
    more = wanted.where(Store.id.not_in(ticked)).order_by(_name(), Store.id).limit(room)
    ids = [*ticked, *(row.id for row in session.scalars(more))]
    return form.with_values(store_ids=tuple(str(one) for one in ids), stores_were=())


def reached(session: Session, district: DistrictInfo, facts: FenceFacts | None) -> list[Reached]:
    """The properties that have not agreed and whose buildings the ground reaches into."""
    if facts is None:
        return []
    return territory.lacking(
        session, district.id, OPERATOR, from_shape(shape(dict(facts.outline)), srid=4326)
    )


def without(session: Session, district: DistrictInfo, form: Fields, properties: Sequence[Reached]) -> Fields:
    """The form with these properties' outlines left out of its ground, as one place."""
    ids = [one.id for one in properties]
    outlines = session.scalars(
        select(Property.outline).where(Property.district_id == district.id, Property.id.in_(ids))
    )
    shapes = [to_shape(one) for one in outlines if one is not None]
    if not shapes:
        return form
    return form.added(where.CUT, {"kind": "shape", "cut": dumped(mapping(union_all(shapes)))})


def _open(district: DistrictInfo) -> Select[Store]:
    """The district's open stores, with what was imported of them."""
    of_place = (ImportedPlace.district_id == Store.district_id) & (ImportedPlace.ref == Store.ref)
    return (
        select(Store)
        .outerjoin(ImportedPlace, of_place)
        .where(Store.district_id == district.id, Store.closed_at.is_(None))
    )


def _wanted(session: Session, district: DistrictInfo, form: Fields) -> Select[Store] | None:
    """The stores that every field of the search holds for; None where a field names nothing of the district."""
    statement = _open(district)
    if typed := form.one("find_text")[:LONGEST_NAME]:
        statement = statement.where(_is_called(typed))
    if trade := form.one("find_trade"):
        statement = statement.where(func.coalesce(Store.category, ImportedPlace.category) == trade)
    try:
        if building := form.one("find_building"):
            statement = statement.where(Store.property_id == uuid.UUID(building))
        for area in _areas(session, district, form):
            place = func.coalesce(Store.location, ImportedPlace.location)
            statement = statement.where(func.ST_Covers(from_shape(area, srid=4326), place))
    except (ValueError, Invalid, GeoError):
        return None
    return statement


def _areas(session: Session, district: DistrictInfo, form: Fields) -> list[Area]:
    """Raises: Invalid, GeoError."""
    finder = Finder(session=session, district_id=district.id, pointer="")
    areas: list[Area] = []
    if zone := form.one("find_zone"):
        areas.append(finder.zone(zone)[0])
    if street := form.one("find_street"):
        areas.append(geojson.buffer(finder.street(street), STREET_M))
    return areas


def _is_called(typed: str) -> ColumnElement[bool]:
    names: tuple[Any, ...] = (
        func.coalesce(Store.name, ImportedPlace.name),
        func.coalesce(Store.name_zh, ImportedPlace.name_zh),
        func.coalesce(Store.brand, ImportedPlace.brand),
        Store.ref,
    )
    return or_(*(one.icontains(typed, autoescape=True) for one in names))


def _name() -> ColumnElement[str]:
    return func.lower(func.coalesce(Store.name, ImportedPlace.name, ""))


def _count(session: Session, statement: Select[Store]) -> int:
    counted = statement.with_only_columns(func.count()).order_by(None)
    return session.scalar(counted) or 0


def _by_name(views: list[StoreView]) -> list[StoreView]:
    return sorted(views, key=lambda view: (view.name.casefold(), view.ref))
