"""Offers that tills may take without a line: each is bound to one shop in the transaction that makes it.

One shop is one set of tills, so no other shop's till can take it while nobody can ask. It is the campaign's shop nearest to where
the member was when the offer was triggered; without a place, as for what is claimed, the campaign's first by its id.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers.terms import Terms

Connection = AsyncConnection[TupleRow]
MOST_LATE = timedelta(days=3)
"""So long after its last instant a bound offer keeps what it holds: its till may not have had a line since."""

BIND_SQL = """
UPDATE offer SET offline_store_id = (
    SELECT store.id FROM campaign_store
    JOIN store ON store.district_id = campaign_store.district_id AND store.id = campaign_store.store_id
    WHERE campaign_store.district_id = offer.district_id AND campaign_store.campaign_id = offer.campaign_id
      AND store.closed_at IS NULL
    ORDER BY CASE WHEN offer.trigger_lon IS NOT NULL
             THEN ST_DistanceSphere(store.location, ST_SetSRID(ST_MakePoint(offer.trigger_lon, offer.trigger_lat), 4326))
             END, store.id
    LIMIT 1
)
WHERE offer.district_id = %(district_id)s AND offer.id = ANY(%(offers)s::uuid[])
"""


async def bind(
    connection: Connection, district_id: uuid.UUID, made: Sequence[tuple[uuid.UUID, Terms]]
) -> None:
    """Bind those of these new offers that may be taken without a line; one statement, none when there are none."""
    bound = [offer_id for offer_id, terms in made if terms.offer.is_offline_ok]
    if bound:
        await connection.execute(BIND_SQL, {"district_id": district_id, "offers": bound})
