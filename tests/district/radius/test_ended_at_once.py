"""Withdrawal, closing the account, a ban and an operator's click: off line in less than two seconds, by a worker."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.clock import FixedClock
from district.gateways.models import WifiSession
from district.gateways.vendors.click import redirect_query
from district.radius import ending_jobs
from district.settings import Settings
from district.tasks import ended
from tests.conftest import refresh
from tests.district.radius.nas import SimulatedNas
from tests.district.radius.on_line import MAC, OnLine, on_line, told_by_accounting, wifi_row
from tests.factories import Makers

PATIENCE_S = 90.0


@pytest.fixture
def nas() -> Iterator[SimulatedNas]:
    with SimulatedNas().listening() as nas:
        yield nas


@pytest.fixture
async def worker(settings: Settings, clock: FixedClock) -> AsyncIterator[None]:
    """What a worker runs for the ends of sessions."""
    task = asyncio.create_task(ending_jobs.run(settings, clock))
    yield
    await ended([task])


@dataclass(kw_only=True)
class Stage:
    """Somebody on line, and programs of his and of the operator."""

    makers: Makers
    nas: SimulatedNas
    guest: OnLine
    client: httpx.AsyncClient
    shopper: dict[str, str]
    operator: dict[str, str]

    @property
    def base(self) -> str:
        return f"/v1/districts/{self.guest.district.slug}"

    async def until_ended(self, wifi: WifiSession) -> str:
        """Why the session ended."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            self.makers.session.expire_all()
            row = self.makers.session.get_one(WifiSession, (wifi.district_id, wifi.id))
            because, is_over = row.ended_because, row.ended_at is not None
            self.makers.session.rollback()
            if is_over:
                return because
            await asyncio.sleep(0.02)
        raise AssertionError("the session did not end")


@pytest.fixture
async def stage(  # noqa: PLR0917 pytest calls by name
    app: FastAPI,
    client: httpx.AsyncClient,
    committed: Makers,
    clock: FixedClock,
    nas: SimulatedNas,
    worker: None,
) -> Stage:
    guest = on_line(committed, clock, port=nas.port)
    nas.sessions.add(guest.session_id)
    shopper = committed.token(guest.district, Role.SHOPPER, subject_id=guest.member.id)
    operator = committed.token(guest.district, Role.OPERATOR)
    await refresh(app)
    return Stage(
        makers=committed,
        nas=nas,
        guest=guest,
        client=client,
        shopper={"Authorization": f"Bearer {shopper}"},
        operator={"Authorization": f"Bearer {operator}"},
    )


async def test_withdrawing_from_the_wifi_ends_it(stage: Stage) -> None:
    answer = await stage.client.put(
        "/v1/me/consents",
        json={"consents": [{"purpose": "access", "granted": False}]},
        headers=stage.shopper,
    )
    assert answer.status_code == 200
    because = await stage.until_ended(stage.guest.wifi)
    assert (because, stage.nas.sessions) == ("withdrawn", set())


async def test_withdrawing_from_marketing_does_not(stage: Stage) -> None:
    await stage.client.put(
        "/v1/me/consents",
        json={"consents": [{"purpose": "marketing", "channel": "inbox", "granted": False}]},
        headers=stage.shopper,
    )
    shown = await stage.client.get(f"{stage.base}/wifi-sessions", headers=stage.operator)
    assert [row["ending"] for row in shown.json()["items"]] == [None]


async def test_closing_the_account_ends_it(stage: Stage) -> None:
    assert (await stage.client.delete("/v1/me", headers=stage.shopper)).status_code == 204
    because = await stage.until_ended(stage.guest.wifi)
    assert (because, stage.nas.sessions) == ("erased", set())


async def test_a_click_of_the_operator_ends_it_and_shows_what_the_gateway_said(stage: Stage) -> None:
    path = f"{stage.base}/wifi-sessions/{stage.guest.wifi.id}"
    answer = await stage.client.post(f"{path}/end", headers=stage.operator)
    assert (answer.status_code, answer.json()["ending"]["reason"]) == (202, "operator")
    because = await stage.until_ended(stage.guest.wifi)
    assert (because, stage.nas.sessions) == ("operator", set())
    shown = (await stage.client.get(path, headers=stage.operator)).json()
    assert shown["ending"]["answer"] == "The NAS has done it."
    assert shown["ended_because"] == "operator"
    again = await stage.client.post(f"{path}/end", headers=stage.operator)
    assert again.json()["ending"]["requested_at"] == shown["ending"]["requested_at"]
    assert len(stage.nas.heard) == 1


async def test_a_ban_ends_every_session_of_device_and_member(stage: Stage, clock: FixedClock) -> None:
    other = wifi_row(
        stage.makers, stage.guest.district, stage.guest.gateway, stage.guest.member, clock, mac="02aa22334499"
    )
    told_by_accounting(
        stage.makers,
        stage.guest.district,
        clock,
        session_id="second",
        wifi=other,
        gateway=stage.guest.gateway,
    )
    stage.nas.sessions.add("second")
    answer = await stage.client.post(
        f"{stage.base}/bans",
        json={"wifi_session_id": str(stage.guest.wifi.id), "reason": "breaks things"},
        headers=stage.operator,
    )
    assert (answer.status_code, answer.json()["sessions_ending"]) == (201, 2)
    for wifi in (stage.guest.wifi, other):
        assert await stage.until_ended(wifi) == "banned"
    assert stage.nas.sessions == set()


async def test_who_is_banned_gets_a_friendly_page_until_the_ban_is_lifted(
    app: FastAPI, stage: Stage, clock: FixedClock
) -> None:
    secret = "a-secret-of-the-gateway"
    new = {"slug": f"c-{uuid.uuid4().hex[:10]}", "vendor": "click", "secret": secret}
    made = await stage.client.post(f"{stage.base}/gateways", json=new, headers=stage.operator)
    assert made.status_code == 201
    ban = await stage.client.post(f"{stage.base}/bans", json={"mac": MAC}, headers=stage.operator)
    await refresh(app)

    async def press(language: str) -> httpx.Response:
        query = redirect_query(secret, mac=MAC, ap="00180a13ddb0", url="", machine_now=clock.machine_now())
        address = f"/portal/{new['slug']}?{query}&lang={language}"
        return await stage.client.post(address, data={"method": "click", "form_token": uuid.uuid4().hex})

    for language, words in (("en", "ask at the information desk"), ("zh", "请咨询服务台")):
        refused = await press(language)
        assert (refused.status_code, words in refused.text) == (403, True)
    ban_path = f"{stage.base}/bans/{ban.json()['id']}"
    assert (await stage.client.delete(ban_path, headers=stage.operator)).status_code == 204
    assert (await press("en")).status_code == 303


async def test_a_ban_that_is_over_keeps_nobody_out(app: FastAPI, stage: Stage, clock: FixedClock) -> None:
    new = {"slug": f"c-{uuid.uuid4().hex[:10]}", "vendor": "click", "secret": "a-secret-of-the-gateway"}
    await stage.client.post(f"{stage.base}/gateways", json=new, headers=stage.operator)
    until = clock.now() + timedelta(minutes=5)
    await stage.client.post(
        f"{stage.base}/bans", json={"mac": MAC, "until": until.isoformat()}, headers=stage.operator
    )
    await refresh(app)
    clock.advance(timedelta(minutes=6))
    query = redirect_query(new["secret"], mac=MAC, ap="", url="", machine_now=clock.machine_now())
    answer = await stage.client.post(
        f"/portal/{new['slug']}?{query}", data={"method": "click", "form_token": uuid.uuid4().hex}
    )
    assert answer.status_code == 303
