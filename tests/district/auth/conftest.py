"""Many real connections, for what happens at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session, sessionmaker

from district.database import make_engine, make_sessions
from district.districts.service import DistrictInfo
from tests.factories import Makers

AT_ONCE = 32


@pytest.fixture
def many(database_url: str) -> Iterator[sessionmaker[Session]]:
    """Sessions on as many connections as there are threads."""
    engine = make_engine(database_url, pool_size=AT_ONCE)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


@pytest.fixture
def info(committed: Makers) -> DistrictInfo:
    return committed.info(committed.district(country="FI"))
