"""The recorder against real servers: every accepted row once, whatever is repeated or interrupted."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import numpy as np
import pytest
from nats.js import JetStreamContext
from sqlalchemy import Engine, text

from district import events
from district.clock import FixedClock
from district.districts.models import District
from district.feeds.models import Feed
from district.feeds.recorder import Recorder
from district.members import service as members
from district.roles import RoleContext, connected
from district.settings import Settings
from district.sightings.admission import admit
from district.sightings.batch import RowFlag
from district.sightings.edge import load_edges
from district.sightings.reported import Reported, Texts
from district.sightings.service import Published, publish
from district.tasks import ended
from geo.datum import Datum
from tests.factories import HELSINKI, Makers


@asynccontextmanager
async def recording(settings: Settings, clock: FixedClock, district: District) -> AsyncIterator[Recorder]:
    """A recorder of one district's rows only, so that tests never take each other's."""
    async with connected(settings, clock, name="test-recorder") as context:
        await context.books.refresh()
        recorder = Recorder(
            pool=context.pool,
            stream=context.stream,
            clock=clock,
            registry=lambda: context.registry.value,
            books=context.books,
            subject=events.sightings_subject(district.id),
            durable=f"recorder-{district.id}",
            ack_wait_s=2.0,
        )
        task = asyncio.create_task(recorder.run())
        try:
            yield recorder
        finally:
            await ended([task])


class Publisher:
    """Publishes rows of one feed as the edge does."""

    def __init__(self, context: RoleContext, district: District, feed: Feed, clock: FixedClock) -> None:
        self.context, self.district, self.feed, self.clock = context, district, feed, clock

    async def send(
        self,
        ids: list[str],
        *,
        mac: Callable[[int], str] = lambda row: f"{row:012x}",
        age: timedelta = timedelta(0),
    ) -> Published:
        """Rows with these ids, ``age`` before now."""
        count = len(ids)
        at_ms = int((self.clock.now() - age).timestamp() * 1000)
        reported = Reported(
            index=np.arange(count),
            at_ms=np.full(count, at_ms),
            lon=np.full(count, HELSINKI.lon),
            lat=np.full(count, HELSINKI.lat),
            accuracy_m=np.full(count, 5, np.float32),
            rssi_dbm=np.full(count, np.nan, np.float32),
            mac=[mac(row) for row in range(count)],
            access_point_mac=Texts.of([""] * count),
            floor=Texts.of(["2" if row % 2 else "" for row in range(count)]),
            source_id=ids,
        )
        async with self.context.pool.connection() as connection:
            edges = await load_edges(connection, now=self.clock.now())
        admission = admit(reported, edges[self.district.id], datum=Datum.WGS84, now=self.clock.now())
        return await publish(
            self.context.stream,
            admission,
            district_id=self.district.id,
            feed_id=self.feed.id,
            body=repr((ids, age)).encode(),
            now=self.clock.now(),
        )


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


@pytest.fixture
async def publisher(
    settings: Settings, clock: FixedClock, committed: Makers, district: District
) -> AsyncIterator[Publisher]:
    feed = committed.feed(district)
    async with connected(settings, clock, name="test-publisher") as context:
        yield Publisher(context, district, feed, clock)


def rows(engine: Engine, district: District) -> list[Any]:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT * FROM raw_sighting WHERE district_id = :d ORDER BY source_id"), {"d": district.id}
        )
        return list(found)


def health(engine: Engine, district: District) -> dict[str, int]:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT outcome, rows FROM feed_health WHERE district_id = :d"), {"d": district.id}
        )
        return {row.outcome: row.rows for row in found}


async def until(settled: Callable[[], bool]) -> None:
    """Wait for a condition, not for a time; asked beside the loop, for the recorder may hold what the question waits for."""
    async with asyncio.timeout(90):
        while not await asyncio.to_thread(settled):  # noqa: ASYNC110 what is waited for is in the database
            await asyncio.sleep(0.02)


def ids(count: int) -> list[str]:
    return [uuid.uuid4().hex for _ in range(count)]


async def drained(publisher: Publisher) -> bool:
    info = await publisher.context.stream.consumer_info(
        events.SIGHTINGS_STREAM, f"recorder-{publisher.district.id}"
    )
    return bool(info.num_pending == 0 and info.num_ack_pending == 0)


async def until_drained(publisher: Publisher) -> None:
    async with asyncio.timeout(90):
        while not await drained(publisher):  # noqa: ASYNC110 or in the event log
            await asyncio.sleep(0.05)


async def test_every_column_is_recorded_as_it_was_sent(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    names = ["a", "ä" * 30, "b"]
    async with recording(settings, clock, district):
        await publisher.send(names)
        await until(lambda: len(rows(engine, district)) == 3)
    stored = {row.source_id: row for row in rows(engine, district)}
    assert set(stored) == set(names)
    row = stored["ä" * 30]
    assert (row.lon, row.lat, row.accuracy_m, row.floor) == (HELSINKI.lon, HELSINKI.lat, 5.0, "2")
    assert (row.at, row.received_at) == (clock.now(), clock.now())
    assert (row.feed_id, row.member_id, row.access_point_id, row.rssi_dbm) == (
        publisher.feed.id,
        None,
        None,
        None,
    )
    assert len(row.device) == 16
    assert stored["a"].floor is None


async def test_repeated_rows_are_stored_once_and_counted(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    first, second = ids(500), ids(200)
    async with recording(settings, clock, district):
        await publisher.send(first)
        await publisher.send(first[:100] + second)
        await until(lambda: sum(health(engine, district).values()) == 800)
    assert len(rows(engine, district)) == 700
    assert health(engine, district) == {"recorded": 700, "repeated": 100}


async def test_a_recorder_that_dies_midway_loses_and_doubles_nothing(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    sent: list[str] = []
    for _ in range(3):
        async with recording(settings, clock, district) as recorder:
            for _ in range(10):
                batch = ids(300)
                sent += batch
                await publisher.send(batch)
            await until(lambda: recorder.recorded > 0)
    async with recording(settings, clock, district):
        await until(lambda: len(rows(engine, district)) == len(sent))
    assert sorted(row.source_id for row in rows(engine, district)) == sorted(sent)


async def test_two_recorders_share_the_rows(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    async with recording(settings, clock, district), recording(settings, clock, district):
        for _ in range(20):
            await publisher.send(ids(100))
        await until(lambda: sum(health(engine, district).values()) == 2000)
    assert health(engine, district) == {"recorded": 2000}


async def test_a_members_rows_carry_the_member(
    publisher: Publisher,
    settings: Settings,
    clock: FixedClock,
    committed: Makers,
    district: District,
) -> None:
    member = committed.member(district)
    engine = cast("Engine", committed.session.get_bind())
    members.see_device(committed.session, committed.info(district), member, mac="a483e7000001", clock=clock)
    committed.done()
    async with recording(settings, clock, district):
        await publisher.send(ids(2), mac=lambda row: ("a4:83:e7:00:00:01", "a483e7000002")[row])
        await until(lambda: len(rows(engine, district)) == 2)
    assert {row.member_id for row in rows(engine, district)} == {member.id, None}


async def test_late_rows_of_nobody_are_counted_and_not_kept(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    async with recording(settings, clock, district):
        await publisher.send(ids(5), age=timedelta(hours=10))
        await publisher.send(ids(3))
        await until(lambda: sum(health(engine, district).values()) == 8)
    assert health(engine, district) == {"recorded": 3, "late_unknown": 5}
    assert len(rows(engine, district)) == 3


async def test_a_message_of_no_version_of_ours_stops_nobody(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    stream: JetStreamContext = publisher.context.stream
    async with recording(settings, clock, district):
        await stream.publish(events.sightings_subject(district.id), b"\xc1 nonsense")
        await publisher.send(ids(4))
        await until(lambda: len(rows(engine, district)) == 4)
        await until_drained(publisher)


async def test_a_missing_day_is_made_for_its_rows(
    publisher: Publisher, settings: Settings, clock: FixedClock, district: District, engine: Engine
) -> None:
    clock.advance(timedelta(days=11))
    async with recording(settings, clock, district):
        await publisher.send(ids(3))
        await until(lambda: len(rows(engine, district)) == 3)
    with engine.connect() as connection:
        found = connection.scalars(
            text("SELECT tableoid::regclass::text FROM raw_sighting WHERE district_id = :d"),
            {"d": district.id},
        )
        assert set(found) == {f"raw_sighting_{clock.now():%Y%m%d}"}


def test_late_is_a_flag_of_its_own() -> None:
    assert RowFlag.LATE & RowFlag.HAS_FIX == 0
