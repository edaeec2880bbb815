"""Writes that nobody waits for: gathered in memory, written together twice a second.

For what a page notes beside its work. Bounded: what does not fit is dropped and logged, as is what the database does not
take. A process that is killed loses what it noted in the last half second.
"""

import asyncio
import threading
from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

EVERY_S = 0.5
MOST = 20_000
log = structlog.get_logger()
Values: TypeAlias = Mapping[str, Any]


class LaterWrites:
    """Statements with their values; equal keys of one statement are written once."""

    def __init__(self, sessions: sessionmaker[Session], *, most: int = MOST) -> None:
        self._sessions = sessions
        self._most = most
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: dict[tuple[str, Hashable], Values] = {}
        self._dropped = 0

    def add(self, sql: str, values: Values, *, key: Hashable) -> None:
        """Have this written soon. ``sql`` is a constant with named parameters."""
        with self._lock:
            if len(self._waiting) >= self._most and (sql, key) not in self._waiting:
                self._dropped += 1
            else:
                self._waiting[sql, key] = values

    def flush(self) -> None:
        """Write what waits, in the order in which the statements were first asked for; returns when it is there."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, {}
                dropped, self._dropped = self._dropped, 0
            if dropped:
                log.warning("later.dropped", writes=dropped)
            together: dict[str, list[Values]] = {}
            for (sql, _key), values in waiting.items():
                together.setdefault(sql, []).append(values)
            for sql, rows in together.items():
                self._write(sql, rows)

    async def keep_writing(self) -> None:
        """Write for ever; what waits at the end is written then."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await asyncio.to_thread(self.flush)
        finally:
            self.flush()

    def _write(self, sql: str, rows: list[Values]) -> None:
        """All at once; when one of them is refused, each by itself."""
        if self._tries(sql, rows) or len(rows) == 1:
            return
        for row in rows:
            self._tries(sql, [row])

    def _tries(self, sql: str, rows: list[Values]) -> bool:
        try:
            with self._sessions.begin() as session:
                session.execute(text(sql), rows)
        except SQLAlchemyError as error:
            log.warning("later.not_written", writes=len(rows), error=type(error).__name__)
            return False
        return True
