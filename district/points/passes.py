"""A member's pass: a code for some minutes that shows a till who stands there."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

from district.clock import Clock
from district.database import Pool
from district.points import queries
from district.points.posting import Connection
from district.points.schemas import PassOut
from district.problems import NotFound
from push.coupon import RANDOM_BYTES, CodeMalformed, code_from, grouped, normalise

LIFE = timedelta(minutes=5)


class PassUnknown(NotFound):
    """No pass has this code, or its time is over."""

    slug, title = "unknown-pass", "The pass is unknown or over"


async def issue(pool: Pool, district_id: uuid.UUID, member_id: uuid.UUID, *, clock: Clock) -> PassOut:
    """A new pass; those before it live on until their time is over."""
    code = code_from(secrets.token_bytes(RANDOM_BYTES))
    expires_at = clock.machine_now() + LIFE
    values = {"district_id": district_id, "member_id": member_id, "expires_at": expires_at}
    async with pool.connection() as connection:
        await connection.execute(queries.ADD_CODE_SQL, values | {"code_hash": _hash(code)})
    return PassOut(code=grouped(code), expires_at=expires_at)


async def holder(
    connection: Connection, district_id: uuid.UUID, code: str, *, machine_now: datetime
) -> uuid.UUID:
    """The member whose pass it is. Raises: PassUnknown."""
    try:
        values = {"district_id": district_id, "code_hash": _hash(normalise(code)), "machine_now": machine_now}
    except CodeMalformed:
        raise PassUnknown("Ask the member to show the pass again.") from None
    row = await (await connection.execute(queries.CODE_SQL, values)).fetchone()
    if row is None:
        raise PassUnknown("Ask the member to show the pass again.")
    found: uuid.UUID = row[0]
    return found


def _hash(code: str) -> bytes:
    """128 random bits need no slow hash."""
    return hashlib.sha256(f"pass:{code}".encode()).digest()
