"""One coupon at one till, inside a transaction: found, judged, and used."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.problems import DistrictError
from district.redemptions import booking, guesses, queries
from district.redemptions.presenting import CodeKind, Presented
from district.redemptions.refusals import (
    AlreadyRedeemed,
    BillTooSmall,
    CodeRotates,
    CodeStale,
    HeldElsewhere,
    NotYetValid,
    OfferExpired,
    UnknownCode,
)
from district.stores.counters import OtherStore
from push.offer import OfferValue, StacksWith
from push.offer_document import read_value
from push.signed_code import is_fresh, member_tag

Connection = AsyncConnection[TupleRow]
OPEN = frozenset({"issued", "opened"})


@dataclass(frozen=True, kw_only=True)
class Found:
    """A coupon as it stands."""

    id: uuid.UUID
    state: str
    valid_from: datetime
    valid_until: datetime
    is_here: bool
    is_rotating: bool
    member_id: uuid.UUID
    document: dict[str, Any]
    stacks_with: frozenset[StacksWith]
    held_till: str | None
    held_until: datetime | None
    is_scanned: bool
    """Held because a signed code of it was scanned."""
    refused: int

    @property
    def value(self) -> OfferValue:
        """What it is worth."""
        return read_value(self.document)

    def is_usable(self, now: datetime) -> bool:
        """Whether it can be used now, wherever that is."""
        return self.state in OPEN and self.valid_from <= now < self.valid_until


async def find(connection: Connection, values: dict[str, Any], presented: Presented) -> Found:
    """The coupon of a code, still in its time or not. Raises: UnknownCode."""
    keys = values | {
        "code": presented.code,
        "presented_id": presented.signed.offer_id if presented.signed else None,
        "typed_hash": presented.typed_hash,
    }
    statement = {
        CodeKind.STATIC: queries.OFFER_SQL,
        CodeKind.SIGNED: queries.OFFER_BY_ID_SQL,
        CodeKind.TYPED: queries.OFFER_BY_TYPED_SQL,
    }[presented.kind]
    row = await (await connection.execute(statement, keys)).fetchone()
    if row is None:
        raise UnknownCode("Read the code again, or scan the one on the member's page.")
    found = Found(
        id=row[0],
        state=row[1],
        valid_from=row[2],
        valid_until=row[3],
        is_here=row[4],
        is_rotating=row[5],
        member_id=row[6],
        document=row[7],
        stacks_with=frozenset(StacksWith(one) for one in row[8]),
        held_till=row[9],
        held_until=row[10],
        is_scanned=row[10] is not None and row[11],
        refused=row[12],
    )
    signed = presented.signed
    if signed is not None and signed.member_tag != member_tag(values["district_id"], found.member_id):
        raise UnknownCode("The code is another member's: ask for a new one.")
    return found


def judge(found: Found, values: dict[str, Any], presented: Presented) -> None:
    """Whether this code of it may be used at this till now; its dates and states are judged by what uses it.

    Raises: CouponLocked, OtherStore, CodeRotates, HeldElsewhere, CodeStale.
    """
    if presented.kind is not CodeKind.STATIC:
        guesses.of_offer(values["district_id"], found.id).judge(found.refused, values["machine_now"])
    if not found.is_here:
        raise OtherStore("The offer is used in another store.")
    if found.state not in OPEN:
        return
    if presented.kind is CodeKind.STATIC and found.is_rotating:
        raise CodeRotates("Scan the code on the member's page, or type the one that it shows.")
    if found.held_until is not None and found.held_till != values["till"]:
        raise HeldElsewhere(
            "It is used at another till just now; the member may free it on the coupon's page.",
            held_until=found.held_until.isoformat(),
        )
    is_old = presented.signed is not None and not is_fresh(presented.signed, values["machine_now"])
    if is_old and not found.is_scanned:
        raise CodeStale("Scan the code that the member's page shows now: it changes every 30 seconds.")


def discount(value: OfferValue, bill_minor: int | None) -> int | None:
    """What the offer takes off. Raises: BillTooSmall."""
    if bill_minor is not None and bill_minor < (value.min_spend_minor or 0):
        raise BillTooSmall(
            "The bill is below the amount from which the offer holds.", min_spend_minor=value.min_spend_minor
        )
    return booking.worth(value, bill_minor)


async def take(connection: Connection, values: dict[str, Any]) -> dict[str, Any] | None:
    """Use the coupon of ``offer_id``: its worth, or None when it cannot be used now."""
    row = await (await connection.execute(queries.USE_OFFER_SQL, values)).fetchone()
    document: dict[str, Any] | None = None if row is None else row[0]
    return document


async def refusal(connection: Connection, values: dict[str, Any], found: Found) -> DistrictError:
    """Why a coupon could not be used, from what holds now: AlreadyRedeemed, NotYetValid or OfferExpired."""
    first = await (await connection.execute(queries.FIRST_USE_SQL, values)).fetchone()
    if first is not None:
        return AlreadyRedeemed(
            "It was used before; the first use is named.",
            first_redeemed_at=first[0].isoformat(),
            first_till=first[1],
        )
    if found.valid_from > values["now"]:
        return NotYetValid("It is valid later.", valid_from=found.valid_from.isoformat())
    return OfferExpired("Its time is over or it was withdrawn.", valid_until=found.valid_until.isoformat())
