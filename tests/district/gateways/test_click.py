"""Our own redirect: signed, five minutes old at most, and for one gateway."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from district.gateways.dialect import BadRedirect, GatewayInfo
from district.gateways.vendors.click import Click, redirect_query, signature

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
SECRET = "a-secret-of-the-gateway"
MAC, AP = "02:aa:22:33:44:66", "00:18:0a:13:dd:b0"


def gateway(secret: str = SECRET) -> GatewayInfo:
    return GatewayInfo(slug="west", vendor="click", secret=secret, public_url="")


def query(*, mac: str = MAC, ap: str = AP, url: str = "http://example.com/", age_s: float = 0) -> bytes:
    made = NOW - timedelta(seconds=age_s)
    return redirect_query(SECRET, mac=mac, ap=ap, url=url, machine_now=made).encode()


def test_a_redirect_says_who_comes_from_where() -> None:
    arrival = Click().identify(gateway(), query(), machine_now=NOW)
    assert (arrival.mac, arrival.access_point_mac) == ("02aa22334466", "00180a13ddb0")
    assert arrival.wanted_url == "http://example.com/"
    assert arrival.is_signed


@pytest.mark.parametrize("age_s", [0, 299, 300, -60])
def test_a_redirect_is_good_for_five_minutes(age_s: float) -> None:
    assert Click().identify(gateway(), query(age_s=age_s), machine_now=NOW).mac


@pytest.mark.parametrize(("age_s", "reason"), [(301, "older"), (86_400, "older"), (-62, "future")])
def test_a_redirect_of_another_time_is_refused(age_s: float, reason: str) -> None:
    with pytest.raises(BadRedirect, match=reason):
        Click().identify(gateway(), query(age_s=age_s), machine_now=NOW)


def test_another_gateway_s_redirect_is_refused() -> None:
    with pytest.raises(BadRedirect, match="signature"):
        Click().identify(gateway("another-secret"), query(), machine_now=NOW)


@pytest.mark.parametrize("position", range(len(query())))
def test_no_byte_of_a_redirect_can_be_changed(position: int) -> None:
    raw = bytearray(query())
    raw[position] ^= 1
    with pytest.raises(BadRedirect):
        Click().identify(gateway(), bytes(raw), machine_now=NOW)


@pytest.mark.parametrize(
    "mac", ["", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:aa", "zz" * 6, "0" * 400]
)
def test_what_is_no_device_is_refused_though_signed(mac: str) -> None:
    with pytest.raises(BadRedirect):
        Click().identify(gateway(), query(mac=mac), machine_now=NOW)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"&" * 7000,
        b"mac=1",
        query() + b"&mac=02:aa:22:33:44:77",
        query() + b"&" + b"x" * 9000,
        query() + b"&a=1" * 40,
        b"\xff" + query(),
        query().replace(b"sig=", b"sig=%ff"),
        query().replace(b"t=", b"t=%EF%BC%91"),
    ],
)
def test_what_is_no_redirect_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRedirect):
        Click().identify(gateway(), raw, machine_now=NOW)


@pytest.mark.parametrize("moment", ["-1", "1e9", "０", "9" * 13, "", "NaN"])
def test_a_time_is_whole_seconds(moment: str) -> None:
    signed = signature(SECRET, mac=MAC, ap=AP, t=moment, url="")
    raw = urlencode({"mac": MAC, "ap": AP, "url": "", "t": moment, "sig": signed}).encode()
    with pytest.raises(BadRedirect):
        Click().identify(gateway(), raw, machine_now=NOW)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/",
        "http:evil.example",
        "http://[::1",
        "ftp://x/",
        "http://",
        "http://a b/",
        "\x00",
    ],
)
def test_a_wanted_address_that_is_no_web_address_is_left_out(url: str) -> None:
    assert Click().identify(gateway(), query(url=url), machine_now=NOW).wanted_url == ""
