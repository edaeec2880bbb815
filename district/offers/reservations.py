"""Cap slots and stock: taken by constraints and guarded statements, given back in the same order of locks."""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers import queries
from district.offers.issuing import Candidate
from push.limits import Reservation

Connection = AsyncConnection[TupleRow]


async def take_slots(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate], *, now: datetime
) -> set[uuid.UUID]:
    """Take one slot of each of their caps; the offers that found one of their caps full.

    Slot 0 of all first, then slot 1 of those that did not get theirs: the key decides, nothing is counted.
    """
    wanted = [(one, slots) for one in candidates for slots in one.draft.reservations]
    slot = 0
    while wanted:
        trying = [pair for pair in wanted if slot < pair[1].slots]
        taken = await _take_slot(connection, district_id, trying, slot, now=now) if trying else set()
        left = [pair for pair in wanted if (pair[0].offer_id, pair[1].scope) not in taken]
        full = [pair for pair in left if slot + 1 >= pair[1].slots]
        if len(full) == len(left):
            return {one.offer_id for one, _ in full}
        wanted, slot = left, slot + 1
    return set()


async def _take_slot(
    connection: Connection,
    district_id: uuid.UUID,
    wanted: Sequence[tuple[Candidate, Reservation]],
    slot: int,
    *,
    now: datetime,
) -> set[tuple[uuid.UUID, str]]:
    cursor = await connection.execute(
        queries.TAKE_SLOTS_SQL,
        {
            "district_id": district_id,
            "slot": slot,
            "now": now,
            "members": [one.draft.member_id for one, _ in wanted],
            "scopes": [reservation.scope for _, reservation in wanted],
            "offers": [one.offer_id for one, _ in wanted],
            "reusable": [reservation.reusable_at_or_before for _, reservation in wanted],
        },
    )
    return {(row[0], row[1]) for row in await cursor.fetchall()}


async def take_stock(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate]
) -> set[uuid.UUID]:
    """Take one piece for each; the offers for which nothing was left, the last of each campaign."""
    if not candidates:
        return set()
    amounts = Counter(one.draft.campaign_id for one in candidates)
    values = {"district_id": district_id, "campaigns": list(amounts), "amounts": list(amounts.values())}
    rows = await (await connection.execute(queries.TAKE_STOCK_SQL, values)).fetchall()
    granted: dict[uuid.UUID, int] = dict(rows)
    sold_out = set()
    for one in candidates:
        left = granted.get(one.draft.campaign_id, 0)
        granted[one.draft.campaign_id] = left - 1
        if left <= 0:
            sold_out.add(one.offer_id)
    return sold_out


async def release(connection: Connection, district_id: uuid.UUID, lost: Sequence[Candidate]) -> None:
    if not lost:
        return
    values = {
        "district_id": district_id,
        "offers": [one.offer_id for one in lost],
        "members": [one.draft.member_id for one in lost],
    }
    await connection.execute(queries.RELEASE_SLOTS_SQL, values)
    await connection.execute(queries.DELETE_OFFERS_SQL, values)


async def void_unsent(connection: Connection, district_id: uuid.UUID, offer_ids: Sequence[uuid.UUID]) -> int:
    """Void offers that never reached their members, and give back their slots and stock; how many.

    For deliveries that end before anything left. An offer that was opened, used or void stays as it is.
    """
    values: dict[str, Any] = {"district_id": district_id, "offers": list(offer_ids)}
    known = await (await connection.execute(queries.OFFER_OWNERS_SQL, values)).fetchall()
    values |= {"members": sorted({row[0] for row in known}), "campaigns": sorted({row[1] for row in known})}
    await connection.execute(queries.LOCK_MEMBERS_SQL, values)  # in the order in which issuing locks
    await connection.execute(queries.LOCK_STOCK_SQL, values)
    void = await (await connection.execute(queries.VOID_UNSENT_SQL, values)).fetchall()
    if void:
        amounts = Counter(row[1] for row in void)
        values |= {"offers": [row[0] for row in void], "members": [row[2] for row in void]}
        values |= {"campaigns": list(amounts), "amounts": list(amounts.values())}
        await connection.execute(queries.RELEASE_SLOTS_SQL, values)
        await connection.execute(queries.RETURN_STOCK_SQL, values)
    return len(void)
