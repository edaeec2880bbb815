"""Logging in by program, and what a member may see and change."""

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import STAFF_SESSION
from district.clock import FixedClock
from district.districts.models import District
from district.outbox.models import OutboxMessage
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers

ME = (
    ("GET", "/v1/me"),
    ("PUT", "/v1/me/preferences"),
    ("GET", "/v1/me/consents"),
    ("PUT", "/v1/me/consents"),
    ("GET", "/v1/me/export"),
    ("DELETE", "/v1/me"),
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@pytest.fixture
async def district(app: FastAPI, committed: Makers) -> District:
    row = committed.district(country="FI")
    await refresh(app)
    return row


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def shopper(committed: Makers, district: District) -> dict[str, str]:
    member = committed.member(district)
    return bearer(committed.token(district, Role.SHOPPER, subject_id=member.id))


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].startswith("urn:shangquan:problem:")


def sent_code(engine: Engine, district: District) -> str:
    with Session(engine) as session:
        payload = session.scalars(
            select(OutboxMessage.payload)
            .where(OutboxMessage.district_id == district.id)
            .order_by(OutboxMessage.id.desc())
        ).first()
    assert payload is not None
    return str(payload["code"])


@pytest.mark.parametrize("call", ME, ids=" ".join)
async def test_nobody_without_a_token(client: httpx.AsyncClient, call: tuple[str, str]) -> None:
    assert_problem(await client.request(*call, json={}), 401)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SHOPPER])
@pytest.mark.parametrize("call", ME, ids=" ".join)
async def test_no_other_role(
    client: httpx.AsyncClient, committed: Makers, district: District, call: tuple[str, str], role: Role
) -> None:
    token = committed.token(district, role)
    assert_problem(await client.request(*call, json={}, headers=bearer(token)), 403)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.s.b",
        "{d}.s." + "A" * 43,
        "{d}.k." + "A" * 43,
        "{d}.x." + "A" * 43,
        "nowhere.s." + "A" * 43,
        "A" * 7000,
        "eyJhbGciOiJub25lIn0.e30.",
    ],
)
async def test_a_token_that_is_not_ours_is_nobody_s(
    client: httpx.AsyncClient, district: District, token: str
) -> None:
    answer = await client.get("/v1/me", headers=bearer(token.replace("{d}", district.slug)))
    assert_problem(answer, 401)


async def test_a_shopper_logs_in_with_a_code(
    client: httpx.AsyncClient, engine: Engine, district: District
) -> None:
    who = {"phone": "040 123 4567", "district": district.slug}
    assert (await client.post("/v1/codes", json=who)).status_code == 202
    code = sent_code(engine, district)
    answer = await client.post("/v1/tokens", json=who | {"code": code})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["role"] == "shopper"
    me = await client.get("/v1/me", headers=bearer(answer.json()["token"]))
    assert me.json()["phone"] == "+358401234567"
    assert_problem(await client.post("/v1/tokens", json=who | {"code": code}), 401)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "x"},
        {"password": "x"},
        {"code": "123456"},
        {"phone": "0401234567", "email": "a@example.com", "code": "123456"},
        {"phone": "nonsense", "code": "123456"},
        {"username": "x", "password": "x" * 201},
        {"username": "x", "password": "x", "role": "operator"},
        {"username": ["x"], "password": "x"},
    ],
)
async def test_half_a_log_in_is_refused(
    client: httpx.AsyncClient, district: District, body: dict[str, Any]
) -> None:
    assert_problem(await client.post("/v1/tokens", json=body | {"district": district.slug}), 422)


