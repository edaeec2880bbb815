"""Values at the far ends of every field and every question, from somebody who may ask."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from district.app import create_app
from district.auth.models import Role
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers
from tests.hostile.scene import ENDING, STREAMS, Operation, Scene, bodies, furnish, operations, queries
from tests.hostile.test_roles import policy

OPENAPI: dict[str, Any] = create_app(Settings()).openapi()
INSTANTS = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1e99"]
EXTREMES: dict[str, list[Any]] = {
    "date-time": INSTANTS,
    "date": ["0001-01-01", "9999-12-31"],
    "integer": [2**31, -(2**31) - 1, 2**63],
    "number": [1e308, -1e308, "NaN"],
    "string": ["\x00", "\ud83d\ude00" * 3, "\udc00", "a\r\nb: c", "0001-01-01", "9999-12-31"],
    "uuid": ["00000000-0000-0000-0000-000000000000"],
    "object": [{}, {"\x00": "\x00"}],
    "array": [["\x00"], [None]],
}


def kinds(schema: dict[str, Any]) -> Iterator[str]:
    """The kinds of value that a field takes."""
    for one in schema.get("anyOf", [schema]):
        yield one.get("format") or one.get("type", "string")


def extremes(schema: dict[str, Any]) -> Iterator[Any]:
    """Values at the ends of what a field takes."""
    for kind in kinds(schema):
        yield from EXTREMES.get(kind, [])


def described(operation: Operation) -> dict[str, Any]:
    """The operation as /openapi.json has it."""
    found: dict[str, Any] = OPENAPI["paths"][operation[1]][operation[0].lower()]
    return found


def fields(operation: Operation) -> dict[str, Any]:
    """The fields of its body."""
    content = described(operation).get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    found: dict[str, Any] = {}
    for one in schema.get("anyOf", [schema]):
        if "$ref" in one:
            found |= OPENAPI["components"]["schemas"][one["$ref"].rpartition("/")[2]]["properties"]
    return found


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the secret that signs addresses."""
    return settings.model_copy(update={"secret": SecretStr("s" * 43)})


def asked(operation: Operation, scene: Scene, makers: Makers) -> Iterator[tuple[dict[str, Any], Any]]:
    """Requests with one value that is far out: the query and the body."""
    query = queries(makers).get(operation[1], {})
    body, named = bodies(scene).get(operation, {}), fields(operation)
    for parameter in described(operation).get("parameters", []):
        for value in extremes(parameter["schema"]) if parameter["in"] == "query" else ():
            text = value.encode("utf-8", "replace") if isinstance(value, str) else value
            yield query | {parameter["name"]: text}, body if named else None
    for name, schema in named.items():
        for value in extremes(schema):
            yield query, body | {name: value}


def is_open(operation: Operation, role: Role) -> bool:
    """Whether the role may call it, and it neither ends anything nor goes on without an end."""
    who = policy().get(operation, "").split(", ")
    lasts = operation[0] != "DELETE" and operation not in ENDING and operation[1] not in STREAMS
    return lasts and (role in who or (role is Role.SHOPPER and who == ["anyone"]))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.MERCHANT, Role.SHOPPER])
async def test_no_value_however_far_out_breaks_an_operation(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, role: Role
) -> None:
    scene = furnish(committed, committed.district())
    scope_id = scene.merchant.id if role is Role.MERCHANT else None
    subject_id = scene.members[0].id if role is Role.SHOPPER else None
    token = committed.token(scene.district, role, scope_id=scope_id, subject_id=subject_id)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    await refresh(app)
    count, broken = 0, []
    for operation in (one for one in operations(OPENAPI) if is_open(one, role)):
        path = scene.path(operation[1])
        for query, body in asked(operation, scene, committed):
            content = None if body is None else json.dumps(body)
            answer = await client.request(operation[0], path, headers=headers, params=query, content=content)
            count += 1
            if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                broken.append((answer.request, content, answer.text))
    assert broken == []
    assert count > 100
