"""A district whose offers are delivered."""

from collections.abc import AsyncIterator

import pytest

from district.clock import FixedClock
from district.database import Pool, make_pool
from tests.district.offers.conftest import Ground
from tests.factories import Makers


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Connections of the module's database."""
    pool = make_pool(database_url, size=12)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def ground(committed: Makers, pool: Pool, clock: FixedClock) -> Ground:
    """A district of its own for the test."""
    district = committed.district()
    return Ground(
        makers=committed,
        district=district,
        info=committed.info(district),
        merchant=committed.merchant(district),
        pool=pool,
        clock=clock,
    )
