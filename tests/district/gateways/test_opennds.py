"""openNDS level 1 against what a real gateway sent and accepted."""

import base64
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from district.gateways.dialect import BadRedirect, GatewayInfo, Go, Login, PlanInfo
from district.gateways.vendors.opennds import OpenNds

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "wifi_vectors.json"
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
HID = "26a24fba70941c0250cfaa2c79b903f3aa3be62ea75665f9cb3e1ad57d051933"
FAS = (
    "aGlkPTI2YTI0ZmJhNzA5NDFjMDI1MGNmYWEyYzc5YjkwM2YzYWEzYmU2MmVhNzU2NjVmOWNiM2UxYWQ1N2QwNTE5MzMsIGNsaWVudGlwPTEwLjIuMC4x"
    "ODIsIGNsaWVudG1hYz0wMjphYToyMjozMzo0NDo2NiwgZ2F0ZXdheWFkZHJlc3M9MTAuMi4wLjE6MjA1MA=="
)


def login(*, landing_url: str) -> Login:
    return Login(
        session_id=uuid.UUID(int=1), username="", password="", plan=PlanInfo(), landing_url=landing_url
    )


def gateway(**values: object) -> GatewayInfo:
    given: dict[str, object] = {"slug": "west", "vendor": "opennds", "secret": "1234567890", "public_url": ""}
    return GatewayInfo(**(given | values))  # type: ignore[arg-type]


def test_recorded_redirect_is_answered_with_the_token_that_the_gateway_accepted() -> None:
    if not VECTORS.exists():
        pytest.skip("the recorded vectors are not beside this checkout")
    vector = json.loads(VECTORS.read_text())["opennds"][0]
    dialect = OpenNds()
    arrival = dialect.identify(
        gateway(secret=vector["faskey"]), urlsplit(vector["url"]).query.encode(), machine_now=NOW
    )
    step = dialect.grant(
        gateway(secret=vector["faskey"]), arrival, login(landing_url="http://x.example/a b"), machine_now=NOW
    )
    assert isinstance(step, Go)
    granted = urlsplit(step.url)
    assert arrival.grant["hid"] == vector["hid"]
    assert granted.netloc == "10.2.0.1:2050"
    assert granted.path == "/opennds_auth/"
    assert granted.query == f"tok={vector['tok']}&redir=http%3A%2F%2Fx.example%2Fa%20b"
    assert arrival.mac == "02aa22334466"
    assert arrival.wanted_url == "http://203.0.113.10/generate_204?x=1&y=2"


def test_blank_for_plus_is_read_as_the_gateway_meant_it() -> None:
    arrival = OpenNds().identify(gateway(), f"fas={FAS}".replace("+", " ").encode(), machine_now=NOW)
    assert arrival.grant["hid"] == HID


@pytest.mark.parametrize(
    "query",
    [b"", b"fas=", b"fas=%%%", b"fas=aGlk", b"x=1", f"fas={FAS}&fas={FAS}".encode(), b"fas=" + b"A" * 9000],
)
def test_a_query_that_is_no_redirect_is_refused(query: bytes) -> None:
    with pytest.raises(BadRedirect):
        OpenNds().identify(gateway(), query, machine_now=NOW)


def test_a_gateway_outside_the_allowed_networks_is_refused() -> None:
    with pytest.raises(BadRedirect, match="allow_networks"):
        OpenNds().identify(
            gateway(allow_networks=("192.168.0.0/16",)), f"fas={FAS}".encode(), machine_now=NOW
        )


def redirect(**fields: str) -> bytes:
    given = {"hid": HID, "clientmac": "02:aa:22:33:44:66", "gatewayaddress": "10.2.0.1:2050"} | fields
    text = ", ".join(f"{name}={value}" for name, value in given.items())
    return b"fas=" + base64.b64encode(text.encode())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "evil.example:2050",
        "8.8.8.8:80",
        "10.2.0.1:99999",
        "10.2.0.1:x",
        "10.2.0.1:2050/path",
        "10.2.0.1:2050?x",
        "10.2.0.1:2050#x",
        "user@10.2.0.1",
        ":pw@10.2.0.1",
        "10.2.0.1@evil.example",
        "evil.example\\@10.2.0.1",
        "[fe80::1%25eth0]:2050",
        "::ffff:8.8.8.8",
        "167772161",
        "0x0a000001",
        "127.0.0.1:2050",
        "169.254.169.254",
    ],
)
def test_a_browser_is_sent_only_to_a_private_address(address: str) -> None:
    with pytest.raises(BadRedirect):
        OpenNds().identify(gateway(), redirect(gatewayaddress=address), machine_now=NOW)


@pytest.mark.parametrize("authdir", ["../x", "a/b", "x?y", "é", "a" * 65, "a b", "%2e"])
def test_the_grant_s_path_is_a_plain_name(authdir: str) -> None:
    with pytest.raises(BadRedirect, match="authdir"):
        OpenNds().identify(gateway(), redirect(authdir=authdir), machine_now=NOW)


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "", "x"])
def test_a_claim_names_a_device(mac: str) -> None:
    with pytest.raises(BadRedirect):
        OpenNds().identify(gateway(), redirect(clientmac=mac), machine_now=NOW)


@pytest.mark.parametrize("hid", ["", "short", "x" * 129, "a b" * 10, "é" * 20, "../../etc/passwd0000"])
def test_a_hid_is_letters_and_digits(hid: str) -> None:
    with pytest.raises(BadRedirect):
        OpenNds().identify(gateway(), redirect(hid=hid), machine_now=NOW)


def test_a_level_one_redirect_is_a_claim() -> None:
    assert not OpenNds().identify(gateway(), redirect(), machine_now=NOW).is_signed
