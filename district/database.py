"""Connections: one declarative base, synchronous sessions for pages and CRUD, an asynchronous pool for hot paths."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Annotated, Any

import psycopg
import uuid_utils.compat
from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import TIMESTAMP, Engine, MetaData, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from district.clock import Reading, Simulation, SystemClock, counted

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 15_000
FREE_CONNECTION_WITHIN_S = 3.0
FREE_SESSION_WITHIN_S = 5.0
RECONNECT_WITHIN_S = 0.5

type_map: dict[Any, Any] = {datetime: TIMESTAMP(timezone=True)}


class Base(DeclarativeBase):
    """Base of every table: named constraints, times with a zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = type_map


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562 §5.7): unique, and near in the index to what was made at the same time."""
    return uuid_utils.compat.uuid7()


def psycopg_dsn(url: str) -> str:
    """A URL that psycopg itself takes, from one that may name SQLAlchemy's driver."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(url: str, *, pool_size: int = 8) -> Engine:
    """An engine whose connections are checked before use and never wait for ever."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=FREE_SESSION_WITHIN_S,
        hide_parameters=True,  # an error's text is no place for what somebody typed
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}",
            "tcp_user_timeout": CONNECT_TIMEOUT_S * 1000,
        },
    )


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep what they loaded after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def make_pool(url: str, *, size: int = 8) -> AsyncConnectionPool[AsyncConnection[TupleRow]]:
    """An unopened asynchronous pool in autocommit: a hot path opens a transaction only when it needs one."""
    return AsyncConnectionPool(
        psycopg_dsn(url),
        min_size=1,
        max_size=size,
        timeout=FREE_CONNECTION_WITHIN_S,
        # The pool's patience doubles: a short limit makes it begin anew with the next caller, so that it is back soon.
        reconnect_timeout=RECONNECT_WITHIN_S,
        open=False,
        kwargs={
            "autocommit": True,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}",
            "tcp_user_timeout": CONNECT_TIMEOUT_S * 1000,
        },
    )


Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


@contextmanager
def session_scope(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One transaction: committed at the end, rolled back on any error."""
    with sessions.begin() as session:
        yield session


def get_session(request: Request) -> Iterator[Session]:
    """The request's transaction; it commits before the answer leaves (scope="function")."""
    with session_scope(request.app.state.sessions) as session:
        yield session


DbSession = Annotated[Session, Depends(get_session, scope="function")]
"""For ``def`` routes. ``scope="function"`` makes a failed commit a 500 and not a lie."""


def get_pool(request: Request) -> Pool:
    """The process's asynchronous pool."""
    pool: Pool = request.app.state.pool
    return pool


DbPool = Annotated[Pool, Depends(get_pool)]
"""For ``async def`` routes."""


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """One asynchronous transaction on a pooled connection."""
    async with pool.connection() as connection, connection.transaction():
        yield connection


def notify(session: Session, channel: str, payload: str = "") -> None:
    """Tell listeners, when this transaction commits, that rows behind ``channel`` changed."""
    session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload})


READ_CLOCK_SQL = "SELECT clock_timestamp()"
READ_CLOCK_EVERY_S = 1.0


async def read_clock(connection: AsyncConnection[TupleRow]) -> Reading:
    """What the database's clock shows."""
    before_s = counted()
    row = await (await connection.execute(READ_CLOCK_SQL)).fetchone()
    assert row is not None  # noqa: S101 the statement has exactly one row
    return Reading(at=row[0], before_s=before_s, after_s=counted())


async def keep_time(pool: Pool, clock: SystemClock) -> None:
    """Keep a process's clock by the database's, for ever; while the database is away it counts on."""
    while True:
        with contextlib.suppress(psycopg.Error, PoolTimeout, OSError):
            async with pool.connection() as connection:
                clock.set_by(await read_clock(connection))
        await asyncio.sleep(READ_CLOCK_EVERY_S)


SIMULATION_SQL = "SELECT machine_from, business_from, speed FROM clock_simulation WHERE id = 1"


def simulation_of(row: tuple[datetime, datetime, float] | None) -> Simulation | None:
    """The stored simulation, None when business time is real."""
    if row is None:
        return None
    return Simulation(machine_from=row[0], business_from=row[1], speed=row[2])
