"""Messages of which a provider tells only who asks: asked after less and less often, until it is known what became of them."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Self

import structlog
from pydantic import ValidationError

from district.channels.kinds import KINDS
from district.channels.kinds.kind import Asked, Asker, ReceiptEvent, ReceiptKind, Reply
from district.channels.shelves import shared
from district.clock import Clock
from district.database import Pool
from district.deliveries import stops
from district.deliveries.building import building_of
from district.deliveries.channels import provider_policy_of
from district.deliveries.keeping import Keeper
from district.districts.service import DistrictInfo
from district.sealing import SealBroken
from district.settings import Settings
from push.channels.outbound import Outbound

log = structlog.get_logger()
EVERY: Final = timedelta(seconds=20)
STOPPED_EVERY: Final = timedelta(seconds=3)
MOST_A_ROUND: Final = 100
AT_ONCE: Final = 4
LONGEST_S: Final = 10.0
FIRST_AFTER: Final = timedelta(seconds=30)
LATEST_AFTER: Final = timedelta(hours=3)
"""Each time after half the message's age: a day's message is asked after some twenty times."""
LOOK_BACK: Final = timedelta(days=7)
_LAST_WORDS: Final = (ReceiptKind.DELIVERED, ReceiptKind.FAILED, ReceiptKind.ADDRESS_GONE)

PROVIDERS_SQL: Final = """
SELECT id, slug, kind, options, sealed FROM channel_provider
WHERE district_id = %(district_id)s AND kind = ANY(%(kinds)s::text[]) AND is_on
ORDER BY id
"""

# Of a message that was taken retry_at says when its provider is asked again; workers that ask at once take different ones.
DUE_SQL: Final = """
WITH due AS (
    SELECT id FROM outbox_message AS message
    WHERE district_id = %(district_id)s AND provider_id = %(provider_id)s AND provider_message_id <> ''
      AND state = 'accepted' AND delivered_at IS NULL AND retry_at <= clock_timestamp()
      AND finished_at > clock_timestamp() - %(look_back)s
      AND NOT EXISTS (
          SELECT FROM delivery_receipt AS receipt
          WHERE receipt.district_id = %(district_id)s AND receipt.delivery_id = message.id
            AND receipt.kind = ANY(%(last_words)s::text[]))
    ORDER BY retry_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE outbox_message AS message
SET retry_at = clock_timestamp() + least(
    greatest((clock_timestamp() - message.finished_at) / 2, %(first_after)s), %(latest_after)s,
    CASE WHEN message.send_before > %(now)s THEN message.send_before - %(now)s + %(first_after)s END)
FROM due WHERE message.district_id = %(district_id)s AND message.id = due.id
RETURNING message.id, message.provider_message_id, coalesce(message.send_before <= %(now)s, false)
"""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A provider that is asked."""

    id: uuid.UUID
    slug: str
    kind: str
    options: dict[str, Any]
    sealed: bytes = field(repr=False)

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of PROVIDERS_SQL, which the driver leaves untyped."""
        return cls(id=row[0], slug=row[1], kind=row[2], options=row[3], sealed=bytes(row[4]))


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Asks the providers of one district. Any number of workers may."""

    pool: Pool
    district: DistrictInfo
    settings: Settings
    clock: Clock

    async def ask(self) -> int:
        """Ask once after what is due, and keep what is told; how many receipts there were. Raises: psycopg.Error."""
        return await self._each(self._due)

    async def end_stopped(self) -> int:
        """End what has not left a provider when its member stops it; how many receipts there were. Raises: psycopg.Error."""
        return await self._each(self._stopped)

    async def _each(self, find: Callable[["_Row"], Awaitable[list[Asked]]]) -> int:
        kinds = [name for name, kind in KINDS.items() if kind.ask is not None]
        async with self.pool.connection() as connection:
            values = {"district_id": self.district.id, "kinds": kinds}
            rows = await (await connection.execute(PROVIDERS_SQL, values)).fetchall()
        if not rows:
            return 0
        found = [(row, asked) for row in map(_Row.of, rows) if (asked := await find(row))]
        if not found:
            return 0
        outbound = Outbound(policy=provider_policy_of(self.settings))
        keeper = Keeper(settings=self.settings, clock=self.clock)
        try:
            return sum([await self._ask(row, asked, outbound, keeper) for row, asked in found])
        finally:
            await keeper.close()
            await outbound.close()

    async def _ask(self, row: _Row, asked: Sequence[Asked], outbound: Outbound, keeper: Keeper) -> int:
        asker = self._asker(row, outbound)
        events = await _told(asker, asked) if asker else []
        if events:
            await keeper.keep(self.district, row.id, Reply(events=events))
        return len(events)

    async def _due(self, row: _Row) -> list[Asked]:
        values = {
            "district_id": self.district.id,
            "provider_id": row.id,
            "now": self.clock.now(),
            "look_back": LOOK_BACK,
            "last_words": [one.value for one in _LAST_WORDS],
            "limit": MOST_A_ROUND,
            "first_after": FIRST_AFTER,
            "latest_after": LATEST_AFTER,
        }
        async with self.pool.connection() as connection:
            found = await (await connection.execute(DUE_SQL, values)).fetchall()
            ended = await stops.unwanted(connection, self.district.id, [one[0] for one in found])
        return [
            Asked(delivery_id=one[0], message_id=one[1], is_over=one[2], is_stopped=one[0] in ended)
            for one in found
        ]

    async def _stopped(self, row: _Row) -> list[Asked]:
        """A word to one message stops others, too; who said no to something else may still want these."""
        async with self.pool.connection() as connection:
            found = await stops.said_lately(
                connection,
                self.district.id,
                row.id,
                now=self.clock.now(),
                look_back=LOOK_BACK,
                last_words=[one.value for one in _LAST_WORDS],
                limit=MOST_A_ROUND,
            )
            ended = await stops.unwanted(connection, self.district.id, list(found))
        return [
            Asked(delivery_id=id_, message_id=found[id_], is_over=False, is_stopped=True)
            for id_ in sorted(ended)
        ]

    def _asker(self, row: _Row, outbound: Outbound) -> Asker | None:
        """Who asks this provider; None, and a line in the log, for one whose settings no longer hold."""
        make = KINDS[row.kind].ask
        secret = self.settings.secret.get_secret_value() if self.settings.secret else ""
        try:
            building = building_of(self.settings, self.district, row, clock=self.clock, outbound=outbound)
            return make(shared(building, self.pool, self.district, secret=secret)) if make else None
        except (SealBroken, ValidationError, ValueError) as error:
            log.error("provider.unusable", provider=str(row.id), error=type(error).__name__)
            return None


async def _told(asker: Asker, due: Sequence[Asked]) -> list[ReceiptEvent]:
    """What the provider tells of each, a few at once; one that answers late is asked again later."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(asked: Asked) -> Sequence[ReceiptEvent]:
        async with slots:
            try:
                async with asyncio.timeout(LONGEST_S):
                    return await asker.ask(asked)
            except TimeoutError:
                return []

    return [event for events in await asyncio.gather(*map(one, due)) for event in events]
