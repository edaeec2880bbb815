"""Aruba by its documented redirects."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from district.gateways.dialect import Arrival, BadRedirect, GatewayInfo, GatewayNotice, Post
from district.gateways.redirects import Standing
from district.gateways.vendors.aruba import Aruba, Options
from tests.district.gateways.logins import LANDING, login

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
INSTANT = {
    "cmd": "login",
    "mac": "02:aa:22:33:44:66",
    "essid": "商圈 Free",
    "ip": "10.1.2.3",
    "apname": "west-1",
    "apmac": "00:18:0a:13:dd:b0",
    "vcname": "instant-C6:7A:1B",
    "switchip": "securelogin.arubanetworks.com",
    "url": "http://example.com/a?b=1",
}
INSTANT_ON = {
    "cmd": "login",
    "mac": "02:aa:22:33:44:66",
    "ip": "10.1.2.3",
    "network": "Free",
    "apmac": "00:18:0a:13:dd:b0",
    "site": "West",
    "post": "captive.arubainstanton.com",
    "url": "http://example.com/",
}


def gateway(**values: Any) -> GatewayInfo:
    given: dict[str, Any] = {"slug": "west", "vendor": "aruba", "secret": "not-used-here", "public_url": ""}
    return GatewayInfo(**(given | values))


def arrive(fields: dict[str, str], info: GatewayInfo | None = None) -> Arrival:
    return Aruba().identify(info or gateway(), urlencode(fields).encode(), machine_now=NOW)


def posted(fields: dict[str, str], info: GatewayInfo | None = None) -> Post:
    step = Aruba().grant(info or gateway(), arrive(fields, info), login(), machine_now=NOW)
    assert isinstance(step, Post)
    return step


def test_an_instant_redirect_says_who_comes_from_where() -> None:
    arrival = arrive(INSTANT)
    assert (arrival.mac, arrival.access_point_mac) == ("02aa22334466", "00180a13ddb0")
    assert (arrival.ssid, arrival.inner_address) == ("商圈 Free", "10.1.2.3")
    assert arrival.wanted_url == "http://example.com/a?b=1"
    assert not arrival.is_signed


def test_instant_takes_the_login_at_its_own_address() -> None:
    assert posted(INSTANT) == Post(
        url="https://securelogin.arubanetworks.com/cgi-bin/login",
        fields={"user": "w1", "password": "one-time", "cmd": "authenticate", "url": LANDING},
    )


def test_instant_without_an_address_takes_the_usual_one() -> None:
    fields = {name: value for name, value in INSTANT.items() if name != "switchip"}
    assert posted(fields).url == "https://securelogin.arubanetworks.com/cgi-bin/login"


def test_instant_on_takes_it_where_it_says_and_the_operator_knows() -> None:
    info = gateway(options={"product": "instant_on"})
    assert posted(INSTANT_ON, info).url == "https://captive.arubainstanton.com/cgi-bin/login"
    info = gateway(options={"product": "instant_on", "path": "/swarm.cgi"})
    assert posted(INSTANT_ON, info) == Post(
        url="https://captive.arubainstanton.com/swarm.cgi",
        fields={"user": "w1", "password": "one-time", "opcode": "cp_auth", "orig_url": LANDING},
    )


def test_a_controller_takes_it_at_its_private_address() -> None:
    info = gateway(options={"product": "controller"})
    assert posted(INSTANT | {"switchip": "10.1.0.2"}, info).url == "https://10.1.0.2/auth/index.html/u"


def test_a_public_address_needs_the_operator_s_word() -> None:
    fields = INSTANT | {"switchip": "203.0.113.9:4343"}
    with pytest.raises(BadRedirect):
        arrive(fields)
    info = gateway(allow_networks=("203.0.113.0/24",))
    assert urlsplit(posted(fields, info).url).netloc == "203.0.113.9:4343"


@pytest.mark.parametrize(
    "place",
    [
        "evil.example",
        "securelogin.arubanetworks.com@evil.example",
        "securelogin.arubanetworks.com.evil.example",
        "evil.example/securelogin.arubanetworks.com",
        "evil.example#securelogin.arubanetworks.com",
        "evil.example\\securelogin.arubanetworks.com",
        "arubanetworks.com",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "0x7f000001",
        "securelogin.arubanetworks.com:99999",
        " ",
    ],
)
@pytest.mark.parametrize("product", ["instant", "instant_on", "controller"])
def test_nobody_else_gets_the_login(place: str, product: str) -> None:
    info = gateway(options={"product": product})
    with pytest.raises(BadRedirect):
        arrive(INSTANT | INSTANT_ON | {"switchip": place, "post": place}, info)


def test_a_refused_login_is_told_and_tried_again_as_another_visit() -> None:
    with pytest.raises(GatewayNotice) as caught:
        arrive(INSTANT | {"errmsg": "Authentication failed"})
    assert (caught.value.standing, caught.value.said) == (Standing.WRONG_LOGIN, "Authentication failed")
    again = Aruba().identify(gateway(), caught.value.again_url[1:].encode(), machine_now=NOW)
    assert again.grant == arrive(INSTANT).grant
    assert again.fingerprint != arrive(INSTANT).fingerprint


@pytest.mark.parametrize("path", ["swarm.cgi", "/a b", "/a?b", "/a#", "https://evil.example/"])
def test_a_path_is_a_path(path: str) -> None:
    info = gateway(options={"path": path})
    with pytest.raises(ValueError, match="path"):
        Options.model_validate(info.options)


def test_the_operator_gets_a_profile() -> None:
    lines = Aruba().configuration(gateway(), portal_url="https://wifi.example:8443/portal/west")
    assert ' server wifi.example\n port 8443\n url "/portal/west"\n' in lines
