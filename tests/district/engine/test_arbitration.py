"""Arbitration through the real event log and database: both arms, the district's policy, and winners of a moment."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from district.clock import FixedClock
from district.roles import connected
from district.settings import Settings
from geo.coordinates import LonLat
from push.holdout import is_held_out
from push.identifiers import CampaignId
from tests.district.engine.stage import Stage, running, until
from tests.factories import HELSINKI, Makers, square

MACS = [f"a483e71000{number:02x}" for number in range(40)]


@pytest.fixture
async def stage(
    settings: Settings, clock: FixedClock, committed: Makers, engine: Engine
) -> AsyncIterator[Stage]:
    async with connected(settings, clock, name="test-stage") as context:
        yield Stage(committed, engine, context, clock)


def rows(stage: Stage, sql: str) -> list[tuple[object, ...]]:
    with stage.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql), {"d": stage.district.id})]


def exposures(stage: Stage) -> list[tuple[object, ...]]:
    return rows(stage, "SELECT member_id, arm FROM exposure WHERE district_id = :d")


async def test_both_arms_are_exposed_and_only_one_is_told(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    """Forty members enter; half is held out by the hash that anybody can recompute; who agreed to nothing is in neither."""
    campaign = stage.campaign(holdout={"pct": 50, "salt": "s"})
    members = [stage.member(mac).id for mac in MACS[:-1]]
    stage.member(MACS[-1], agrees=False)
    async with running(settings, clock):
        await stage.see(MACS)
        await until(lambda: len(exposures(stage)) == len(members))
    own = CampaignId(campaign.id)
    held = {one for one in members if is_held_out(50, "s", campaign_id=own, member_id=one)}
    assert 0 < len(held) < len(members)
    assert {one for one, arm in exposures(stage) if arm == "control"} == held
    assert {offer.member_id for offer in stage.offers()} == set(members) - held
    would_have = (
        "SELECT count(*) FROM refusal WHERE district_id = :d AND reason = 'holdout' AND would_have = 1"
    )
    assert rows(stage, would_have) == [(len(held),)]


async def test_of_two_offers_at_one_fix_one_goes_out_and_the_other_names_it(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    paid, normal = stage.campaign(priority="paid"), stage.campaign()
    member = stage.member(MACS[0])
    async with running(settings, clock):
        await stage.see(MACS[:1])
        await until(lambda: bool(stage.refusals()))
    assert [(offer.campaign_id, offer.member_id) for offer in stage.offers()] == [(paid.id, member.id)]
    lost = rows(stage, "SELECT campaign_id, reason, winner_id FROM refusal WHERE district_id = :d")
    assert lost == [(normal.id, "lower_score", paid.id)]


async def test_the_districts_gap_holds_across_campaigns(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    """With a gap of thirty minutes the second fence brings nothing until they are over."""
    there = LonLat(lon=HELSINKI.lon + 0.005, lat=HELSINKI.lat)
    stage.makers.policy(stage.district, gap_min=30)
    first, second = stage.campaign(), stage.campaign(fence=square(there))
    stage.member(MACS[0])
    async with running(settings, clock):
        await stage.see(MACS[:1])
        await until(lambda: len(stage.offers()) == 1)
        clock.advance(timedelta(minutes=29))
        await stage.see(MACS[:1], there)
        await until(lambda: "freq_cap" in stage.refusals())
        clock.advance(timedelta(minutes=1))
        await stage.see(MACS[:1])
        clock.advance(timedelta(seconds=1))
        await stage.see(MACS[:1], there)
        await until(lambda: len(stage.offers()) == 2)
    assert [offer.campaign_id for offer in stage.offers()] == [first.id, second.id]


async def test_the_control_of_the_district_is_told_nothing(
    stage: Stage, settings: Settings, clock: FixedClock
) -> None:
    stage.makers.policy(stage.district, control_pct=20)
    stage.campaign(priority="paid")
    stage.campaign()
    members = [stage.member(mac) for mac in MACS[:2]]
    members[0].bucket, members[1].bucket = 1_999, 2_000
    stage.makers.done()
    async with running(settings, clock):
        await stage.see(MACS[:2])
        await until(lambda: len(exposures(stage)) == 2)
    assert set(exposures(stage)) == {(members[0].id, "district_control"), (members[1].id, "treated")}
    assert [offer.member_id for offer in stage.offers()] == [members[1].id]
