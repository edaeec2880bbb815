"""The distribution's own openNDS, with the configuration that an operator is given, before a real client."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.clock import FixedClock, system
from district.gateways import service as gateways
from district.gateways.models import Gateway, Plan, WifiSession
from district.gateways.schemas import NewGateway
from tests.conftest import NOON
from tests.factories import Makers
from tests.product import wait_for
from tests.wifi.browser import Browser
from tests.wifi.lab import GATEWAY_IP, PORTAL_IP, PORTAL_NAME, Lab, OpenNds

pytestmark = pytest.mark.gateway
OWN_LINES = """GatewayInterface lan0
GatewayName Kluuvi West
FirewallRuleSet authenticated-users {
}
FirewallRuleSet users-to-router {
    FirewallRule allow udp port 67
}
checkinterval 1
sessiontimeout 60
"""
PAST_AN_HOUR_S = 3_700


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A gateway as the operator registered it, and what he is told to paste."""

    slug: str
    configuration: str


@pytest.fixture
def register(portal: FastAPI, engine: Engine) -> Iterator[Callable[[int], Registered]]:
    """Register openNDS at a level, with a plan of an hour."""
    with Session(engine, expire_on_commit=False) as session:
        makers = Makers(session, FixedClock(NOON, machine=system.machine_now()), commit=True)
        district = makers.district(country="FI")
        info = makers.info(district)

        def made(level: int) -> Registered:
            scheme, name = ("https", PORTAL_NAME) if level == 3 else ("http", PORTAL_IP)
            slug = f"nds-{uuid.uuid4().hex[:8]}"
            new = NewGateway(
                slug=slug,
                vendor="opennds",
                public_url=f"{scheme}://{name}/portal/{slug}",
                options={"level": level, "portal_ip": PORTAL_IP},
            )
            row = gateways.create(session, info, new, clock=system)
            plan = Plan(
                district_id=district.id,
                slug=slug,
                session_s=3600,
                down_kbps=8000,
                up_kbps=2000,
                created_at=NOON,
            )
            session.add(plan)
            session.flush()
            row.plan_id = plan.id
            session.commit()
            wait_for("the portal knows the gateway", lambda: _is_known(portal, slug), timeout_s=15)
            dialect = gateways.DIALECTS["opennds"]
            text = dialect.configuration(gateways.info_of(row), portal_url=row.public_url)
            return Registered(slug=slug, configuration=OWN_LINES + text)

        yield made


def _is_known(portal: FastAPI, slug: str) -> bool:
    return any(route == slug for _kind, route in portal.state.registry.value.routes)


def is_on_line(browser: Browser, internet: str) -> bool:
    return browser.get(internet).text.strip() == "THE-INTERNET"


def session_at(engine: Engine, slug: str) -> WifiSession:
    with Session(engine) as session:
        found = select(WifiSession).join(
            Gateway,
            (Gateway.district_id == WifiSession.district_id) & (Gateway.id == WifiSession.gateway_id),
        )
        row = session.scalar(found.where(Gateway.slug == slug).order_by(WifiSession.id.desc()).limit(1))
        assert row is not None
        return row


def test_level_1_lets_a_client_in_by_a_good_token_until_its_time_is_up(
    lab: Lab, internet: str, register: Callable[[int], Registered]
) -> None:
    gateway = register(1)
    browser = Browser(lab)
    with OpenNds(lab, gateway.configuration) as nds:
        lab.lease()
        redirected = browser.get(internet)
        assert redirected.status == 307
        assert redirected.location.startswith(f"http://{PORTAL_IP}:80/portal/{gateway.slug}?fas=")

        bad = browser.get(
            f"http://{GATEWAY_IP}:2050/opennds_auth/?tok={'0' * 64}&redir=http%3A%2F%2Fx.example"
        )
        assert bad.status == 307
        assert f"/portal/{gateway.slug}?fas=" in bad.location
        assert not is_on_line(browser, internet)

        granted = browser.sign_in(redirected.location)
        assert granted.status == 303
        assert granted.location.startswith(f"http://{GATEWAY_IP}:2050/opennds_auth/?tok=")
        landing = browser.get(granted.location)
        assert landing.status == 307
        assert f"/portal/{gateway.slug}/welcome" in landing.location
        assert is_on_line(browser, internet)

        nds.move_clock(PAST_AN_HOUR_S)
        wait_for("the gateway ends the session", lambda: not is_on_line(browser, internet), timeout_s=15)
        again = browser.sign_in(browser.get(internet).location)
        browser.get(again.location)
        assert is_on_line(browser, internet)
