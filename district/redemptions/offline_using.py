"""One coupon that a till took without a line, inside a transaction: used, or a conflict that somebody bears."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.database import new_id
from district.ledger import service as ledger
from district.ledger.models import Account, PostingKind
from district.ledger.service import Posting
from district.ledger.shares import NOBODY, Share
from district.redemptions import booking, offline_queries
from district.redemptions.offline_models import Bearer, Outcome
from push.offer_document import read_value

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds a till's entry, and who bears what is given twice."""

    uses_left: int
    minor_left: int
    is_list_too_old: bool
    is_too_late: bool
    bearer: Bearer

    def broken(self, discount_minor: int | None) -> bool:
        """Whether the till went beyond what it was allowed: then its merchant bears it."""
        return self.is_list_too_old or self.uses_left < 1 or (discount_minor or 0) > self.minor_left


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What became of an entry."""

    outcome: Outcome
    reason: str = ""
    offer_id: uuid.UUID | None = None
    redemption_id: uuid.UUID | None = None
    value: dict[str, Any] | None = None
    discount_minor: int | None = None
    charged_to: Bearer | None = None
    is_over_quota: bool = False
    believed_at: datetime | None = None
    first_at: datetime | None = None
    first_till: str = ""

    def at(self, believed_at: datetime | None) -> Self:
        """The same, with the time at which it is believed to have been."""
        return replace(self, believed_at=believed_at)

    @property
    def columns(self) -> dict[str, Any]:
        """What its row has beside what was sent."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "offer_id": self.offer_id,
            "redemption_id": self.redemption_id,
            "discount_minor": self.discount_minor,
            "charged_to": self.charged_to.value if self.charged_to else "",
            "is_over_quota": self.is_over_quota,
            "believed_at": self.believed_at,
            "first_at": self.first_at,
            "first_till": self.first_till,
        }


async def use(connection: Connection, values: dict[str, Any], limits: Limits) -> Settled:
    """Use the coupon of ``offer_id``, if nobody did before; else book who bears the discount that was given."""
    offer_id: uuid.UUID = values["offer_id"]
    coupon = await (await connection.execute(offline_queries.COUPON_SQL, values)).fetchone()
    if coupon is None:
        return Settled(outcome=Outcome.REFUSED, reason="unknown-code")
    if coupon[4] != values["store_id"]:
        return Settled(outcome=Outcome.REFUSED, reason="other-store", offer_id=offer_id)
    value = read_value(coupon[3])
    bill_minor = values["bill_minor"]
    if bill_minor is not None and bill_minor < (value.min_spend_minor or 0):
        return Settled(outcome=Outcome.REFUSED, reason="bill-too-small", offer_id=offer_id)
    worth = booking.worth(value, bill_minor)
    settled = Settled(
        outcome=Outcome.REDEEMED,
        offer_id=offer_id,
        value=coupon[3],
        discount_minor=worth,
        is_over_quota=limits.broken(worth),
    )
    if limits.is_too_late:
        return await _conflict(connection, values, replace(settled, reason="too-late"), Bearer.MERCHANT)
    return await _redeem(connection, values, settled) or await _second(connection, values, settled, limits)


async def _redeem(connection: Connection, values: dict[str, Any], settled: Settled) -> Settled | None:
    """The use, booked as every use is; beyond the till's quota its merchant bears it. None when it cannot be used."""
    terms = await booking.terms(connection, values)
    used = await (await connection.execute(offline_queries.USE_SQL, values)).fetchone()
    if used is None:
        return None
    redemption_id = new_id()
    redeemed = values | {
        "id": redemption_id,
        "value": Jsonb(used[0]),
        "discount_minor": settled.discount_minor,
    }
    await connection.execute(offline_queries.REDEEM_SQL, redeemed)
    await connection.execute(offline_queries.FREE_HOLD_SQL, values)
    charged_to = None
    if settled.is_over_quota and terms.merchant_id is not None:
        charged_to = Bearer.MERCHANT
        terms = replace(terms, shares=[_share(Bearer.MERCHANT, terms.merchant_id)])
    await booking.book_use(connection, redeemed, terms)
    return replace(settled, redemption_id=redemption_id, charged_to=charged_to)


async def _second(
    connection: Connection, values: dict[str, Any], settled: Settled, limits: Limits
) -> Settled:
    """Why it could not be used: the same use, somebody else's before, withdrawn meanwhile, or out of its time."""
    bearer = Bearer.MERCHANT if settled.is_over_quota else limits.bearer
    first = await (await connection.execute(offline_queries.FIRST_USE_SQL, values)).fetchone()
    if first is not None:
        if first[2] == values["till"] and values["tried"] is not None and first[3] == values["tried"]:
            return replace(
                settled,
                reason="answer-lost",
                redemption_id=first[0],
                discount_minor=first[5],
                is_over_quota=False,
            )
        told = replace(settled, reason="used-before", first_at=first[1], first_till=first[2])
        return await _conflict(connection, values, told, bearer)
    coupon = await (await connection.execute(offline_queries.COUPON_SQL, values)).fetchone()
    if coupon is not None and coupon[0] == "void":
        return await _conflict(connection, values, replace(settled, reason="withdrawn"), bearer)
    is_early = coupon is not None and coupon[1] > values["shown_at"]
    reason = "not-yet-valid" if is_early else "offer-expired"
    return Settled(outcome=Outcome.REFUSED, reason=reason, offer_id=settled.offer_id)


async def _conflict(
    connection: Connection, values: dict[str, Any], settled: Settled, bearer: Bearer
) -> Settled:
    """Book what was given for nothing: the merchant is owed it, and the bearer owes it. It is no use of the campaign."""
    row = await (await connection.execute(offline_queries.MERCHANT_SQL, values)).fetchone()
    merchant_id = row[0] if row else None
    amount = settled.discount_minor or 0
    moves = (
        ledger.discount([_share(bearer, merchant_id)], merchant_id=merchant_id, amount_minor=amount)
        if amount and merchant_id is not None
        else []
    )
    posting = Posting(
        kind=PostingKind.OFFLINE_CONFLICT,
        subject_id=values["id"],
        at=values["now"],
        transfers=moves,
        merchant_id=merchant_id,
        store_id=values["store_id"],
    )
    await ledger.post(connection, values["district_id"], posting)
    return replace(settled, outcome=Outcome.CONFLICT, charged_to=bearer)


def _share(bearer: Bearer, merchant_id: uuid.UUID) -> Share:
    if bearer is Bearer.MERCHANT:
        return Share(account=Account.MERCHANT_SHARE, owner_id=merchant_id, weight=1)
    return Share(account=Account.PLATFORM_SUBSIDY, owner_id=NOBODY, weight=1)
