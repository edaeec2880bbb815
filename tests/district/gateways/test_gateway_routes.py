"""Gateways over the API: who may, what is refused, and once only."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.districts.models import District
from tests.conftest import refresh
from tests.factories import Makers


def new(**values: Any) -> dict[str, Any]:
    return {"slug": f"gw-{uuid.uuid4().hex[:8]}", "vendor": "click", "secret": "eight-or-more"} | values


@pytest.fixture
async def district(app: FastAPI, committed: Makers) -> District:
    row = committed.district()
    await refresh(app)
    return row


@pytest.fixture
def base(district: District) -> str:
    return f"/v1/districts/{district.slug}/gateways"


def headers(committed: Makers, district: District, role: Role) -> dict[str, str]:
    return {"authorization": f"Bearer {committed.token(district, role, scope_id=uuid.uuid4())}"}


@pytest.fixture
async def operator(client: httpx.AsyncClient, committed: Makers, district: District) -> httpx.AsyncClient:
    client.headers.update(headers(committed, district, Role.OPERATOR))
    return client


CALLS = (("POST", ""), ("GET", ""), ("GET", "/west"), ("PATCH", "/west"), ("DELETE", "/west"))


def assert_problem(answer: httpx.Response, status: int) -> None:
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"].startswith("urn:shangquan:problem:")
    assert body["title"]
    assert body["instance"] == answer.request.url.path


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
async def test_nobody_without_a_token(client: httpx.AsyncClient, base: str, call: tuple[str, str]) -> None:
    answer = await client.request(call[0], base + call[1], json=new())
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OPERATOR])
@pytest.mark.parametrize("call", CALLS, ids=" ".join)
async def test_no_other_role(  # noqa: PLR0917 pytest gives them by name
    client: httpx.AsyncClient,
    base: str,
    committed: Makers,
    district: District,
    call: tuple[str, str],
    role: Role,
) -> None:
    answer = await client.request(
        call[0], base + call[1], json=new(), headers=headers(committed, district, role)
    )
    assert_problem(answer, 403)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
async def test_another_district_s_operator_finds_nothing(
    app: FastAPI, client: httpx.AsyncClient, base: str, committed: Makers, call: tuple[str, str]
) -> None:
    other = committed.district()
    await refresh(app)
    answer = await client.request(
        call[0], base + call[1], json=new(), headers=headers(committed, other, Role.OPERATOR)
    )
    assert_problem(answer, 404)


async def test_a_gateway_is_made_read_changed_and_forgotten(
    app: FastAPI, operator: httpx.AsyncClient, base: str
) -> None:
    body = new(methods=["click", "phone", "click"], allow_networks=["10.9.0.0/16"])
    made = await operator.post(base, json=body)
    assert made.status_code == 201
    assert made.json()["methods"] == ["click", "phone"]
    assert "eight-or-more" in made.json()["configuration"]
    changed = await operator.patch(f"{base}/{body['slug']}", json={"methods": ["email"]})
    assert (changed.json()["methods"], changed.json()["allow_networks"]) == (["email"], ["10.9.0.0/16"])
    assert "eight-or-more" in changed.json()["configuration"]
    assert (await operator.delete(f"{base}/{body['slug']}")).status_code == 204
    await refresh(app)
    assert_problem(await operator.get(f"{base}/{body['slug']}"), 404)
    assert_problem(await operator.get(f"/portal/{body['slug']}"), 404)


async def test_a_secret_that_is_not_given_is_made(operator: httpx.AsyncClient, base: str) -> None:
    first, second = [
        (await operator.post(base, json=new(vendor="opennds", secret=""))).json()["configuration"]
        for _ in range(2)
    ]
    keys = {text.split("faskey ")[1].strip() for text in (first, second)}
    assert len(keys) == 2
    assert min(map(len, keys)) >= 32


@pytest.mark.parametrize(
    "values",
    [
        {"slug": "Upper"},
        {"slug": "a" * 41},
        {"slug": "-a"},
        {"slug": ""},
        {"slug": "a\n"},
        {"vendor": "nobody"},
        {"secret": "short"},
        {"secret": "line\nfaskey other"},
        {"secret": "x" * 201},
        {"public_url": "javascript:alert(1)"},
        {"public_url": "https://a\nb"},
        {"methods": []},
        {"methods": ["guess"]},
        {"allow_networks": ["everything"]},
        {"allow_networks": ["1" * 100]},
        {"allow_networks": ["10.0.0.0/8"] * 51},
        {"zone_id": "018f4e9a-0000-7000-8000-000000000000"},
        {"zone_id": "x"},
        {"district_id": "018f4e9a-0000-7000-8000-000000000000"},
        {"id": "018f4e9a-0000-7000-8000-000000000000"},
        {"\ud800": 1},
    ],
)
async def test_what_breaks_a_rule_is_refused(
    operator: httpx.AsyncClient, base: str, values: Mapping[str, Any]
) -> None:
    body = json.dumps(new(**values))
    answer = await operator.post(base, content=body, headers={"content-type": "application/json"})
    assert_problem(answer, 422)


@pytest.mark.parametrize("name", ["secret", "public_url", "methods", "fail_open", "allow_hosts"])
async def test_null_takes_nothing_away(operator: httpx.AsyncClient, base: str, name: str) -> None:
    body = new()
    await operator.post(base, json=body)
    assert_problem(await operator.patch(f"{base}/{body['slug']}", json={name: None}), 422)


@pytest.mark.parametrize("field", ["slug", "vendor", "district_id"])
async def test_what_a_gateway_is_cannot_be_changed(
    operator: httpx.AsyncClient, base: str, field: str
) -> None:
    body = new()
    await operator.post(base, json=body)
    assert_problem(await operator.patch(f"{base}/{body['slug']}", json={field: "opennds"}), 422)


async def test_another_district_s_zone_is_unknown(
    operator: httpx.AsyncClient, base: str, committed: Makers
) -> None:
    zone = committed.zone(committed.district())
    assert_problem(await operator.post(base, json=new(zone_id=str(zone.id))), 422)


async def test_a_taken_name_is_a_conflict_also_of_another_district(
    app: FastAPI, operator: httpx.AsyncClient, base: str, committed: Makers
) -> None:
    body = new()
    assert (await operator.post(base, json=body)).status_code == 201
    assert_problem(await operator.post(base, json=body), 409)
    other = committed.district()
    await refresh(app)
    answer = await operator.post(
        f"/v1/districts/{other.slug}/gateways", json=body, headers=headers(committed, other, Role.OPERATOR)
    )
    assert_problem(answer, 409)


async def test_a_repeated_request_makes_one_gateway(operator: httpx.AsyncClient, base: str) -> None:
    body, key = new(), {"idempotency-key": uuid.uuid4().hex}
    first = await operator.post(base, json=body, headers=key)
    again = await operator.post(base, json=body, headers=key)
    other = await operator.post(base, json=new(), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert_problem(other, 409)


async def test_lists_go_by_name(operator: httpx.AsyncClient, base: str) -> None:
    slugs = sorted([new()["slug"] for _ in range(4)])
    for slug in slugs:
        await operator.post(base, json=new(slug=slug))
    first = (await operator.get(base, params={"limit": 2})).json()
    rest = (await operator.get(base, params={"limit": 2, "after": first["next"]})).json()
    assert [row["slug"] for row in first["items"] + rest["items"]] == slugs
    assert (first["next"], rest["next"]) == (slugs[1], None)


@pytest.mark.parametrize("path", ["?limit=0", "?limit=201", "?after=" + "a" * 50, "?after=%00", "/%00"])
async def test_a_strange_place_is_refused(operator: httpx.AsyncClient, base: str, path: str) -> None:
    answer = await operator.get(base + path)
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
