"""What belongs to one district or merchant, asked for by another with every right of his own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from district.app import create_app
from district.auth.models import Role
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers
from tests.hostile.scene import (
    DISTRICT,
    STREAMS,
    Operation,
    Scene,
    bodies,
    fingerprint,
    furnish,
    operations,
    queries,
)
from tests.hostile.test_roles import policy

OPENAPI: dict[str, Any] = create_app(Settings()).openapi()
BY_STATE = frozenset({"submit", "withdraw", "approve", "reject", "pause", "resume", "end", "undo"})
"""Steps that the owner may take or not, by what came before: 200 or 409."""
OF_ALL = ("/zones/", "/properties/", "/joint-events/")
"""What all merchants of a district may know of."""
ASKS_ITS_PROVIDER: Operation = ("POST", f"{DISTRICT}/oidc-providers")
"""There is none, so the owner gets 422."""


@dataclass(frozen=True, kw_only=True)
class Two:
    """Two tenants of everything, and the running application."""

    client: httpx.AsyncClient
    makers: Makers
    own: Scene
    other: Scene

    def token(self, role: Role) -> str:
        """Of somebody who owns what ``own`` holds."""
        scope_id = self.own.merchant.id if role is Role.MERCHANT else None
        return self.makers.token(self.own.district, role, scope_id=scope_id)

    async def ask(self, operation: Operation, scene: Scene, token: str, **instead: Any) -> httpx.Response:
        """A request as the owner of ``scene`` would send it; ``instead`` replaces path, body or query."""
        method, template = operation
        body = bodies(scene).get(operation, {}) if method in {"POST", "PUT", "PATCH"} else None
        return await self.client.request(
            method,
            instead.get("path") or scene.path(template),
            headers={"Authorization": f"Bearer {token}"},
            params=instead.get("params") or queries(self.makers).get(template),
            json=instead.get("json", body),
        )

    def given_away(self, answer: httpx.Response) -> set[str]:
        """What the answer tells of the other tenant, besides what its address said already."""
        asked = str(answer.request.url) + answer.request.content.decode()
        return {mark for mark in self.other.marks if mark in answer.text and mark not in asked}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the secret that signs addresses."""
    return settings.model_copy(update={"secret": SecretStr("s" * 43)})


