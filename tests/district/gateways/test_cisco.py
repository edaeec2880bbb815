"""Cisco's local web authentication by its documented redirect."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from district.gateways.dialect import Arrival, BadRedirect, GatewayInfo, GatewayNotice, Post
from district.gateways.redirects import Standing
from district.gateways.vendors.cisco import Cisco
from tests.district.gateways.logins import LANDING, login

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
FIELDS = {
    "switch_url": "https://192.0.2.1/login.html",
    "ap_mac": "00:18:0a:13:dd:b0",
    "client_mac": "02:aa:22:33:44:66",
    "wlan": "商圈 Free",
    "redirect": "http://example.com/",
}


def gateway(**values: Any) -> GatewayInfo:
    given: dict[str, Any] = {"slug": "west", "vendor": "cisco", "secret": "not-used-here", "public_url": ""}
    return GatewayInfo(**(given | values))


def arrive(info: GatewayInfo | None = None, **fields: str) -> Arrival:
    return Cisco().identify(info or gateway(), urlencode(FIELDS | fields).encode(), machine_now=NOW)


def test_a_redirect_says_who_comes_from_where() -> None:
    arrival = arrive()
    assert (arrival.mac, arrival.access_point_mac) == ("02aa22334466", "00180a13ddb0")
    assert (arrival.ssid, arrival.wanted_url) == ("商圈 Free", "http://example.com/")
    assert not arrival.is_signed


def test_the_controller_takes_the_login_as_its_own_page_sends_it() -> None:
    step = Cisco().grant(gateway(), arrive(), login(), machine_now=NOW)
    assert step == Post(
        url="https://192.0.2.1/login.html",
        fields={
            "buttonClicked": "4",
            "err_flag": "0",
            "redirect_url": LANDING,
            "username": "w1",
            "password": "one-time",
        },
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1", Standing.ON_LINE),
        ("2", Standing.NOT_SET_UP),
        ("3", Standing.IN_USE),
        ("4", Standing.EXCLUDED),
        ("5", Standing.WRONG_LOGIN),
        ("6", Standing.NOT_LET_IN),
        ("<script>", Standing.NOT_LET_IN),
    ],
)
def test_what_the_controller_answered_is_told(code: str, expected: Standing) -> None:
    with pytest.raises(GatewayNotice) as caught:
        arrive(statusCode=code)
    assert caught.value.standing is expected
    again = Cisco().identify(gateway(), caught.value.again_url[1:].encode(), machine_now=NOW)
    assert again.grant == arrive().grant
    assert again.fingerprint != arrive().fingerprint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://evil.example/login.html",
        "https://192.0.2.1@evil.example/login.html",
        "https://192.0.2.1.evil.example/login.html",
        "https://192.0.2.1\\@evil.example/",
        "https://evil.example/#192.0.2.1",
        "//192.0.2.1/login.html",
        "javascript://192.0.2.1/%0aalert(1)",
        "https://127.0.0.1/login.html",
        "https://169.254.169.254/login.html",
        "https://1.1.1.1/login.html",
        "https://[::1]/login.html",
        "https://[192.0.2.1/",
        "https://3221225985/login.html",
        "https://192.0.2.1:99999/",
        "https://192.0.2.1/login.html#x",
        "https://192.0.2.1/\r\nSet-Cookie: a=b",
    ],
)
def test_nobody_else_gets_the_login(url: str) -> None:
    with pytest.raises(BadRedirect):
        arrive(switch_url=url)


def test_another_virtual_address_or_name_is_the_operator_s_word() -> None:
    info = gateway(allow_networks=("1.1.1.1/32",))
    assert arrive(info, switch_url="https://1.1.1.1/login.html").grant == {
        "url": "https://1.1.1.1/login.html"
    }
    info = gateway(allow_hosts=("wlc.example",))
    assert arrive(info, switch_url="http://wlc.example/login.html").grant_origins == ("http://wlc.example",)


def test_the_operator_gets_a_parameter_map() -> None:
    lines = Cisco().configuration(gateway(), portal_url="https://wifi.example/portal/west")
    assert " redirect for-login https://wifi.example/portal/west\n" in lines
