"""Members' devices by 802.1X: a profile from the member's page, a real supplicant, a real FreeRADIUS, the product."""

import http.client
import plistlib
import re
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from district.auth.models import Role
from district.clock import system
from district.members import service as members
from district.radius.authority import new_authority
from tests.district.radius.nas import DISCONNECT, SimulatedNas
from tests.product import wait_for
from tests.radius.conftest import SECRET, Venue, spelled
from tests.radius.eapol import Outcome, Supplicant, connect
from tests.radius.gate import Gate
from tests.radius.server import FreeRadius
from tests.radius.test_rendering import command

METHODS = pytest.mark.parametrize(
    ("method", "inner"), [("TTLS", "auth=PAP"), ("PEAP", "auth=MSCHAPV2"), ("TTLS", "autheap=MSCHAPV2")]
)
SSID = "District Members"
SESSION_TIMEOUT, CLASS, USER_NAME = 27, 25, 1


def rendered(venue: Venue, url: str) -> FreeRadius:
    """FreeRADIUS with what the command itself writes, certificates and all."""
    server = FreeRadius(url, venue.key, [venue.client])
    arguments = (
        "radius", "render", str(server.server.raddb), "--district", venue.district.slug, "--url", url,
        "--key", venue.key, "--state", str(server.server.state), "--listen", "127.0.0.1",
        "--auth-port", str(server.auth_port), "--acct-port", str(server.acct_port), "--account", "", "--ssid", SSID,
    )  # fmt: skip
    written = command(venue, *arguments)
    assert written.returncode == 0, written.stderr
    return server


@pytest.fixture(scope="module")
def eap(venue: Venue, gate: Gate) -> Iterator[FreeRadius]:
    """It runs."""
    with rendered(venue, gate.url) as server:
        yield server


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A member at his own page."""

    venue: Venue
    member_id: uuid.UUID
    token: str

    @property
    def page(self) -> str:
        """The page's path."""
        return f"/d/{self.venue.district.slug}/wifi"

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
        """A request of his browser; redirects are left."""
        connection = http.client.HTTPConnection(*self.venue.product.address, timeout=90)
        headers = {"Cookie": f"district_session={self.token}", "Sec-Fetch-Site": "same-origin"}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body=urlencode(form or {}), headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def install(self) -> dict[str, Any]:
        """A profile as his phone reads it: the settings of its first network, and the certificate."""
        assert self.ask("POST", self.page)[0] == 303
        _, html = self.ask("GET", self.page)
        links = re.findall(r'href="([^"]+/apple\.mobileconfig)"', html.decode())
        status, body = self.ask("GET", links[-1])
        assert status == 200
        return dict(plistlib.loads(body))


def guest_of(venue: Venue) -> Guest:
    """A member who agreed to access, in his browser."""
    with venue.product.makers() as makers:
        member = venue.member(makers)
        token = makers.token(venue.district, Role.SHOPPER, subject_id=member.id)
    return Guest(venue=venue, member_id=member.id, token=token)


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device with a profile, at the access point."""

    guest: Guest
    server: FreeRadius
    told: Supplicant
    directory: Path
    mac: str

    def connect(self, **changed: Any) -> Outcome:
        """Join the network."""
        return connect(
            replace(self.told, **changed),
            self.directory,
            port=self.server.auth_port,
            secret=SECRET,
            mac=self.mac,
        )


def device_of(guest: Guest, server: FreeRadius, directory: Path) -> Device:
    """What the profile says, put into a supplicant."""
    profile = guest.install()
    trusted, network = profile["PayloadContent"][0], profile["PayloadContent"][1]
    assert network["SSID_STR"] == SSID
    settings = network["EAPClientConfiguration"]
    ca_file = directory / "authority.pem"
    certificate = x509.load_der_x509_certificate(trusted["PayloadContent"])
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    told = Supplicant(
        identity=settings["UserName"],
        password=settings["UserPassword"],
        anonymous=settings["OuterIdentity"],
        ca_file=ca_file,
        server_name=settings["TLSTrustedServerNames"][0],
    )
    return Device(
        guest=guest, server=server, told=told, directory=directory, mac=f"02aa{uuid.uuid4().hex[:8]}"
    )


@pytest.fixture
def device(venue: Venue, eap: FreeRadius, tmp_path: Path) -> Device:
    """A new member's."""
    return device_of(guest_of(venue), eap, tmp_path)


@METHODS
def test_a_profile_opens_the_network_with_its_plan(device: Device, method: str, inner: str) -> None:
    outcome = device.connect(method=method, inner=inner)
    assert outcome.is_connected, outcome.output[-3000:] + device.server.log[-2000:]
    assert outcome.attributes[SESSION_TIMEOUT] == str(8 * 3600)
    assert CLASS in outcome.attributes
    assert device.told.identity in outcome.attributes[USER_NAME]


@METHODS
def test_a_wrong_password_opens_nothing(device: Device, method: str, inner: str) -> None:
    outcome = device.connect(method=method, inner=inner, password="not-the-password")
    assert not outcome.is_connected
    assert outcome.kind == "Access-Reject"
    assert set(outcome.attributes) <= {79, 80}, "a refusal carries EAP and its signature alone"


def test_somebody_elses_name_opens_nothing(device: Device) -> None:
    outcome = device.connect(identity=f"m{uuid.uuid4().hex[:16]}@{device.told.anonymous.partition('@')[2]}")
    assert (outcome.is_connected, outcome.kind) == (False, "Access-Reject")


