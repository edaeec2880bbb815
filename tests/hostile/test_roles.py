"""Every operation as every role, against the published policy."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import SecretStr

from district.app import create_app
from district.auth.models import Role
from district.auth.principals import COOKIE
from district.settings import Settings
from district.web.site import PAGES
from tests.conftest import refresh
from tests.factories import Makers
from tests.hostile.channels import SECRET
from tests.hostile.scene import (
    ENDING,
    STREAMS,
    Operation,
    Scene,
    bodies,
    fingerprint,
    furnish,
    operations,
    queries,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
ANYONE = "anyone"
WHOEVER = "whoever "
NOBODY = "nobody"
REFUSED = {401, 403, 404}
OPENAPI: dict[str, Any] = create_app(Settings()).openapi()


def policy() -> dict[Operation, str]:
    """The published table: who may, by operation."""
    found: dict[Operation, str] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            method, _, path = cells[0].strip("`").partition(" ")
            assert (method, path) not in found, f"{line} stands there twice"
            found[method, path] = cells[1]
    return found


def may(caller: str, who: str) -> bool:
    """Whether a line of the policy lets a caller in without more."""
    return who == ANYONE or caller in who.split(", ")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A furnished district and a running application."""

    app: FastAPI
    client: httpx.AsyncClient
    makers: Makers
    scene: Scene

    def credentials(self, caller: str) -> str:
        """A token or key of the role, of someone who owns what stands in the district."""
        if caller == NOBODY:
            return ""
        role, scene = Role(caller), self.scene
        scopes = {Role.FEED: self.makers.feed(scene.district).id, Role.TILL: UUID(scene.ids["tills"])}
        if role in {Role.FEED, Role.TILL, Role.RADIUS}:
            return self.makers.key(scene.district, role, scope_id=scopes.get(role))
        scope = {Role.MERCHANT: scene.merchant.id, Role.PROPERTY: UUID(scene.ids["properties"])}.get(role)
        return self.makers.token(
            scene.district,
            role,
            scope_id=scope,
            subject_id=scene.members[0].id if role is Role.SHOPPER else None,
        )

    async def answer(self, operation: Operation, credentials: str) -> httpx.Response:
        """What the operation answers to a request that is whole but for who sends it."""
        method, template = operation
        path, headers = self.scene.path(template), {}
        if credentials:
            openwisp = f"{self.scene.district.id} " if template.startswith("/api/v1/freeradius") else ""
            headers = {"Authorization": f"Bearer {openwisp}{credentials}"}
        if template in STREAMS:
            return httpx.Response(await first_status(self.app, path, headers))
        return await self.client.request(
            method,
            path,
            headers=headers,
            params=queries(self.makers).get(template),
            json=bodies(self.scene).get(operation, {}) if method in {"POST", "PUT", "PATCH"} else None,
        )


async def first_status(app: FastAPI, path: str, headers: dict[str, str]) -> int:
    """The status of a stream, which is left as soon as it is known."""
    known: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await known
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and not known.done():
            known.set_result(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    async with asyncio.timeout(90):
        await app(scope, receive, send)
    return known.result()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the secret that signs addresses."""
    return settings.model_copy(update={"secret": SecretStr(SECRET)})


@pytest.fixture
async def stage(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Stage:
    """One district with one row of everything."""
    return Stage(app=app, client=client, makers=committed, scene=furnish(committed, committed.district()))


def test_the_policy_has_a_line_for_every_operation_and_none_besides() -> None:
    there, said = set(operations(OPENAPI)), policy()
    assert sorted(there - set(said)) == [], "missing in docs/roles.md"
    assert sorted(set(said) - there) == [], "docs/roles.md lists what is not there"
    for operation, who in said.items():
        known = who == ANYONE or who.startswith(WHOEVER) or set(who.split(", ")) <= set(Role)
        assert known, f"{operation}: {who}"


@pytest.mark.parametrize("caller", [NOBODY, *Role])
async def test_who_may_not_is_refused_before_anything_is_looked_at_and_changes_nothing(
    stage: Stage, caller: str
) -> None:
    credentials = stage.credentials(caller)
    await refresh(stage.app)
    forbidden = [operation for operation, who in policy().items() if not may(caller, who)]
    assert len(forbidden) > 20
    before = fingerprint(stage.makers)
    answers = {one: (await stage.answer(one, credentials)).status_code for one in forbidden}
    assert {one: status for one, status in answers.items() if status not in REFUSED} == {}
    after = fingerprint(stage.makers)
    assert [table for table in after if after[table] != before[table]] == []


@pytest.mark.parametrize("caller", [NOBODY, *Role])
async def test_who_may_is_let_in(stage: Stage, caller: str) -> None:
    policies = policy()
    allowed = [one for one in operations(OPENAPI) if may(caller, policies[one])]
    credentials = stage.credentials(caller)
    spare = {one: stage.credentials(caller) for one in allowed if one in ENDING}
    await refresh(stage.app)
    answers = {one: await stage.answer(one, spare.get(one, credentials)) for one in allowed}
    assert {one: answer.text for one, answer in answers.items() if is_turned_away(answer)} == {}


def is_turned_away(answer: httpx.Response) -> bool:
    """Whether it was the caller, and not a guest whom RADIUS asks about, who was refused; or whether it broke."""
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code >= 500 or (is_problem and answer.status_code in {401, 403, 405})


def test_no_body_takes_a_field_that_it_does_not_name() -> None:
    schemas = OPENAPI["components"]["schemas"]
    named: set[str] = set()
    for methods in OPENAPI["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schema = content.get("schema", {})
            named |= {
                one["$ref"].rpartition("/")[2] for one in schema.get("anyOf", [schema]) if "$ref" in one
            }
    assert len(named) > 20
    assert [name for name in sorted(named) if schemas[name].get("additionalProperties") is not False] == []


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    """A router's routes, those of the routers in it included."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, APIRoute):
            yield route
        elif isinstance(inner, APIRouter):
            yield from routes_of(inner)


def staff_pages() -> list[Operation]:
    """Every page of operators and merchants, and everything that one can press there."""
    routes = [route for router in PAGES for route in routes_of(router)]
    found = {(method, route.path) for route in routes for method in route.methods or ()}
    return sorted(one for one in found if re.match("/(operator|merchant)(/|$)", one[1]))


@pytest.mark.parametrize("caller", [NOBODY, *Role])
async def test_pages_of_staff_are_for_their_own_staff(stage: Stage, caller: str) -> None:
    credentials = stage.credentials(caller)
    await refresh(stage.app)
    forbidden = [one for one in staff_pages() if one[1].split("/")[1] != caller]
    assert len(forbidden) > 10
    before, answers = fingerprint(stage.makers), {}
    own_page = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    cookies = {"Cookie": f"{COOKIE}={credentials}"} if credentials else {}
    for method, template in forbidden:
        path = re.sub(r"\{\w*slug\}", stage.scene.ids["gateways"], template)
        path = re.sub(r"\{\w+\}", stage.scene.ids["campaigns"], path)
        data = {"name": "x"} if method == "POST" else None
        answer = await stage.client.request(method, path, headers=own_page | cookies, data=data)
        is_sent_off = answer.status_code == 303 and "/login" in answer.headers["location"]
        if not is_sent_off and answer.status_code not in REFUSED:
            answers[method, path] = (answer.status_code, answer.headers.get("location"))
    assert answers == {}
    after = fingerprint(stage.makers)
    assert [table for table in after if after[table] != before[table]] == []
