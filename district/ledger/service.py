"""Booking: what happened, once, in the transaction in which it happens."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from sqlalchemy.orm import Session

from district.database import new_id
from district.ledger import queries
from district.ledger.models import Account, PostingKind
from district.ledger.shares import Share, split

Connection = AsyncConnection[TupleRow]
Owned = tuple[Account, uuid.UUID]
"""One account: what it is, and whose."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """An amount, more than nothing, from one account to another."""

    source: Owned
    target: Owned
    amount_minor: int


@dataclass(frozen=True, kw_only=True)
class Posting:
    """What is to be booked. Nothing to transfer is allowed: a gift is redeemed, too."""

    kind: PostingKind
    subject_id: uuid.UUID
    at: datetime
    transfers: Sequence[Transfer] = ()
    merchant_id: uuid.UUID | None = None
    store_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    reverses_id: uuid.UUID | None = None
    id: uuid.UUID = field(default_factory=new_id)


async def post(connection: Connection, district_id: uuid.UUID, posting: Posting) -> bool:
    """Book it when the caller's transaction commits; False when its subject was booked before, and nothing is done."""
    cursor = await connection.execute(queries.POST_SQL, _values(district_id, posting))
    return await cursor.fetchone() is not None


def post_in(session: Session, district_id: uuid.UUID, posting: Posting) -> bool:
    """The same in a session."""
    done = session.connection().exec_driver_sql(queries.POST_SQL, _values(district_id, posting))
    return done.first() is not None


def _values(district_id: uuid.UUID, posting: Posting) -> dict[str, Any]:
    moves = posting.transfers
    return {
        "district_id": district_id,
        "id": posting.id,
        "kind": posting.kind.value,
        "subject_id": posting.subject_id,
        "reverses_id": posting.reverses_id,
        "merchant_id": posting.merchant_id,
        "store_id": posting.store_id,
        "campaign_id": posting.campaign_id,
        "at": posting.at,
        "sources": [move.source[0].value for move in moves],
        "source_ids": [move.source[1] for move in moves],
        "targets": [move.target[0].value for move in moves],
        "target_ids": [move.target[1] for move in moves],
        "amounts": [move.amount_minor for move in moves],
    }


async def take_back(
    connection: Connection,
    district_id: uuid.UUID,
    *,
    kind: PostingKind,
    subject_id: uuid.UUID,
    of: tuple[PostingKind, uuid.UUID],
    at: datetime,
) -> bool:
    """Book the opposite of an earlier posting, named by its kind and subject, to the last unit.

    False when there is none, as of what was redeemed before there was a ledger, or when it was taken back before.
    """
    values = {
        "district_id": district_id,
        "id": new_id(),
        "kind": kind.value,
        "subject_id": subject_id,
        "kind_before": of[0].value,
        "subject_before": of[1],
        "at": at,
    }
    return await (await connection.execute(queries.TAKE_BACK_SQL, values)).fetchone() is not None


def discount(shares: Sequence[Share], *, merchant_id: uuid.UUID, amount_minor: int) -> list[Transfer]:
    """What moves when a merchant's till takes a discount off a bill: from each that bears it, to him."""
    parts = split(amount_minor, [share.weight for share in shares])
    return [
        Transfer(
            source=(share.account, share.owner_id),
            target=(Account.MERCHANT_PAYABLE, merchant_id),
            amount_minor=part,
        )
        for share, part in zip(shares, parts, strict=True)
        if part
    ]


async def balances(connection: Connection, district_id: uuid.UUID) -> dict[Owned, int]:
    """What stands in each account that is not at zero; together they are zero."""
    rows = await (await connection.execute(queries.BALANCES_SQL, {"district_id": district_id})).fetchall()
    return {(Account(account), owner_id): amount for account, owner_id, amount in rows}
