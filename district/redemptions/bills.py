"""Settling a bill: coupons and points of one member together, all or nothing, once for a request number."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, new_id, transaction
from district.points import spending
from district.points.spending import PointsOff
from district.problems import Invalid
from district.redemptions import bill_queries, booking, guesses, paying, service, using
from district.redemptions.bill_schemas import BillBody, BillOut, Part
from district.redemptions.paying import Payer, Shop
from district.redemptions.presenting import Presented
from district.redemptions.quoting import ANOTHER_MEMBER, held_coupon
from district.redemptions.refusals import CannotCombine, RequestNumberReused
from district.redemptions.service import NumberTaken
from district.redemptions.using import Found
from district.stores.counters import standing, store_of
from push.stacking import Purse
from push.till_sum import NotCombinable, PointsOver, TillSum, exact

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where a bill is settled: what every statement needs, the store, and whose pass was shown."""

    values: dict[str, Any]
    shop: Shop
    payer: Payer | None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One coupon of the bill, used: the values of its redemption, and who bears it."""

    found: Found
    values: dict[str, Any]
    terms: booking.Terms


async def settle(pool: Pool, principal: Principal, body: BillBody, *, clock: Clock) -> BillOut:
    """Use all of these coupons and points on one bill, at the sum that a quote of them names.

    Each coupon is a redemption of its own with its part of the discount. Raises: what a use of one of the codes alone
    would raise, CannotCombine, PassUnknown, PointsMissing, PointsOff, RequestNumberReused, Invalid for an empty bill.
    """
    if not body.codes and body.points is None:
        raise Invalid("Name codes, points or both.")
    if body.points is not None and body.pass_code is None:
        raise Invalid("Points are spent with the member's pass: send pass_code.")
    till = await standing(pool, principal)
    store_id = await store_of(pool, principal, till, body.store_id)
    tries = guesses.of_till(principal.district_id, till.name)
    await tries.check(pool, clock)
    presented = [await service.read_counted(pool, tries, code, clock=clock) for code in body.codes]
    if len({one.name for one in presented}) < len(presented):
        raise Invalid("Each code once.")
    values = service.asked(principal, till, store_id, clock) | {
        "request_no": body.use_request_no,
        "body_hash": _hash(body, presented, store_id),
        "bill_minor": body.bill_minor,
        "till_at": body.at,
        "bill_id": new_id(),
    }
    return await service.guarded(
        pool, presented, tries, values, lambda: _settle(pool, values, body, presented), clock=clock
    )


def _hash(body: BillBody, presented: Sequence[Presented], store_id: uuid.UUID) -> bytes:
    names = ",".join(sorted(one.name for one in presented))
    text = f"bill|{names}|{store_id}|{body.bill_minor}|{body.points}|{body.pass_code if body.points else ''}"
    return hashlib.sha256(text.encode()).digest()


async def _settle(
    pool: Pool, values: dict[str, Any], body: BillBody, presented: Sequence[Presented]
) -> BillOut:
    try:
        async with transaction(pool) as connection:
            return await _answered(connection, values) or await _use(connection, values, body, presented)
    except NumberTaken:
        async with pool.connection() as connection:
            stored = await _answered(connection, values)
        if stored is None:
            raise RequestNumberReused("Count the till's request number up for each new bill.") from None
        return stored


async def _answered(connection: Connection, values: dict[str, Any]) -> BillOut | None:
    row = await (await connection.execute(bill_queries.ANSWERED_SQL, values)).fetchone()
    if row is None:
        return None
    if bytes(row[0]) != values["body_hash"]:
        raise RequestNumberReused("Count the till's request number up for each new bill.")
    return BillOut.model_validate(row[1])


async def _use(
    connection: Connection, values: dict[str, Any], body: BillBody, presented: Sequence[Presented]
) -> BillOut:
    shop = await paying.shop(connection, values)
    coupons = []
    for one in presented:
        found = await using.find(connection, values, one)
        values |= {"offer_id": found.id, "kind": one.kind}
        using.judge(found, values, one)
        coupons.append(found)
    payer = await paying.payer(connection, values, shop, body.pass_code)
    _check_one_member(coupons, payer)
    try:
        taken = await _take(connection, values, coupons)
    except _Over as over:
        stored = await _answered(connection, values)
        if stored is None:
            found = over.found
            raise await using.refusal(connection, values | {"offer_id": found.id}, found) from None
        return stored
    desk = Desk(values=values, shop=shop, payer=payer)
    return await _write(connection, desk, taken, _summed(desk, coupons, body))


def _check_one_member(coupons: Sequence[Found], payer: Payer | None) -> None:
    """Raises: CannotCombine."""
    members = {one.member_id for one in coupons} | ({payer.member_id} if payer is not None else set())
    if len(members) > 1:
        raise CannotCombine(
            "They belong to several members: settle one member's at a time.", reason=ANOTHER_MEMBER
        )


class _Over(Exception):
    """A coupon that cannot be used now."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self.found = found


