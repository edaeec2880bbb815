"""A district with accounts at WeChat and its like, whose servers are made from their documentation."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from district.database import Pool
from district.deliveries.fleet import Fleet
from district.deliveries.jobs import Lane
from district.districts import service as districts
from district.settings import Settings
from push.consent import Channel
from push.dispatch import DispatchPolicy
from tests.channels.wechat.weixin import APP_ID, APP_SECRET, Weixin
from tests.district.deliveries.conftest import desk, ground, pool
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import served
from tests.district.offers.conftest import Ground

__all__ = ["desk", "ground", "pool"]
INSTALLATION_SECRET = "installation-" + secrets.token_hex(16)
LANE = frozenset({Channel.WECHAT, Channel.MINI_PROGRAM, Channel.WECOM, Channel.ALIPAY})
TEMPLATE: dict[str, Any] = {"id": "TEMPLATE-1", "uses": ["offer", "service"], "fields": {"thing1": "{title}"}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Providers may be on this machine."""
    changes = {
        "secret": SecretStr(INSTALLATION_SECRET),
        "provider_allow_loopback": True,
        "public_url": "https://shops.example",
    }
    return settings.model_copy(update=changes)


@pytest.fixture
async def weixin() -> AsyncIterator[Weixin]:
    """WeChat's servers behind a real socket."""
    made = Weixin()
    async with served(made) as address:
        made.address = address
        yield made


async def account(desk: Desk, weixin: Weixin, *, kind: str = "wechat_mini", **options: Any) -> None:
    """An operator enters the account under the slug ``wx``."""
    given = {"base_url": weixin.address, "app_id": APP_ID, "templates": [TEMPLATE]}
    body = {
        "slug": "wx",
        "kind": kind,
        "name": "WeChat",
        "options": given | options,
        "secrets": {"app_secret": APP_SECRET},
    }
    made = await desk.ask("POST", "channel-providers", body)
    assert made.status_code == 201, made.text
    assert APP_SECRET not in made.text


class Workers:
    """Workers of one district, each with senders of its own, as in processes of their own."""

    def __init__(self, ground: Ground, settings: Settings, pool: Pool) -> None:
        self._ground, self._settings, self._pool = ground, settings, pool

    async def drain(self, *, at_once: int = 1) -> None:
        """Let so many workers send side by side what is due."""
        await asyncio.gather(*(self._drain() for _ in range(at_once)))

    async def _drain(self) -> None:
        registry = districts.registry(self._pool)
        await registry.refresh()
        fleet = Fleet.opened(self._pool, self._settings, self._ground.clock)
        lane = Lane(
            pool=self._pool,
            registry=registry,
            settings=self._settings,
            clock=self._ground.clock,
            fleet=fleet,
            channels=LANE,
            policy=DispatchPolicy(),
            stopping=asyncio.Event(),
        )
        while await lane.tick():
            pass
        await fleet.close()


@pytest.fixture
def workers(ground: Ground, settings: Settings, pool: Pool) -> Workers:
    """Workers to send with."""
    return Workers(ground, settings, pool)
