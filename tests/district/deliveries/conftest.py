"""A district whose offers are delivered."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock
from district.database import Pool, make_pool
from tests.conftest import refresh
from tests.district.deliveries.relays import Desk, Relay
from tests.district.deliveries.servers import served
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


@pytest.fixture
async def relay(clock: FixedClock) -> AsyncIterator[Relay]:
    """A relay behind a real socket."""
    made = Relay(clock=clock)
    async with served(made) as address:
        made.address = address
        yield made


@pytest.fixture
async def desk(app: FastAPI, client: httpx.AsyncClient, ground: Ground) -> Desk:
    """The operator of the ground's district."""
    headers = {"Authorization": f"Bearer {ground.makers.token(ground.district, Role.OPERATOR)}"}
    await refresh(app)
    return Desk(client=client, headers=headers, slug=ground.district.slug)
