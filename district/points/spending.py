"""Paying a part with points at a till: once for a request number, and undone for thirty days."""

import hashlib
import uuid
from datetime import timedelta
from typing import Any

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool, new_id, transaction
from district.points import passes, queries, service
from district.points.posting import Connection
from district.points.schemas import ReturnBody, ReturnOut, SpendBody, SpendOut
from district.points.service import Rule
from district.problems import Conflict, NotAllowed, NotFound
from district.stores.counters import Counter, standing, store_of

RETURN_WINDOW = timedelta(days=30)


class NumberReused(Conflict):
    """A request number that stands for something else."""

    slug, title = "request-number-reused", "The request number was used with another body"


class PointsOff(Conflict):
    """The district or this till takes no points."""

    slug, title = "points-not-taken", "Points are not taken here"


class _NumberTaken(Exception):
    """Another request took the number between the look and the write."""


async def spend(pool: Pool, principal: Principal, body: SpendBody, *, clock: Clock) -> SpendOut:
    """Pay with points. Of many at once none spends what another has.

    Raises: PassUnknown, PointsMissing, PointsOff, OtherStore, NumberReused.
    """
    counter = await standing(pool, principal)
    store_id = await store_of(pool, principal, counter, body.store_id)
    if counter.merchant_id is None:
        raise PointsOff("The store belongs to no merchant whom the points could be paid to.")
    values = _asked(principal, counter, store_id, body) | {
        "at": clock.now(),
        "machine_now": clock.machine_now(),
    }
    try:
        async with transaction(pool) as connection:
            return await _answered(connection, values) or await _spend(connection, values, body)
    except _NumberTaken:
        async with pool.connection() as connection:
            stored = await _answered(connection, values)
        if stored is None:
            raise Conflict("Send the same request again.") from None
        return stored


def _asked(principal: Principal, counter: Counter, store_id: uuid.UUID, body: SpendBody) -> dict[str, Any]:
    text = f"{body.pass_code}|{body.points}|{store_id}|{body.bill_minor}"
    return {
        "district_id": principal.district_id,
        "till": counter.name,
        "merchant_id": counter.merchant_id,
        "store_id": store_id,
        "request_no": body.use_request_no,
        "body_hash": hashlib.sha256(text.encode()).digest(),
        "points": body.points,
    }


async def _answered(connection: Connection, values: dict[str, Any]) -> SpendOut | None:
    row = await (await connection.execute(queries.SPENT_SQL, values)).fetchone()
    if row is None:
        return None
    if bytes(row[4]) != values["body_hash"]:
        raise NumberReused("Count the till's request number up for each new payment.")
    return SpendOut(spend_id=row[0], points=row[1], amount_minor=row[2], at=row[3])


async def _spend(connection: Connection, values: dict[str, Any], body: SpendBody) -> SpendOut:
    district_id = values["district_id"]
    rule = await rule_here(connection, district_id, values["merchant_id"])
    member_id = await passes.holder(
        connection, district_id, body.pass_code, machine_now=values["machine_now"]
    )
    amount = body.points * rule.value_minor
    if body.bill_minor is not None and amount > body.bill_minor:
        most = body.bill_minor // rule.value_minor
        raise Conflict("Points pay no more than the bill.", most_points=most)
    values |= {"id": new_id(), "member_id": member_id, "amount_minor": amount}
    if not await pay(connection, rule, values):
        raise _NumberTaken
    return SpendOut(spend_id=values["id"], points=body.points, amount_minor=amount, at=values["at"])


async def pay(connection: Connection, rule: Rule, values: dict[str, Any]) -> bool:
    """Spend in the caller's transaction; False when the till's request number stands for another payment.

    ``values`` names district_id, id, till, request_no, body_hash, member_id, merchant_id, store_id, points,
    amount_minor and at. Raises: PointsMissing.
    """
    expires_at = await service.spend(connection, values["district_id"], rule, values=values)
    row = await connection.execute(queries.ADD_SPEND_SQL, values | {"expires_at": expires_at})
    return await row.fetchone() is not None


async def rule_here(connection: Connection, district_id: uuid.UUID, merchant_id: uuid.UUID) -> Rule:
    """The rule by which a merchant's tills take points. Raises: PointsOff."""
    rule = await service.rule_of(connection, district_id)
    if rule is None or not rule.is_on:
        raise PointsOff("The district has no points, or has switched them off.")
    if rule.merchant_ids is not None and merchant_id not in rule.merchant_ids:
        raise PointsOff("This merchant takes no points; ask the district's operator.")
    return rule


async def give_back(
    pool: Pool, principal: Principal, spend_id: uuid.UUID, body: ReturnBody, *, clock: Clock
) -> ReturnOut:
    """Undo a part payment; the same request number gets the same answer.

    Raises: NotFound for another store's, Conflict when it was undone under another number, is too old, or the member
    has left.
    """
    counter = await standing(pool, principal)
    async with transaction(pool) as connection:
        values = {"district_id": principal.district_id, "spend_id": spend_id}
        row = await (await connection.execute(queries.SPEND_SQL, values)).fetchone()
        if row is None or not _is_own(counter, row[2], row[3]):
            raise NotFound("No such payment.")
        member_id, points, store_id, merchant_id, expires_at, spent_at, returned_at, number = row
        if returned_at is not None:
            if number != body.return_request_no:
                raise Conflict("It was undone under another request number.")
            return ReturnOut(spend_id=spend_id, points=points, returned_at=returned_at)
        now = clock.now()
        if now - spent_at > RETURN_WINDOW:
            raise Conflict(f"A payment can be undone for {RETURN_WINDOW.days} days.")
        rule = await service.rule_of(connection, principal.district_id)
        back = values | {
            "member_id": member_id,
            "points": points,
            "merchant_id": merchant_id,
            "store_id": store_id,
            "expires_at": expires_at,
            "at": now,
        }
        if rule is None or not await service.give_back(
            connection, principal.district_id, rule, spend_id=spend_id, values=back
        ):
            raise NotAllowed("The member has left: give the amount back in money.")
        await connection.execute(queries.RETURN_SPEND_SQL, back | {"request_no": body.return_request_no})
        return ReturnOut(spend_id=spend_id, points=points, returned_at=now)


def _is_own(counter: Counter, store_id: uuid.UUID, merchant_id: uuid.UUID) -> bool:
    return (
        store_id == counter.store_id if counter.store_id is not None else merchant_id == counter.merchant_id
    )
