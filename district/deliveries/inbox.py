"""The inbox as its member reads it: pages, and a stream on which rows are the truth and notices only hints."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from district.clock import monotonic
from district.database import Pool, psycopg_dsn
from district.deliveries import queries
from district.deliveries.queue import INBOX_CHANNEL
from district.deliveries.schemas import InboxItemOut, InboxPage
from push.wording import Language, Localised, language_of

log = structlog.get_logger()
HEARTBEAT_S = 15.0
AWAY_S = 1.0
"""How soon a stream asks again when the database does not answer."""
LONGEST_STREAM_S = 600.0
"""After this the client comes back with its Last-Event-ID and its session is looked at again."""
RETRY_MS = 2_000
RECONNECT_S = 0.5
MOST_STREAMS = 8
"""Of one member, in one process."""
PAGE = 50
MAX_SEQUENCE = 2**63 - 1

Subscriber = tuple[uuid.UUID, uuid.UUID]


@dataclass(slots=True)
class InboxHub:
    """One LISTEN connection for the process; wakes the streams of the member that a notice names."""

    url: str
    _waiting: dict[Subscriber, set[asyncio.Event]] = field(default_factory=dict)

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._waiting.values()))

    def is_full(self, district_id: uuid.UUID, member_id: uuid.UUID) -> bool:
        """Whether a member has as many streams open as anyone needs."""
        return len(self._waiting.get((district_id, member_id), ())) >= MOST_STREAMS

    @contextlib.contextmanager
    def subscribed(self, district_id: uuid.UUID, member_id: uuid.UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever something may have arrived for the member."""
        key, woken = (district_id, member_id), asyncio.Event()
        self._waiting.setdefault(key, set()).add(woken)
        try:
            yield woken
        finally:
            self._waiting[key].discard(woken)
            if not self._waiting[key]:
                del self._waiting[key]

    async def listen(self) -> None:
        """Hear notices for ever; after a gap in listening everyone looks again."""
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError) as error:
                log.warning("inbox.not_listening", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            psycopg_dsn(self.url), autocommit=True, connect_timeout=3
        ) as connection:
            await connection.execute(f'LISTEN "{INBOX_CHANNEL}"')
            for key in tuple(self._waiting):
                self._wake(key)
            async for notice in connection.notifies():
                with contextlib.suppress(ValueError):
                    district_id, _, member_id = notice.payload.partition(":")
                    self._wake((uuid.UUID(district_id), uuid.UUID(member_id)))

    def _wake(self, key: Subscriber) -> None:
        for woken in self._waiting.get(key, ()):
            woken.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A member who reads, in his language."""

    pool: Pool
    district_id: uuid.UUID
    member_id: uuid.UUID
    language: Language

    async def page(self, *, before: int | None, limit: int) -> InboxPage:
        """Items from the newest on, or from before a sequence."""
        rows = await self._rows(queries.INBOX_NEWEST_SQL, before=before, limit=limit + 1)
        shown = rows[:limit]
        newest = rows[0][0] if rows else 0
        return InboxPage(
            items=[self._item(row) for row in shown],
            next=shown[-1][0] if len(rows) > limit else None,
            last_event_id=newest if before is None else max(newest, before - 1),
        )

    async def after(self, sequence: int) -> list[tuple[int, InboxItemOut]]:
        """Items past a sequence, in their order; at most a page of them."""
        rows = await self._rows(queries.INBOX_AFTER_SQL, after=sequence, limit=PAGE)
        return [(row[0], self._item(row)) for row in rows]

    async def newest(self) -> int:
        """The sequence of the newest item; 0 when there is none."""
        rows = await self._rows(queries.INBOX_NEWEST_SQL, before=None, limit=1)
        return int(rows[0][0]) if rows else 0

    async def _rows(self, sql: Any, **values: Any) -> Sequence[tuple[Any, ...]]:
        keys = {"district_id": self.district_id, "member_id": self.member_id}
        async with self.pool.connection() as connection:
            return await (await connection.execute(sql, keys | values)).fetchall()

    def _item(self, row: tuple[Any, ...]) -> InboxItemOut:
        """A row of the inbox, which the driver leaves untyped."""
        _, id_, offer_id, title, body, why, store_id, at, _, _ = row
        return InboxItemOut(
            id=id_,
            offer_id=offer_id,
            title=self._words(title),
            body=self._words(body),
            store_id=store_id,
            why=self._words(why),
            at=at,
        )

    def _words(self, words: Mapping[str, str]) -> str:
        if not (words.get("zh") or words.get("en")):
            return ""
        return Localised(zh=words.get("zh"), en=words.get("en")).read(self.language)[1]


async def language_of_member(pool: Pool, district_id: uuid.UUID, member_id: uuid.UUID) -> Language | None:
    """The member's language; None when there is no such active member."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            queries.LANGUAGE_SQL, {"district_id": district_id, "member_id": member_id}
        )
        row = await cursor.fetchone()
    return None if row is None else language_of(row[0]) or Language.EN


async def events(
    reader: Reader,
    hub: InboxHub,
    *,
    after: int | None,
    heartbeat_s: float = HEARTBEAT_S,
    longest_s: float = LONGEST_STREAM_S,
) -> AsyncGenerator[str]:
    """Server-sent events: every item past ``after`` once and in order, and a comment when it is quiet.

    The rows are read again at each notice and at each heartbeat, so that a lost notice only costs time.
    """
    ends_at = monotonic() + longest_s
    with hub.subscribed(reader.district_id, reader.member_id) as woken:
        yield f"retry: {RETRY_MS}\n\n"
        sequence = after
        while monotonic() < ends_at:
            woken.clear()
            try:
                if sequence is None:
                    sequence = await reader.newest()
                items = await reader.after(sequence)
                wait_s = heartbeat_s
            except (psycopg.Error, PoolTimeout, OSError):
                items, wait_s = [], min(heartbeat_s, AWAY_S)
            for sequence, item in items:
                yield f"id: {sequence}\nevent: item\ndata: {item.model_dump_json()}\n\n"
            if len(items) == PAGE:
                continue
            try:
                await asyncio.wait_for(woken.wait(), wait_s)
            except TimeoutError:
                yield ": quiet\n\n"
