"""Meraki's EXCAP by its documented addresses."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from district.gateways.dialect import Arrival, BadRedirect, GatewayInfo, GatewayNotice, Go, Post
from district.gateways.redirects import Standing
from district.gateways.vendors.meraki import Meraki
from tests.district.gateways.logins import LANDING, login

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
DOCUMENTED = (
    "base_grant_url=https%3A%2F%2Fn143.network-auth.com%2Fsplash%2Fgrant&user_continue_url=http%3A%2F%2Fmeraki.com%2F"
    "&node_id=1301936&node_mac=00:18:0a:13:dd:b0&gateway_id=1301936&client_ip=10.162.50.40&client_mac=ff:ff:96:d5:d5"
)
CLIENT = DOCUMENTED.replace("ff:ff:96:d5:d5", "5c:96:9d:0f:ae:1c")
"""The documented address of a device: the one in the text has five bytes."""
SIGN_ON = {
    "login_url": "https://n143.network-auth.com/splash/login?mauth=MMbZ-a%2Fb_&continue_url=http%3A%2F%2Fmeraki.com%2F",
    "continue_url": "http://meraki.com/",
    "ap_mac": "00:18:0a:13:dd:b0",
    "ap_name": "商圈 west",
    "ap_tags": "office+south",
    "client_mac": "5c:96:9d:0f:ae:1c",
    "client_ip": "10.162.50.40",
}


def gateway(**values: Any) -> GatewayInfo:
    given: dict[str, Any] = {"slug": "west", "vendor": "meraki", "secret": "not-used-here", "public_url": ""}
    return GatewayInfo(**(given | values))


def arrive(raw: str, info: GatewayInfo | None = None, *, now: datetime = NOW) -> Arrival:
    return Meraki().identify(info or gateway(), raw.encode(), machine_now=now)


def test_the_documented_redirect_says_who_comes_from_where() -> None:
    arrival = arrive(CLIENT)
    assert (arrival.mac, arrival.access_point_mac) == ("5c969d0fae1c", "00180a13ddb0")
    assert (arrival.wanted_url, arrival.inner_address) == ("http://meraki.com/", "10.162.50.40")
    assert not arrival.is_signed


def test_the_documented_device_address_is_none() -> None:
    with pytest.raises(BadRedirect, match="MAC"):
        arrive(DOCUMENTED)


def test_click_through_goes_to_the_grant_address_with_our_page_and_the_plan_s_time() -> None:
    step = Meraki().grant(gateway(), arrive(CLIENT), login(), machine_now=NOW)
    expected = (
        f"https://n143.network-auth.com/splash/grant?continue_url={quote(LANDING, safe='')}&duration=3600"
    )
    assert step == Go(url=expected)


def test_a_plan_without_end_names_no_duration() -> None:
    step = Meraki().grant(gateway(), arrive(CLIENT), login(session_s=None), machine_now=NOW)
    assert isinstance(step, Go)
    assert parse_qs(urlsplit(step.url).query) == {"continue_url": [LANDING]}


def test_a_grant_address_with_a_query_keeps_it() -> None:
    raw = CLIENT.replace("splash%2Fgrant", "splash%2Fgrant%3Fa%3D1")
    step = Meraki().grant(gateway(), arrive(raw), login(), machine_now=NOW)
    assert isinstance(step, Go)
    assert step.url.startswith("https://n143.network-auth.com/splash/grant?a=1&continue_url=")


def test_sign_on_posts_the_one_time_login_to_the_login_address_as_it_came() -> None:
    arrival = arrive(urlencode(SIGN_ON))
    step = Meraki().grant(gateway(), arrival, login(), machine_now=NOW)
    assert step == Post(
        url=SIGN_ON["login_url"],
        fields={"username": "w1", "password": "one-time", "success_url": LANDING},
    )
    assert arrival.access_point_mac == "00180a13ddb0"


def test_a_refused_sign_on_is_told_and_tried_again_as_another_visit() -> None:
    with pytest.raises(GatewayNotice) as caught:
        arrive(urlencode(SIGN_ON | {"error_message": "Access <b>denied</b>\x00"}))
    notice = caught.value
    assert (notice.standing, notice.said) == (Standing.WRONG_LOGIN, "Access <b>denied</b>")
    again = arrive(notice.again_url.removeprefix("?"))
    assert again.grant == {"login_url": SIGN_ON["login_url"]}
    assert again.fingerprint != arrive(urlencode(SIGN_ON)).fingerprint


def test_the_same_device_comes_again_after_a_minute() -> None:
    assert arrive(CLIENT).fingerprint == arrive(CLIENT, now=NOW + timedelta(seconds=59)).fingerprint
    assert arrive(CLIENT).fingerprint == arrive(CLIENT + "&lang=zh").fingerprint
    assert arrive(CLIENT).fingerprint != arrive(CLIENT, now=NOW + timedelta(seconds=60)).fingerprint


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/splash/grant",
        "https://network-auth.com.evil.example/",
        "https://n143.network-auth.com@evil.example/",
        "https://@n143.network-auth.com/",
        "https://evil.example/?n143.network-auth.com",
        "https://evil.example#.network-auth.com",
        "https://n1.meraki.com.evil.example/",
        "https://x.meraki.com/",
        "https://network-auth.com/",
        "https://n143.network-auth.com\\@evil.example/",
        "javascript://n143.network-auth.com/%0aalert(1)",
        "//n143.network-auth.com/",
        "https://n143.network-auth.com/#",
        "https://[::1]/",
        "https://10.0.0.1/",
        "",
    ],
)
@pytest.mark.parametrize("field", ["base_grant_url", "login_url"])
def test_only_meraki_s_own_hosts_are_gone_to(url: str, field: str) -> None:
    with pytest.raises(BadRedirect):
        arrive(urlencode({field: url, "client_mac": "5c:96:9d:0f:ae:1c"}))


def test_further_hosts_are_the_operator_s_word() -> None:
    raw = urlencode({"base_grant_url": "https://splash.example/grant", "client_mac": "5c:96:9d:0f:ae:1c"})
    arrival = arrive(raw, gateway(allow_hosts=("splash.example",)))
    assert arrival.grant == {"grant_url": "https://splash.example/grant"}
    assert "https://splash.example" in arrival.grant_origins


def test_neither_grant_nor_login_is_no_redirect() -> None:
    with pytest.raises(BadRedirect, match="base_grant_url"):
        arrive("client_mac=5c:96:9d:0f:ae:1c")


def test_the_operator_gets_the_places_in_the_dashboard() -> None:
    lines = Meraki().configuration(gateway(), portal_url="https://wifi.example/portal/west")
    assert "Custom splash URL: https://wifi.example/portal/west\n" in lines
    assert "Walled garden: wifi.example\n" in lines
