"""A campaign as its owner and the operator see it."""

import uuid
from collections.abc import Sequence

from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns.models import Campaign, CampaignStock, CampaignStore
from district.campaigns.schemas import CampaignOut
from geo import geojson
from push.campaign import CampaignAction, CampaignState, actions

OPERATORS_ONLY = frozenset({CampaignAction.APPROVE, CampaignAction.REJECT})
BY_CLOCK = frozenset({CampaignAction.START})


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
    stocks = {
        stock.campaign_id: stock
        for stock in session.scalars(
            select(CampaignStock)
            .where(CampaignStock.district_id == district_id, CampaignStock.campaign_id.in_(ids))
            .execution_options(populate_existing=True)
        )
    }
    return [_shown(principal, row, stores.get(row.id, []), stocks.get(row.id)) for row in rows]


def _shown(
    principal: Principal, row: Campaign, store_ids: list[uuid.UUID], stock: CampaignStock | None
) -> CampaignOut:
    state = CampaignState(row.state)
    hidden = BY_CLOCK if principal.role is Role.OPERATOR else BY_CLOCK | OPERATORS_ONLY
    return CampaignOut(
        id=row.id,
        version=row.version,
        state=state,
        merchant_id=row.merchant_id,
        name=row.name,
        store_ids=store_ids,
        rule=row.rule,
        offer=row.offer,
        fence=geojson.dump(to_shape(row.fence)),
        stock=stock.quota if stock else None,
        issued=stock.issued if stock else 0,
        reject_reason=row.reject_reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        created_at=row.created_at,
        changed_at=row.changed_at,
        allows=sorted(actions(state) - hidden),
    )
