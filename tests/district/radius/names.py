"""What tests of who may go on line share: names of members, devices that come back, sessions that accounting told."""

import uuid
from datetime import timedelta
from typing import Any

from district.members import service as members
from district.radius.models import RadiusCredential, RadiusSession
from tests.district.radius.conftest import MAC, World, body, spelled

CALL = {"Service_Type": "Call-Check"}


def by_address(mac: str = MAC) -> dict[str, Any]:
    """What a NAS asks when a device comes back."""
    return body(spelled(mac), mac=mac, **CALL)


async def refusal(world: World, document: dict[str, Any]) -> str:
    """The message of a refusal."""
    answer = await world.post("authorize", document)
    assert answer.status_code == 401, answer.text
    pair = answer.json()["reply:Reply-Message"]
    assert pair["do_xlat"] is False
    return str(pair["value"][0])


def credential(world: World, member: Any, **values: Any) -> RadiusCredential:
    """A member's own name for 802.1X."""
    now = world.makers.clock.machine_now()
    given: dict[str, Any] = {
        "username": f"member-{uuid.uuid4().hex}",
        "password": "installed-by-a-profile",
        "created_at": now,
        "expires_at": now + timedelta(days=30),
    }
    row = RadiusCredential(district_id=world.district.id, member_id=member.id, **(given | values))
    world.add(row)
    return row


def told(world: World, member: Any, *, mac: str, started: timedelta, **values: Any) -> None:
    """A session as accounting told it, begun a while ago."""
    world.add(
        RadiusSession(
            district_id=world.district.id,
            unique_id=uuid.uuid4().hex,
            member_id=member.id,
            alias=members.alias_of(world.makers.info(world.district), mac),
            started_at=world.makers.clock.now() - started,
            updated_at=world.makers.clock.machine_now(),
            interim_s=300,
            **values,
        )
    )
