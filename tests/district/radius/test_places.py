"""How many devices of a member are on line at once, by whichever way they come."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from district.clock import FixedClock
from district.gateways.models import WifiSession
from tests.district.radius.conftest import MAC, OTHER_MAC, World, body
from tests.district.radius.names import by_address, credential, refusal, told


async def test_devices_at_once_are_limited_and_freed_by_their_end(world: World, clock: FixedClock) -> None:
    world.plan(devices=1)
    member = world.member()
    told(world, member, mac=OTHER_MAC, started=timedelta(minutes=5))
    token = world.token(member)
    assert "place" in await refusal(world, body(token.username))
    clock.advance(timedelta(seconds=601))  # nothing was heard of it for two intervals
    later = world.token(member)
    assert (await world.post("authorize", body(later.username))).status_code == 200


async def test_the_devices_own_session_takes_no_place(world: World) -> None:
    world.plan(devices=1)
    member = world.member()
    told(world, member, mac=MAC, started=timedelta(minutes=5))
    token = world.token(member)
    assert (await world.post("authorize", body(token.username))).status_code == 200


async def test_a_device_just_let_in_takes_a_place_before_it_is_told_of(world: World) -> None:
    world.plan(devices=1)
    member = world.member()
    first, second = world.token(member), world.token(member, mac=OTHER_MAC)
    assert (await world.post("post-auth", body(first.username))).status_code == 204
    assert await refusal(world, body(second.username, mac=OTHER_MAC))


async def test_of_two_devices_let_in_at_once_only_as_many_as_allowed_stay(world: World) -> None:
    world.plan(devices=1)
    member = world.member()
    tokens = {mac: world.token(member, mac=mac) for mac in (MAC, OTHER_MAC, "02aa22334488")}
    for mac, token in tokens.items():
        assert (await world.post("authorize", body(token.username, mac=mac))).status_code == 200
    answers = await asyncio.gather(
        *(world.post("post-auth", body(token.username, mac=mac)) for mac, token in tokens.items())
    )
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401]


@pytest.mark.parametrize("attempt", range(8))
async def test_by_address_and_by_name_at_once_only_as_many_as_allowed_stay(
    world: World, attempt: int
) -> None:
    plan = world.plan(devices=1)
    member = world.member()
    world.device(member)
    name = credential(world, member, plan_id=plan.id)
    asked = [by_address(), body(name.username, mac=OTHER_MAC), body(name.username, mac="02aa22334488")]
    for document in asked:
        assert (await world.post("authorize", document)).status_code == 200
    answers = await asyncio.gather(*(world.post("post-auth", document) for document in asked))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    world.makers.session.rollback()
    begun = world.makers.session.scalars(
        select(WifiSession).where(WifiSession.district_id == world.district.id)
    ).all()
    assert len(begun) == 1


async def test_a_session_that_goes_on_gives_its_place_up_with_its_stop(world: World) -> None:
    plan = world.plan(devices=1)
    member = world.member()
    world.device(member)
    world.session(member, plan_id=plan.id)
    name = credential(world, member, plan_id=plan.id)
    back = await world.post("authorize", by_address())
    assert "request:District-Session" not in back.json(), "its place is asked for again"
    assert (await world.post("post-auth", body(name.username, mac=OTHER_MAC))).status_code == 200
    assert (await world.post("post-auth", by_address())).status_code == 401


async def test_a_place_is_free_again_when_no_accounting_tells_of_it(world: World, clock: FixedClock) -> None:
    plan = world.plan(devices=1)
    member = world.member()
    world.device(member)
    name = credential(world, member, plan_id=plan.id)
    assert (await world.post("post-auth", by_address())).status_code == 200
    assert await refusal(world, body(name.username, mac=OTHER_MAC))
    clock.advance(timedelta(seconds=61))
    assert (await world.post("authorize", body(name.username, mac=OTHER_MAC))).status_code == 200


async def test_the_same_device_by_both_ways_takes_one_place(world: World) -> None:
    plan = world.plan(devices=1)
    member = world.member()
    world.device(member)
    told(world, member, mac=MAC, started=timedelta(minutes=1))
    name = credential(world, member, plan_id=plan.id)
    for _ in range(2):
        assert (await world.post("post-auth", by_address())).status_code in {200, 204}
        assert (await world.post("post-auth", body(name.username))).status_code in {200, 204}
