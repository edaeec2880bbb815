"""A real client, through the sign-in page or by a profile, through FreeRADIUS to the internet, and out again."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from district.auth.models import Role
from district.clock import system
from district.gateways import service as gateways
from district.gateways.models import Gateway
from district.gateways.schemas import NewGateway
from tests.product import Product, wait_for
from tests.radius.conftest import SECRET, Venue
from tests.radius.eapol import connect
from tests.radius.gate import Gate
from tests.radius.server import MISSING, WHY_NOT, FreeRadius, free_udp_ports
from tests.radius.test_eap import CLASS, USER_NAME, device_of, guest_of, rendered
from tests.wifi.browser import Browser
from tests.wifi.lab import GATEWAY_IP, PORTAL_IP, Lab
from tests.wifi.uam import CLIENT, CLIENT_IP, UAM_PORT, UamGateway

pytestmark = pytest.mark.gateway


class Door(Gate):
    """The portal's address on the internet, which leads to the product."""

    def __init__(self, lab: Lab, target: tuple[str, int]) -> None:
        self._lab = lab
        super().__init__(target)

    def open(self) -> None:
        """Let connections in."""
        self.listens_on(self._lab.listen(PORTAL_IP, 80))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A district behind the gateway."""

    venue: Venue
    server: FreeRadius
    gateway: UamGateway
    browser: Browser
    lab: Lab
    internet: str

    def is_on_line(self) -> bool:
        """Whether the client reaches what only people on line reach."""
        return self.browser.get(self.internet).text.strip() == "THE-INTERNET"

    def session(self) -> tuple[uuid.UUID, uuid.UUID, str] | None:
        """Of the newest session that accounting told of: Wi-Fi session, member and end."""
        rows = self.venue.product.rows(
            "SELECT wifi_session_id, member_id, terminate_cause FROM radius_session WHERE district_id = %s"
            " AND nas_identifier = 'uam' ORDER BY started_at DESC, session_id LIMIT 1",
            self.venue.district.id,
        )
        return rows[0] if rows else None

    def send(self, method: str, path: str, token: str, body: object = None) -> None:
        """One request to the product."""
        request = urllib.request.Request(
            self.venue.product.base_url + path,
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            assert answer.status < 300


@pytest.fixture(scope="module")
def scene(lab: Lab, internet: str) -> Iterator[Scene]:
    """Everything runs; the client has an address."""
    if MISSING:
        pytest.skip(WHY_NOT)
    lab.inside(lab.client, "ip", "addr", "add", f"{CLIENT_IP}/24", "dev", "eth0")
    lab.inside(lab.client, "ip", "route", "add", "default", "via", GATEWAY_IP)
    with Product() as product:
        venue = Venue(product)
        row = _gateway(venue)
        (port,) = free_udp_ports(1)
        _answers_at(venue, row, port)
        product.start(roles=("web", "worker"))
        door = Door(lab, product.address)
        with rendered(venue, product.base_url) as server:
            gateway = UamGateway(lab, server, portal_url=row.public_url, uam_secret=row.secret)
            with gateway.running(port):
                browser = Browser(lab)
                yield Scene(
                    venue=venue, server=server, gateway=gateway, browser=browser, lab=lab, internet=internet
                )
        door.shut()


def _gateway(venue: Venue) -> Gateway:
    slug = f"uam-{uuid.uuid4().hex[:8]}"
    with venue.product.makers() as makers:
        new = NewGateway(slug=slug, vendor="coovachilli", public_url=f"http://{PORTAL_IP}/portal/{slug}")
        row = gateways.create(makers.session, venue.info, new, clock=system)
        row.plan_id = venue.plan_id
        makers.done()
    return row


def _answers_at(venue: Venue, row: Gateway, port: int) -> None:
    """The NAS is this gateway's, and takes Disconnect there."""
    with psycopg.connect(venue.product.dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE radius_client SET gateway_id = %s, coa_port = %s WHERE district_id = %s",
            (row.id, port, venue.district.id),
        )


def until_off_line(scene: Scene) -> None:
    """Wait until the client is out, and it is told."""
    wait_for("the gateway is told", lambda: not scene.gateway.nas.sessions, timeout_s=90)
    assert not scene.is_on_line()
    page = scene.browser.get(scene.internet)
    assert page.location.startswith(f"http://{PORTAL_IP}/portal/"), "back at the sign-in page"
    wait_for(
        "accounting tells of the end",
        lambda: (found := scene.session()) is not None and found[2] == "Admin-Reset",
        timeout_s=90,
    )


def test_a_client_signs_in_gets_on_line_and_is_out_again_after_an_operators_click(scene: Scene) -> None:
    caught = scene.browser.get(scene.internet)
    assert caught.status == 302, "nobody passes who has not signed in"
    step = scene.browser.sign_in(caught.location)
    assert step.status == 303, step.text
    assert step.location.startswith(f"http://{GATEWAY_IP}:{UAM_PORT}/logon?")
    granted = scene.browser.get(step.location)
    assert "res=success" in granted.location, scene.server.log
    assert scene.is_on_line()
    wifi_session_id, _, _ = wait_for("accounting", scene.session, timeout_s=90)
    with scene.venue.product.makers() as makers:
        token = makers.token(scene.venue.district, Role.OPERATOR)
    scene.send(
        "POST", f"/v1/districts/{scene.venue.district.slug}/wifi-sessions/{wifi_session_id}/end", token
    )
    until_off_line(scene)


def test_a_forged_answer_opens_nothing(scene: Scene) -> None:
    caught = scene.browser.get(scene.internet)
    step = scene.browser.sign_in(caught.location)
    forged = step.location.replace("response=", "response=00")[:-2]
    assert "res=failed" in scene.browser.get(forged).location
    assert not scene.is_on_line()


def test_a_client_with_a_profile_gets_on_line_without_a_page_and_out_when_its_member_withdraws(
    scene: Scene, tmp_path: Path
) -> None:
    guest = guest_of(scene.venue)
    device = device_of(guest, scene.server, tmp_path)
    outcome = connect(device.told, tmp_path, port=scene.server.auth_port, secret=SECRET, mac=CLIENT)
    assert outcome.is_connected, outcome.output[-2000:]
    before = scene.session()
    scene.gateway.admit(outcome.attributes[USER_NAME].strip("'"), mark=outcome.attributes[CLASS])
    assert scene.is_on_line()
    told = wait_for(
        "accounting",
        lambda: found if (found := scene.session()) != before else None,
        timeout_s=90,
    )
    assert told[1] == guest.member_id
    choice = {"consents": [{"purpose": "access", "granted": False}]}
    scene.send("PUT", "/v1/me/consents", guest.token, choice)
    until_off_line(scene)
    again = connect(device.told, tmp_path, port=scene.server.auth_port, secret=SECRET, mac=CLIENT)
    assert (again.is_connected, again.kind) == (False, "Access-Reject")
