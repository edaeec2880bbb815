"""What members have agreed to, as it stands now: the one reading of the ledger that decisions, issuing and sending share."""

import uuid
from collections.abc import Iterable
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from push.consent import Channel, ConsentRecord, Consents, Purpose

NEWEST_SQL: Final = """
SELECT DISTINCT ON (member_id, purpose, channel) member_id, purpose, channel, granted, at
FROM consent
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
ORDER BY member_id, purpose, channel, id DESC
"""


async def newest_consents(
    connection: AsyncConnection[TupleRow], district_id: uuid.UUID, member_ids: Iterable[uuid.UUID | None]
) -> dict[uuid.UUID, Consents]:
    """Consents by member; who never said anything is not there. Raises: psycopg.Error."""
    values = {"district_id": district_id, "members": list(member_ids)}
    records: dict[uuid.UUID, list[ConsentRecord]] = {}
    cursor = await connection.execute(NEWEST_SQL, values)
    for member_id, purpose, channel, granted, at in await cursor.fetchall():
        if purpose in set(Purpose) and (channel == "" or channel in set(Channel)):
            record = ConsentRecord(
                purpose=Purpose(purpose),
                channel=Channel(channel) if channel else None,
                granted=granted,
                at=at,
            )
            records.setdefault(member_id, []).append(record)
    return {member_id: Consents.after(one) for member_id, one in records.items()}
