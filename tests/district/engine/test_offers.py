"""From a published fix to an offer row, through the real event log and database."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from district.clock import FixedClock
from district.engine.checkpoints import Checkpoints
from district.roles import connected
from district.settings import Settings
from geo.coordinates import LonLat
from tests.district.engine.stage import OUTSIDE, Stage, running, until, until_true
from tests.factories import HELSINKI, Makers, square

ALICE, BOB = "a483e7000001", "a483e7000002"
MOMENT = timedelta(milliseconds=20)
"""So short that no fix is stale when an engine takes it that has fallen far behind."""


@pytest.fixture
async def stage(
    settings: Settings, clock: FixedClock, committed: Makers, engine: Engine
) -> AsyncIterator[Stage]:
    async with connected(settings, clock, name="test-stage") as context:
        yield Stage(committed, engine, context, clock)


async def test_a_member_who_enters_gets_the_offer(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    campaign, alice = stage.campaign(), stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE, BOB])
        await until(lambda: bool(stage.offers()))
    (offer,) = stage.offers()
    assert (offer.campaign_id, offer.member_id) == (campaign.id, alice.id)
    assert (offer.trigger_lon, offer.trigger_lat) == (HELSINKI.lon, HELSINKI.lat)


async def test_who_did_not_agree_is_refused_with_the_reason(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign()
    stage.member(ALICE, agrees=False)
    async with running(settings, clock):
        await stage.see([ALICE])
        await until(lambda: bool(stage.refusals()))
    assert (stage.refusals(), stage.offers()) == ({"no_consent"}, [])


async def test_a_late_fix_brings_no_offer(stage: Stage, settings: Settings, clock: FixedClock) -> None:
    stage.campaign()
    stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE], at=clock.now() - timedelta(minutes=4))
        await until(lambda: bool(stage.refusals()))
    assert (stage.refusals(), stage.offers()) == ({"stale"}, [])


async def test_a_dwell_fires_by_the_streams_time_alone(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign(trigger={"any": [{"on": "fence.dwell", "min_s": 120}]})
    stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE])
        clock.advance(timedelta(seconds=60))
        await stage.see([ALICE])
        assert stage.offers() == []
        clock.advance(timedelta(seconds=61))
        await until(lambda: bool(stage.offers()))


async def test_a_window_that_is_shut_brings_nothing_until_it_opens(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign(when={"opening_hours": "13:00-14:00"})
    stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE])
        clock.advance(timedelta(minutes=61))
        await stage.see([ALICE])
        await until(lambda: bool(stage.offers()))
    (offer,) = stage.offers()
    assert offer.issued_at >= clock.now()


async def test_a_campaign_that_goes_live_is_watched_without_a_restart(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    there = LonLat(lon=HELSINKI.lon + 0.005, lat=HELSINKI.lat)
    first, alice = stage.campaign(), stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE])
        await until(lambda: len(stage.offers()) == 1)
        second = stage.campaign(fence=square(there))

        async def walk() -> None:
            clock.advance(MOMENT)
            await stage.see([ALICE], there)

        while len(stage.offers()) < 2:
            await walk()
            await until(lambda: True)
    assert {offer.campaign_id for offer in stage.offers()} == {first.id, second.id}
    assert {offer.member_id for offer in stage.offers()} == {alice.id}


async def test_a_paused_campaign_is_not_offered(stage: Stage, settings: Settings, clock: FixedClock) -> None:
    paused, other = stage.campaign(), stage.campaign()
    stage.change(paused, state="paused")
    stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE])
        await until(lambda: bool(stage.offers()))
    assert [offer.campaign_id for offer in stage.offers()] == [other.id]


async def test_a_member_who_joins_inside_the_fence_gets_the_offer_at_the_next_fix(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign()
    witness = stage.member(BOB)
    async with running(settings, clock):
        await stage.see([ALICE, BOB])
        await until(lambda: len(stage.offers()) == 1)
        alice = stage.member(ALICE)
        while len(stage.offers()) < 2:
            clock.advance(MOMENT)
            await stage.see([ALICE])
    assert {offer.member_id for offer in stage.offers()} == {alice.id, witness.id}


async def test_the_cap_holds_when_a_member_leaves_and_comes_again(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign()
    stage.member(ALICE)
    async with running(settings, clock):
        await stage.see([ALICE])
        await until(lambda: len(stage.offers()) == 1)
        clock.advance(timedelta(seconds=30))
        await stage.see([ALICE], OUTSIDE)
        clock.advance(timedelta(seconds=30))
        await stage.see([ALICE])
        await until(lambda: "freq_cap" in stage.refusals())
    assert len(stage.offers()) == 1


async def test_what_was_decided_is_not_decided_again_when_the_stream_is_replayed(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    """Without the checkpoint everything triggers again; by now one campaign's cap is used up, and the other would win."""
    stage.campaign()
    stage.campaign()
    stage.member(ALICE)
    refuser = stage.member(BOB, agrees=False)
    async with running(settings, clock):
        await stage.see([ALICE, BOB])
        await until(lambda: bool(stage.offers()) and stage.refused().get((refuser.id, "no_consent")) == 2)
    first, refused = stage.offers(), stage.refused()
    await stage.forget_checkpoint()
    carol = stage.member("a483e7000003")
    async with running(settings, clock):
        await stage.see(["a483e7000003"])
        await until(lambda: len(stage.offers()) == len(first) + 1)
    assert [offer for offer in stage.offers() if offer.member_id != carol.id] == first
    assert {key: times for key, times in stage.refused().items() if key[0] != carol.id} == refused


async def test_an_engine_that_is_told_to_stop_stores_where_to_go_on(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign()
    stage.member(ALICE)
    late = settings.model_copy(update={"engine_snapshot_every": timedelta(hours=1)})
    async with running(late, clock):
        await stage.see([ALICE])
        await until(lambda: len(stage.offers()) == 1)
    saved = await Checkpoints(stream=stage.context.stream, replicas=1).load(stage.district.id)
    assert saved is not None
    assert len(saved.devices) == 16


async def test_after_a_restart_a_visit_goes_on_from_the_checkpoint(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.campaign(cap={"campaign": {"n": 10, "per": "day"}})
    stage.member(ALICE)
    stage.member(BOB)
    often = settings.model_copy(update={"engine_snapshot_every": timedelta(milliseconds=100)})
    checkpoints = Checkpoints(stream=stage.context.stream, replicas=1)

    async def is_saved() -> bool:
        saved = await checkpoints.load(stage.district.id)
        return saved is not None and len(saved.devices) == 16

    async with running(often, clock):
        await stage.see([ALICE])
        await until(lambda: len(stage.offers()) == 1)
        await until_true(is_saved)
    async with running(settings, clock):
        clock.advance(timedelta(seconds=10))
        await stage.see([ALICE])
        await stage.see([BOB])
        await until(lambda: len(stage.offers()) == 2)
    assert len({offer.member_id for offer in stage.offers()}) == 2
    assert stage.refusals() == set()
