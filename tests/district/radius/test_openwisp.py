"""A FreeRADIUS that is set up for OpenWISP finds its paths, its log-in and its fields."""

import uuid
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from district.auth.models import Role
from tests.conftest import refresh
from tests.district.radius.conftest import MAC, World, spelled


async def post(world: World, path: str, document: Any, *, authorization: str | None = None) -> httpx.Response:
    """What OpenWISP's FreeRADIUS sends."""
    said = authorization if authorization is not None else f"Bearer {world.district.id} {world.key}"
    return await world.client.post(
        f"/api/v1/freeradius/{path}/", json=document, headers={"Authorization": said} if said else {}
    )


def credentials(username: str, password: str) -> dict[str, str]:
    """The body of authorize and postauth."""
    return {
        "username": username,
        "password": password,
        "called_station_id": "02-11-22-33-44-AA:Free Wi-Fi",
        "calling_station_id": spelled(MAC),
    }


async def test_a_right_password_is_accepted_with_its_plan_and_used_once(world: World) -> None:
    world.plan(session_s=600)
    token = world.token(world.member())
    sent = credentials(token.username, token.password)
    said = (await post(world, "authorize", sent)).json()
    assert said["control:Auth-Type"]["value"] == ["Accept"]
    assert said["reply:Session-Timeout"]["value"] == [600]
    assert "control:Cleartext-Password" not in said
    done = await post(world, "postauth", sent | {"reply": "Access-Accept"})
    assert (done.status_code, done.content) == (201, b"")
    assert (await post(world, "authorize", sent)).json()["control:Auth-Type"]["value"] == ["Reject"]


async def test_a_wrong_password_is_rejected(world: World) -> None:
    token = world.token(world.member())
    answer = await post(world, "authorize", credentials(token.username, "wrong"))
    assert answer.status_code == 200
    assert answer.json()["control:Auth-Type"]["value"] == ["Reject"]


async def test_a_form_is_read_as_well_as_json(world: World) -> None:
    token = world.token(world.member())
    answer = await world.client.post(
        f"/api/v1/freeradius/authorize/?uuid={world.district.id}&token={world.key}",
        content=urlencode(credentials(token.username, token.password)),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["control:Auth-Type"]["value"] == ["Accept"]


@pytest.mark.parametrize(
    ("status", "answered"), [("Start", 201), ("Interim-Update", 200), ("Stop", 200), ("Accounting-On", 200)]
)
async def test_accounting_is_taken(world: World, status: str, answered: int) -> None:
    answer = await post(
        world,
        "accounting",
        {
            "status_type": status,
            "session_id": "35000006",
            "unique_id": uuid.uuid4().hex,
            "username": "bob",
            "nas_ip_address": "10.0.0.1",
            "session_time": "",
            "input_octets": "",
            "output_octets": "",
            "called_station_id": "02-11-22-33-44-AA:Free Wi-Fi",
            "calling_station_id": spelled(MAC),
            "terminate_cause": "",
        },
    )
    assert (answer.status_code, answer.content) == (answered, b"")


async def test_without_both_the_districts_id_and_a_key_of_radius_nothing_is_told(world: World) -> None:
    till = world.makers.key(world.district, Role.TILL)
    other = world.makers.district()
    await refresh(world.app)
    wrong = [
        "",
        f"Bearer {world.key}",
        f"Bearer {other.id} {world.key}",
        f"Bearer {world.district.id} {till}",
        f"Bearer {world.district.id} nonsense",
        f"Bearer nonsense {world.key}",
    ]
    for authorization in wrong:
        answer = await post(world, "authorize", credentials("bob", "x"), authorization=authorization)
        assert answer.status_code == 401, authorization
        assert answer.headers["content-type"] == "application/problem+json"
