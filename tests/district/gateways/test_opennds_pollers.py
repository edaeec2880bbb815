"""Who may poll for an openNDS gateway: its own networks, within a limit, and an alarm for anybody else."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.clock import FixedClock
from district.districts.models import District
from district.gateways import poll_routes
from district.gateways import service as gateways
from district.gateways.models import Gateway
from district.gateways.schemas import GatewayChange, NewGateway
from district.gateways.vendors.opennds import router_of
from district.members.models import Alarm
from district.problems import Invalid
from tests.conftest import refresh
from tests.factories import Makers

POLL = {"auth_get": "view", "gatewayhash": router_of("West"), "payload": ""}


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def gateway(app: FastAPI, committed: Makers, district: District, clock: FixedClock) -> Gateway:
    options = {"level": 3, "pollers": "203.0.113.0/24, 2001:db8::/32"}
    new = NewGateway(slug=f"nds-{district.slug}", vendor="opennds", secret="s" * 16, options=options)
    row = gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    return row


async def poll(app: FastAPI, gateway: Gateway, address: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.post(f"/portal/{gateway.slug}", data=POLL)


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
async def test_the_gateway_s_own_networks_may_poll(app: FastAPI, gateway: Gateway, address: str) -> None:
    answer = await poll(app, gateway, address)
    assert (answer.status_code, answer.text) == (200, "*")


async def test_a_poll_from_elsewhere_is_refused_and_sounds_one_alarm(
    app: FastAPI, gateway: Gateway, committed: Makers
) -> None:
    answers = [await poll(app, gateway, "198.51.100.9") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {403}
    committed.session.rollback()
    alarm = committed.session.scalars(select(Alarm).where(Alarm.district_id == gateway.district_id)).one()
    assert (alarm.kind, alarm.subject, alarm.times) == ("gateway_polled_from_elsewhere", gateway.slug, 3)
    assert alarm.detail["address"] == "198.51.100.9"


async def test_an_address_polls_only_so_often(
    app: FastAPI, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_routes, "PER_ADDRESS_MINUTE", 3)
    answers = [(await poll(app, gateway, "203.0.113.7")).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]
    assert (await poll(app, gateway, "203.0.113.8")).status_code == 200


async def test_without_a_list_any_address_may_poll(
    app: FastAPI, gateway: Gateway, committed: Makers, district: District
) -> None:
    gateways.change(
        committed.session,
        committed.info(district),
        gateway.slug,
        GatewayChange(options={"level": 3, "pollers": ""}),
    )
    committed.session.commit()
    assert (await poll(app, gateway, "198.51.100.9")).status_code == 200


def test_a_list_holds_networks_alone(makers: Makers, clock: FixedClock) -> None:
    new = NewGateway(slug="nds-x", vendor="opennds", options={"pollers": "everywhere"})
    with pytest.raises(Invalid):
        gateways.create(makers.session, makers.info(makers.district()), new, clock=clock)
