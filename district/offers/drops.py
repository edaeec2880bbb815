"""Drops: a queue in which each member has one place, by arrival; who comes first gets a piece, the others hear it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.offers import claims, drop_queries, queries
from district.offers import terms as terms_of
from district.offers.claim_problems import OnePerPerson, SoldOut
from district.offers.claims import Asked
from district.offers.terms import Terms
from push.campaign_life import IN_FORCE, CampaignState

Connection = AsyncConnection[TupleRow]
SETTLED_AT_ONCE = 200


class TicketState(StrEnum):
    """Where a place in the queue stands."""

    WAITING = "waiting"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A member's place: how many are before him while he waits, and what he got."""

    state: TicketState
    number: int
    ahead: int
    offer_id: uuid.UUID | None
    joined_at: datetime


async def join(pool: Pool, district: DistrictInfo, asked: Asked) -> None:
    """Take a place in the queue; who has one keeps it. Raises: as ``claims.claimable``."""
    async with transaction(pool) as connection:
        await claims.claimable(connection, district, asked)
        values = _values(district.id, asked.id) | {"member_id": asked.member_id, "now": asked.now}
        await connection.execute(drop_queries.JOINING_SQL, values)
        await connection.execute(drop_queries.JOIN_DROP_SQL, values)


async def ticket(
    pool: Pool, district_id: uuid.UUID, campaign_id: uuid.UUID, member_id: uuid.UUID
) -> Ticket | None:
    """The member's place in a queue; None when he has none."""
    values = {"district_id": district_id, "campaign_id": campaign_id, "member_id": member_id}
    async with pool.connection() as connection:
        row = await (await connection.execute(drop_queries.TICKET_SQL, values)).fetchone()
    if row is None:
        return None
    return Ticket(state=TicketState(row[0]), number=row[1], offer_id=row[2], joined_at=row[3], ahead=row[4])


async def settle(
    pool: Pool, district: DistrictInfo, campaign_id: uuid.UUID, *, now: datetime, waits: bool = False
) -> int:
    """Serve the queue in the order of arrival until nothing is left or nobody waits; how many tickets.

    One at a time per drop. Without ``waits`` it does nothing while another does it or somebody is just joining.
    """
    settled = 0
    while True:
        async with transaction(pool) as connection:
            part = await _settle_part(connection, district, campaign_id, now=now, waits=waits)
        settled += part
        if part < SETTLED_AT_ONCE:
            return settled


async def _settle_part(
    connection: Connection, district: DistrictInfo, campaign_id: uuid.UUID, *, now: datetime, waits: bool
) -> int:
    values = _values(district.id, campaign_id) | {"now": now, "limit": SETTLED_AT_ONCE}
    lock = drop_queries.SETTLING_WAITS_SQL if waits else drop_queries.SETTLING_SQL
    locked = await (await connection.execute(lock, values)).fetchone()
    if locked is None or not locked[0]:
        return 0
    rows = await (await connection.execute(drop_queries.WAITING_SQL, values)).fetchall()
    terms = (await terms_of.load(connection, district.id, [campaign_id])).get(campaign_id)
    if not rows or terms is None or terms.state == CampaignState.PAUSED:
        return 0
    winners, is_empty = await _serve(connection, district, terms, [row[0] for row in rows], now=now)
    await connection.execute(
        drop_queries.WON_SQL,
        values | {"members": [one[0] for one in winners], "offers": [one[1] for one in winners]},
    )
    if not is_empty:
        return len(rows)
    return len(winners) + (await connection.execute(drop_queries.LOST_SQL, values)).rowcount


async def _serve(
    connection: Connection,
    district: DistrictInfo,
    terms: Terms,
    member_ids: Sequence[uuid.UUID],
    *,
    now: datetime,
) -> tuple[list[tuple[uuid.UUID, uuid.UUID | None]], bool]:
    """Members with what they got or have already, in order, and whether nothing is left for the rest."""
    # All at once and in the order of their ids, as every issuer locks them.
    members = {"district_id": district.id, "members": sorted(member_ids)}
    await connection.execute(queries.LOCK_MEMBERS_SQL, members)
    won: list[tuple[uuid.UUID, uuid.UUID | None]] = []
    for member_id in member_ids:
        asked = Asked(member_id=member_id, id=terms.campaign_id, now=now, key="drop")
        try:
            if terms.state not in IN_FORCE:
                raise SoldOut
            async with connection.transaction():
                won.append((member_id, await claims.take_one(connection, district, terms, asked)))
        except SoldOut:
            return won, True
        except OnePerPerson:
            had = await claims.own(connection, district.id, asked)
            won.append((member_id, had.newest()))
    return won, False


def _values(district_id: uuid.UUID, campaign_id: uuid.UUID) -> dict[str, Any]:
    return {
        "district_id": district_id,
        "campaign_id": campaign_id,
        "lock": f"drop|{district_id}|{campaign_id}",
    }
