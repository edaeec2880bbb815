"""What a campaign causes, from sightings to its report: a planted effect is found again, and a broken split blocks it.

Thousands of members cross a fence; the engine decides, issues and holds out. Who comes to the store afterwards is planted
by arm, told as sightings, and made into visits by the product. The report must find it.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from district import events
from district.auth.models import Role
from district.campaigns.models import Campaign
from district.clock import FixedClock
from district.feeds.recorder import Recorder
from district.members.service import alias_of, bucket_of
from district.roles import connected
from district.settings import Settings
from district.tasks import ended
from district.visits import service as visits
from geo.coordinates import LonLat
from tests.district.engine.stage import OUTSIDE, Stage, running, until
from tests.factories import HELSINKI, Makers

MEMBERS = 3_000
HELD_OUT_PERCENT = 25
ANYWAY, CAUSED = 0.15, 0.12
# Of these the arms are made: always the same ones, so that no run meets a split that chance has spoiled.
CAMPAIGN_ID = uuid.UUID("01931f6e-0000-7000-8000-000000000001")
MEMBER_SEED = 20260430
IN_FENCE = LonLat(lon=HELSINKI.lon + 0.0008, lat=HELSINKI.lat)
MEMBER_SQL = """
INSERT INTO member (district_id, id, language, bucket, state, joined_at)
SELECT :d, id, 'en', bucket, 'active', :at FROM unnest(CAST(:ids AS uuid[]), CAST(:buckets AS int[])) AS one (id, bucket)
"""
ALIAS_SQL = """
INSERT INTO device_alias (district_id, alias, member_id, randomised, first_seen_at, last_seen_at)
SELECT :d, alias, id, true, :at, :at FROM unnest(CAST(:aliases AS bytea[]), CAST(:ids AS uuid[])) AS one (alias, id)
"""
CONSENT_SQL = """
INSERT INTO consent (district_id, id, member_id, purpose, channel, granted, action, at)
SELECT :d, gen_random_uuid(), id, purpose, '', true, 'box', :at
FROM unnest(CAST(:ids AS uuid[])) AS one (id) CROSS JOIN unnest(ARRAY['marketing', 'location']) AS two (purpose)
"""


@pytest.fixture
async def stage(
    settings: Settings, clock: FixedClock, committed: Makers, engine: Engine
) -> AsyncIterator[Stage]:
    async with connected(settings, clock, name="test-planted") as context:
        yield Stage(committed, engine, context, clock)


def crowd(stage: Stage) -> dict[uuid.UUID, str]:
    """Members who agreed to be told by location, each with a device."""
    macs = [f"02aa{number:08x}" for number in range(MEMBERS)]
    luck = random.Random(MEMBER_SEED)
    ids = [uuid.UUID(int=luck.getrandbits(128), version=4) for _ in macs]
    values = {
        "d": stage.district.id,
        "at": stage.clock.now() - timedelta(hours=1),
        "ids": ids,
        "buckets": [bucket_of(one) for one in ids],
        "aliases": [alias_of(stage.info, mac) for mac in macs],
    }
    for sql in (MEMBER_SQL, ALIAS_SQL, CONSENT_SQL):
        stage.makers.session.execute(text(sql), values)
    stage.makers.done()
    return dict(zip(ids, macs, strict=True))


def arms(stage: Stage) -> dict[uuid.UUID, str]:
    """Which arm the engine put each member into."""
    with stage.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT member_id, arm FROM exposure WHERE district_id = :d"), {"d": stage.district.id}
        )
        return {row.member_id: row.arm for row in rows}


async def exposed(stage: Stage, settings: Settings, clock: FixedClock, macs: list[str]) -> None:
    """Everybody walks in from outside, in the engine's own time."""
    async with running(settings, clock):
        await stage.see(macs, OUTSIDE)
        clock.advance(timedelta(seconds=20))
        await stage.see(macs, IN_FENCE)
        clock.advance(timedelta(seconds=20))
        await stage.see(macs, IN_FENCE)
        await until(lambda: len(arms(stage)) == len(macs))


