"""The engine and an event log that is killed, forgets its consumers, or kept half a checkpoint."""

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from sqlalchemy import Engine

from district import events
from district.clock import FixedClock
from district.embedded.nats import NatsServer
from district.engine import checkpoints as checkpoints_of
from district.engine import stream
from district.engine.checkpoints import BUCKET, VERSION, Checkpoint, Checkpoints
from district.engine.places import Place
from district.engine.stream import Interrupted, Read, Reader
from district.roles import connected
from district.settings import Settings
from tests.district.engine.stage import Stage, running, until, until_true
from tests.factories import Makers

PATIENCE_S = 90.0
QUIET_S = 8.0


@pytest.fixture
def server() -> Iterator[NatsServer]:
    """A NATS of the test's own, to be killed."""
    # Not the user's own temporary directory: under root the server's account must be able to enter it.
    base = Path(tempfile.mkdtemp(prefix="district-nats-", dir="/tmp"))
    base.chmod(0o755)
    server = NatsServer(base / "data")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def own(settings: Settings, server: NatsServer) -> Settings:
    """The settings of a product on that server."""
    return settings.model_copy(update={"nats_url": server.url})


@pytest.fixture
async def client(own: Settings) -> AsyncIterator[Client]:
    client = await events.connect(own, name="test")
    yield client
    await events.close(client)


def kill_and_restart(server: NatsServer) -> None:
    process = server.process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    server.start()


async def reopened(client: Client, own: Settings, district_id: uuid.UUID) -> Reader:
    sightings = await events.ensure_streams(client, own)
    return await Reader.open(client, sightings, events.sightings_subject(district_id), after_sequence=0)


async def first_of(reader: Reader) -> list[Read]:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await reader.batch(most=1, wait_s=0)):
            pass
    return found


async def test_a_reader_notices_that_the_server_was_killed(
    client: Client, own: Settings, server: NatsServer
) -> None:
    reader = await reopened(client, own, uuid.uuid4())
    assert await reader.batch(most=1, wait_s=0) == []
    await asyncio.to_thread(kill_and_restart, server)
    with pytest.raises(Interrupted):
        await first_of(reader)


async def test_a_reader_notices_that_its_consumer_is_gone(client: Client, own: Settings) -> None:
    reader = await reopened(client, own, uuid.uuid4())
    consumers = await client.jetstream().consumers_info(events.SIGHTINGS_STREAM)
    await client.jetstream().delete_consumer(events.SIGHTINGS_STREAM, consumers[0].name)
    with pytest.raises(Interrupted):
        await first_of(reader)


async def test_a_quiet_stream_is_not_taken_for_a_lost_consumer(
    client: Client, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is quiet for longer than the server has for saying that a request has expired."""
    monkeypatch.setattr(stream, "PULL_EXPIRES_S", 1.5)
    monkeypatch.setattr(stream, "ANSWER_GRACE_S", QUIET_S - 3)
    district_id = uuid.uuid4()
    reader = await reopened(client, own, district_id)
    quiet_until = asyncio.get_running_loop().time() + QUIET_S
    while asyncio.get_running_loop().time() < quiet_until:
        assert await reader.batch(most=1, wait_s=0) == []
    await client.jetstream().publish(events.sightings_subject(district_id), b"at last")
    assert [read.data for read in await first_of(reader)] == [b"at last"]


async def test_a_checkpoint_without_its_chunks_counts_as_none(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(stream=client.jetstream(), replicas=1)
    district_id = uuid.uuid4()
    saved = Checkpoint(
        version=VERSION,
        places=(Place(sequence=7, stored_ms=1),),
        epoch=1,
        now_ms=0,
        state=b"s",
        rows=b"",
        devices=b"",
        members=b"",
    )
    await checkpoints.save(district_id, saved)
    assert await checkpoints.load(district_id) == saved
    await client.jetstream().purge_stream(f"OBJ_{BUCKET}", subject=f"$O.{BUCKET}.C.>")
    monkeypatch.setattr(checkpoints_of, "READ_WITHIN_S", 1.0)
    async with asyncio.timeout(PATIENCE_S):
        assert await checkpoints.load(district_id) is None


async def test_offers_go_on_after_the_event_log_was_killed_and_nothing_else(
    own: Settings, server: NatsServer, committed: Makers, engine: Engine, clock: FixedClock
) -> None:
    async with connected(own, clock, name="test-stage") as context:
        stage = Stage(committed, engine, context, clock)
        stage.campaign()
        stage.member("a483e7000001")
        stage.member("a483e7000002")
        async with running(own, clock):
            await stage.see(["a483e7000001"])
            await until(lambda: len(stage.offers()) == 1)
            await asyncio.to_thread(kill_and_restart, server)
            await until_true(lambda: events.answers(context.nats, within_s=1))
            await stage.see(["a483e7000002"])
            await until(lambda: len(stage.offers()) == 2)
