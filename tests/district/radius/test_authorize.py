"""Who may go on line, and how much: one-time tokens, devices met before, names for 802.1X."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.gateways.models import Ban, Gateway
from district.members import service as members
from district.radius.models import RadiusClient
from tests.conftest import refresh
from tests.district.radius.conftest import MAC, OTHER_MAC, World, body, spelled
from tests.district.radius.names import CALL, by_address, credential, refusal, told


async def test_a_token_is_given_as_password_with_the_plan(world: World) -> None:
    world.plan(session_s=600, idle_s=60, volume_kib=1024)
    token = world.token(world.member())
    answer = await world.post("authorize", body(token.username))
    said = answer.json()
    assert said["control:Cleartext-Password"] == {"value": [token.password], "op": ":=", "do_xlat": False}
    assert said["reply:Session-Timeout"]["value"] == [600]
    assert said["reply:Mikrotik-Total-Limit"]["value"] == [1 << 20]
    assert answer.headers["cache-control"] == "no-store"


async def test_every_text_of_an_answer_is_marked_not_to_be_expanded(world: World) -> None:
    world.plan(session_s=600, up_kbps=1)
    token = world.token(world.member(), password="%{md5:abc}")
    said = (await world.post("authorize", body(token.username))).json()
    texts = [pair for pair in said.values() if isinstance(pair["value"][0], str)]
    assert texts
    assert all(pair["do_xlat"] is False for pair in texts)


async def test_a_repeated_authorize_uses_nothing_up_and_an_acceptance_does(world: World) -> None:
    token = world.token(world.member())
    asked = [await world.post("authorize", body(token.username)) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 200]
    refused = await world.post("post-auth", body(token.username) | {"reply": "Access-Reject"})
    assert refused.status_code == 204
    assert (await world.post("post-auth?reply=Access-Accept", body(token.username))).status_code == 204
    assert (await world.post("post-auth?reply=Access-Accept", body(token.username))).status_code == 401
    assert await refusal(world, body(token.username))


@pytest.mark.parametrize(
    "spelling", ["02AA22334466", "02:aa:22:33:44:66", "02aa.2233.4466", "02-AA-22-33-44-66"]
)
async def test_any_spelling_of_the_device_is_the_device(world: World, spelling: str) -> None:
    token = world.token(world.member())
    answer = await world.post("authorize", body(token.username, Calling_Station_Id=spelling))
    assert answer.status_code == 200


async def test_a_token_is_not_for_another_device_or_none(world: World) -> None:
    token = world.token(world.member())
    assert await refusal(world, body(token.username, mac=OTHER_MAC))
    assert await refusal(world, body(token.username, Calling_Station_Id=""))


async def test_a_token_ends_with_its_machine_time(world: World, clock: FixedClock) -> None:
    token = world.token(world.member())
    clock.advance(timedelta(seconds=120))
    assert await refusal(world, body(token.username))


async def test_a_token_is_bound_to_the_gateway_of_a_registered_nas(world: World) -> None:
    other = Gateway(
        district_id=world.district.id,
        id=new_id(),
        slug=f"g-{uuid.uuid4().hex[:8]}",
        vendor="click",
        secret="x" * 16,
        created_at=world.makers.clock.now(),
    )
    world.add(other)
    world.add(
        RadiusClient(
            district_id=world.district.id,
            id=new_id(),
            name="roof",
            address="10.0.0.9",
            secret="y" * 24,
            gateway_id=other.id,
            nas_identifier="roof-nas",
            created_at=world.makers.clock.now(),
        )
    )
    await refresh(world.app)
    token = world.token(world.member())
    assert await refusal(world, body(token.username, NAS_IP_Address="10.0.0.9"))
    assert await refusal(world, body(token.username, NAS_IP_Address="", NAS_Identifier="roof-nas"))
    assert (await world.post("authorize", body(token.username))).status_code == 200


async def test_another_districts_token_is_unknown(world: World) -> None:
    token = world.token(world.member())
    stranger = world.makers.key(world.makers.district(), Role.RADIUS)
    await refresh(world.app)
    answer = await world.post("authorize", body(token.username), key=stranger)
    assert answer.status_code == 401
    assert "reply:Reply-Message" in answer.json()


async def test_only_a_key_of_radius_may_ask(world: World) -> None:
    till = world.makers.key(world.district, Role.TILL)
    await refresh(world.app)
    assert (await world.post("authorize", body("x"), key=till)).status_code == 403
    answer = await world.client.post("/v1/radius/authorize", json=body("x"))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def banned_member(world: World, member: Any) -> None:
    """A ban of the person."""
    world.add(
        Ban(
            district_id=world.district.id,
            id=new_id(),
            member_id=member.id,
            created_at=world.makers.clock.now(),
        )
    )


def banned_device(world: World, member: Any) -> None:
    """A ban of the device."""
    alias = members.alias_of(world.makers.info(world.district), MAC)
    now = world.makers.clock.now()
    until = now + timedelta(hours=1)
    world.add(Ban(district_id=world.district.id, id=new_id(), alias=alias, created_at=now, until=until))


def withdrawn(world: World, member: Any) -> None:
    """Access is no longer agreed to."""
    world.says(member, granted=False)


def old_terms(world: World, member: Any) -> None:
    """What was agreed to has changed since."""
    world.says(member, granted=True, text_hash=b"\1" * 32)


@pytest.mark.parametrize("change", [banned_member, banned_device, withdrawn])
async def test_a_ban_or_withdrawal_refuses_a_token(world: World, change: Callable[..., None]) -> None:
    member = world.member()
    token = world.token(member)
    assert (await world.post("authorize", body(token.username))).status_code == 200
    change(world, member)
    assert await refusal(world, body(token.username))


@pytest.mark.parametrize("change", [banned_member, banned_device, withdrawn, old_terms])
async def test_a_known_device_comes_back_until_something_speaks_against_it(
    world: World, change: Callable[..., None]
) -> None:
    member = world.member()
    world.device(member)
    world.session(member)
    answer = await world.post("authorize", by_address())
    assert answer.json()["control:Auth-Type"]["value"] == ["Accept"]
    assert answer.json()["request:District-Session"]["value"] == ["live"]
    change(world, member)
    assert await refusal(world, by_address())


async def test_a_ban_that_is_over_refuses_nobody(world: World, clock: FixedClock) -> None:
    member = world.member()
    world.device(member)
    world.session(member)
    banned_device(world, member)
    clock.advance(timedelta(minutes=59, seconds=58))
    assert await refusal(world, by_address())
    clock.advance(timedelta(seconds=2))
    assert (await world.post("authorize", by_address())).status_code == 200


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=13, hours=23), 200), (timedelta(days=14), 401)])
async def test_a_device_is_remembered_for_two_weeks(world: World, age: timedelta, status: int) -> None:
    member = world.member()
    world.device(member, age=age)
    assert (await world.post("authorize", by_address())).status_code == status


async def test_a_voucher_does_not_begin_again_by_itself(world: World) -> None:
    member = world.member()
    world.device(member)
    world.session(member, method="voucher", expires_at=world.makers.clock.now())
    assert await refusal(world, by_address())


async def test_a_person_may_not_log_in_with_a_devices_address(world: World) -> None:
    member = world.member()
    world.device(member)
    world.session(member)
    assert await refusal(world, body(spelled(MAC), Service_Type="Login-User"))
    assert await refusal(world, body(spelled(MAC), mac=OTHER_MAC, **CALL))


async def test_a_remembered_device_begins_a_session_of_its_own_once(world: World) -> None:
    member = world.member()
    world.device(member)
    assert "reply:Class" not in (await world.post("authorize", by_address())).json()
    begun = await world.post("post-auth?reply=Access-Accept", by_address())
    assert begun.json()["reply:Class"]["value"][0].startswith("0x")
    assert (await world.post("post-auth?reply=Access-Accept", by_address())).status_code == 204
    rows = world.makers.session.execute(
        text("SELECT method, gateway_id FROM wifi_session WHERE district_id = :d"), {"d": world.district.id}
    )
    assert [tuple(row) for row in rows] == [("mac", world.gateway.id)]


async def test_a_live_session_keeps_what_is_left_of_its_time(world: World, clock: FixedClock) -> None:
    world.plan(session_s=3600)
    member = world.member()
    world.device(member)
    world.session(member)
    clock.advance(timedelta(minutes=40))
    said = (await world.post("authorize", by_address())).json()
    assert said["reply:Session-Timeout"]["value"] == [20 * 60]


async def test_a_members_own_name_works_again_and_again(world: World) -> None:
    row = credential(world, world.member())
    for _ in range(2):
        said = (await world.post("authorize", body(row.username))).json()
        assert said["control:Cleartext-Password"]["value"] == ["installed-by-a-profile"]
        assert (await world.post("post-auth", body(row.username))).status_code in {200, 204}


async def test_a_members_own_name_ends_when_it_is_revoked_or_consent_is_withdrawn(
    world: World, clock: FixedClock
) -> None:
    member = world.member()
    revoked = credential(world, member, revoked_at=clock.machine_now())
    expired = credential(world, member, expires_at=clock.machine_now())
    good = credential(world, member)
    assert await refusal(world, body(revoked.username))
    assert await refusal(world, body(expired.username))
    assert (await world.post("authorize", body(good.username))).status_code == 200
    world.says(member, granted=False)
    assert await refusal(world, body(good.username))


async def test_a_days_time_is_used_up_and_comes_back_with_the_trading_day(
    world: World, clock: FixedClock
) -> None:
    world.plan(session_s=3600, daily_s=1800)
    member = world.member(language="zh")
    told(world, member, mac=MAC, started=timedelta(hours=2), session_s=1000, stopped_at=clock.now())
    token = world.token(member)
    said = (await world.post("authorize", body(token.username))).json()
    assert said["reply:Session-Timeout"]["value"] == [800]
    told(world, member, mac=MAC, started=timedelta(hours=1), session_s=800, stopped_at=clock.now())
    assert "额度" in await refusal(world, body(token.username))
    clock.advance(timedelta(hours=18) - timedelta(minutes=1))  # 05:59 in Helsinki
    assert await refusal(world, body(world.token(member).username))
    clock.advance(timedelta(minutes=1))
    assert (await world.post("authorize", body(world.token(member).username))).status_code == 200


async def test_of_a_session_over_the_days_border_only_todays_part_counts(
    world: World, clock: FixedClock
) -> None:
    world.plan(daily_s=7200, daily_kib=1000)
    member = world.member()
    clock.advance(timedelta(hours=-5))  # 07:00 in Helsinki, an hour into the trading day
    told(
        world,
        member,
        mac=MAC,
        started=timedelta(hours=2),
        session_s=7200,
        up_octets=500 * 1024,
        down_octets=500 * 1024,
    )
    token = world.token(member)
    said = (await world.post("authorize", body(token.username))).json()
    assert abs(said["reply:Session-Timeout"]["value"][0] - 3600) <= 2
    assert abs(said["reply:Mikrotik-Total-Limit"]["value"][0] - 500 * 1024) <= 2048


async def test_newer_terms_stop_a_members_name_until_they_are_accepted(world: World) -> None:
    member = world.member(language="en")
    row = credential(world, member)
    old_terms(world, member)
    assert "terms have changed" in await refusal(world, body(row.username))
    world.says(member, granted=True)
    assert (await world.post("authorize", body(row.username))).status_code == 200


async def test_who_left_between_question_and_answer_begins_no_session(world: World) -> None:
    member = world.member()
    row = credential(world, member)
    assert (await world.post("authorize", body(row.username))).status_code == 200
    member.state = "erased"
    world.makers.done()
    assert (await world.post("post-auth", body(row.username))).status_code == 401
