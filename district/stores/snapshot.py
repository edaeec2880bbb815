"""The book of stores that each process keeps: a notice or a poll reads again only the districts that changed."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from district.clock import Clock
from district.database import Pool
from district.districts.queries import ALL_DISTRICTS_SQL
from district.districts.service import CHANNEL as DISTRICT_CHANNEL
from district.districts.service import DistrictInfo, of_row
from district.snapshot import Snapshot
from district.stores.book import DistrictStores, LiveOffer, StoreBook, StoreFacts
from district.stores.queries import (
    LIVE_OFFERS_SQL,
    OFFERS_FINGERPRINT_SQL,
    STORES_FINGERPRINT_SQL,
    STORES_OF_DISTRICT_SQL,
)
from district.stores.service import CHANNEL
from geo.coordinates import LonLat

CAMPAIGN_CHANNEL: Final = "campaign_changed"
_POLLS_SKIPPED: Final = 5
"""The fingerprint reads every row, so that the poll behind the notices is slower than that of small tables."""


class _Seen(NamedTuple):
    """What tells whether a district changed: itself, its stores, its offers."""

    district: DistrictInfo
    stores: int | None
    offers: int | None


def store_book(pool: Pool, clock: Clock) -> Snapshot[StoreBook]:
    """The snapshot of all stores, their hours and whether they have an offer."""
    loader = _Loader(pool, clock)
    return Snapshot(
        loader.load,
        empty=StoreBook(),
        channels=(CHANNEL, CAMPAIGN_CHANNEL, DISTRICT_CHANNEL),
        polls_skipped=_POLLS_SKIPPED,
    )


class _Loader:
    """Remembers what each district looked like when it was read."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._known: dict[uuid.UUID, tuple[_Seen, DistrictStores]] = {}
        self._book = StoreBook()

    async def load(self) -> StoreBook:
        """The book, the very same when nothing changed."""
        async with self._pool.connection() as connection:
            districts = [of_row(row) for row in await _all(connection, ALL_DISTRICTS_SQL)]
            stores = await _fingerprints(connection, STORES_FINGERPRINT_SQL)
            offers = await _fingerprints(connection, OFFERS_FINGERPRINT_SQL)
            known = {
                district.id: await self._current(
                    connection, district, _Seen(district, stores.get(district.id), offers.get(district.id))
                )
                for district in districts
            }
        if not _is_same(known, self._known):
            self._book = StoreBook.build({district_id: part for district_id, (_, part) in known.items()})
            self._known = known
        return self._book

    async def _current(
        self, connection: AsyncConnection[TupleRow], district: DistrictInfo, seen: _Seen
    ) -> tuple[_Seen, DistrictStores]:
        """The district as it was read before, as far as what is seen of it is the same."""
        before = self._known.get(district.id)
        if before is not None and before[0] == seen:
            return before
        offers = await _offers(connection, district)
        if before is not None and before[0][:2] == seen[:2]:
            return seen, before[1].with_offers(offers, now=self._clock.now())
        return seen, await self._read(connection, district, offers)

    async def _read(
        self, connection: AsyncConnection[TupleRow], district: DistrictInfo, offers: Sequence[LiveOffer]
    ) -> DistrictStores:
        values = {"district_id": district.id}
        async with connection.cursor(row_factory=dict_row) as cursor:
            rows = await (await cursor.execute(STORES_OF_DISTRICT_SQL, values)).fetchall()
        stores = await asyncio.to_thread(lambda: tuple(facts_of(row) for row in rows))
        now = self._clock.now()
        return await asyncio.to_thread(DistrictStores.build, district, stores, offers, now=now)


async def _offers(connection: AsyncConnection[TupleRow], district: DistrictInfo) -> list[LiveOffer]:
    rows = await _all(connection, LIVE_OFFERS_SQL, {"district_id": district.id})
    return [
        LiveOffer(store_id=store_id, starts_at=starts_at, ends_at=ends_at)
        for store_id, starts_at, ends_at in rows
    ]


async def _fingerprints(connection: AsyncConnection[TupleRow], statement: str) -> dict[uuid.UUID, int]:
    return {row[0]: row[1] for row in await _all(connection, statement)}


async def _all(
    connection: AsyncConnection[TupleRow], statement: str, values: Mapping[str, Any] | None = None
) -> list[TupleRow]:
    return await (await connection.execute(statement, values)).fetchall()


def _is_same(
    left: Mapping[uuid.UUID, tuple[_Seen, DistrictStores]],
    right: Mapping[uuid.UUID, tuple[_Seen, DistrictStores]],
) -> bool:
    return left.keys() == right.keys() and all(left[key][1] is right[key][1] for key in left)


def facts_of(row: Mapping[str, Any]) -> StoreFacts:
    """A store from a row of ``STORES_OF_DISTRICT_SQL``, which the driver leaves untyped."""
    return StoreFacts(
        id=row["id"],
        ref=row["ref"],
        name=row["name"],
        name_zh=row["name_zh"],
        category=row["category"],
        brand=row["brand"],
        opening_hours=row["opening_hours"],
        floor=row["floor"],
        address=row["address"],
        position=LonLat(lon=row["lon"], lat=row["lat"]),
        website=row["website"],
        phone=row["phone"],
    )