async def _take(connection: Connection, values: dict[str, Any], coupons: Sequence[Found]) -> list[Taken]:
    """Use each coupon, in one order for all, so that two bills never wait for each other. Raises: _Over."""
    taken = []
    for place, found in enumerate(sorted(coupons, key=lambda one: one.id)):
        own = values | {"offer_id": found.id, "id": new_id()}
        # A single use has no blank in its number, so that the further numbers of a bill are nobody else's.
        own |= {"request_no": f"{values['request_no']} {place + 1}" if place else values["request_no"]}
        terms = await booking.terms(connection, own)
        document = await using.take(connection, own)
        if document is None:
            raise _Over(found)
        taken.append(Taken(found=found, values=own | {"value": Jsonb(document)}, terms=terms))
    return taken


def _summed(desk: Desk, coupons: Sequence[Found], body: BillBody) -> TillSum:
    """Raises: CannotCombine, PointsOff."""
    purse, payer = None, desk.payer
    if body.points is not None and payer is not None:
        if payer.rule is None:
            raise PointsOff("The district or this merchant takes no points.")
        purse = Purse(points=body.points, minor_each=payer.rule.value_minor)
    try:
        return exact(
            desk.shop.bill(body.bill_minor, is_member=True), [held_coupon(one) for one in coupons], purse
        )
    except NotCombinable as refused:
        reasons = {str(one): reason.value for one, reason in refused.reasons.items()}
        raise CannotCombine(str(refused), reasons=reasons) from None
    except PointsOver as over:
        raise CannotCombine(str(over), reason="points_over", most_points=over.most_points) from None


async def _write(connection: Connection, desk: Desk, taken: Sequence[Taken], summed: TillSum) -> BillOut:
    """The bill, its redemptions, the points, and what each of them books. Raises: NumberTaken, PointsMissing."""
    values = desk.values
    parts = [
        (one, one.values | {"discount_minor": summed.off_minor[held_coupon(one.found).id]}) for one in taken
    ]
    answer = _answer(desk, parts, summed)
    keys = values | {"due_minor": answer.due_minor, "answer": Jsonb(answer.model_dump(mode="json"))}
    if await (await connection.execute(bill_queries.ADD_BILL_SQL, keys)).fetchone() is None:
        raise NumberTaken
    for one, own in parts:
        await service.write(connection, own, one.found)
    if answer.spend_id is not None:
        await _spend(connection, desk, summed, answer.spend_id)
    for one, own in parts:
        await booking.book_use(connection, own, one.terms)
    return answer


def _answer(desk: Desk, parts: Sequence[tuple[Taken, dict[str, Any]]], summed: TillSum) -> BillOut:
    return BillOut(
        bill_id=desk.values["bill_id"],
        bill_minor=summed.bill.bill_minor,
        due_minor=summed.payment.due_minor,
        member_price_minor=summed.member_price_minor,
        redemptions=[
            Part(
                redemption_id=own["id"],
                offer_id=one.found.id,
                value=one.found.document,
                discount_minor=own["discount_minor"],
            )
            for one, own in parts
        ],
        spend_id=new_id() if summed.payment.points else None,
        points=summed.payment.points,
        points_minor=summed.payment.points_minor,
        at=desk.values["now"],
    )


async def _spend(connection: Connection, desk: Desk, summed: TillSum, spend_id: uuid.UUID) -> None:
    """Before what the coupons earn, so that it pays for nothing of this bill. Raises: NumberTaken, PointsMissing."""
    payer = desk.payer
    assert payer is not None  # noqa: S101  a sum with points has a pass
    assert payer.rule is not None  # noqa: S101  and a rule
    spent = desk.values | {
        "id": spend_id,
        "member_id": payer.member_id,
        "merchant_id": desk.shop.merchant_id,
        "points": summed.payment.points,
        "amount_minor": summed.payment.points_minor,
        "at": desk.values["now"],
    }
    if not await spending.pay(connection, payer.rule, spent):
        raise NumberTaken
