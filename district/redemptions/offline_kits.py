"""What a device at a till is given so that it can go on without a line: keys, what is gone, and how much it may take."""

import base64
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.auth.service import Principal
from district.clock import Clock, SystemClock
from district.database import Pool, new_id, transaction
from district.districts.service import DistrictInfo
from district.offers import code_keys
from district.problems import NotAllowed, NotFound
from district.redemptions import offline_policies, offline_queries
from district.redemptions.offline_schemas import Kit, PublicKey, Quota
from district.stores.counters import Counter, standing
from push.signed_code import tag

MOST_GONE = 50_000
"""Eight bytes each; a shop with more coupons gone than that in their time has tills with a line only."""
KEY_BYTES = 32
MOST_SKEW = timedelta(days=366)
Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A device's request for its kit: which journal it writes, None before its first, and what its clock says."""

    journal: uuid.UUID | None
    at: datetime


class OneTillOnly(NotAllowed):
    """A key of many stores cannot go off line: what it takes would be bound to none."""

    slug, title = "one-till-only", "Without a line only a key of one till, or of one store, takes coupons"


async def counter_of(pool: Pool, principal: Principal) -> tuple[Counter, uuid.UUID]:
    """Where the device stands. Raises: OneTillOnly, NotAllowed."""
    counter = await standing(pool, principal)
    if counter.store_id is None:
        raise OneTillOnly("Make a key for this till.")
    return counter, counter.store_id


async def give(
    pool: Pool, district: DistrictInfo, principal: Principal, asked: Asked, *, secret: str, clock: Clock
) -> Kit:
    """A new kit: the till's quota, less what its other devices still hold, and the list as it is now.

    What a device has taken is to be brought in before: the kit starts its count anew.
    Raises: OneTillOnly, NotAllowed, NotFound for a journal of another till.
    """
    counter, store_id = await counter_of(pool, principal)
    machine_now = clock.machine_now()
    values = {
        "district_id": district.id,
        "till": counter.name,
        "store_id": store_id,
        "journal": asked.journal,
        "now": clock.now(),
        "machine_now": machine_now,
        "skew_ms": _skew_ms(asked.at, machine_now),
        "limit": MOST_GONE + 1,
    }
    async with transaction(pool) as connection:
        # Even before its first coupon: a till that has no key of the district can check nothing.
        await code_keys.signer(connection, district.id, secret, now=machine_now)
        policy = await offline_policies.load(connection, district.id)
        values["list_until"] = machine_now + policy.list_age
        quota = await _quota(connection, policy, values)
        gone = await (await connection.execute(offline_queries.GONE_SQL, values)).fetchall()
        if len(gone) > MOST_GONE:
            quota = Quota(uses=0, minor_units=0)
        journal, key = await _journal(connection, values | {"uses": quota.uses, "minor": quota.minor_units})
        values["journal"] = journal
        last = await (await connection.execute(offline_queries.LAST_SEQ_SQL, values)).fetchone()
        keys = await code_keys.live(connection, district.id, since=machine_now)
    return Kit(
        journal=journal,
        journal_key=base64.b64encode(key).decode(),
        last_seq=last[0] if last else 0,
        last_mark=bytes(last[1]).hex() if last else None,
        district_id=district.id,
        till=counter.name,
        store_id=store_id,
        store_tag=tag(store_id).hex(),
        keys=[
            PublicKey(
                id=one.key_id,
                public=base64.b64encode(one.public).decode(),
                signs_from=one.signs_from,
                retires_at=one.retires_at,
            )
            for one in keys
        ],
        gone=base64.b64encode(b"".join(sorted(tag(row[0]) for row in gone[:MOST_GONE]))).decode(),
        is_gone_complete=len(gone) <= MOST_GONE,
        quota=quota,
        currency=district.currency,
        server_time=machine_now,
        business_time=values["now"],
        business_speed=speed_of(clock),
        valid_until=values["list_until"],
    )


async def close(pool: Pool, principal: Principal, journal: uuid.UUID, *, clock: Clock) -> None:
    """Give back what a device still holds of its till's quota. Entries of it may still be brought in."""
    counter, _ = await counter_of(pool, principal)
    values = {
        "district_id": principal.district_id,
        "till": counter.name,
        "journal": journal,
        "machine_now": clock.machine_now(),
    }
    async with pool.connection() as connection:
        await connection.execute(offline_queries.CLOSE_JOURNAL_SQL, values)


def speed_of(clock: Clock) -> float:
    """How fast business time runs."""
    simulation = clock.simulation if isinstance(clock, SystemClock) else None
    return simulation.speed if simulation else 1.0


async def _quota(connection: Connection, policy: offline_policies.Policy, values: dict[str, Any]) -> Quota:
    await connection.execute(offline_queries.ADD_TILL_SQL, values)
    own = await (await connection.execute(offline_queries.LOCK_TILL_SQL, values)).fetchone()
    others = await (await connection.execute(offline_queries.GRANTED_SQL, values)).fetchone()
    assert own is not None  # noqa: S101  it was just written
    assert others is not None  # noqa: S101  a sum is always a row
    uses = min(policy.most_uses, policy.most_uses if own[0] is None else own[0])
    minor = min(policy.most_minor, policy.most_minor if own[1] is None else own[1])
    return Quota(uses=max(0, uses - others[0]), minor_units=max(0, minor - others[1]))


async def _journal(connection: Connection, values: dict[str, Any]) -> tuple[uuid.UUID, bytes]:
    if values["journal"] is not None:
        row = await (await connection.execute(offline_queries.RENEW_JOURNAL_SQL, values)).fetchone()
        if row is None:
            raise NotFound("No such journal at this till: leave it out to begin one.")
        return values["journal"], bytes(row[0])
    opened = values | {"id": new_id(), "key": secrets.token_bytes(KEY_BYTES)}
    await connection.execute(offline_queries.OPEN_JOURNAL_SQL, opened)
    return opened["id"], opened["key"]


def _skew_ms(till_at: datetime, machine_now: datetime) -> int:
    """How far the till's clock is ahead; beyond a year it is a clock without a battery, and never believed."""
    skew = max(-MOST_SKEW, min(MOST_SKEW, till_at - machine_now))
    return round(skew.total_seconds() * 1000)
