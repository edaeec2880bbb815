"""An event log that comes back without its last messages, as after a loss of power: new ones are not passed over."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from district import events
from district.clock import FixedClock
from district.embedded.nats import NatsServer
from district.engine.checkpoints import Checkpoints
from district.engine.places import EVERY_MS, KEPT, Place, Trail
from district.feeds.recorder import DURABLE
from district.roles import RoleContext, connected
from district.settings import Settings
from tests.district.engine.stage import Stage, running, until, until_true
from tests.factories import Makers

ALICE, BOB, CAROL, DAVE = (f"a483e700000{number}" for number in range(1, 5))
STRANGERS = [f"3c00000000{number:02x}" for number in range(3)]


@pytest.fixture
def server() -> Iterator[NatsServer]:
    """A NATS of the test's own, whose files are exchanged."""
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
    """Checkpoints as often as can be: the newest is ahead of what the server will remember."""
    update = {"nats_url": server.url, "engine_snapshot_every": timedelta(milliseconds=100)}
    return settings.model_copy(update=update)


@pytest.fixture
async def stage(own: Settings, committed: Makers, engine: Engine, clock: FixedClock) -> AsyncIterator[Stage]:
    async with connected(own, clock, name="test-stage") as context:
        stage = Stage(committed, engine, context, clock)
        stage.campaign()
        for mac in (ALICE, BOB, CAROL, DAVE):
            stage.member(mac)
        yield stage


def sightings_of(server: NatsServer) -> Path:
    found = list(server.directory.rglob(f"streams/{events.SIGHTINGS_STREAM}"))
    assert len(found) == 1
    return found[0]


def remembered(server: NatsServer) -> Path:
    """The stream's files as they are now, put aside; the server is off meanwhile."""
    server.stop()
    aside = server.data_dir / "aside"
    shutil.copytree(sightings_of(server), aside)
    server.start()
    return aside


def lose_power(server: NatsServer, aside: Path, part: str = "") -> None:
    """The server comes back with what it had then, all of it or a part."""
    server.stop()
    directory = sightings_of(server) / part
    shutil.rmtree(directory)
    shutil.copytree(aside / part, directory)
    for path in (directory, *directory.rglob("*")):
        server.account.own(path)
    server.start()


async def answers(context: RoleContext) -> None:
    await until_true(lambda: events.answers(context.nats, within_s=1))


async def is_checkpointed(stage: Stage, devices: int) -> bool:
    checkpoints = Checkpoints(stream=stage.context.stream, replicas=1)
    saved = await checkpoints.load(stage.district.id)
    return saved is not None and len(saved.devices) == 16 * devices


def rewinds(stage: Stage) -> int:
    with stage.engine.connect() as connection:
        sql = text("SELECT rewinds FROM engine_owner WHERE district_id = :d")
        return int(connection.execute(sql, {"d": stage.district.id}).scalar_one())


async def has_offers(stage: Stage, count: int) -> None:
    await until(lambda: len(stage.offers()) == count)


async def meet(stage: Stage, macs: list[str]) -> None:
    """A second later they are inside the fence."""
    assert isinstance(stage.clock, FixedClock)
    stage.clock.advance(timedelta(seconds=1))
    await stage.see(macs)


@pytest.mark.parametrize("posts_meanwhile", [0, 40], ids=["still_shorter", "longer_again"])
async def test_a_stream_that_is_shorter_than_the_checkpoint_is_read_on_from_where_it_was_the_same(
    stage: Stage, own: Settings, clock: FixedClock, server: NatsServer, posts_meanwhile: int
) -> None:
    async with running(own, clock):
        await meet(stage, [ALICE])
        await has_offers(stage, 1)
    aside = await asyncio.to_thread(remembered, server)
    await answers(stage.context)
    async with running(own, clock):
        for mac in STRANGERS:
            await meet(stage, [mac])
        await meet(stage, [BOB])
        await has_offers(stage, 2)
        await until_true(lambda: is_checkpointed(stage, 2 + len(STRANGERS)))
    await asyncio.to_thread(lose_power, server, aside)
    await answers(stage.context)
    await meet(stage, [CAROL])
    for _ in range(posts_meanwhile):
        await meet(stage, STRANGERS)
    async with running(own, clock):
        await has_offers(stage, 3)
        assert rewinds(stage) == 1
        await meet(stage, [DAVE])
        await has_offers(stage, 4)
    assert len({offer.member_id for offer in stage.offers()}) == 4
    assert rewinds(stage) == 1


