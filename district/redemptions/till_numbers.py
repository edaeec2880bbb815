"""The number that a till shows, so that a member can say at which one he stands: a new one every two minutes."""

from datetime import timedelta

from district.auth.service import Principal
from district.clock import Clock
from district.database import Pool
from district.problems import Unavailable
from district.redemptions import hold_queries
from district.redemptions.schemas import NumberBody, NumberOut
from district.stores.counters import standing, store_of
from push.typed_code import new_number

SHOWN_FOR = timedelta(minutes=2)
LEFT = timedelta(minutes=1)
"""Who read it in its last second has so long to type it."""
_TRIES = 20


async def show(pool: Pool, principal: Principal, body: NumberBody, *, clock: Clock) -> NumberOut:
    """The till's number of now. Raises: OtherStore; Unavailable when most numbers of the district are taken."""
    till = await standing(pool, principal)
    store_id = await store_of(pool, principal, till, body.store_id)
    machine_now = clock.machine_now()
    values = {
        "district_id": principal.district_id,
        "till": till.name,
        "store_id": store_id,
        "machine_now": machine_now,
        "shown_until": machine_now + SHOWN_FOR,
        "valid_until": machine_now + SHOWN_FOR + LEFT,
    }
    async with pool.connection() as connection:
        row = await (await connection.execute(hold_queries.TILL_SHOWN_SQL, values)).fetchone()
        if row is not None:
            return NumberOut(number=row[0], shown_until=row[1], valid_until=row[2])
        for _ in range(_TRIES):
            number = new_number()
            taken = await connection.execute(hold_queries.TAKE_NUMBER_SQL, values | {"number": number})
            if await taken.fetchone() is not None:
                return NumberOut(
                    number=number, shown_until=values["shown_until"], valid_until=values["valid_until"]
                )
    raise Unavailable("All numbers are taken just now; scan the QR code instead.")
