"""Which engine decides for a district: a session advisory lock, and an epoch that fences whoever lost it unawares."""

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy.engine import make_url

from district.database import Pool, psycopg_dsn
from district.engine.queries import CHECK_EPOCH_SQL, END_OWNER_SQL, TAKE_SQL, TRY_LOCK_SQL, UNLOCK_SQL
from district.problems import DistrictError

CONNECT_TIMEOUT_S = 3
ANSWER_WITHIN_S = 3.0


class Fenced(DistrictError):
    """Another engine has taken the district since; nothing of this transaction may stand."""

    slug, title = "engine-fenced", "Another engine decides for this district"


def lock_key(district_id: uuid.UUID) -> int:
    """The advisory lock of a district: 64 bits of a hash, for ids made together begin alike."""
    digest = hashlib.sha256(b"engine:" + district_id.bytes).digest()
    return int.from_bytes(digest[:8], signed=True)


def named_url(url: str, engine_id: str) -> str:
    """The database URL under which all connections of one engine are known to the server."""
    named = make_url(url).update_query_dict({"application_name": f"district-engine-{engine_id}"})
    return named.render_as_string(hide_password=False)


class Locks:
    """The advisory locks of one engine, on a connection of their own: they end with it."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Raises: psycopg.Error."""
        connection = await AsyncConnection.connect(
            psycopg_dsn(url),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            tcp_user_timeout=CONNECT_TIMEOUT_S * 1000,
        )
        return cls(connection)

    async def close(self) -> None:
        """Give all locks back."""
        with contextlib.suppress(psycopg.Error):
            await self._connection.close()

    async def check(self) -> None:
        """Raises: psycopg.Error or TimeoutError when the connection, and with it every lock, is gone."""
        await self._ask("SELECT 1", {})

    async def take(self, district_id: uuid.UUID) -> bool:
        """Take the lock if nobody holds it."""
        return bool(await self._ask(TRY_LOCK_SQL, {"key": lock_key(district_id)}))

    async def give(self, district_id: uuid.UUID) -> None:
        """Give the lock to whoever wants it."""
        await self._ask(UNLOCK_SQL, {"key": lock_key(district_id)})

    async def end_owner(self, district_id: uuid.UUID) -> int:
        """End all connections of the engine that holds the lock and has fallen silent; how many there were."""
        return int(await self._ask(END_OWNER_SQL, {"key": lock_key(district_id)}))

    async def _ask(self, sql: str, values: dict[str, object]) -> int:
        async with self._turn, asyncio.timeout(ANSWER_WITHIN_S):
            row = await (await self._connection.execute(sql.encode(), values)).fetchone()
        return int(row[0]) if row else 0


async def begin(pool: Pool, district_id: uuid.UUID, engine_id: str) -> int:
    """The epoch of a new reign; waits for what the last owner was committing. Hold the lock first."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(TAKE_SQL, {"district_id": district_id, "owner": engine_id})
        ).fetchone()
    assert row is not None  # noqa: S101  the statement inserts or updates
    return int(row[0])


@asynccontextmanager
async def fenced(pool: Pool, district_id: uuid.UUID, epoch: int) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """A transaction that stands only if the epoch is still ours when it commits. Raises: Fenced."""
    async with pool.connection() as connection, connection.transaction():
        cursor = await connection.execute(CHECK_EPOCH_SQL, {"district_id": district_id})
        row = await cursor.fetchone()
        if row is None or row[0] != epoch:
            raise Fenced
        yield connection
