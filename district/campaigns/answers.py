"""A campaign as its owner and the operator see it."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from geoalchemy2.shape import to_shape
from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns import contents, owners, stock
from district.campaigns.models import Campaign, CampaignStore, CampaignVersion
from district.campaigns.schemas import CampaignOut, ComparisonOut, DifferenceOut, OwnerKind, PendingOut
from district.campaigns.stock import StockNow
from district.stores.models import ImportedPlace, Store
from geo import geojson
from push.campaign_changes import Difference, differences
from push.campaign_life import BY_CLOCK, CampaignAction, CampaignState, actions

OPERATORS_ONLY = frozenset({CampaignAction.APPROVE, CampaignAction.REJECT})
OF_PENDING = OPERATORS_ONLY | {CampaignAction.WITHDRAW}


def shown(session: Session, principal: Principal, rows: Sequence[Campaign]) -> list[CampaignOut]:
    """Campaigns of one district as the caller sees them, with their stores and stock."""
    ids = [row.id for row in rows]
    district_id = principal.district_id
    stores: dict[uuid.UUID, list[uuid.UUID]] = {}
    pairs = select(CampaignStore.campaign_id, CampaignStore.store_id).where(
        CampaignStore.district_id == district_id, CampaignStore.campaign_id.in_(ids)
    )
    for campaign_id, store_id in session.execute(pairs.order_by(CampaignStore.store_id)):
        stores.setdefault(campaign_id, []).append(store_id)
    stocks = stock.read(session, district_id, ids)
    waiting = _waiting(session, district_id, rows)
    return [
        _shown(principal, row, stores.get(row.id, []), stocks.get(row.id), waiting.get(row.id))
        for row in rows
    ]


def _waiting(
    session: Session, district_id: uuid.UUID, rows: Sequence[Campaign]
) -> dict[uuid.UUID, CampaignVersion]:
    wanted = [(row.id, row.pending_version) for row in rows if row.pending_version is not None]
    if not wanted:
        return {}
    found = select(CampaignVersion).where(
        CampaignVersion.district_id == district_id,
        tuple_(CampaignVersion.campaign_id, CampaignVersion.version).in_(wanted),
    )
    return {one.campaign_id: one for one in session.scalars(found)}


def _shown(
    principal: Principal,
    row: Campaign,
    store_ids: list[uuid.UUID],
    counted: StockNow | None,
    waiting: CampaignVersion | None,
) -> CampaignOut:
    return CampaignOut(
        id=row.id,
        version=row.version,
        state=CampaignState(row.state),
        owner_kind=OwnerKind(row.owner_kind),
        merchant_id=row.merchant_id,
        property_id=row.property_id,
        content_version=row.content_version,
        pending=_pending(waiting) if waiting is not None else None,
        name=row.name,
        store_ids=store_ids,
        rule=row.rule,
        offer=row.offer,
        fence=geojson.dump(to_shape(row.fence)),
        stock=counted.quota if counted else None,
        issued=counted.issued if counted else 0,
        reject_reason=row.reject_reason,
        pause_reason=row.pause_reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_at=row.created_at,
        changed_at=row.changed_at,
        allows=sorted(allowed(principal, row)),
    )


def allowed(principal: Principal, row: Campaign) -> frozenset[CampaignAction]:
    """What the caller may do next."""
    if not owners.may_change(principal, row):
        return frozenset()
    found = actions(CampaignState(row.state)) - BY_CLOCK
    if row.pending_version is not None:
        found |= OF_PENDING
    return found if principal.role is Role.OPERATOR else found - OPERATORS_ONLY


def _pending(row: CampaignVersion) -> PendingOut:
    return PendingOut(
        version=row.version,
        name=row.name,
        store_ids=row.store_ids,
        rule=row.rule,
        offer=row.offer,
        fence=geojson.dump(to_shape(row.fence)),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def compared(
    session: Session, row: Campaign, before: int | None = None, after: int | None = None
) -> ComparisonOut:
    """What differs between two versions: of those not named, the one in force and the one that waits.

    Raises: NotFound.
    """
    first = row.content_version if before is None else before
    second = (row.pending_version or row.content_version) if after is None else after
    old, new = contents.of_version(session, row, first), contents.of_version(session, row, second)
    found = differences(old.document(), new.document())
    names = _names(session, row.district_id, {*old.store_ids, *new.store_ids})
    return ComparisonOut(
        before_version=first,
        after_version=second,
        differences=[_difference(one, names) for one in found],
        fence_before=geojson.dump(to_shape(old.fence)),
        fence_after=geojson.dump(to_shape(new.fence)),
    )


def _difference(one: Difference, names: dict[str, str]) -> DifferenceOut:
    named = one
    if one.pointer == "/store_ids":
        named = replace(one, before=names.get(one.before, one.before), after=names.get(one.after, one.after))
    words = named.words
    return DifferenceOut(
        pointer=one.pointer,
        kind=one.kind,
        before=one.before,
        after=one.after,
        words={"zh": words.zh or "", "en": words.en or ""},
    )


def _names(session: Session, district_id: uuid.UUID, store_ids: set[uuid.UUID]) -> dict[str, str]:
    """What stores are called, by their ids as text."""
    found = (
        select(Store.id, func.coalesce(Store.name, ImportedPlace.name, ""))
        .outerjoin(
            ImportedPlace,
            (ImportedPlace.district_id == Store.district_id) & (ImportedPlace.ref == Store.ref),
        )
        .where(Store.district_id == district_id, Store.id.in_(store_ids))
    )
    return {str(id_): name for id_, name in session.execute(found) if name}
