"""Whose ground a fence covers: own premises and public space are free, another property's building asks for its consent.

A property's building is the part of its outline that buildings of the map cover; where the map has none there,
the whole outline. Streets are public. A fence reaches in when it comes more than TOLERANCE_M metres past the
building's wall: maps and drawn fences are not better than that, and Wi-Fi positions far worse. A building
narrower than twice that is reached when half of it is covered.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from district.campaigns.owners import Owner
from district.campaigns.schemas import OwnerKind
from district.campaigns.shared_models import FundingShare, TerritoryConsent
from district.problems import Invalid
from district.stores.models import ImportedPlace, Property, PropertyKind, Store
from district.zones.models import MapFeature
from geo.territory import reaches_into, walls_within
from geo.zones import Area

TOLERANCE_M: Final = 5.0
BUILDINGS: Final = "buildings"
MOST_BUILDINGS: Final = 500
POINTER: Final = "/rule/where/within"


class ConsentNeeded(Invalid):
    """A fence that reaches into a building whose property has not agreed."""

    slug, title = "territory-consent-needed", "The fence reaches into another property's building"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A property whose building a fence reaches into."""

    id: uuid.UUID
    name: str
    name_zh: str


def check(
    session: Session,
    district_id: uuid.UUID,
    owner: Owner,
    fence: Any,
    *,
    campaign_id: uuid.UUID | None = None,
) -> None:
    """Raises: ConsentNeeded, naming every property whose consent is missing."""
    missing = lacking(session, district_id, owner, fence, campaign_id=campaign_id)
    if not missing:
        return
    names = ", ".join(one.name for one in missing)
    names_zh = "、".join(one.name_zh or one.name for one in missing)
    detail = f"The fence reaches into {names}. Ask there for consent, or draw the fence outside of it."
    detail_zh = f"围栏进入了{names_zh}。请先征得其同意，或将围栏画在其外。"
    raise ConsentNeeded(
        detail,
        detail_zh=detail_zh,
        errors=[{"pointer": POINTER, "detail": detail, "detail_zh": detail_zh}],
        properties=[{"id": str(one.id), "name": one.name, "name_zh": one.name_zh} for one in missing],
    )


def lacking(
    session: Session,
    district_id: uuid.UUID,
    owner: Owner,
    fence: Any,
    *,
    campaign_id: uuid.UUID | None = None,
) -> list[Reached]:
    """The properties that the fence reaches into without being the owner's and without having agreed."""
    free = _own(session, district_id, owner) | _agreed(session, district_id, owner, campaign_id)
    area = to_shape(fence)
    return [
        Reached(id=row.id, name=row.name, name_zh=row.name_zh)
        for row in _touched(session, district_id, fence)
        if row.id not in free
        and row.outline is not None
        and reaches_into(area, building_of(session, row, row.outline), tolerance_m=TOLERANCE_M)
    ]


def _touched(session: Session, district_id: uuid.UUID, fence: Any) -> Iterable[Property]:
    return session.scalars(
        select(Property)
        .where(
            Property.district_id == district_id,
            Property.outline.is_not(None),
            Property.kind != PropertyKind.STREET,
            func.ST_Intersects(Property.outline, fence),
        )
        .order_by(Property.name, Property.id)
    )


def building_of(session: Session, row: Property, outline: WKBElement) -> Area:
    """The walls of a property: buildings of the map inside its outline, else the outline."""
    shapes = session.scalars(
        select(MapFeature.shape)
        .where(
            MapFeature.district_id == row.district_id,
            MapFeature.layer == BUILDINGS,
            func.ST_Dimension(MapFeature.shape) == 2,
            func.ST_Intersects(MapFeature.shape, outline),
        )
        .order_by(MapFeature.id)
        .limit(MOST_BUILDINGS)
    )
    walls = [one for one in map(to_shape, shapes) if shapely.is_valid(one)]
    return walls_within(to_shape(outline), walls)


def _own(session: Session, district_id: uuid.UUID, owner: Owner) -> set[uuid.UUID]:
    """The property that owns the campaign, or those that the owner's stores stand in."""
    if owner.property_id is not None:
        return {owner.property_id}
    if not owner.is_merchant:
        return set()
    stores = (
        Store.id == owner.store_id
        if owner.kind is OwnerKind.STORE
        else Store.merchant_id == owner.merchant_id
    )
    place = func.coalesce(Store.location, ImportedPlace.location)
    stands_in = (
        select(Property.id)
        .select_from(Store)
        .outerjoin(
            ImportedPlace,
            (ImportedPlace.district_id == Store.district_id) & (ImportedPlace.ref == Store.ref),
        )
        .join(
            Property,
            (Property.district_id == Store.district_id)
            & or_(
                Property.id == Store.property_id,
                Store.property_id.is_(None) & func.ST_Intersects(Property.outline, place),
            ),
        )
        .where(Store.district_id == district_id, Store.closed_at.is_(None), stores)
    )
    return set(session.scalars(stands_in))


def _agreed(
    session: Session, district_id: uuid.UUID, owner: Owner, campaign_id: uuid.UUID | None
) -> set[uuid.UUID]:
    """Properties whose standing consent covers the owner, and those that pay for the campaign by name."""
    holders = [owner.merchant_id, owner.property_id] if owner.kind is not OwnerKind.OPERATOR else []
    named = [one for one in holders if one is not None]
    kinds = ["anyone", "operator"] if owner.kind is OwnerKind.OPERATOR else ["anyone"]
    agreed = select(TerritoryConsent.property_id).where(
        TerritoryConsent.district_id == district_id,
        TerritoryConsent.withdrawn_at.is_(None),
        or_(TerritoryConsent.grantee_kind.in_(kinds), TerritoryConsent.grantee_id.in_(named)),
    )
    found = set(session.scalars(agreed))
    if campaign_id is not None:
        paying = select(FundingShare.party_id).where(
            FundingShare.district_id == district_id,
            FundingShare.campaign_id == campaign_id,
            FundingShare.party_kind == "property",
        )
        found |= {one for one in session.scalars(paying) if one is not None}
    return found
