"""The database goes away for a while: sightings are accepted all the same, recorded and decided on when it is back."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from district.auth.models import Role
from district.clock import FixedClock
from district.roles import connected
from district.settings import Settings
from tests.conftest import admin_url, refresh
from tests.district.engine.stage import Stage, running, until, until_true
from tests.district.worker.test_recorder import recording
from tests.factories import HELSINKI, Makers

pytestmark = pytest.mark.usefixtures("short_patience")

ALICE = "a483e7000001"


@contextmanager
def database_away(url: str) -> Iterator[None]:
    """Nobody can connect, and whoever was connected is cut off."""
    name = make_url(url).database
    with psycopg.connect(admin_url(url), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false'.encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true'.encode())


async def test_what_is_accepted_during_an_outage_is_recorded_and_decided_after_it(
    app: FastAPI,
    client: httpx.AsyncClient,
    settings: Settings,
    clock: FixedClock,
    committed: Makers,
) -> None:
    engine = cast("Engine", committed.session.get_bind())
    async with connected(settings, clock, name="test-stage") as context:
        stage = Stage(committed, engine, context, clock)
        stage.campaign()
        stage.member(ALICE)
        key = committed.key(stage.district, Role.FEED, scope_id=stage.feed.id)
        await refresh(app)
        row = {
            "id": "one",
            "mac": ALICE,
            "lon": HELSINKI.lon,
            "lat": HELSINKI.lat,
            "accuracy_m": 5,
            "at": (clock.now() - timedelta(seconds=1)).isoformat(),
        }
        async with recording(settings, clock, stage.district), running(settings, clock):
            await until(lambda: stage.epoch() == 1)
            committed.session.close()
            engine.dispose()
            with database_away(str(settings.database_url)):
                answer = await client.post(
                    f"/v1/districts/{stage.district.slug}/sightings",
                    content=json.dumps({"sightings": [row]}).encode(),
                    headers={"Authorization": f"Bearer {key}"},
                )
                assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
            await until(lambda: len(stage.offers()) == 1)
            await until_true(lambda: _is_recorded(engine, stage))


async def _is_recorded(engine: Engine, stage: Stage) -> bool:
    """Asked beside the loop, for the recorder may hold what the question waits for."""
    return await asyncio.to_thread(_recorded, engine, stage) == 1


def _recorded(engine: Engine, stage: Stage) -> int:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM raw_sighting WHERE district_id = :d"), {"d": stage.district.id}
        )
        return int(found.scalar_one())