def test_a_device_known_by_its_address_is_not_let_in_inside_a_tunnel(venue: Venue, device: Device) -> None:
    with venue.product.makers() as makers:
        member = venue.member(makers)
        members.see_device(makers.session, venue.info, member, mac=device.mac, clock=makers.clock)
        makers.done()
    outcome = device.connect(identity=spelled(device.mac), password=spelled(device.mac))
    assert (outcome.is_connected, outcome.kind) == (False, "Access-Reject")


def test_a_server_of_another_authority_hears_no_password(device: Device, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    realm = device.told.server_name.removeprefix("radius.")
    other.write_text(new_authority("Another", realm, now=system.machine_now()).certificate)
    outcome = device.connect(ca_file=other)
    assert not outcome.is_connected
    assert "unable to get local issuer certificate" in outcome.output or "unknown ca" in outcome.output


def test_a_server_of_another_name_hears_no_password(device: Device) -> None:
    outcome = device.connect(server_name="radius.elsewhere.example")
    assert not outcome.is_connected
    assert "domain_match" in outcome.output or "Domain match" in outcome.output


def test_a_revoked_profile_opens_nothing(device: Device) -> None:
    assert device.connect().is_connected
    status, _ = device.guest.ask("POST", f"{device.guest.page}/{device.told.identity}/revoke")
    assert status == 303
    outcome = device.connect()
    assert (outcome.is_connected, outcome.kind) == (False, "Access-Reject")


def start_of(device: Device, outcome: Outcome, session: str) -> str:
    """What the access point tells of the session."""
    return "\n".join(
        (
            f'User-Name = "{device.told.identity}"',
            "NAS-IP-Address = 127.0.0.1",
            'NAS-Identifier = "nas-1"',
            f'Calling-Station-Id = "{spelled(device.mac)}"',
            f'Acct-Session-Id = "{session}"',
            "Acct-Status-Type = Start",
            f"Class = 0x{outcome.attributes[CLASS]}",
        )
    )


def listens_at(venue: Venue, port: int) -> None:
    """Tell the product where the NAS takes Disconnect."""
    with psycopg.connect(venue.product.dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE radius_client SET coa_port = %s WHERE district_id = %s", (port, venue.district.id)
        )


def withdraw(device: Device) -> None:
    """The member takes back his consent to the Wi-Fi."""
    product = device.guest.venue.product
    body = b'{"consents": [{"purpose": "access", "granted": false}]}'
    headers = {"Authorization": f"Bearer {device.guest.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{product.base_url}/v1/me/consents", data=body, headers=headers, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=90) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("cause", ["revoked", "withdrawn"])
def test_a_session_ends_without_waiting_for_its_next_report(venue: Venue, device: Device, cause: str) -> None:
    session = f"eap-{uuid.uuid4().hex[:8]}"
    outcome = device.connect(method="PEAP", inner="auth=MSCHAPV2")
    with SimulatedNas(secret=SECRET, sessions={session}).listening() as nas:
        listens_at(venue, nas.port)
        assert device.server.account(start_of(device, outcome, session)).kind == "Accounting-Response"
        known = "SELECT wifi_session_id FROM radius_session WHERE session_id = %s AND member_id = %s"
        rows = wait_for(
            "the session",
            lambda: venue.product.rows(known, session, device.guest.member_id) or None,
            timeout_s=90,
        )
        assert rows[0][0] is not None, "its Class names the session that was granted"
        if cause == "revoked":
            device.guest.ask("POST", f"{device.guest.page}/{device.told.identity}/revoke")
        else:
            withdraw(device)
        wait_for("Disconnect", lambda: session not in nas.sessions, timeout_s=90)
        assert nas.heard[-1].code == DISCONNECT
        assert nas.heard[-1].attributes[USER_NAME].decode() == device.told.identity
    assert not device.connect().is_connected


def test_no_password_is_in_the_servers_log(device: Device) -> None:
    assert device.connect().is_connected
    assert device.told.password not in device.server.log + device.server.output


def test_a_second_rendering_keeps_the_certificate_that_devices_know(venue: Venue, eap: FreeRadius) -> None:
    certs = eap.server.raddb / "certs"
    before = (certs / "server.pem").read_text(), (certs / "authority.pem").read_text()
    arguments = (
        "radius",
        "render",
        str(eap.server.raddb),
        "--district",
        venue.district.slug,
        "--account",
        "",
    )
    assert command(venue, *arguments).returncode == 0
    assert ((certs / "server.pem").read_text(), (certs / "authority.pem").read_text()) == before
    ssid = venue.product.row("SELECT ssid FROM radius_authority WHERE district_id = %s", venue.district.id)
    assert ssid == (SSID,)


def test_half_a_certificate_is_refused_and_changes_nothing(venue: Venue, eap: FreeRadius) -> None:
    site = eap.server.raddb / "sites-enabled" / "district"
    before = site.read_text()
    certificate = str(eap.server.raddb / "certs" / "server.pem")
    arguments = (
        "radius",
        "render",
        str(eap.server.raddb),
        "--district",
        venue.district.slug,
        "--account",
        "",
    )
    said = command(venue, *arguments, "--eap-certificate", certificate)
    assert said.returncode != 0
    assert "belong together" in said.stderr + said.stdout
    assert "Traceback" not in said.stderr
    assert site.read_text() == before