@pytest.fixture
async def districts(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Two:
    """Two districts."""
    return await two(app, client, committed, furnish(committed, committed.district()), committed.district())


@pytest.fixture
async def merchants(app: FastAPI, client: httpx.AsyncClient, committed: Makers) -> Two:
    """Two merchants of one district."""
    own = furnish(committed, committed.district())
    return await two(app, client, committed, own, own.district)


async def two(app: FastAPI, client: httpx.AsyncClient, makers: Makers, own: Scene, of: Any) -> Two:
    """Furnish the other tenant as well."""
    found = Two(client=client, makers=makers, own=own, other=furnish(makers, of))
    await refresh(app)
    return found


def open_to(role: Role) -> list[Operation]:
    """Operations of a district that the role may call and others may not, and which end."""
    policies = policy()
    return [
        one
        for one in operations(OPENAPI)
        if one[1].startswith(DISTRICT) and one[1] not in STREAMS and role in policies.get(one, "").split(", ")
    ]


def reads_json(operation: Operation) -> bool:
    """Whether the operation has a body of fields, and not a file or none."""
    described = OPENAPI["paths"][operation[1]][operation[0].lower()]
    return "application/json" in described.get("requestBody", {}).get("content", {})


def test_every_body_of_a_district_is_tried(committed: Makers) -> None:
    tried = bodies(furnish(committed, committed.district()))
    reading = {one for one in operations(OPENAPI) if one[1].startswith(DISTRICT) and reads_json(one)}
    assert len(reading) > 30
    assert sorted(reading - set(tried)) == [], "missing in scene.bodies"


def foreign_paths(two: Two, template: str) -> Iterator[str]:
    """Own address but for one identifier of the other's, for each identifier; then all of the other's."""
    if template.count("{") > 1:
        segment = template.removeprefix(f"{DISTRICT}/").partition("/")[0]
        yield two.own.path(template, **{segment: two.other.ids[segment]})
    if two.own.district is not two.other.district:
        yield two.other.path(template)
        yield two.own.path(template, districts=two.other.district.slug)


async def test_an_operator_reaches_nothing_of_another_district(districts: Two) -> None:
    assert await foreign_addresses(districts, Role.OPERATOR) > 150


async def test_a_merchant_reaches_nothing_of_another(merchants: Two) -> None:
    assert await foreign_addresses(merchants, Role.MERCHANT) > 15


async def foreign_addresses(pair: Two, role: Role) -> int:
    """Ask every operation for what is the other's; how often that was not found. What is all merchants' is left out."""
    token = pair.token(role)
    before = fingerprint(pair.makers)
    answers = [
        await pair.ask(operation, pair.own, token, path=path)
        for operation in open_to(role)
        if role is Role.OPERATOR or not any(kind in operation[1] for kind in OF_ALL)
        for path in foreign_paths(pair, operation[1])
    ]
    assert [(one.request, one.text) for one in answers if one.status_code != HTTPStatus.NOT_FOUND] == []
    assert [(one.request, one.text) for one in answers if pair.given_away(one)] == []
    after = fingerprint(pair.makers)
    assert [table for table in after if after[table] != before[table]] == []
    return len(answers)


def named_by_body(own: dict[str, Any], other: dict[str, Any], marks: set[str]) -> Iterator[dict[str, Any]]:
    """The own body with one identifier of the other's at a time."""
    for key, value in other.items():
        named = value if isinstance(value, list) else [value]
        if any(isinstance(one, str) and one in marks for one in named):
            yield own | {key: value}


async def test_an_operators_body_names_nothing_of_another_district(districts: Two) -> None:
    assert await foreign_bodies(districts, Role.OPERATOR) >= 18


async def test_a_merchants_body_names_nothing_of_another(merchants: Two) -> None:
    assert await foreign_bodies(merchants, Role.MERCHANT) >= 4


async def foreign_bodies(pair: Two, role: Role) -> int:
    """Send every body with each identifier of the other's; how many were refused."""
    token = pair.token(role)
    own, other = bodies(pair.own), bodies(pair.other)
    before = fingerprint(pair.makers)
    answers = [
        await pair.ask(operation, pair.own, token, json=body)
        for operation in open_to(role)
        if operation in own
        for body in named_by_body(own[operation], other[operation], pair.other.marks)
    ]
    assert [(answer.request, answer.text) for answer in answers if answer.is_success] == []
    assert [(answer.request, answer.text) for answer in answers if pair.given_away(answer)] == []
    after = fingerprint(pair.makers)
    assert [table for table in after if after[table] != before[table]] == []
    return len(answers)


def turn(operation: Operation) -> tuple[Any, ...]:
    """When an operation is tried: what looks first, what deletes last, and gateways after what stands on them."""
    method, path = operation
    order = ["GET", "PATCH", "PUT", "POST", "DELETE"].index(method)
    return order, "/gateways/" in path, -path.count("/"), path


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.MERCHANT])
async def test_the_same_requests_work_for_who_owns_what_they_name(merchants: Two, role: Role) -> None:
    token = merchants.token(role)
    for operation in sorted(open_to(role), key=turn):
        answer = await merchants.ask(operation, merchants.own, token)
        is_expected = (
            answer.is_success
            or operation == ASKS_ITS_PROVIDER
            or (answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and not reads_json(operation))
        )
        if operation[0] == "DELETE" or operation[1].rpartition("/")[2] in BY_STATE:
            is_expected = is_expected or answer.status_code == HTTPStatus.CONFLICT
        assert is_expected, f"{operation}: {answer.text}"


async def test_no_list_of_an_operator_tells_of_another_district(districts: Two) -> None:
    assert await told_by_lists(districts, Role.OPERATOR) == {}


