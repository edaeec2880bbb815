"""Whose a campaign is, who may see and change it, and which stores it may name: tenancy follows the tree of places."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns.models import Campaign, CampaignStore
from district.campaigns.schemas import OwnerIn, OwnerKind
from district.merchants.models import Merchant
from district.problems import Invalid, NotFound
from district.stores.models import Property, Store


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose a campaign is."""

    kind: OwnerKind
    merchant_id: uuid.UUID | None = None
    property_id: uuid.UUID | None = None
    store_id: uuid.UUID | None = None

    @property
    def is_merchant(self) -> bool:
        """Whether a merchant stands behind it: as one store, or as all of its stores."""
        return self.merchant_id is not None


def of_row(row: Campaign) -> Owner:
    """The owner of a campaign."""
    return Owner(
        kind=OwnerKind(row.owner_kind),
        merchant_id=row.merchant_id,
        property_id=row.property_id,
        store_id=row.owner_store_id,
    )


def of_new(
    session: Session, principal: Principal, *, named: OwnerIn | None, merchant_id: uuid.UUID | None
) -> Owner:
    """Who a new campaign belongs to: who makes it, unless an operator names somebody else.

    Raises: NotFound for what is another's; Invalid when an operator names nobody.
    """
    wanted = named or _implied(principal, merchant_id)
    match wanted.kind:
        case OwnerKind.CHAIN:
            return Owner(kind=wanted.kind, merchant_id=_merchant(session, principal, wanted.id))
        case OwnerKind.STORE:
            return _of_store(session, principal, wanted.id)
        case OwnerKind.PROPERTY:
            return Owner(kind=wanted.kind, property_id=_property(session, principal, wanted.id))
        case OwnerKind.OPERATOR:
            if principal.role is not Role.OPERATOR:
                raise NotFound("Only the operator makes campaigns of its own.")
            return Owner(kind=wanted.kind)


def _implied(principal: Principal, merchant_id: uuid.UUID | None) -> OwnerIn:
    if principal.role is Role.PROPERTY:
        if merchant_id is not None:
            raise NotFound("No such merchant.")
        return OwnerIn(kind=OwnerKind.PROPERTY, id=principal.scope_id)
    if principal.role is Role.OPERATOR and merchant_id is None:
        detail = "An operator names the merchant of a new campaign, or its owner."
        zh = "运营方新建营销活动时须指定商户或所有者。"
        raise Invalid(
            "Name the merchant.", errors=[{"pointer": "/merchant_id", "detail": detail, "detail_zh": zh}]
        )
    return OwnerIn(kind=OwnerKind.CHAIN, id=merchant_id)


def _merchant(session: Session, principal: Principal, named: uuid.UUID | None) -> uuid.UUID:
    if principal.role is Role.MERCHANT:
        if principal.merchant_id is None or named not in {None, principal.merchant_id}:
            raise NotFound("No such merchant.")
        return principal.merchant_id
    if principal.role is not Role.OPERATOR or named is None:
        raise NotFound("No such merchant.")
    if session.get(Merchant, (principal.district_id, named)) is None:
        raise NotFound("No such merchant.")
    return named


def _of_store(session: Session, principal: Principal, named: uuid.UUID | None) -> Owner:
    store = session.get(Store, (principal.district_id, named)) if named is not None else None
    if store is None or store.merchant_id is None or store.closed_at is not None:
        raise NotFound("No such store.")
    merchant_id = _merchant(session, principal, store.merchant_id)
    return Owner(kind=OwnerKind.STORE, merchant_id=merchant_id, store_id=store.id)


def _property(session: Session, principal: Principal, named: uuid.UUID | None) -> uuid.UUID:
    if principal.role is Role.PROPERTY:
        named = principal.scope_id if named is None else named
        if named != principal.scope_id:
            raise NotFound("No such property.")
    elif principal.role is not Role.OPERATOR:
        raise NotFound("No such property.")
    if named is None or session.get(Property, (principal.district_id, named)) is None:
        raise NotFound("No such property.")
    return named


def seen_by(principal: Principal) -> ColumnElement[bool]:
    """Which campaigns of the district a caller sees.

    An operator all, a merchant its own, a property its own and those of tenants that hold in it alone.
    """
    if principal.role is Role.OPERATOR:
        return true()
    if principal.role is Role.PROPERTY:
        return or_(Campaign.property_id == principal.scope_id, _only_in(principal.scope_id))
    return Campaign.merchant_id == principal.merchant_id


def _only_in(property_id: uuid.UUID | None) -> ColumnElement[bool]:
    held = and_(
        CampaignStore.district_id == Campaign.district_id,
        CampaignStore.campaign_id == Campaign.id,
        Store.district_id == CampaignStore.district_id,
        Store.id == CampaignStore.store_id,
    )
    inside = exists().where(held, Store.property_id == property_id)
    outside = exists().where(held, Store.property_id.is_distinct_from(property_id))
    return and_(Campaign.merchant_id.is_not(None), inside, ~outside)


def may_change(principal: Principal, row: Campaign) -> bool:
    """Whether a caller who sees the campaign may also change it: a property sees more than it may change."""
    return principal.role is not Role.PROPERTY or row.property_id == principal.scope_id


def check_stores(
    session: Session, district_id: uuid.UUID, owner: Owner, store_ids: Sequence[uuid.UUID]
) -> None:
    """Raises: Invalid, naming each store that the owner's campaigns cannot hold for."""
    statement = select(Store.id).where(
        Store.district_id == district_id, Store.id.in_(set(store_ids)), Store.closed_at.is_(None)
    )
    match owner.kind:
        case OwnerKind.CHAIN:
            statement = statement.where(Store.merchant_id == owner.merchant_id)
        case OwnerKind.STORE:
            statement = statement.where(Store.id == owner.store_id)
        case OwnerKind.PROPERTY:
            statement = statement.where(Store.property_id == owner.property_id)
        case OwnerKind.OPERATOR:
            pass
    allowed = set(session.scalars(statement))
    en, zh = _REFUSED_STORES[owner.kind]
    if missing := [index for index, one in enumerate(store_ids) if one not in allowed]:
        raise Invalid(
            "See errors.",
            errors=[{"pointer": f"/store_ids/{index}", "detail": en, "detail_zh": zh} for index in missing],
        )


_REFUSED_STORES: Final[Mapping[OwnerKind, tuple[str, str]]] = {
    OwnerKind.CHAIN: ("This is not an open store of the merchant.", "这不是该商户营业中的门店。"),
    OwnerKind.STORE: ("A store's campaign holds for that store alone.", "门店活动只能用于该门店。"),
    OwnerKind.PROPERTY: ("This is not an open store of the property.", "这不是该商场营业中的门店。"),
    OwnerKind.OPERATOR: ("This is not an open store of the district.", "这不是本商圈营业中的门店。"),
}
