"""The page between the sign-in and a gateway that fetches its grants."""

import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from district.clock import FixedClock
from district.districts.models import District
from district.gateways import authmon
from district.gateways import service as gateways
from district.gateways.models import Gateway, QueuedGrant
from district.gateways.schemas import NewGateway
from tests.conftest import refresh
from tests.factories import Makers

REFRESHES = '<meta http-equiv="refresh" content="{}">'


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def gateway(app: FastAPI, committed: Makers, district: District, clock: FixedClock) -> Gateway:
    new = NewGateway(slug=f"nds-{district.slug}", vendor="opennds", options={"level": 3})
    row = gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    return row


@pytest.fixture
def grant(committed: Makers, gateway: Gateway, clock: FixedClock) -> QueuedGrant:
    row = QueuedGrant(
        district_id=gateway.district_id,
        gateway_id=gateway.id,
        token="0" * 64,
        wifi_session_id=uuid.uuid4(),
        entry="",
        created_at=clock.machine_now(),
    )
    committed.session.add(row)
    committed.session.commit()
    return row


@pytest.fixture
def address(gateway: Gateway, grant: QueuedGrant) -> str:
    return (
        f"/portal/{gateway.slug}/waiting/{grant.wifi_session_id}?ap=001122334455&to=http%3A%2F%2Fx.example%2F"
    )


async def test_it_looks_again_by_itself_without_a_script(client: httpx.AsyncClient, address: str) -> None:
    page = await client.get(f"{address}&lang=en")
    assert page.status_code == 200
    assert REFRESHES.format(2) in page.text
    assert "You are signed in" in page.text
    assert "<script" not in page.text
    assert len(page.content) < 14 * 1024


async def test_it_speaks_chinese(client: httpx.AsyncClient, address: str) -> None:
    assert "您已登录" in (await client.get(f"{address}&lang=zh")).text


async def test_it_goes_on_when_the_gateway_has_acknowledged(
    client: httpx.AsyncClient, address: str, committed: Makers, grant: QueuedGrant, clock: FixedClock
) -> None:
    grant.acknowledged_at = clock.machine_now()
    committed.session.commit()
    led = await client.get(f"{address}&lang=zh")
    assert led.status_code == 303
    assert led.headers["location"] == (
        f"{address.split('/waiting/', maxsplit=1)[0]}/welcome?ap=001122334455&to=http%3A%2F%2Fx.example%2F&lang=zh"
    )


async def test_a_gateway_that_does_not_come_is_explained_and_waited_for(
    client: httpx.AsyncClient, address: str, clock: FixedClock
) -> None:
    clock.advance(authmon.SLOW_AFTER + timedelta(seconds=1))
    page = await client.get(f"{address}&lang=en")
    assert REFRESHES.format(5) in page.text
    assert "longer than usual" in page.text


async def test_what_nobody_fetches_any_more_ends_with_a_way_back(
    client: httpx.AsyncClient, address: str, clock: FixedClock, gateway: Gateway
) -> None:
    clock.advance(authmon.LIFE + timedelta(seconds=1))
    page = await client.get(f"{address}&lang=en")
    assert page.status_code == 410
    assert "refresh" not in page.text
    start = await client.get(f"/portal/{gateway.slug}/start")
    assert f'href="/portal/{gateway.slug}/start"' in page.text
    assert (start.status_code, start.headers["location"]) == (303, "http://192.0.2.1/")


async def test_another_session_s_page_shows_nothing(client: httpx.AsyncClient, gateway: Gateway) -> None:
    page = await client.get(f"/portal/{gateway.slug}/waiting/{uuid.uuid4()}")
    assert page.status_code == 410
    assert (await client.get(f"/portal/nowhere/waiting/{uuid.uuid4()}")).status_code == 404
    assert (await client.get(f"/portal/{gateway.slug}/waiting/x")).status_code in {404, 422}
