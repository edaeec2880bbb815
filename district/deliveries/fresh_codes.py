"""A one-time code that is sent again is another one: what may have been read by somebody else opens nothing."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.auth import codes
from district.districts.service import DistrictInfo
from push.message import MessagePurpose

Connection = AsyncConnection[TupleRow]
Row = tuple[Any, ...]
"""Of LEASE_SQL."""
MOST_WAITING: Final = 20

WAITING_SQL: Final = """
SELECT id, browser, code_hash FROM one_time_code
WHERE district_id = %(district_id)s AND target_hash = %(target)s AND used_at IS NULL
  AND expires_at > %(now)s
ORDER BY created_at DESC LIMIT %(limit)s FOR UPDATE
"""
CHANGE_SQL: Final = """
WITH changed AS (
    UPDATE one_time_code SET code_hash = %(code_hash)s
    WHERE district_id = %(district_id)s AND id = %(code_id)s
)
UPDATE outbox_message SET payload = payload || jsonb_build_object('code', %(code)s::text)
WHERE district_id = %(district_id)s AND id = %(id)s
"""


async def renewed(
    connection: Connection, district: DistrictInfo, rows: Sequence[Row], *, machine_now: datetime
) -> list[Row]:
    """The leased rows, those of codes that were tried before with a new code each, in the caller's transaction.

    A code that was used or is too old stays as it is: it opens nothing any more.
    """
    return [await _renewed(connection, district, row, machine_now) if _is_again(row) else row for row in rows]


def _is_again(row: Row) -> bool:
    """Whether its code may have left before: an attempt was made, or a worker went away with it."""
    attempts, purpose, payload, lost_leases = row[2], row[4], row[7], row[11]
    has_code = isinstance(payload.get("code"), str) and isinstance(payload.get("to"), str)
    return purpose == MessagePurpose.CODE and has_code and (attempts > 0 or lost_leases > 0)


async def _renewed(connection: Connection, district: DistrictInfo, row: Row, machine_now: datetime) -> Row:
    payload: dict[str, Any] = row[7]
    found = await _waiting(connection, district, payload["to"], payload["code"], machine_now)
    if found is None:
        return row
    code_id, browser = found
    code = codes.new_code()
    values = {
        "district_id": district.id,
        "id": row[0],
        "code_id": code_id,
        "code": code,
        "code_hash": codes.code_hash(district, browser, code),
    }
    await connection.execute(CHANGE_SQL, values)
    return (*row[:7], {**payload, "code": code}, *row[8:])


async def _waiting(
    connection: Connection, district: DistrictInfo, target: str, code: str, machine_now: datetime
) -> tuple[uuid.UUID, str] | None:
    """Which code this is, and the ticket of the browser that asked for it."""
    values = {
        "district_id": district.id,
        "target": codes.target_hash(district, target),
        "now": machine_now,
        "limit": MOST_WAITING,
    }
    for code_id, browser, known in await (await connection.execute(WAITING_SQL, values)).fetchall():
        if bytes(known) == codes.code_hash(district, browser, code):
            return code_id, browser
    return None
