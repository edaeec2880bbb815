"""What keeps the access log true without anybody's request: ends and addresses of sessions, and deletion by age."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.accesslog import queries
from district.accesslog.chain import GENESIS, AccessEvent, NewRecord, chained
from district.accesslog.service import ChainState, advance_of, state_of, values_of
from district.database import Pool, transaction

FOLLOWED_AT_ONCE = 1_000
CUT_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A session of which the log does not say everything yet, and what it should say."""

    session: uuid.UUID
    member_id: uuid.UUID | None
    identity: str
    method: str
    mac: str
    inner_address: str
    outer_address: str
    nas: str
    access_point_mac: str
    at: datetime
    is_logged: bool
    is_removed: bool
    ended_at: datetime | None
    ended_because: str
    new_address: str
    new_access_point_mac: str

    @property
    def is_over(self) -> bool:
        """Whether the session has ended, or nothing is left of it."""
        return self.is_removed or self.ended_at is not None


async def follow(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> int:
    """Write what became of the sessions that are on; how many were looked at.

    Sessions end by accounting, by a gateway's word, by time, by an operator: whichever it was, the row of the session
    says so, and its end is written from there, with the time that it tells.
    """
    total = 0
    while True:
        async with transaction(pool) as connection:
            values = {"district_id": district_id, "limit": FOLLOWED_AT_ONCE}
            rows = await (await connection.execute(queries.CHANGED_SQL, values)).fetchall()
            found = [_changed(row) for row in rows]
            if found:
                await append(connection, district_id, [r for one in found for r in _records(one, now)])
                await _note(connection, district_id, found)
        total += len(found)
        if len(found) < FOLLOWED_AT_ONCE:
            return total


def _changed(row: Sequence[Any]) -> Changed:
    return Changed(**dict(zip(Changed.__dataclass_fields__, row, strict=True)))


def _records(one: Changed, now: datetime) -> list[NewRecord]:
    records = []
    if not one.is_logged:
        records.append(_record(one, AccessEvent.ON, one.at, address=one.inner_address))
    address = one.new_address or one.inner_address
    if address != one.inner_address:
        records.append(_record(one, AccessEvent.ADDRESS, _since(one, now), address=address))
    if one.is_over:
        ended_at = one.ended_at or now
        records.append(
            _record(one, AccessEvent.OFF, ended_at, address=address, detail=one.ended_because[:100])
        )
    return records


def _since(one: Changed, now: datetime) -> datetime:
    """From when an address is the session's: the first from its beginning, however late the worker hears of it."""
    if not one.inner_address:
        return one.at
    return max(min(one.ended_at or now, now), one.at)


def _record(one: Changed, event: AccessEvent, at: datetime, *, address: str, detail: str = "") -> NewRecord:
    return NewRecord(
        at=at,
        event=event,
        session=str(one.session),
        member_id=one.member_id,
        identity=one.identity,
        method=one.method,
        mac=one.mac,
        inner_address=address,
        outer_address=one.outer_address,
        nas=one.nas,
        access_point_mac=one.access_point_mac if event is AccessEvent.ON else one.new_access_point_mac,
        detail=detail,
    )


async def _note(
    connection: AsyncConnection[TupleRow], district_id: uuid.UUID, found: Sequence[Changed]
) -> None:
    over = [one.session for one in found if one.is_over]
    if over:
        await connection.execute(queries.ENDED_SQL, {"district_id": district_id, "sessions": over})
    values = [
        {
            "district_id": district_id,
            "session": one.session,
            "identity": one.identity,
            "inner_address": one.new_address or one.inner_address,
            "access_point_mac": one.new_access_point_mac,
        }
        for one in found
        if not one.is_over
    ]
    if values:
        async with connection.cursor() as cursor:
            await cursor.executemany(queries.FOLLOWED_SQL, values)


async def append(
    connection: AsyncConnection[TupleRow], district_id: uuid.UUID, records: Sequence[NewRecord]
) -> None:
    """As ``service.append``, for asynchronous callers."""
    state = await _locked(connection, district_id)
    made = chained(records, district_id, number=state.last_number, last_hash=state.last_hash)
    if made:
        async with connection.cursor() as cursor:
            await cursor.executemany(queries.INSERT_SQL, [values_of(district_id, one) for one in made])
        await connection.execute(queries.ADVANCE_SQL, advance_of(district_id, made))


async def _locked(connection: AsyncConnection[TupleRow], district_id: uuid.UUID) -> ChainState:
    values = {"district_id": district_id, "genesis": GENESIS}
    row = await (await connection.execute(queries.LOCK_SQL, values)).fetchone()
    if row is None:
        await connection.execute(queries.START_SQL, values)
        row = await (await connection.execute(queries.LOCK_SQL, values)).fetchone()
    assert row is not None  # noqa: S101 the statement before made it
    return state_of(row)


async def forget(pool: Pool, district_id: uuid.UUID, *, now: datetime, kept: timedelta) -> int:
    """Delete what is older than ``kept`` from the log's beginning; how many records.

    The hash of the last one that goes stays, so that what is left can still be verified.
    """
    before = now - kept
    async with transaction(pool) as connection:
        await connection.execute(
            queries.FORGET_TRANSLATIONS_SQL, {"district_id": district_id, "before": before}
        )
        row = await (await connection.execute(queries.LOCK_SQL, {"district_id": district_id})).fetchone()
        if row is None:
            return 0
        values = {
            "district_id": district_id,
            "before": before,
            "first": row[2],
            "limit": CUT_AT_ONCE,
        }
        found = await (await connection.execute(queries.OLD_SQL, values)).fetchone()
        first_young, newest = found if found else (None, None)
        last = first_young - 1 if first_young is not None else newest
        if last is None or last < row[2]:
            return 0
        cut = await connection.execute(queries.CUT_SQL, {"district_id": district_id, "last": last})
        return cut.rowcount
