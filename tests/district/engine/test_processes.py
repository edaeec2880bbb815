"""Engines as processes: one decides, the other waits, whatever happens to the first."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from district.clock import SystemClock
from district.engine.checkpoints import Checkpoints
from district.roles import connected
from district.settings import Settings
from tests.district.engine.stage import OUTSIDE, Stage, until, until_true
from tests.factories import Makers

ROOT = Path(__file__).resolve().parents[3]
TAKE_OVER_S = 120


@pytest.fixture
def clock() -> SystemClock:
    """Real time: processes read their own clocks."""
    return SystemClock()


@pytest.fixture
async def stage(
    settings: Settings, clock: SystemClock, committed: Makers, engine: Engine
) -> AsyncIterator[Stage]:
    async with connected(settings, clock, name="test-stage") as context:
        yield Stage(committed, engine, context, clock)


@contextmanager
def engine_process(settings: Settings, *, snapshot_every: str = "PT1S") -> Iterator[subprocess.Popen[bytes]]:
    """A real engine; ended by kill if it still lives."""
    environment = {
        "DISTRICT_DATABASE_URL": str(settings.database_url),
        "DISTRICT_NATS_URL": str(settings.nats_url),
        "DISTRICT_ENGINE_SNAPSHOT_EVERY": snapshot_every,
        "DISTRICT_DATA_DIR": str(settings.data_dir),
        "DISTRICT_SECRET": "s" * 40,
    }
    code = (
        "from district.settings import get_settings; from district.engine import main; main(get_settings())"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **environment}, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def macs(start: int, count: int = 5) -> list[str]:
    return [f"a483e7{number:06x}" for number in range(start, start + count)]


async def walk_in(stage: Stage, start: int) -> None:
    """Five new members enter the fence."""
    devices = macs(start)
    for mac in devices:
        stage.member(mac)
    await stage.see(devices, OUTSIDE)
    await stage.see(devices)


async def offers(stage: Stage, count: int, within_s: float = TAKE_OVER_S) -> None:
    await until(lambda: len(stage.offers()) >= count, within_s=within_s)


def assert_once_each(stage: Stage, count: int) -> None:
    members = [offer.member_id for offer in stage.offers()]
    assert len(members) == len(set(members)) == count


async def test_one_engine_decides_and_the_other_takes_over_when_it_is_killed(
    stage: Stage, settings: Settings
) -> None:
    stage.campaign()
    with engine_process(settings) as first:
        await walk_in(stage, 0)
        await offers(stage, 5)
        with engine_process(settings):
            epoch = stage.epoch()
            await walk_in(stage, 10)
            await offers(stage, 10)
            assert stage.epoch() == epoch
            first.kill()
            await walk_in(stage, 20)
            await offers(stage, 15)
    assert_once_each(stage, 15)
    assert stage.epoch() == epoch + 1


async def test_a_stopped_owner_is_replaced_and_does_nothing_when_it_wakes(
    stage: Stage, settings: Settings
) -> None:
    stage.campaign()
    with engine_process(settings) as first:
        await walk_in(stage, 0)
        await offers(stage, 5)
        epoch = stage.epoch()
        with engine_process(settings):
            first.send_signal(signal.SIGSTOP)
            await walk_in(stage, 10)
            await offers(stage, 10)
            assert stage.epoch() > epoch
            first.send_signal(signal.SIGCONT)
            await walk_in(stage, 20)
            await offers(stage, 15)
    assert_once_each(stage, 15)


async def test_engines_that_are_killed_early_count_each_refusal_once(
    stage: Stage, settings: Settings
) -> None:
    stage.campaign()
    refuser = stage.member("a483e7ffffff", agrees=False)
    for number in range(1, 4):
        with engine_process(settings, snapshot_every="PT30S") as process:
            if number == 1:
                await stage.see(["a483e7ffffff"], OUTSIDE)
                await stage.see(["a483e7ffffff"])
                await until(lambda: bool(stage.refused()), within_s=TAKE_OVER_S)
            await walk_in(stage, 100 * number)
            await offers(stage, 5 * number)
            process.kill()
        assert stage.refused() == {(refuser.id, "no_consent"): 1}
        await stage.forget_checkpoint()
    assert_once_each(stage, 15)


async def test_a_reign_of_seconds_leaves_a_checkpoint(stage: Stage, settings: Settings) -> None:
    stage.campaign()
    checkpoints = Checkpoints(stream=stage.context.stream, replicas=1)

    async def has_five() -> bool:
        saved = await checkpoints.load(stage.district.id)
        return saved is not None and len(saved.devices) == 16 * 5

    with engine_process(settings, snapshot_every="PT1H") as process:
        await walk_in(stage, 0)
        await offers(stage, 5)
        await until_true(has_five, within_s=TAKE_OVER_S)
        process.kill()


async def test_a_killed_engine_goes_on_from_its_checkpoint(stage: Stage, settings: Settings) -> None:
    stage.campaign(cap={"campaign": {"n": 10, "per": "day"}})
    for round_number in range(3):
        with engine_process(settings) as process:
            await walk_in(stage, 100 * round_number)
            await offers(stage, 5 * (round_number + 1))
            process.kill()
    assert_once_each(stage, 15)
