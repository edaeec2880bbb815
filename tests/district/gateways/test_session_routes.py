"""Sessions, bans and plans by the interface: for the district's operators alone, bounded, paged."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from tests.conftest import refresh
from tests.district.radius.on_line import gateway_row, wifi_row
from tests.factories import Makers


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


@pytest.fixture
async def operator(app: FastAPI, committed: Makers, district: District) -> Mapping[str, str]:
    token = committed.token(district, Role.OPERATOR)
    await refresh(app)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def base(district: District) -> str:
    return f"/v1/districts/{district.slug}"


PATHS = ("wifi-sessions", f"wifi-sessions/{new_id()}", "bans", f"bans/{new_id()}", "plans", "plans/day")


@pytest.mark.parametrize("path", range(len(PATHS)))
async def test_only_the_districts_operators_may_read(  # noqa: PLR0917 pytest calls by name
    app: FastAPI, client: httpx.AsyncClient, committed: Makers, district: District, base: str, path: int
) -> None:
    elsewhere = committed.token(committed.district(), Role.OPERATOR)
    merchant = committed.token(district, Role.MERCHANT)
    await refresh(app)
    statuses = [
        (await client.get(f"{base}/{PATHS[path]}", headers=headers)).status_code
        for headers in (
            {},
            {"Authorization": f"Bearer {elsewhere}"},
            {"Authorization": f"Bearer {merchant}"},
        )
    ]
    assert statuses == [401, 404, 403]


async def test_open_sessions_are_paged_and_name_no_device(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    base: str,
    operator: Mapping[str, str],
    clock: FixedClock,
) -> None:
    gateway = gateway_row(committed, district, clock)
    member = committed.member(district)
    macs = [f"02aa2233440{number}" for number in range(3)]
    rows = [wifi_row(committed, district, gateway, member, clock, mac=mac) for mac in macs]
    wifi_row(committed, district, gateway, member, clock, mac="02aa22334409", ended_at=clock.now())
    first = (await client.get(f"{base}/wifi-sessions?limit=2", headers=operator)).json()
    second = (
        await client.get(f"{base}/wifi-sessions?limit=2&after={first['next']}", headers=operator)
    ).json()
    shown = first["items"] + second["items"]
    assert [row["id"] for row in shown] == sorted(str(row.id) for row in rows)
    assert second["next"] is None
    assert shown[0]["gateway"] == gateway.slug
    assert not any(mac in str(shown) for mac in macs)


async def test_an_unknown_session_cannot_be_ended(
    client: httpx.AsyncClient, base: str, operator: Mapping[str, str]
) -> None:
    answer = await client.post(f"{base}/wifi-sessions/{new_id()}/end", headers=operator)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"mac": "ff:ff:ff:ff:ff:ff"}, 422),
        ({"mac": "x"}, 422),
        ({"member_id": "018f0000-0000-7000-8000-000000000000"}, 404),
        ({"wifi_session_id": "018f0000-0000-7000-8000-000000000000"}, 404),
        ({"mac": "02:aa:22:33:44:66", "until": "2020-01-01T00:00:00Z"}, 422),
        ({"mac": "02:aa:22:33:44:66", "until": "2030-01-01T00:00:00"}, 422),
        ({"mac": "02:aa:22:33:44:66", "reason": "x" * 201}, 422),
        ({"mac": "02:aa:22:33:44:66", "more": 1}, 422),
    ],
)
async def test_a_ban_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, base: str, operator: Mapping[str, str], body: dict[str, Any], status: int
) -> None:
    answer = await client.post(f"{base}/bans", json=body, headers=operator)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get(f"{base}/bans", headers=operator)).json()["items"] == []


async def test_a_ban_is_made_once_shown_without_the_address_and_lifted(
    client: httpx.AsyncClient, base: str, operator: Mapping[str, str]
) -> None:
    body = {"mac": "02-AA-22-33-44-66", "reason": "spam"}
    headers = {**operator, "Idempotency-Key": "one"}
    made = [await client.post(f"{base}/bans", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    items = (await client.get(f"{base}/bans", headers=operator)).json()["items"]
    assert [item["id"] for item in items] == [made[0].json()["id"]]
    assert len(items[0]["device"]) == 16
    assert "02aa22334466" not in str(items)
    path = f"{base}/bans/{items[0]['id']}"
    assert (await client.get(path, headers=operator)).json()["reason"] == "spam"
    gone = [(await client.delete(path, headers=operator)).status_code for _ in range(2)]
    assert gone == [204, 404]


async def test_a_plan_is_made_changed_used_and_deleted(
    client: httpx.AsyncClient, base: str, operator: Mapping[str, str]
) -> None:
    new = {"slug": "hour", "name": "An hour", "session_s": 3600, "down_kbps": 5000}
    made = await client.post(f"{base}/plans", json=new, headers=operator)
    assert (made.status_code, made.json()["idle_s"]) == (201, None)
    assert (await client.post(f"{base}/plans", json=new, headers=operator)).status_code == 409
    changed = await client.patch(
        f"{base}/plans/hour", json={"idle_s": 600, "down_kbps": None}, headers=operator
    )
    assert {name: changed.json()[name] for name in ("session_s", "idle_s", "down_kbps")} == {
        "session_s": 3600,
        "idle_s": 600,
        "down_kbps": None,
    }
    gateway = {"slug": f"g-{new_id().hex[-10:]}", "vendor": "click", "plan": "hour"}
    assert (await client.post(f"{base}/gateways", json=gateway, headers=operator)).status_code == 201
    used = await client.delete(f"{base}/plans/hour", headers=operator)
    assert (used.status_code, "still used by at least one gateway" in used.json()["detail"]) == (409, True)
    await client.patch(f"{base}/gateways/{gateway['slug']}", json={"plan": None}, headers=operator)
    assert (await client.delete(f"{base}/plans/hour", headers=operator)).status_code == 204
    assert (await client.get(f"{base}/plans", headers=operator)).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "limits",
    [
        {"session_s": 59},
        {"session_s": 31 * 86_400},
        {"idle_s": 0},
        {"down_kbps": 15},
        {"up_kbps": 4_000_001},
        {"volume_kib": 0},
        {"volume_kib": (1 << 40) + 1},
        {"devices": 0},
        {"devices": 101},
        {"daily_s": 86_401},
        {"daily_kib": -1},
        {"name": "x\u0000"},
        {"session_s": "NaN"},
        {"unknown": 1},
    ],
    ids=str,
)
async def test_limits_out_of_bounds_are_refused(
    client: httpx.AsyncClient, base: str, operator: Mapping[str, str], limits: dict[str, Any]
) -> None:
    answer = await client.post(f"{base}/plans", json={"slug": "p"} | limits, headers=operator)
    assert answer.status_code == 422
    assert (await client.get(f"{base}/plans/p", headers=operator)).status_code == 404
