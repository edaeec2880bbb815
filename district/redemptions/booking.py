"""What a use books: who bears the discount, and what its merchant is owed. In the transaction of the use."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.ledger import service as ledger
from district.ledger.models import PostingKind
from district.ledger.service import Posting
from district.ledger.shares import Share, share_of
from district.points import service as points
from district.points.models import MovementKind
from district.points.service import Earning
from district.redemptions.queries import LOCK_MEMBER_SQL, TERMS_SQL
from push.coupon import discount_minor
from push.offer import OfferValue, ValueKind

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Whose offer was used where."""

    member_id: uuid.UUID
    campaign_id: uuid.UUID
    merchant_id: uuid.UUID | None
    shares: Sequence[Share]
    gives_points: bool


def worth(value: OfferValue, bill_minor: int | None) -> int | None:
    """What an offer takes off; None for a percentage of a bill that the till did not say."""
    if bill_minor is not None and value.kind is not ValueKind.RANDOM:
        return discount_minor(value, bill_minor)
    match value.kind:
        case ValueKind.AMOUNT | ValueKind.RANDOM:
            face = value.minor_units or 0
            return face if bill_minor is None else min(face, bill_minor)
        case ValueKind.IN_STORE_PRICE:
            return (value.regular_minor or 0) - (value.price_minor or 0)
        case ValueKind.PERCENT:
            return None
        case ValueKind.GIFT | ValueKind.POINTS | ValueKind.NONE:
            return 0


async def book_use(connection: Connection, values: dict[str, Any], terms: Terms) -> None:
    """Book a redemption that was just written, and give the points that the district gives for it."""
    amount = values["discount_minor"] or 0
    moves = (
        ledger.discount(terms.shares, merchant_id=terms.merchant_id, amount_minor=amount)
        if amount and terms.merchant_id is not None
        else []
    )
    posting = Posting(
        kind=PostingKind.REDEMPTION,
        subject_id=values["id"],
        at=values["now"],
        transfers=moves,
        merchant_id=terms.merchant_id,
        store_id=values["store_id"],
        campaign_id=terms.campaign_id,
    )
    await ledger.post(connection, values["district_id"], posting)
    if terms.gives_points:
        await _give_points(connection, values, terms)


async def _give_points(connection: Connection, values: dict[str, Any], terms: Terms) -> None:
    rule = await points.rule_of(connection, values["district_id"])
    if rule is None or not rule.is_on:
        return
    earning = Earning(
        kind=MovementKind.REDEMPTION,
        member_id=terms.member_id,
        subject_id=values["id"],
        points=rule.per_redemption,
        at=values["now"],
        store_id=values["store_id"],
    )
    await points.earn(connection, values["district_id"], rule, earning)


async def book_reversal(connection: Connection, values: dict[str, Any]) -> None:
    """Book the opposite of the redemption that was just taken back; the points that it brought go, too."""
    await ledger.take_back(
        connection,
        values["district_id"],
        kind=PostingKind.REVERSAL,
        subject_id=values["id"],
        of=(PostingKind.REDEMPTION, values["redemption_id"]),
        at=values["now"],
    )
    rule = await points.rule_of(connection, values["district_id"])
    if rule is not None:
        await points.take_back(
            connection,
            values["district_id"],
            rule,
            of=(MovementKind.REDEMPTION, values["redemption_id"]),
            subject_id=values["id"],
            at=values["now"],
        )


async def terms(connection: Connection, values: dict[str, Any]) -> Terms:
    """Whose offer it is and who bears it; read before the offer is used."""
    row = await (await connection.execute(TERMS_SQL, values)).fetchone()
    assert row is not None  # noqa: S101  the redemption refers to all three
    member_id, campaign_id, merchant_id, property_id = row[:4]
    owner_kind, owner_merchant, owner_property, shares, gives_points = row[4:]
    if gives_points:
        await connection.execute(LOCK_MEMBER_SQL, values | {"member_id": member_id})
    here = {"merchant": merchant_id, "property": property_id}
    if shares:
        found = [
            share_of(kind, uuid.UUID(party) if party else here.get(kind), part)
            for kind, party, part in shares
        ]
    else:
        found = [share_of(owner_kind, owner_merchant or owner_property, 1)]
    return Terms(
        member_id=member_id,
        campaign_id=campaign_id,
        merchant_id=merchant_id,
        shares=found,
        gives_points=gives_points,
    )
