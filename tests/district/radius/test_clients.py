"""RADIUS clients by interface, and the configuration that FreeRADIUS gets of them."""

import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from district.radius.rendering import RenderedClient, Server, clients_conf, kept_key, render
from tests.conftest import refresh
from tests.district.radius.conftest import World

GOOD = {"name": "Dach", "address": "10.1.0.7"}


async def send(world: World, method: str, path: str = "", **values: Any) -> httpx.Response:
    """A request of the operator's."""
    headers = {"Authorization": f"Bearer {world.operator}"} | values.pop("headers", {})
    return await world.client.request(
        method, f"/v1/districts/{world.district.slug}/radius-clients{path}", headers=headers, **values
    )


async def test_a_client_is_made_shown_changed_and_forgotten(world: World) -> None:
    made = await send(world, "POST", json=GOOD | {"gateway": world.gateway.slug})
    assert made.status_code == 201, made.text
    secret, id_ = made.json()["secret"], made.json()["id"]
    assert len(secret) == 31
    assert made.headers["cache-control"] == "no-store"
    shown = (await send(world, "GET", f"/{id_}")).json()
    assert (shown["address"], shown["gateway"], "secret" in shown) == ("10.1.0.7", world.gateway.slug, False)
    changed = await send(world, "PATCH", f"/{id_}", json={"gateway": None, "coa_address": "10.1.0.8"})
    assert (changed.json()["gateway"], changed.json()["coa_address"]) == (None, "10.1.0.8")
    listed = (await send(world, "GET")).json()
    assert id_ in [item["id"] for item in listed["items"]]
    assert (await send(world, "DELETE", f"/{id_}")).status_code == 204
    assert (await send(world, "GET", f"/{id_}")).status_code == 404


async def test_a_new_client_is_known_to_the_next_request(world: World) -> None:
    made = (await send(world, "POST", json=GOOD)).json()
    await refresh(world.app)
    known = world.app.state.radius_clients.value.of_district[world.district.id]
    assert made["id"] in {str(client.id) for client in known}


async def test_a_repeated_post_makes_one_client_and_shows_its_secret_once(world: World) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = await send(world, "POST", json=GOOD, headers=headers)
    again = await send(world, "POST", json=GOOD, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert "secret" not in again.json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "lobby.example"},
        {"address": "0.0.0.0/0"},
        {"secret": "short"},
        {"secret": 'x"; $INCLUDE /etc/passwd #' + "x" * 20},
        {"secret": "${district_key}" + "x" * 20},
        {"name": ""},
        {"name": "a\nclient evil {"},
        {"nas_identifier": "x" * 254},
        {"coa_port": 0},
        {"coa_address": "nowhere"},
        {"unknown": 1},
    ],
)
async def test_what_cannot_be_a_client_is_refused(world: World, wrong: dict[str, Any]) -> None:
    answer = await send(world, "POST", json=GOOD | wrong)
    assert answer.status_code == 422, answer.text


async def test_a_taken_address_and_an_unknown_gateway_are_said(world: World) -> None:
    assert (await send(world, "POST", json=GOOD | {"gateway": "nobody"})).status_code == 404
    assert (await send(world, "POST", json=GOOD)).status_code == 201
    answer = await send(world, "POST", json=GOOD | {"name": "Other"})
    assert answer.status_code == 409


async def test_clients_are_their_operators_business(world: World) -> None:
    made = (await send(world, "POST", json=GOOD)).json()
    other = world.makers.district()
    stranger = world.makers.token(other, Role.OPERATOR)
    await refresh(world.app)
    merchant = world.makers.token(world.district, Role.MERCHANT)
    path = f"/v1/districts/{world.district.slug}/radius-clients/{made['id']}"
    assert (await world.client.get(path)).status_code == 401
    for token, status in ((stranger, 404), (merchant, 403)):
        answer = await world.client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    foreign = f"/v1/districts/{other.slug}/radius-clients/{made['id']}"
    answer = await world.client.delete(foreign, headers={"Authorization": f"Bearer {stranger}"})
    assert answer.status_code == 404


def client(**values: Any) -> RenderedClient:
    """A NAS to be written."""
    given: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "name": "lobby",
        "address": "10.0.0.1",
        "secret": "s" * 24,
        "fail_open": False,
    }
    return RenderedClient(**(given | values))


def test_each_client_has_its_own_secret_and_must_sign() -> None:
    written = clients_conf(
        [client(secret="a" * 24), client(address="10.0.0.2", secret="b" * 24, fail_open=True)]
    )
    assert written.count("require_message_authenticator = yes") == 2
    assert 'secret = "aaaaaaaaaaaaaaaaaaaaaaaa"' in written
    assert "fail_open = yes" in written


@pytest.mark.parametrize("secret", ['x"y', "${district_key}", "a\nb", "a\\b", "%{md5:x}"])
def test_a_secret_cannot_leave_its_quotes(secret: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        clients_conf([client(secret=secret)])


def test_a_name_cannot_leave_its_comment() -> None:
    written = clients_conf([client(name="lobby\nclient evil {")])
    assert "\nclient evil" not in written


def test_a_second_rendering_keeps_the_key_and_is_private(tmp_path: Path) -> None:
    server = Server(url="http://127.0.0.1:8000/", key="k" * 50, raddb=tmp_path / "r", state=tmp_path / "s")
    assert kept_key(server.raddb) is None
    written = render(server, [client()])
    assert kept_key(server.raddb) == "k" * 50
    assert {path.stat().st_mode & 0o077 for path in written if path.is_file()} == {0}
    whole = "".join(path.read_text() for path in written if path.is_file())
    assert re.findall(r"@[A-Z_]+@", whole) == []
