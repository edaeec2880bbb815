"""A district whose text messages are really sent."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from pydantic import SecretStr

from district.database import Pool
from district.deliveries.jobs import Deliveries
from district.districts import service as districts
from district.settings import Settings
from push.dispatch import DispatchPolicy
from tests.district.deliveries.conftest import desk, ground, pool
from tests.district.offers.conftest import Ground

__all__ = ["desk", "ground", "pool"]
INSTALLATION_SECRET = "installation-" + secrets.token_hex(16)
Working = Callable[[], AbstractAsyncContextManager[Deliveries]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Gateways may be on this machine."""
    changes = {"secret": SecretStr(INSTALLATION_SECRET), "provider_allow_loopback": True}
    return settings.model_copy(update=changes)


@pytest.fixture
def working(ground: Ground, settings: Settings, pool: Pool) -> Working:
    """A worker that sends what is due, within ``async with``."""

    @asynccontextmanager
    async def work() -> AsyncIterator[Deliveries]:
        registry = districts.registry(pool)
        await registry.refresh()
        deliveries = Deliveries(
            pool=pool, registry=registry, settings=settings, clock=ground.clock, policy=DispatchPolicy()
        )
        task = asyncio.create_task(deliveries.run())
        try:
            yield deliveries
        finally:
            deliveries.stopping.set()
            await task

    return work