async def recorded(stage: Stage) -> int:
    """Take and acknowledge what waits for the recorder; how many messages."""
    subscription = await stage.context.stream.pull_subscribe(
        f"{events.SIGHTINGS_SUBJECT}.>", durable=DURABLE, stream=events.SIGHTINGS_STREAM
    )
    count = 0
    for _ in range(60):
        messages = await events.fetched(subscription, 10, within_s=1)
        count += len(messages)
        for message in messages:
            await message.ack_sync()
        waiting = (await stage.context.stream.consumer_info(events.SIGHTINGS_STREAM, DURABLE)).num_pending
        if not messages and not waiting:
            break
    await subscription.unsubscribe()
    return count


async def test_the_recorder_gets_what_has_taken_the_place_of_lost_messages(
    stage: Stage, own: Settings, clock: FixedClock, server: NatsServer
) -> None:
    """The server keeps the recorder's place in a file of its own, which may be newer than the messages."""
    await meet(stage, [ALICE])
    assert await recorded(stage) == 1
    aside = await asyncio.to_thread(remembered, server)
    await answers(stage.context)
    async with running(own, clock):
        for mac in STRANGERS:
            await meet(stage, [mac])
        await meet(stage, [BOB])
        await has_offers(stage, 2)
    assert await recorded(stage) > len(STRANGERS)
    await asyncio.to_thread(lose_power, server, aside, "msgs")
    await answers(stage.context)
    await meet(stage, [CAROL])
    assert await recorded(stage) == 0
    async with running(own, clock):
        await has_offers(stage, 3)
    info = await stage.context.stream.consumer_info(events.SIGHTINGS_STREAM, DURABLE)
    assert info.num_pending is not None
    assert info.num_pending >= 1
    assert await recorded(stage) == info.num_pending


async def test_an_engine_at_work_notices_that_the_stream_has_become_shorter(
    stage: Stage, own: Settings, clock: FixedClock, server: NatsServer
) -> None:
    await meet(stage, [ALICE])
    aside = await asyncio.to_thread(remembered, server)
    await answers(stage.context)
    async with running(own, clock):
        for mac in STRANGERS:
            await meet(stage, [mac])
        await meet(stage, [BOB])
        await has_offers(stage, 2)
        await asyncio.to_thread(lose_power, server, aside)
        await answers(stage.context)
        await meet(stage, [CAROL])
        await has_offers(stage, 3)
    assert rewinds(stage) == 1


@pytest.mark.parametrize("is_empty", [True, False], ids=["empty", "in_use_again"])
async def test_what_the_database_knows_of_a_lost_stream_hides_nothing_of_the_new_one(
    stage: Stage, own: Settings, clock: FixedClock, is_empty: bool
) -> None:
    async with running(own, clock):
        for mac in (*STRANGERS, ALICE):
            await meet(stage, [mac])
        await has_offers(stage, 1)
    await stage.context.stream.delete_stream(events.SIGHTINGS_STREAM)
    await stage.context.stream.delete_object_store("engine")
    await events.ensure_streams(stage.context.nats, own)
    if not is_empty:
        await meet(stage, [BOB])
    async with running(own, clock):
        await until(lambda: rewinds(stage) == 1)
        if is_empty:
            await meet(stage, [BOB])
        await has_offers(stage, 2)
    assert rewinds(stage) == 1


async def test_a_stream_that_is_deleted_under_an_engine_is_made_again(
    stage: Stage, own: Settings, clock: FixedClock
) -> None:
    async with running(own, clock):
        await meet(stage, [ALICE])
        await has_offers(stage, 1)
        await stage.context.stream.delete_stream(events.SIGHTINGS_STREAM)
        await until_true(lambda: exists(stage.context))
        await meet(stage, [BOB])
        await has_offers(stage, 2)


async def exists(context: RoleContext) -> bool:
    try:
        await context.stream.stream_info(events.SIGHTINGS_STREAM)
    except Exception:
        return False
    return True


async def test_a_purged_stream_is_not_taken_for_a_shorter_one(
    stage: Stage, own: Settings, clock: FixedClock
) -> None:
    async with running(own, clock):
        await meet(stage, [ALICE])
        await has_offers(stage, 1)
    await stage.context.stream.purge_stream(events.SIGHTINGS_STREAM)
    async with running(own, clock):
        await meet(stage, [BOB])
        await has_offers(stage, 2)
    assert rewinds(stage) == 0


def test_a_trail_keeps_the_newest_place_and_minutes_of_older_ones() -> None:
    trail = Trail()
    assert trail.places() == ()
    for number in range(1, 10_000):
        trail.note(Place(sequence=number, stored_ms=number * 100))
    places = trail.places()
    assert places[0].sequence == 9_999
    assert list(places) == sorted(places, reverse=True)
    assert len(places) <= KEPT + 1
    assert places[0].stored_ms - places[-1].stored_ms >= 120_000
    assert all(
        before.stored_ms - after.stored_ms >= EVERY_MS for before, after in itertools.pairwise(places[1:])
    )
    assert Trail(places).places() == places
