"""A connection that fails where a test says: before a statement, in the middle of a commit, after it, or killed for good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, ClassVar

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow


class PowerCut(psycopg.OperationalError):
    """What a client sees when the server is gone: it cannot tell whether its work was done."""


class Cut(StrEnum):
    """How it fails."""

    RAISES = "raises"
    """The client loses the connection; the server undoes what was not committed."""
    KILLED = "killed"
    """The server ends the backend, and the statement finds out."""


class Fuse:
    """Counts the points at which a connection may fail, and burns once at one of them."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.how = Cut.RAISES
        self.killer: psycopg.Connection[TupleRow] | None = None

    def set(self, point: int, how: Cut) -> None:
        """Burn at the so-manieth point from now, 1 being the next."""
        self.left, self.how = point, how

    def clear(self) -> bool:
        """No more; whether it burned."""
        burned, self.left = self.left == 0, None
        return burned

    def point(self, connection: AsyncConnection[TupleRow]) -> None:
        """Raises: PowerCut."""
        if not self.left:
            return
        self.left -= 1
        if self.left:
            return
        if self.how is Cut.KILLED and self.killer is not None:
            self.killer.execute("SELECT pg_terminate_backend(%s, 2000)", (connection.info.backend_pid,))
        else:
            raise PowerCut("cut")


class Fragile(AsyncConnection[TupleRow]):
    """Every statement, every beginning and both sides of every commit are points."""

    fuse: ClassVar = Fuse()

    async def execute(self, *arguments: Any, **named: Any) -> Any:
        """A statement."""
        if self.fuse.left:
            self.fuse.point(self)
        return await super().execute(*arguments, **named)

    @asynccontextmanager
    async def transaction(self, *arguments: Any, **named: Any) -> AsyncIterator[psycopg.AsyncTransaction]:
        """A transaction or savepoint."""
        async with super().transaction(*arguments, **named) as transaction:
            yield transaction
            self.fuse.point(self)
        if self.info.transaction_status is TransactionStatus.IDLE:
            self.fuse.point(self)
