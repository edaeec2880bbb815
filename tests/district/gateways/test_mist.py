"""Mist against the worked example of its own documentation, to the byte."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from district.gateways.dialect import Arrival, BadRedirect, GatewayInfo, Go
from district.gateways.vendors.mist import Mist, Options, signed_query
from tests.district.gateways.logins import LANDING, login

SECRET = "test-secret"
EXPIRES = 1768587994
NOW = datetime.fromtimestamp(EXPIRES - 120, tz=UTC)
SUBJECT = "be22bba7-8e22-e1cf-5185-b880816fe2cf/5c5b35001234/d58f6bb4c9d8/480/0/0/0"
DOCUMENTED = (
    "signature=J7VJlf2Zlcs%2BOxhVxCf8hL0XYC0%3D&expires=1768587994"
    "&token=YmUyMmJiYTctOGUyMi1lMWNmLTUxODUtYjg4MDgxNmZlMmNmLzVjNWIzNTAwMTIzNC9kNThmNmJiNGM5ZDgvNDgwLzAvMC8w"
    "&forward=http%3A%2F%2Fwww.mist.com%2F"
)
FIELDS = {
    "wlan_id": "be22bba7-8e22-e1cf-5185-b880816fe2cf",
    "ap_mac": "5c5b35001234",
    "client_mac": "d58f6bb4c9d8",
    "url": "http://www.mist.com/",
    "ap_name": "west 1",
    "site_name": "商圈",
}


def gateway(**options: Any) -> GatewayInfo:
    return GatewayInfo(slug="west", vendor="mist", secret=SECRET, public_url="", options=options)


def arrive(info: GatewayInfo | None = None, **fields: str) -> Arrival:
    raw = urlencode(FIELDS | fields).encode()
    return Mist().identify(info or gateway(), raw, machine_now=NOW)


def granted(info: GatewayInfo, *, session_s: int | None = 480 * 60, **fields: str) -> str:
    step = Mist().grant(info, arrive(info, **fields), login(session_s=session_s), machine_now=NOW)
    assert isinstance(step, Go)
    return step.url


def test_the_documented_example_comes_out_to_the_byte() -> None:
    made = signed_query(SECRET, subject=SUBJECT, expires=EXPIRES, forward="http://www.mist.com/")
    assert made == DOCUMENTED


def test_a_redirect_says_who_comes_from_where_and_is_a_claim() -> None:
    arrival = arrive()
    assert (arrival.mac, arrival.access_point_mac) == ("d58f6bb4c9d8", "5c5b35001234")
    assert arrival.wanted_url == "http://www.mist.com/"
    assert arrival.grant_origins == ("https://portal.mist.com",)
    assert not arrival.is_signed


def test_the_authorization_names_device_access_point_minutes_and_our_page() -> None:
    url = granted(gateway())
    asked = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert url.startswith("https://portal.mist.com/authorize?signature=")
    assert base64.b64decode(asked["token"][0]).decode() == SUBJECT
    assert (asked["expires"], asked["forward"]) == ([str(EXPIRES)], [LANDING])
    payload = url.partition("&")[2]
    expected = hmac.new(SECRET.encode(), payload.encode(), hashlib.sha1).digest()
    assert asked["signature"] == [base64.b64encode(expected).decode()]
    assert payload.endswith(f"&forward={quote(LANDING, safe='')}")


@pytest.mark.parametrize(("session_s", "minutes"), [(None, 480), (1, 1), (60, 1), (61, 2), (10**10, 2628000)])
def test_time_is_whole_minutes(session_s: int | None, minutes: int) -> None:
    token = parse_qs(urlsplit(granted(gateway(), session_s=session_s)).query)["token"][0]
    assert base64.b64decode(token).decode().split("/")[3] == str(minutes)


def claims_of(url: str) -> dict[str, Any]:
    """What a verifier of JSON Web Tokens reads, signature checked (RFC 7515 §5.2)."""
    head, claims, signature = urlsplit(url).query.removeprefix("jwt=").split(".")
    expected = hmac.new(SECRET.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) == expected
    assert json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["alg"] == "HS256"
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return read


def test_the_token_form_carries_the_same() -> None:
    assert claims_of(granted(gateway(form="jwt"))) == {
        "ap_mac": "5c5b35001234",
        "wlan_id": FIELDS["wlan_id"],
        "client_mac": "d58f6bb4c9d8",
        "minutes": 480,
        "expires": EXPIRES,
        "forward": LANDING,
        "authorize_only": False,
    }


def test_a_wired_port_is_named_in_the_token() -> None:
    site = "ce22bba7-8e22-e1cf-5185-b880816fe2ce"
    claims = claims_of(granted(gateway(form="jwt"), site_id=site, port_name="ge-0/0/7"))
    assert (claims["site_id"], claims["port_name"]) == (site, "ge-0/0/7")
    assert "wlan_id" not in claims


def test_another_cloud_is_the_operator_s_word() -> None:
    url = granted(gateway(authorize_url="https://portal.eu.mist.com/authorize"))
    assert url.startswith("https://portal.eu.mist.com/authorize?signature=")


@pytest.mark.parametrize(
    "fields",
    [
        {"wlan_id": ""},
        {"wlan_id": "be22bba7"},
        {"wlan_id": "be22bba7-8e22-e1cf-5185-b880816fe2cf/5c5b35001234/ffff"},
        {"wlan_id": "{be22bba7-8e22-e1cf-5185-b880816fe2cf}"},
        {"ap_mac": ""},
        {"ap_mac": "5c5b35001234/1"},
        {"client_mac": ""},
        {"client_mac": "000000000000"},
        {"client_mac": "ff:ff:ff:ff:ff:ff"},
    ],
    ids=str,
)
def test_what_would_stand_in_the_token_is_checked(fields: dict[str, str]) -> None:
    with pytest.raises(BadRedirect):
        arrive(gateway(), **fields)


@pytest.mark.parametrize("port", ["", "a b", "x" * 61, "é"])
def test_a_strange_port_is_not_signed(port: str) -> None:
    if port:
        with pytest.raises(BadRedirect):
            arrive(gateway(form="jwt"), site_id=FIELDS["wlan_id"], port_name=port)
    else:
        assert "port_name" not in arrive(gateway(form="jwt"), port_name=port).grant


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "https://a b/", "ftp://portal.mist.com/authorize", "https://x"]
)
def test_a_cloud_is_an_address(url: str) -> None:
    with pytest.raises(ValueError, match="authorize_url"):
        Options(authorize_url=url)
