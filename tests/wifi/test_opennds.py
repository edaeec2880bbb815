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
from district.gateways.capport import client_token
from district.gateways.models import Gateway, Plan, WifiSession
from district.gateways.schemas import NewGateway
from district.members.models import DeviceAlias
from tests.conftest import NOON
from tests.factories import Makers
from tests.product import wait_for
from tests.wifi.browser import Browser, Page
from tests.wifi.lab import CLIENT_MAC, GATEWAY_IP, PORTAL_IP, PORTAL_NAME, Lab, OpenNds
from tests.wifi.portal import SECRET, Certificate

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
CLIENT = CLIENT_MAC.replace(":", "")


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
            wait_for("the portal knows the gateway", lambda: _is_known(portal, slug), timeout_s=90)
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
        wait_for("the gateway ends the session", lambda: not is_on_line(browser, internet), timeout_s=90)
        # For a moment it still knows the client, and shows him a page of its own.
        wait_for("the gateway leads on", lambda: browser.get(internet).status == 307, timeout_s=90)
        again = browser.sign_in(browser.get(internet).location)
        browser.get(again.location)
        assert is_on_line(browser, internet)


def test_level_2_lets_a_client_in_by_an_encrypted_redirect(
    lab: Lab, internet: str, engine: Engine, register: Callable[[int], Registered]
) -> None:
    gateway = register(2)
    browser = Browser(lab)
    with OpenNds(lab, gateway.configuration):
        lab.lease()
        redirected = browser.get(internet)
        assert "&iv=" in redirected.location
        granted = browser.sign_in(redirected.location)
        assert not is_on_line(browser, internet)
        assert browser.get(granted.location).status == 307
        assert is_on_line(browser, internet)
    assert session_at(engine, gateway.slug).confirmed_at is None, (
        "nobody vouches for the device at this level"
    )


def test_level_3_fetches_its_grant_and_vouches_for_the_device(
    lab: Lab,
    certificate: Certificate,
    internet: str,
    engine: Engine,
    register: Callable[[int], Registered],
) -> None:
    gateway = register(3)
    browser = Browser(lab, trusted=certificate.authority)
    capport = f"https://{PORTAL_NAME}/capport/v1/{client_token(SECRET, gateway.slug, CLIENT)}"
    with OpenNds(lab, gateway.configuration, dhcp=[f"114,{capport}"], trusted=certificate.authority) as nds:
        lease = lab.lease()
        assert bytes.fromhex(lease["opt114"]).decode() == capport
        assert_standing(browser.get(capport, "Accept: application/captive+json"), captive=True)

        # Whoever comes to the portal by himself is led to the gateway's own redirect.
        start = browser.get(browser.get(capport).json["user-portal-url"])
        redirected = browser.get(start.location)
        assert redirected.location.startswith(f"https://{PORTAL_NAME}:443/portal/{gateway.slug}?fas=")

        waits = browser.sign_in(redirected.location)
        assert waits.status == 303
        assert f"/portal/{gateway.slug}/waiting/" in waits.location
        page = browser.get(waits.location)
        assert (page.status, page.refreshes_after_s) == (200, 2)
        assert_standing(browser.get(capport), captive=True)

        landed = wait_for("the gateway lets it in", lambda: goes_on(browser, waits.location), timeout_s=90)
        assert f"/portal/{gateway.slug}/welcome" in landed.location
        assert is_on_line(browser, internet)
        left_s = assert_standing(browser.get(capport), captive=False)
        assert 3500 < left_s <= 3600
        row = session_at(engine, gateway.slug)
        assert (row.confirmed_by, row.ended_at) == ("gateway", None)
        with Session(engine) as session:
            assert session.get(DeviceAlias, (row.district_id, row.alias)) is not None

        nds.move_clock(PAST_AN_HOUR_S)
        wait_for("the gateway ends the session", lambda: not is_on_line(browser, internet), timeout_s=90)
        ended = wait_for(
            "the gateway says so",
            lambda: session_at(engine, gateway.slug).ended_because or None,
            timeout_s=90,
        )
        assert ended == "timeout"
        assert_standing(browser.get(capport), captive=True)


def goes_on(browser: Browser, waiting: str) -> Page | None:
    """The page behind the waiting page, once it leads on."""
    page = browser.get(waiting)
    return page if page.status == 303 else None


def assert_standing(page: Page, *, captive: bool) -> int:
    """What the API says; the seconds that are left."""
    assert page.headers["content-type"] == "application/captive+json"
    assert page.json["captive"] is captive
    return int(page.json.get("seconds-remaining", 0))


def test_a_stopped_gateway_stays_closed_until_its_firewall_is_made_anew(
    lab: Lab, internet: str, register: Callable[[int], Registered]
) -> None:
    gateway = register(1)
    browser = Browser(lab)
    with OpenNds(lab, gateway.configuration) as nds:
        lab.lease()
        nds.stop()
        assert not is_on_line(browser, internet)
        lab.open_firewall()
        assert is_on_line(browser, internet)