async def test_no_list_of_a_merchant_tells_of_another(merchants: Two) -> None:
    assert await told_by_lists(merchants, Role.MERCHANT) == {}


async def told_by_lists(pair: Two, role: Role) -> dict[str, set[str]]:
    """What lists say of the other tenant, plain and when they are asked for what is his, by address."""
    token, found = pair.token(role), {}
    others = {"store_id": "stores", "merchant_id": "merchants", "zone": "zones"}
    narrowed = {name: pair.other.ids[kind] for name, kind in others.items()}
    for operation in open_to(role):
        if operation[0] != "GET" or operation[1].count("{") > 1:
            continue
        asked = queries(pair.makers).get(operation[1], {})
        for params in (asked, asked | narrowed):
            answer = await pair.ask(operation, pair.own, token, params=params)
            is_one_district = pair.own.district is pair.other.district
            of_all = {pair.other.ids[kind.strip("/")] for kind in OF_ALL} if is_one_district else set()
            if told := pair.given_away(answer) - of_all:
                found[str(answer.request.url)] = told
    return found


NO_IDENTIFIERS = [
    "%00",
    "a%00b",
    "%F0%9F%98%80",
    "..%2f..%2fetc",
    "%27%20or%201=1--",
    "x" * 2000,
    "%ED%A0%80",
    "%0d%0aX-A:1",
]


@pytest.mark.parametrize("text", NO_IDENTIFIERS, ids=range(len(NO_IDENTIFIERS)))
async def test_what_is_no_identifier_is_not_found_or_named_and_breaks_nothing(
    districts: Two, text: str
) -> None:
    token = districts.token(Role.OPERATOR)
    for operation in open_to(Role.OPERATOR):
        path = re.sub(r"\{(?!d\})\w+\}", text, operation[1]).replace("{d}", districts.own.district.slug)
        if path.count(text):
            answer = await districts.ask(operation, districts.own, token, path=path)
            assert answer.status_code in {404, 405, 422}, f"{operation}: {answer.status_code} {answer.text}"
            assert "x-a" not in answer.headers


async def test_a_shopper_reads_no_offer_of_another(merchants: Two) -> None:
    own, other = (scene.members[0].id for scene in (merchants.own, merchants.other))
    tokens = {
        one: merchants.makers.token(merchants.own.district, Role.SHOPPER, subject_id=one)
        for one in (own, other)
    }
    for template in ("/v1/me/offers/{offer_id}", "/v1/me/offers/{offer_id}/qr.svg"):
        path = merchants.other.path(template)
        answer = await merchants.ask(("GET", template), merchants.own, tokens[own], path=path)
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert not merchants.given_away(answer)
        assert (await merchants.ask(("GET", template), merchants.other, tokens[other])).is_success


async def test_a_till_takes_back_nothing_of_another_store(app: FastAPI, merchants: Two) -> None:
    operation = ("POST", f"{DISTRICT}/redemptions/{{redemption_id}}/reversal")
    own, other = (
        merchants.makers.key(scene.district, Role.TILL, scope_id=UUID(scene.ids["tills"]))
        for scene in (merchants.own, merchants.other)
    )
    await refresh(app)
    path = merchants.other.path(operation[1])
    answer = await merchants.ask(operation, merchants.own, own, path=path)
    assert answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}
    assert not merchants.given_away(answer)
    assert (await merchants.ask(operation, merchants.other, other)).is_success


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.TILL])
async def test_a_merchant_makes_no_key_of_another_role_than_a_till(merchants: Two, role: Role) -> None:
    body = {"role": role, "scope_id": merchants.own.ids["tills"]}
    path = merchants.own.path(f"{DISTRICT}/keys")
    operation = ("POST", f"{DISTRICT}/keys")
    for json in (body, {"role": role}):
        answer = await merchants.ask(
            operation, merchants.own, merchants.token(Role.MERCHANT), path=path, json=json
        )
        assert answer.status_code in {403, 404, 422}, answer.text
