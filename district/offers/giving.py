"""Offers of points: what they promise is credited once, when their member claims or first opens them.

The offer is used up by that. Who bears the campaign owes the points from then on, at the worth that the district's
rule gives a point: its funding shares, else its owner.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.ledger.shares import Share, share_of
from district.offers import queries
from district.points import service as points
from district.points.models import MovementKind
from district.points.posting import Funding
from district.points.service import Earning

Connection = AsyncConnection[TupleRow]

# What is not claimed yet brings nothing, and neither does what is over, void or credited already.
USE_SQL = """
UPDATE offer SET state = 'redeemed', redeemed_at = %(now)s, opened_at = coalesce(opened_at, %(now)s)
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND member_id = %(member_id)s AND kind = 'points'
  AND state IN ('issued', 'opened') AND valid_until > %(now)s
RETURNING campaign_id, (value ->> 'points')::int
"""

BORNE_SQL = """
SELECT campaign.owner_kind, coalesce(campaign.merchant_id, campaign.property_id), campaign.merchant_id,
       campaign.property_id,
       ARRAY(
           SELECT jsonb_build_array(
               party_kind, coalesce(party_id, CASE party_kind WHEN 'sponsor' THEN id END), permille
           )
           FROM funding_share
           WHERE funding_share.district_id = campaign.district_id AND funding_share.campaign_id = campaign.id
           ORDER BY funding_share.id
       ),
       (SELECT campaign_store.store_id FROM campaign_store
        WHERE campaign_store.district_id = campaign.district_id AND campaign_store.campaign_id = campaign.id
        ORDER BY campaign_store.store_id LIMIT 1)
FROM campaign WHERE campaign.district_id = %(district_id)s AND campaign.id = %(campaign_id)s
"""


async def give(
    connection: Connection,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    offer_id: uuid.UUID,
    *,
    now: datetime,
) -> int:
    """Credit what an offer of points promises, in the caller's transaction; how many points.

    0 for any other offer, for one that is over or was credited before, and while the district gives no points: it can
    then be opened again.
    """
    values: dict[str, Any] = {
        "district_id": district_id,
        "member_id": member_id,
        "members": [member_id],
        "offer_id": offer_id,
        "now": now,
    }
    rule = await points.rule_of(connection, district_id)
    if rule is None or not rule.is_on:
        return 0
    # Whoever closes an account locks the member first, then his offers and points.
    await connection.execute(queries.LOCK_MEMBERS_SQL, values)
    row = await (await connection.execute(USE_SQL, values)).fetchone()
    if row is None:
        return 0
    campaign_id, promised = row
    shares, store_id = await _borne(connection, values | {"campaign_id": campaign_id})
    earning = Earning(
        kind=MovementKind.OFFER,
        member_id=member_id,
        subject_id=offer_id,
        points=promised,
        at=now,
        store_id=store_id,
    )
    return await points.give(
        connection, district_id, rule, earning, Funding(campaign_id=campaign_id, shares=shares)
    )


async def _borne(connection: Connection, values: dict[str, Any]) -> tuple[Sequence[Share], uuid.UUID | None]:
    """Who bears the campaign, and the store that stands for it."""
    row = await (await connection.execute(BORNE_SQL, values)).fetchone()
    assert row is not None  # noqa: S101  the offer refers to it
    owner_kind, owner_id, merchant_id, property_id, shares, store_id = row
    own = {"merchant": merchant_id, "property": property_id}
    if not shares:
        return [share_of(owner_kind, owner_id, 1)], store_id
    found = [
        share_of(kind, uuid.UUID(party) if party else own.get(kind), weight) for kind, party, weight in shares
    ]
    return found, store_id
