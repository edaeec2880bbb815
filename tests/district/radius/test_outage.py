"""The database goes away: log-ins are refused as unavailable, accounting is taken and written when it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from sqlalchemy import Engine, text

from district.radius.accounting import subject_of
from district.radius.recording import AccountingRecorder
from district.roles import connected
from district.settings import Settings
from district.tasks import ended
from tests.district.engine.stage import until
from tests.district.radius.conftest import World, body
from tests.district.worker.test_outage import database_away

pytestmark = pytest.mark.usefixtures("short_patience")


@asynccontextmanager
async def recording(settings: Settings, world: World) -> AsyncIterator[AccountingRecorder]:
    """A worker for this district's accounting alone."""
    async with connected(settings, world.makers.clock, name="test-radius") as context:
        recorder = AccountingRecorder(
            settings=settings,
            pool=context.pool,
            stream=context.stream,
            clock=world.makers.clock,
            registry=lambda: context.registry.value,
            subject=subject_of(world.district.id),
            durable=f"radius-{world.district.id}",
        )
        task = asyncio.create_task(recorder.run())
        try:
            yield recorder
        finally:
            await ended([task])


async def test_accounting_is_taken_without_the_database_and_written_after_it(
    world: World, settings: Settings
) -> None:
    engine = cast("Engine", world.makers.session.get_bind())
    world.makers.session.close()
    engine.dispose()
    packets = [
        body("bob", Acct_Status_Type="Start", Acct_Unique_Session_Id=f"u{number}") for number in range(20)
    ]
    async with recording(settings, world) as recorder:
        with database_away(str(settings.database_url)):
            for packet in packets:
                assert (await world.post("accounting", packet)).status_code == 204
            refused = await world.post("authorize", body("w" + "0" * 32))
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
        await until(lambda: recorder.recorded >= len(packets))
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM radius_session WHERE district_id = :d"), {"d": world.district.id}
        )
        assert found.scalar_one() == len(packets)
