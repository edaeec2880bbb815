"""A movement of points and its posting: who owes them, and who pays."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.database import new_id
from district.ledger import service as ledger
from district.ledger.models import Account, PostingKind
from district.ledger.service import Owned, Posting, Transfer
from district.ledger.shares import NOBODY, Share, split
from district.points import queries
from district.points.models import MovementKind

Connection = AsyncConnection[TupleRow]
LIABILITY: Owned = (Account.POINTS_LIABILITY, NOBODY)
PLATFORM: Owned = (Account.PLATFORM_SUBSIDY, NOBODY)


@dataclass(frozen=True, kw_only=True)
class Funding:
    """Who bears points that a campaign promised."""

    campaign_id: uuid.UUID
    shares: Sequence[Share]


_POSTED = {
    MovementKind.TAKEN_BACK: PostingKind.POINTS_TAKEN_BACK,
    MovementKind.SPENT: PostingKind.POINTS_SPENT,
    MovementKind.RETURNED: PostingKind.POINTS_RETURNED,
    MovementKind.EXPIRED: PostingKind.POINTS_EXPIRED,
}


async def write(
    connection: Connection,
    moved: dict[str, Any],
    balance: int,
    value_minor: int,
    *,
    merchant_id: uuid.UUID | None = None,
    funding: Funding | None = None,
) -> None:
    """The movement, and its posting: points are owed to members by the platform or by who promised them, or paid out by
    a merchant's till.
    """
    row = {"id": new_id()} | moved
    await connection.execute(queries.ADD_MOVEMENT_SQL, row | {"balance": balance})
    other = PLATFORM if merchant_id is None else (Account.MERCHANT_PAYABLE, merchant_id)
    source, target = (other, LIABILITY) if row["points"] > 0 else (LIABILITY, other)
    amount_minor = abs(row["points"]) * value_minor
    transfers = (
        [Transfer(source=source, target=target, amount_minor=amount_minor)]
        if funding is None
        else _borne(funding.shares, amount_minor)
    )
    posting = Posting(
        kind=_POSTED.get(MovementKind(row["kind"]), PostingKind.POINTS_EARNED),
        subject_id=row["id"],
        at=row["at"],
        merchant_id=merchant_id,
        store_id=row["store_id"],
        campaign_id=None if funding is None else funding.campaign_id,
        transfers=transfers,
    )
    await ledger.post(connection, row["district_id"], posting)


def _borne(shares: Sequence[Share], amount_minor: int) -> list[Transfer]:
    """Each share's part of what is owed from now on."""
    parts = split(amount_minor, [share.weight for share in shares])
    return [
        Transfer(source=(share.account, share.owner_id), target=LIABILITY, amount_minor=part)
        for share, part in zip(shares, parts, strict=True)
        if part
    ]
