"""Whether an offer is one at all: beside the standing price that a store gives every member."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers.terms import Terms
from push.ranking import TYPICAL_SPEND_MINOR
from push.stacking import Bill, is_worse_than_member_price

Connection = AsyncConnection[TupleRow]

_PRICES_SQL = """
SELECT store.id, store.member_price_percent
FROM campaign_store
JOIN store ON store.district_id = campaign_store.district_id AND store.id = campaign_store.store_id
WHERE campaign_store.district_id = %(district_id)s AND campaign_store.campaign_id = %(campaign_id)s
  AND store.closed_at IS NULL AND store.member_price_percent > 0
ORDER BY store.id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Better:
    """A store in which members pay less without the offer than with it, on this bill."""

    store_id: uuid.UUID
    member_price_percent: int
    bill_minor: int


async def better(
    connection: Connection,
    district_id: uuid.UUID,
    terms: Terms,
    *,
    typical_spend_minor: int = TYPICAL_SPEND_MINOR,
) -> Sequence[Better]:
    """The stores of the campaign where its offer is worse than the member price; empty when it is good everywhere.

    Judged on a typical bill, or on the smallest from which the offer holds if that is more.
    """
    value = terms.offer.value
    bill_minor = max(typical_spend_minor, value.min_spend_minor or 0, value.regular_minor or 0)
    keys = {"district_id": district_id, "campaign_id": terms.campaign_id}
    rows = await (await connection.execute(_PRICES_SQL, keys)).fetchall()
    return [
        Better(store_id=store_id, member_price_percent=percent, bill_minor=bill_minor)
        for store_id, percent in rows
        if is_worse_than_member_price(
            value, terms.offer.stacks_with, Bill(bill_minor=bill_minor, member_price_percent=percent)
        )
    ]
