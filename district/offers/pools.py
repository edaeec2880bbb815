"""Pieces made in advance: rows that many may take at once, each from a place of its own on the next that nobody holds."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.offers import claim_queries
from district.offers.issuing import Candidate
from district.offers.terms import Terms
from push.offer import OfferKind
from push.red_packet import share

SEED_BYTES = 32
MOST_PIECES = 1_000_000
Connection = AsyncConnection[TupleRow]


async def make_missing(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate]
) -> None:
    """Make the pools of these that were never made. Before anything else is held: it locks the campaigns' stocks."""
    pooled = {one.terms.campaign_id: one.terms for one in candidates if one.terms.is_pooled}
    if not pooled:
        return
    values = {"district_id": district_id, "campaigns": sorted(pooled)}
    for row in await (await connection.execute(claim_queries.UNMADE_POOLS_SQL, values)).fetchall():
        await fill(connection, district_id, pooled[row[0]])


async def take(
    connection: Connection, district_id: uuid.UUID, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], set[uuid.UUID]]:
    """One piece for each, the first of each campaign first: what they drew, and the offers for which none was left.

    Nothing that is refused for another reason may come here: while it held a piece, others would hear that none is left.
    """
    wanted: dict[uuid.UUID, list[Candidate]] = {}
    for one in candidates:
        wanted.setdefault(one.draft.campaign_id, []).append(one)
    amounts: dict[uuid.UUID, int | None] = {}
    for campaign_id in sorted(wanted):
        offers = [one.offer_id for one in wanted[campaign_id]]
        amounts |= await _draw(connection, district_id, wanted[campaign_id][0].terms, offers)
    drawn = [
        replace(one, amount_minor=amounts[one.offer_id]) for one in candidates if one.offer_id in amounts
    ]
    return drawn, {one.offer_id for one in candidates} - set(amounts)


async def take_pieces(
    connection: Connection, district_id: uuid.UUID, terms: Terms, offer_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, int | None]:
    """What each offer drew, of those that found a piece. A pool that was never made is made now."""
    drawn = await _draw(connection, district_id, terms, offer_ids)
    if not drawn and await _is_unmade(connection, district_id, terms):
        await fill(connection, district_id, terms)
        drawn = await _draw(connection, district_id, terms, offer_ids)
    return drawn


async def _draw(
    connection: Connection, district_id: uuid.UUID, terms: Terms, offer_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, int | None]:
    """Free pieces from a place of this caller's own on, all round; fewer when others hold the rest."""
    values: dict[str, Any] = {
        "district_id": district_id,
        "campaign_id": terms.campaign_id,
        "start": secrets.randbelow(_pieces(terms)),
    }
    if len(offer_ids) == 1:
        values |= {"offer_id": offer_ids[0]}
        found = await connection.execute(claim_queries.TAKE_PIECE_SQL, values)
    else:
        values |= {"offers": list(offer_ids), "amount": len(offer_ids)}
        found = await connection.execute(claim_queries.TAKE_PIECES_SQL, values)
    return {row[0]: row[1] for row in await found.fetchall()}


def _pieces(terms: Terms) -> int:
    """About how many pieces there are: where to begin is all that hangs on it."""
    count = terms.offer.value.count if terms.offer.kind is OfferKind.RED_PACKET else terms.quota
    return max(1, min(count or 1, MOST_PIECES))


async def _is_unmade(connection: Connection, district_id: uuid.UUID, terms: Terms) -> bool:
    values = {"district_id": district_id, "campaign_id": terms.campaign_id}
    row = await (await connection.execute(claim_queries.POOL_SIZE_SQL, values)).fetchone()
    return row is not None and row[0] == 0


async def fill(connection: Connection, district_id: uuid.UUID, terms: Terms) -> int:
    """Make the pool as large as the stock is; how many pieces were added or, below zero, taken out.

    A red packet's pool is made once, whole: its amounts are shares of one total, so its stock is their
    number, whatever else was asked for. Only free pieces are ever taken out.
    """
    values: dict[str, Any] = {"district_id": district_id, "campaign_id": terms.campaign_id}
    row = await (await connection.execute(claim_queries.LOCK_ONE_STOCK_SQL, values)).fetchone()
    if row is None:
        return 0
    size = await (await connection.execute(claim_queries.POOL_SIZE_SQL, values)).fetchone()
    there, last = (size[0], size[1]) if size else (0, -1)
    if terms.offer.kind is OfferKind.RED_PACKET:
        amounts: Sequence[int | None] = () if there else _amounts(terms)
        await connection.execute(claim_queries.SET_QUOTA_SQL, values | {"quota": there or len(amounts)})
    else:
        wanted = min(row[0] or 0, MOST_PIECES)
        if wanted < there:
            shrink = values | {"amount": there - wanted}
            return -(await connection.execute(claim_queries.SHRINK_POOL_SQL, shrink)).rowcount
        amounts = [None] * (wanted - there)
    if amounts:
        await connection.execute(
            claim_queries.FILL_POOL_SQL, values | {"first": last + 1, "amounts": list(amounts)}
        )
    return len(amounts)


def _amounts(terms: Terms) -> Sequence[int]:
    value = terms.offer.value
    return share(
        value.total_minor or 0,
        value.count or 0,
        least_minor=value.least_minor or 0,
        most_minor=value.most_minor,
        seed=secrets.token_bytes(SEED_BYTES),
    )
