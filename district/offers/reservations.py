"""Cap slots and stock: taken by constraints and guarded statements, given back in the same order of locks."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.districts.service import DistrictInfo
from district.offers import claim_queries, queries, terms
from district.offers.claim_models import TOTAL
from district.offers.issuing import Candidate
from district.offers.terms import Terms
from push.limits import MAX_CAP

Connection = AsyncConnection[TupleRow]


async def take_slots(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate], *, now: datetime
) -> set[uuid.UUID]:
    """Take one slot of each of their caps; the offers that found one of their caps full.

    One statement takes the first free slot of each. Campaigns with wider caps may hold later slots of the same scope,
    so a slot is taken only while fewer than the cap's are in use; the members are locked before, so that this stays
    true and nobody meets another at a slot. What is only counted in for others refuses nothing.
    """
    wanted = [(one, slots) for one in candidates for slots in one.reservations]
    if not wanted:
        return set()
    cursor = await connection.execute(
        queries.TAKE_SLOTS_SQL,
        {
            "district_id": district_id,
            "now": now,
            "members": [one.draft.member_id for one, _ in wanted],
            "scopes": [reservation.scope for _, reservation in wanted],
            "offers": [one.offer_id for one, _ in wanted],
            "reusable": [reservation.reusable_at_or_before for _, reservation in wanted],
            "slots": [reservation.slots for _, reservation in wanted],
            "most": [reservation.slots if reservation.is_limit else MAX_CAP + 1 for _, reservation in wanted],
        },
    )
    taken = {(row[0], row[1]) for row in await cursor.fetchall()}
    return {one.offer_id for one, slot in wanted if slot.is_limit and (one.offer_id, slot.scope) not in taken}


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


async def take_allowances(
    connection: Connection, district: DistrictInfo, candidates: Sequence[Candidate], *, now: datetime
) -> set[uuid.UUID]:
    """Hold what each can cost of its campaign's budget, for ever and today; the offers that nothing was left for.

    The rows are locked in the order of their keys, then each campaign gets what all its bounds still
    allow, the first of its candidates first.
    """
    bounded = [one for one in candidates if one.terms.has_allowance]
    if not bounded:
        return set()
    day = district.trading_day(now).isoformat()
    every = {one.terms.campaign_id: one.terms for one in bounded}
    await connection.execute(
        claim_queries.ENSURE_ALLOWANCES_SQL, {"district_id": district.id, **_bounds(every.values(), day)}
    )
    amounts = Counter(one.terms.campaign_id for one in bounded)
    values = {
        "district_id": district.id,
        "campaigns": list(amounts),
        "amounts": list(amounts.values()),
        "costs": [every[one].cost_minor for one in amounts],
        "days": [day] * len(amounts),
    }
    granted: dict[uuid.UUID, int] = dict(
        await (await connection.execute(claim_queries.TAKE_ALLOWANCES_SQL, values)).fetchall()
    )
    held, spent = _first(bounded, granted)
    await connection.execute(
        claim_queries.HOLD_SQL,
        {
            "district_id": district.id,
            "offers": [one.offer_id for one in held],
            "minors": [one.terms.cost_minor for one in held],
            "days": [day] * len(held),
        },
    )
    return {one.offer_id for one in spent}


def _first(
    candidates: Sequence[Candidate], granted: Mapping[uuid.UUID, int]
) -> tuple[list[Candidate], list[Candidate]]:
    """Those whom what was granted to their campaign reaches, and the others."""
    held: list[Candidate] = []
    spent: list[Candidate] = []
    left = Counter(granted)
    for one in candidates:
        (held if left[one.terms.campaign_id] > 0 else spent).append(one)
        left[one.terms.campaign_id] -= 1
    return held, spent


def _bounds(every: Iterable[Terms], day: str) -> dict[str, list[Any]]:
    rows = [
        row
        for one in every
        for row in (
            (one.campaign_id, TOTAL, None, one.budget_minor),
            (one.campaign_id, day, one.per_day, one.day_budget_minor),
        )
    ]
    names = ("campaigns", "periods", "most_offers", "most_minors")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


async def return_allowances(
    connection: Connection, district: DistrictInfo, lost: Sequence[Candidate], *, now: datetime
) -> None:
    """Give back what was held a moment ago for offers of this transaction that are not made."""
    day = district.trading_day(now).isoformat()
    bounded = [one for one in lost if one.terms.has_allowance]
    rows = [(one.terms.campaign_id, day, 1, one.terms.cost_minor) for one in bounded]
    await _return_allowances(connection, district.id, rows)


async def _return_allowances(
    connection: Connection, district_id: uuid.UUID, rows: Sequence[tuple[uuid.UUID, str, int, int]]
) -> None:
    """Rows of campaign, trading day, how many offers and how much money."""
    if rows:
        names = ("campaigns", "days", "counts", "minors")
        values = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        await connection.execute(claim_queries.RETURN_ALLOWANCES_SQL, {"district_id": district_id, **values})


async def release(connection: Connection, district_id: uuid.UUID, lost: Sequence[Candidate]) -> None:
    """Undo what candidates of this transaction took: slots, and the offers themselves. Pieces they have none yet."""
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
    """Void offers that never reached their members, and give back all that they held; how many.

    For deliveries that end before anything left. An offer that was opened, used or void stays as it is.
    """
    return await _void(connection, district_id, offer_ids, queries.VOID_UNSENT_SQL)


async def void_abandoned(
    connection: Connection, district_id: uuid.UUID, offer_ids: Sequence[uuid.UUID], *, now: datetime
) -> int:
    """Void offers that are open again though their members have left, and give back all that they held; how many.

    As closing an account does with open ones. What is over stays as it is: only its money goes back, by the job.
    """
    return await _void(connection, district_id, offer_ids, queries.VOID_ABANDONED_SQL, now=now)


async def void_unclaimed(
    connection: Connection, district_id: uuid.UUID, *, now: datetime, most: int = 500
) -> int:
    """Void reservations that nobody claimed in time, and give back all that they held; how many."""
    values = {"district_id": district_id, "now": now, "limit": most}
    rows = await (await connection.execute(claim_queries.OVERDUE_RESERVATIONS_SQL, values)).fetchall()
    if not rows:
        return 0
    return await _void(connection, district_id, [row[0] for row in rows], queries.VOID_RESERVED_SQL, now=now)


async def free_expired(
    connection: Connection, district_id: uuid.UUID, *, now: datetime, most: int = 500
) -> int:
    """Give back the money that coupons held which expired unused; how many. Their pieces stay given out."""
    values = {"district_id": district_id, "now": now, "limit": most}
    rows = await (await connection.execute(claim_queries.EXPIRED_HOLDINGS_SQL, values)).fetchall()
    back = sorted((row[0], row[1], 0, row[2]) for row in rows)
    await _return_allowances(connection, district_id, back)
    return len(rows)


async def _void(
    connection: Connection,
    district_id: uuid.UUID,
    offer_ids: Sequence[uuid.UUID],
    statement: str,
    *,
    now: datetime | None = None,
) -> int:
    values: dict[str, Any] = {"district_id": district_id, "offers": list(offer_ids), "now": now}
    known = await (await connection.execute(queries.OFFER_OWNERS_SQL, values)).fetchall()
    values |= {"members": sorted({row[0] for row in known}), "campaigns": sorted({row[1] for row in known})}
    await connection.execute(queries.LOCK_MEMBERS_SQL, values)  # in the order in which issuing locks
    known_terms = await terms.load(connection, district_id, values["campaigns"])
    counted = {one.campaign_id for one in known_terms.values() if not one.is_pooled}
    await connection.execute(queries.LOCK_STOCK_SQL, values | {"campaigns": sorted(counted)})
    void = await (await connection.execute(statement, values)).fetchall()
    if void:
        values |= {"offers": [row[0] for row in void], "members": [row[2] for row in void]}
        await connection.execute(queries.RELEASE_SLOTS_SQL, values)
        await connection.execute(claim_queries.RETURN_PIECES_SQL, values)
        amounts = Counter(row[1] for row in void if row[1] in counted)
        values |= {"campaigns": list(amounts), "amounts": list(amounts.values())}
        held = sorted((row[1], row[3], 1, row[4]) for row in void if row[3])
        await _return_allowances(connection, district_id, held)
        await connection.execute(queries.RETURN_STOCK_SQL, values)
    return len(void)


async def take_allowance(
    connection: Connection, district: DistrictInfo, terms_: Terms, offer_id: uuid.UUID, *, now: datetime
) -> bool:
    """The same for one offer that a member claims; False when nothing was left."""
    day = district.trading_day(now).isoformat()
    bounds = {"district_id": district.id, **_bounds([terms_], day)}
    await connection.execute(claim_queries.ENSURE_ALLOWANCES_SQL, bounds)
    wanted = {
        "district_id": district.id,
        "campaigns": [terms_.campaign_id],
        "amounts": [1],
        "costs": [terms_.cost_minor],
        "days": [day],
    }
    granted = await (await connection.execute(claim_queries.TAKE_ALLOWANCES_SQL, wanted)).fetchall()
    if not granted:
        return False
    held = {"offers": [offer_id], "minors": [terms_.cost_minor], "days": [day]}
    await connection.execute(claim_queries.HOLD_SQL, {"district_id": district.id, **held})
    return True
