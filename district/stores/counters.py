"""Where a till's key stands, and whether it speaks for a store."""

import uuid
from dataclasses import dataclass

from district.auth.service import Principal
from district.database import Pool
from district.problems import NotAllowed
from district.stores.counter_queries import MERCHANTS_STORE_SQL, TILL_SQL


class OtherStore(NotAllowed):
    """What was asked for is another store's."""

    slug, title = "other-store", "The offer is not for this store"


@dataclass(frozen=True, kw_only=True)
class Counter:
    """Where the caller stands. ``store_id`` is None for a key of all of a merchant's stores."""

    name: str
    """Request numbers are unique within it."""
    store_id: uuid.UUID | None
    merchant_id: uuid.UUID | None


async def standing(pool: Pool, principal: Principal) -> Counter:
    """The till, store or merchant that the key stands for. Raises: NotAllowed."""
    if principal.scope_id is None:
        if principal.merchant_id is None:
            raise NotAllowed("This key stands for no store; make one for a till.")
        return Counter(name=f"key:{principal.subject_id}", store_id=None, merchant_id=principal.merchant_id)
    values = {"district_id": principal.district_id, "scope_id": principal.scope_id}
    async with pool.connection() as connection:
        row = await (await connection.execute(TILL_SQL, values)).fetchone()
    if row is None:
        raise NotAllowed("The store of this key is closed or gone; make a new key.")
    return Counter(name=f"till:{principal.scope_id}", store_id=row[0], merchant_id=row[1])


async def store_of(pool: Pool, principal: Principal, counter: Counter, named: uuid.UUID | None) -> uuid.UUID:
    """The store that is meant: the counter's own, or one of its merchant's. Raises: OtherStore."""
    if counter.store_id is not None:
        if named not in {None, counter.store_id}:
            raise OtherStore("The key is for a till of another store.")
        return counter.store_id
    if named is None:
        raise OtherStore("The key is for all stores of a merchant; name the store.")
    values = {
        "district_id": principal.district_id,
        "store_id": named,
        "merchant_id": counter.merchant_id,
    }
    async with pool.connection() as connection:
        row = await (await connection.execute(MERCHANTS_STORE_SQL, values)).fetchone()
    if row is None:
        raise OtherStore("The key is for stores of another merchant.")
    return named
