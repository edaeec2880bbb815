"""What only one vendor needs, plans and real-name mode of a gateway, over the API."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.database import new_id
from district.districts.models import District
from district.gateways.models import Gateway, Plan
from tests.conftest import refresh
from tests.factories import Makers

UNIFI = {"controller_url": "https://192.168.1.2:8443", "username": "api", "password": "hidden-word"}


def new(**values: Any) -> dict[str, Any]:
    return {"slug": f"gw-{uuid.uuid4().hex[:8]}", "vendor": "mist", "secret": "eight-or-more"} | values


@pytest.fixture
async def district(app: FastAPI, committed: Makers) -> District:
    row = committed.district()
    await refresh(app)
    return row


@pytest.fixture
async def operator(client: httpx.AsyncClient, committed: Makers, district: District) -> httpx.AsyncClient:
    token = committed.token(district, Role.OPERATOR, scope_id=uuid.uuid4())
    client.headers["authorization"] = f"Bearer {token}"
    client.base_url = httpx.URL(f"http://testserver/v1/districts/{district.slug}/")
    return client


def pointers(answer: httpx.Response) -> list[str]:
    body = answer.json()
    assert (answer.status_code, body["type"]) == (422, "urn:shangquan:problem:invalid")
    return [error["pointer"] for error in body["errors"]]


async def test_options_come_back_complete(operator: httpx.AsyncClient) -> None:
    made = await operator.post("gateways", json=new(options={"form": "jwt"}))
    assert made.status_code == 201
    expected = {"form": "jwt", "authorize_url": "https://portal.mist.com/authorize"}
    assert made.json()["options"] == expected
    assert (await operator.get(f"gateways/{made.json()['slug']}")).json()["options"] == expected


@pytest.mark.parametrize(
    ("vendor", "options", "expected"),
    [
        ("mist", {"form": "guess"}, ["/options/form"]),
        ("mist", {"unknown": 1}, ["/options/unknown"]),
        ("mist", {"authorize_url": "javascript:alert(1)"}, ["/options/authorize_url"]),
        ("click", {"form": "jwt"}, ["/options/form"]),
        ("portal2", {}, ["/options/controller_url"]),
        ("portal2", {"controller_url": "http://10.0.0.1"}, ["/options/controller_url"]),
        ("coovachilli", {"challenge_life_s": 1}, ["/options/challenge_life_s"]),
        (
            "coovachilli",
            {"challenge_life_s": "\ud800", "response": []},
            ["/options/response", "/options/challenge_life_s"],
        ),
        ("unifi", {"controller_url": "https://192.168.1.2"}, ["/options"]),
    ],
    ids=str,
)
async def test_an_option_that_does_not_fit_is_named(
    operator: httpx.AsyncClient, vendor: str, options: Mapping[str, Any], expected: list[str]
) -> None:

    body = json.dumps(new(vendor=vendor, options=options))
    answer = await operator.post("gateways", content=body, headers={"content-type": "application/json"})
    assert pointers(answer) == expected


@pytest.mark.parametrize("options", [[], "x", None, 1, {str(number): 1 for number in range(31)}], ids=type)
async def test_options_are_a_small_object(operator: httpx.AsyncClient, options: object) -> None:
    assert (await operator.post("gateways", json=new(options=options))).status_code == 422


async def test_a_password_is_never_shown_and_stays_when_it_is_left_out(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    body = new(vendor="unifi", options=UNIFI)
    made = await operator.post("gateways", json=body)
    assert made.status_code == 201
    assert "hidden-word" not in made.text
    shown = made.json()["options"]
    assert (shown["username"], "password" in shown) == ("api", False)
    changed = await operator.patch(f"gateways/{body['slug']}", json={"options": shown | {"site": "west"}})
    assert changed.status_code == 200
    assert "hidden-word" not in changed.text
    stored = committed.session.query(Gateway).filter_by(district_id=district.id, slug=body["slug"]).one()
    assert (stored.options["password"], stored.options["site"]) == ("hidden-word", "west")


async def test_another_server_is_not_told_the_first_one_s_password(operator: httpx.AsyncClient) -> None:
    body = new(vendor="unifi", options=UNIFI)
    shown = (await operator.post("gateways", json=body)).json()["options"]
    moved = shown | {"controller_url": "https://192.168.1.66:8443"}
    assert pointers(await operator.patch(f"gateways/{body['slug']}", json={"options": moved})) == ["/options"]


async def test_options_are_replaced_as_a_whole(operator: httpx.AsyncClient) -> None:
    body = new(options={"form": "jwt"})
    await operator.post("gateways", json=body)
    changed = await operator.patch(f"gateways/{body['slug']}", json={"options": {}})
    assert changed.json()["options"]["form"] == "signature"
    refused = await operator.patch(f"gateways/{body['slug']}", json={"options": {"form": "x"}})
    assert pointers(refused) == ["/options/form"]


async def test_a_plan_is_given_by_name_and_taken_away_by_null(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    committed.session.add(
        Plan(district_id=district.id, id=new_id(), slug="short", created_at=committed.clock.now())
    )
    committed.session.commit()
    body = new(plan="short", name="  West gate ")
    made = await operator.post("gateways", json=body)
    assert (made.json()["plan"], made.json()["name"]) == ("short", "West gate")
    assert pointers(await operator.patch(f"gateways/{body['slug']}", json={"plan": "long"})) == ["/plan"]
    kept = await operator.patch(f"gateways/{body['slug']}", json={"name": "East"})
    assert (kept.json()["plan"], kept.json()["name"]) == ("short", "East")
    assert (await operator.patch(f"gateways/{body['slug']}", json={"plan": None})).json()["plan"] is None


async def test_another_district_s_plan_is_unknown(operator: httpx.AsyncClient, committed: Makers) -> None:
    other = committed.district()
    committed.session.add(
        Plan(district_id=other.id, id=new_id(), slug="theirs", created_at=committed.clock.now())
    )
    committed.session.commit()
    assert pointers(await operator.post("gateways", json=new(plan="theirs"))) == ["/plan"]


async def test_where_names_are_asked_for_nobody_passes_by_a_click(operator: httpx.AsyncClient) -> None:
    assert pointers(await operator.post("gateways", json=new(is_real_name=True))) == ["/methods"]
    body = new(is_real_name=True, methods=["phone"])
    assert (await operator.post("gateways", json=body)).json()["is_real_name"] is True
    refused = await operator.patch(f"gateways/{body['slug']}", json={"methods": ["phone", "click"]})
    assert pointers(refused) == ["/methods"]
    assert (await operator.get(f"gateways/{body['slug']}")).json()["methods"] == ["phone"]


@pytest.mark.parametrize(
    "values", [{"name": "a\x00"}, {"name": "x" * 81}, {"name": None}, {"plan": "A b"}], ids=str
)
async def test_names_are_short_and_plain(operator: httpx.AsyncClient, values: Mapping[str, Any]) -> None:
    assert (await operator.post("gateways", json=new(**values))).status_code == 422
