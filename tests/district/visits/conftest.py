"""A district with a feed, and connections to make its visits."""

from collections.abc import AsyncIterator

import pytest

from district.clock import FixedClock
from district.database import make_pool
from tests.district.visits.scene import Scene
from tests.factories import Makers


@pytest.fixture
async def scene(database_url: str, committed: Makers, clock: FixedClock) -> AsyncIterator[Scene]:
    pool = make_pool(database_url, size=4)
    await pool.open()
    district = committed.district()
    yield Scene(
        committed=committed,
        district=district,
        info=committed.info(district),
        feed=committed.feed(district),
        pool=pool,
        clock=clock,
    )
    await pool.close()
