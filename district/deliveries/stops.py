"""Messages that stand at a provider and have not left there, for members who have said no meanwhile."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.members.newest_consents import newest_consents
from push.consent import NO_CONSENT, Channel, may_contact

Connection = AsyncConnection[TupleRow]
WITHIN: Final = timedelta(minutes=2)
"""For so long a stop is looked for by itself, every few seconds; later whoever asks after the message finds it."""

# What was said lately is the end of an index: a decision's id begins with its time. From there to the member's offers,
# and to their messages.
LATELY_SQL: Final = """
WITH said AS (
    SELECT member_id FROM consent
    WHERE district_id = %(district_id)s AND NOT granted AND id > (
        lpad(to_hex((extract(epoch FROM clock_timestamp() - %(within)s) * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid
    UNION
    SELECT member_id FROM member_mute WHERE district_id = %(district_id)s AND at > %(now)s - %(within)s
)
SELECT message.id, message.provider_message_id
FROM said
JOIN offer ON offer.district_id = %(district_id)s AND offer.member_id = said.member_id
JOIN outbox_message AS message ON message.district_id = %(district_id)s AND message.offer_id = offer.id
WHERE message.provider_id = %(provider_id)s AND message.provider_message_id <> '' AND message.state = 'accepted'
  AND message.delivered_at IS NULL AND message.finished_at > clock_timestamp() - %(look_back)s
  AND NOT EXISTS (
      SELECT FROM delivery_receipt AS receipt
      WHERE receipt.district_id = %(district_id)s AND receipt.delivery_id = message.id
        AND receipt.kind = ANY(%(last_words)s::text[]))
LIMIT %(limit)s
"""

STANDING_SQL: Final = """
SELECT message.id, message.member_id, message.channel,
       coalesce((message.payload ->> 'by_location')::boolean, true),
       member.state IS DISTINCT FROM 'active' OR EXISTS (
           SELECT FROM member_mute AS mute
           JOIN campaign ON campaign.district_id = %(district_id)s AND campaign.merchant_id = mute.merchant_id
           JOIN offer ON offer.district_id = %(district_id)s AND offer.campaign_id = campaign.id
           WHERE mute.district_id = %(district_id)s AND mute.member_id = message.member_id
             AND offer.id = message.offer_id)
FROM outbox_message AS message
LEFT JOIN member ON member.district_id = %(district_id)s AND member.id = message.member_id
WHERE message.district_id = %(district_id)s AND message.id = ANY(%(ids)s::uuid[])
  AND message.purpose = 'marketing' AND message.member_id IS NOT NULL
"""


async def said_lately(
    connection: Connection,
    district_id: uuid.UUID,
    provider_id: uuid.UUID,
    *,
    now: datetime,
    look_back: timedelta,
    last_words: Sequence[str],
    limit: int,
) -> dict[uuid.UUID, str]:
    """What stands at a provider for members who said no to anything lately: its names for the messages, by their ids."""
    values = {
        "district_id": district_id,
        "provider_id": provider_id,
        "now": now,
        "within": WITHIN,
        "look_back": look_back,
        "last_words": list(last_words),
        "limit": limit,
    }
    rows = await (await connection.execute(LATELY_SQL, values)).fetchall()
    return {row[0]: row[1] for row in rows}


async def unwanted(
    connection: Connection, district_id: uuid.UUID, ids: Sequence[uuid.UUID]
) -> frozenset[uuid.UUID]:
    """Which of these would not be sent now: by the member's consents, muted merchants, or because he has left."""
    if not ids:
        return frozenset()
    values = {"district_id": district_id, "ids": list(ids)}
    rows = await (await connection.execute(STANDING_SQL, values)).fetchall()
    consents = await newest_consents(connection, district_id, {row[1] for row in rows})
    return frozenset(
        id_
        for id_, member_id, channel, by_location, is_refused in rows
        if is_refused
        or not may_contact(consents.get(member_id, NO_CONSENT), Channel(channel), by_location=by_location)
    )
