"""What is out of a campaign's stock, drawn from pools included, and how the stock is made larger or smaller.

``campaign_stock.issued`` is the count of what is taken one by one; of what is drawn from a pool it learns late. The
view ``stock_now`` is the truth: whoever shows a stock or decides by it reads that.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign, CampaignStock
from district.campaigns.queries import SHRINK_POOL_SQL, STOCK_NOW_SQL
from district.problems import Invalid
from push.offer import OfferKind


@dataclass(frozen=True, kw_only=True)
class StockNow:
    """A stock as it stands."""

    quota: int | None
    """None: not limited."""
    issued: int
    is_pooled: bool
    """Whether its pieces are rows, drawn by many at once."""


def read(
    session: Session, district_id: uuid.UUID, campaign_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, StockNow]:
    """The stocks of these campaigns."""
    session.flush()
    values = {"district_id": district_id, "campaigns": list(campaign_ids)}
    return {
        row.campaign_id: StockNow(quota=row.quota, issued=row.issued, is_pooled=row.is_pooled)
        for row in session.execute(text(STOCK_NOW_SQL), values)
    }


def set_quota(session: Session, row: Campaign, quota: int | None) -> int | None:
    """Make the stock this large, and say how large it was. Raises: Invalid when more than this is out.

    Pieces are drawn from a pool while this runs: it is made smaller here and now, by pieces that nobody holds, so that
    none is drawn beyond the smaller stock. A larger one is filled by the job that keeps the pools.
    """
    stock = session.get_one(
        CampaignStock, (row.district_id, row.id), with_for_update={"key_share": True}, populate_existing=True
    )
    now = read(session, row.district_id, [row.id])[row.id]
    issued, before = now.issued, stock.quota
    if now.is_pooled and quota is not None and row.offer.get("kind") != OfferKind.RED_PACKET:
        issued = _shrink(session, row, quota)
    if quota is not None and quota < issued:
        raise _too_small(issued)
    stock.quota, stock.issued = quota, issued
    session.flush()
    return before


def _shrink(session: Session, row: Campaign, quota: int) -> int:
    """Take free pieces out until the pool is no larger than this; how many pieces are out. Raises: Invalid."""
    values = {"district_id": row.district_id, "campaign_id": row.id, "quota": quota}
    with session.begin_nested():
        session.execute(text(SHRINK_POOL_SQL), values)
        # A new statement: it sees the pieces that were drawn while the one above waited for their holders.
        issued = read(session, row.district_id, [row.id])[row.id].issued
        if quota < issued:
            raise _too_small(issued)
    return issued


def _too_small(issued: int) -> Invalid:
    detail = f"{issued} offers are issued already; the stock cannot be less."
    detail_zh = f"已发出 {issued} 份，库存不能少于此数。"
    return Invalid("See errors.", errors=[{"pointer": "/stock", "detail": detail, "detail_zh": detail_zh}])
