"""From the event log into rows and sightings."""

from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import Engine, text

from district.radius.accounting import keep, told
from district.radius.packets import AccountingRequest, Nas, Status
from district.radius.recording import sightings_of
from district.roles import connected
from district.settings import Settings
from tests.conftest import NOON
from tests.district.engine.stage import until
from tests.district.radius.conftest import World
from tests.district.radius.test_outage import recording

REQUEST = AccountingRequest(
    status=Status.INTERIM,
    unique_id="u",
    mac="02aa22334466",
    access_point_mac="0211223344aa",
    nas=Nas(address="10.0.0.1"),
    session_s=60,
)


def packet(**values: Any) -> Any:
    """A packet told at noon."""
    return told(replace(REQUEST, **values), now=NOON, machine_now=NOON)


@pytest.mark.parametrize(
    ("values", "is_sighting"),
    [
        ({}, True),
        ({"status": Status.START}, True),
        ({"status": Status.STOP, "terminate_cause": "User-Request"}, True),
        ({"status": Status.STOP, "terminate_cause": "Idle-Timeout"}, False),
        ({"status": Status.ON}, False),
        ({"mac": ""}, False),
        ({"access_point_mac": ""}, False),
    ],
)
def test_a_packet_is_a_sighting_when_it_tells_where_a_device_is(
    values: dict[str, Any], is_sighting: bool
) -> None:
    decoded, _ = sightings_of([packet(**values)])
    assert len(decoded.reported) == int(is_sighting)


def test_roaming_is_another_sighting_and_a_repetition_is_the_same() -> None:
    decoded, _ = sightings_of([packet(), packet(access_point_mac="0211223344ab"), packet()])
    ids = decoded.reported.source_id
    assert ids is not None
    assert ids[0] == ids[2] != ids[1]
    assert list(decoded.reported.at_ms) == [int(NOON.timestamp() * 1000)] * 3


async def test_a_packet_that_cannot_be_stored_does_not_stand_in_the_others_way(
    world: World, settings: Settings
) -> None:
    bad = packet(unique_id="bad")
    spoiled = msgspec.structs.replace(bad, ssid="a\0b")
    good = [packet(unique_id=f"good-{number}") for number in range(9)]
    async with connected(settings, world.makers.clock, name="test-publisher") as context:
        for one in [*good[:4], spoiled, *good[4:]]:
            await keep(context.stream, settings, world.district.id, one)
    engine = cast("Engine", world.makers.session.get_bind())

    def stored() -> int:
        with engine.connect() as connection:
            found = connection.execute(
                text("SELECT count(*) FROM radius_session WHERE district_id = :d"), {"d": world.district.id}
            )
            return int(found.scalar_one())

    async with recording(settings, world):
        await until(lambda: stored() == len(good))


async def test_a_packet_told_twice_is_one_session_and_one_sighting(world: World, settings: Settings) -> None:
    world.makers.access_point(world.district, mac="0211223344aa")
    async with connected(settings, world.makers.clock, name="test-publisher") as context:
        for _ in range(3):
            await keep(context.stream, settings, world.district.id, packet())
    async with recording(settings, world) as recorder:
        await until(lambda: recorder.recorded == 3)
    rows = world.makers.session.execute(
        text("SELECT count(*) FROM radius_session WHERE district_id = :d"), {"d": world.district.id}
    )
    assert rows.scalar_one() == 1
    feeds = world.makers.session.execute(
        text("SELECT count(*) FROM feed WHERE district_id = :d AND vendor = 'radius'"),
        {"d": world.district.id},
    )
    assert feeds.scalar_one() == 1