@asynccontextmanager
async def recording(stage: Stage) -> AsyncIterator[None]:
    """A recorder of this district's rows alone."""
    context = stage.context
    await context.books.refresh()
    recorder = Recorder(
        pool=context.pool,
        stream=context.stream,
        clock=stage.clock,
        registry=lambda: context.registry.value,
        books=context.books,
        subject=events.sightings_subject(stage.district.id),
        durable=f"recorder-{stage.district.id}",
    )
    task = asyncio.create_task(recorder.run())
    try:
        yield
    finally:
        await ended([task])


def recorded(stage: Stage) -> int:
    with stage.engine.connect() as connection:
        sql = text("SELECT count(*) FROM raw_sighting WHERE district_id = :d")
        return int(connection.execute(sql, {"d": stage.district.id}).scalar_one())


async def shopped(stage: Stage, clock: FixedClock, macs: list[str], before: int) -> None:
    """These are in the store for some minutes; the product makes the visits."""
    clock.advance(timedelta(minutes=30))
    for _ in range(5):
        clock.advance(timedelta(minutes=1))
        await stage.see(macs, HELSINKI)
    clock.advance(timedelta(minutes=1))
    async with recording(stage):
        await until(lambda: recorded(stage) == before + 5 * len(macs))
    await visits.refresh(stage.context.pool, stage.info, now=clock.now())


async def report(stage: Stage, client: httpx.AsyncClient, campaign: Campaign) -> Any:
    """What the merchant reads a day later."""
    token = stage.makers.token(stage.district, Role.MERCHANT, scope_id=stage.merchant.id)
    answer = await client.get(
        f"/v1/districts/{stage.district.slug}/campaigns/{campaign.id}/report",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_planted_effect_is_found_and_a_broken_split_blocks_it(
    stage: Stage, settings: Settings, clock: FixedClock, client: httpx.AsyncClient
) -> None:
    campaign = stage.campaign(campaign_id=CAMPAIGN_ID, holdout={"pct": HELD_OUT_PERCENT, "salt": "planted"})
    members = crowd(stage)
    await exposed(stage, settings, clock, list(members.values()))
    arm_of = arms(stage)
    luck = random.Random(20260501)
    chance = {"treated": ANYWAY + CAUSED, "control": ANYWAY}
    came = [one for one in members if luck.random() < chance[arm_of[one]]]
    await shopped(stage, clock, [members[one] for one in came], before=3 * MEMBERS)
    clock.advance(timedelta(hours=25))

    found = await report(stage, client, campaign)
    assert found["sample_ratio"]["is_trusted"], found["sample_ratio"]
    assert found["funnel"]["targeted"] == MEMBERS
    visit = found["effects"][0]
    assert (visit["outcome"], visit["reason"]) == ("visit", None)
    for arm in ("treated", "control"):
        assert visit[arm]["people"] == sum(one == arm for one in arm_of.values())
        assert visit[arm]["did"] == sum(arm_of[one] == arm for one in came)
    difference = visit["difference"]
    error = (difference["high"] - difference["low"]) / (2 * 1.96)
    assert abs(difference["estimate"] - CAUSED) < 4 * error
    assert error < CAUSED / 4
    assert visit["is_certain"]

    lost = [one for one, arm in arm_of.items() if arm == "control" and one not in set(came)][::2]
    stage.makers.session.execute(
        text("DELETE FROM exposure WHERE district_id = :d AND member_id = ANY(:lost)"),
        {"d": stage.district.id, "lost": lost},
    )
    stage.makers.done()
    broken = await report(stage, client, campaign)
    assert not broken["sample_ratio"]["is_trusted"]
    for effect in broken["effects"]:
        assert effect["difference"] is None
        assert effect["additional"] is None
        assert effect["reason"] == "split"
    assert broken["money"]["per_incremental_visit"]["estimate_minor"] is None
