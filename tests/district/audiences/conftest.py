"""A town in the module's database, and one connection to it."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.clock import FixedClock
from tests.conftest import dsn
from tests.district.audiences.world import Connection, Town, build
from tests.factories import Makers
from tests.push.audience_vectors import NOW


@pytest.fixture(scope="module")
def town(engine: Engine) -> Town:
    """The places of the vectors."""
    with Session(engine, expire_on_commit=False) as session:
        return build(Makers(session, FixedClock(NOW), commit=True))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """A loop that outlives single tests, as the connection does."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def connection(database_url: str, runner: asyncio.Runner) -> Iterator[Connection]:
    """One connection; whoever uses it rolls back."""
    opened = runner.run(psycopg.AsyncConnection.connect(dsn(database_url), options="-c timezone=UTC"))
    yield opened
    runner.run(opened.close())
