"""A connection that fails where a test says: before a statement, in the middle of a commit, after it, or killed for good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg import AsyncConnection, waiting
from psycopg._preparing import PrepareManager
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

T = TypeVar("T")
WAIT_INTERVAL_S = 0.1


class Lasting(PrepareManager):
    """Every statement is prepared when it first comes, and stays so: no run of the machine changes a table.

    A rollback takes no prepared statement back; psycopg forgets them all, for the sake of those who roll back tables.
    """

    prepare_threshold = 0
    prepared_max = 2_000

    def clear(self) -> bool:
        """Nothing is forgotten."""
        return False


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
            self.killer.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        else:
            raise PowerCut("cut")


class Fragile(AsyncConnection[TupleRow]):
    """Every statement, every beginning and both sides of every commit are points.

    It waits for the server without going round the loop: nobody else has anything to do meanwhile.
    """

    fuse: ClassVar = Fuse()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._prepared = Lasting()

    async def wait(  # the signature is psycopg's
        self,
        gen: PQGen[T],
        interval: float = WAIT_INTERVAL_S,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> T:
        """Wait."""
        return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)

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