async def test_wrong_passwords_are_refused_and_then_counted(
    client: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    operator = committed.account(district, Role.OPERATOR)
    body = {"username": operator.username, "password": "wrong"}
    statuses = [(await client.post("/v1/tokens", json=body)).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    answer = await client.post("/v1/tokens", json=body | {"password": "password"})
    assert_problem(answer, 429)
    assert 0 < int(answer.headers["retry-after"]) <= 901


@pytest.mark.parametrize("headers", [{"x-forwarded-for": "{}"}, {"x-real-ip": "{}"}, {"forwarded": "for={}"}])
async def test_forged_addresses_do_not_help_to_ask_for_codes(
    client: httpx.AsyncClient, engine: Engine, district: District, headers: dict[str, str]
) -> None:
    statuses = []
    for number in range(7):
        forged = {name: value.format(f"198.51.100.{number}") for name, value in headers.items()}
        body = {"phone": "+358401234567", "district": district.slug}
        statuses.append((await client.post("/v1/codes", json=body, headers=forged)).status_code)
    assert statuses == [202] * 5 + [429] * 2


async def test_a_session_ends_by_machine_time_and_not_by_business_time(
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    headers = bearer(committed.token(district, Role.OPERATOR))
    path = f"/v1/districts/{district.slug}/gateways"
    app.state.clock = FixedClock(clock.now() + timedelta(days=90), clock.machine_now())
    assert (await client.get(path, headers=headers)).status_code == 200
    app.state.clock = FixedClock(clock.now(), clock.machine_now() + STAFF_SESSION)
    assert_problem(await client.get(path, headers=headers), 401)


async def test_logging_out_ends_the_token_at_once(client: httpx.AsyncClient, shopper: dict[str, str]) -> None:
    assert (await client.delete("/v1/tokens", headers=shopper)).status_code == 204
    assert_problem(await client.get("/v1/me", headers=shopper), 401)


async def test_a_cookie_serves_no_other_site(client: httpx.AsyncClient, shopper: dict[str, str]) -> None:
    cookie = {"cookie": f"district_session={shopper['authorization'].removeprefix('Bearer ')}"}
    for foreign in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ):
        assert_problem(await client.delete("/v1/me", headers=cookie | foreign), 403)
    assert (await client.get("/v1/me", headers=cookie)).status_code == 200
    own = cookie | {"origin": "http://testserver"}
    changed = await client.put("/v1/me/preferences", json={"language": "zh"}, headers=own)
    assert changed.json()["language"] == "zh"


async def test_on_tls_only_the_cookie_bound_to_the_origin_counts(
    app: FastAPI, shopper: dict[str, str]
) -> None:
    token = shopper["authorization"].removeprefix("Bearer ")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
        planted = await client.get("/v1/me", headers={"cookie": f"district_session={token}"})
        bound = await client.get("/v1/me", headers={"cookie": f"__Host-district_session={token}"})
    assert (planted.status_code, bound.status_code) == (401, 200)


@pytest.mark.parametrize(
    "body",
    [
        {"language": "de"},
        {"zone": "Europe"},
        {"zone": "../../etc/passwd"},
        {"zone": "a\0b"},
        {"quiet_from": 60},
        {"quiet_from": -1, "quiet_until": 5},
        {"quiet_from": 1440, "quiet_until": 5},
        {"called": "x" * 41},
        {"called": 5},
        {"phone": "+358401234567"},
        {"bucket": 1},
        {"is_demo": True},
        {"district_id": str(uuid.uuid4())},
    ],
)
async def test_preferences_that_break_a_rule_are_refused(
    client: httpx.AsyncClient, shopper: dict[str, str], body: dict[str, Any]
) -> None:
    assert_problem(await client.put("/v1/me/preferences", json=body, headers=shopper), 422)


async def test_preferences_are_kept_and_taken_back(
    client: httpx.AsyncClient, shopper: dict[str, str]
) -> None:
    body = {"language": "zh", "zone": "Asia/Shanghai", "quiet_from": 1260, "quiet_until": 540}
    await client.put("/v1/me/preferences", json=body, headers=shopper)
    me = (await client.get("/v1/me", headers=shopper)).json()
    assert {name: me[name] for name in body} == body
    none = {"language": None, "zone": None, "quiet_from": None, "quiet_until": None}
    me = (await client.put("/v1/me/preferences", json=none, headers=shopper)).json()
    assert (me["language"], me["zone"], me["quiet_from"]) == ("zh", None, None)


async def test_a_form_of_address_is_kept_cleaned_exported_and_taken_back(
    client: httpx.AsyncClient, shopper: dict[str, str]
) -> None:
    said = {"called": " Frau\n\u202eLin "}
    me = (await client.put("/v1/me/preferences", json=said, headers=shopper)).json()
    assert me["called"] == "Frau Lin"
    me = (await client.put("/v1/me/preferences", json={"called": "\u200b"}, headers=shopper)).json()
    assert me["called"] is None


async def test_consents_are_given_withdrawn_and_exported(
    client: httpx.AsyncClient, shopper: dict[str, str]
) -> None:
    for granted in (True, False):
        said = {"consents": [{"purpose": "marketing", "channel": "inbox", "granted": granted}]}
        states = (await client.put("/v1/me/consents", json=said, headers=shopper)).json()["consents"]
        assert [one["granted"] for one in states if one["purpose"] == "marketing"] == [granted]
    exported = (await client.get("/v1/me/export", headers=shopper)).json()
    assert sorted(row["granted"] for row in exported["consents"]) == [False, True]


@pytest.mark.parametrize(
    "choice",
    [
        {"purpose": "marketing", "channel": "webhook", "granted": True},
        {"purpose": "third_party", "granted": True},
        {"purpose": "world", "granted": True},
        {"purpose": "marketing", "granted": "maybe"},
        {"purpose": "marketing", "granted": True, "text_hash": "x"},
        {"purpose": "marketing", "granted": True, "at": "2020-01-01T00:00:00Z"},
        {"purpose": "marketing", "granted": True, "member_id": str(uuid.uuid4())},
    ],
)
async def test_consents_that_break_a_rule_are_refused(
    client: httpx.AsyncClient, shopper: dict[str, str], choice: dict[str, Any]
) -> None:
    answer = await client.put("/v1/me/consents", json={"consents": [choice]}, headers=shopper)
    assert_problem(answer, 422)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 20_000, b'{"\\ud800":1}'])
async def test_a_body_that_is_none_is_refused(
    client: httpx.AsyncClient, shopper: dict[str, str], content: bytes
) -> None:
    headers = shopper | {"content-type": "application/json"}
    answer = await client.put("/v1/me/preferences", content=content, headers=headers)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
