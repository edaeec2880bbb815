"""A district whose e-mail is really sent."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from district.database import Pool
from district.deliveries.jobs import Deliveries
from district.districts import service as districts
from district.settings import Settings
from push.dispatch import DispatchPolicy
from tests.channels.mail.sink import Certificate, certificate_in
from tests.district.deliveries.conftest import desk, ground, pool
from tests.district.offers.conftest import Ground

__all__ = ["desk", "ground", "pool"]
INSTALLATION_SECRET = "installation-" + secrets.token_hex(16)
ORIGIN = "https://shangquan.example"
Working = Callable[[], AbstractAsyncContextManager[Deliveries]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Mail servers may be on this machine; links lead to the installation's own address."""
    changes = {
        "secret": SecretStr(INSTALLATION_SECRET),
        "provider_allow_loopback": True,
        "public_url": ORIGIN,
    }
    return settings.model_copy(update=changes)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of the servers of this run."""
    directory: Path = tmp_path_factory.mktemp("certificate")
    return certificate_in(directory)


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
