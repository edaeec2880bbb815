"""openNDS level 1 against what a real gateway sent and accepted."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from district.gateways.dialect import BadRedirect, GatewayInfo
from district.gateways.opennds import OpenNds

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "wifi_vectors.json"
NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
HID = "26a24fba70941c0250cfaa2c79b903f3aa3be62ea75665f9cb3e1ad57d051933"
FAS = (
    "aGlkPTI2YTI0ZmJhNzA5NDFjMDI1MGNmYWEyYzc5YjkwM2YzYWEzYmU2MmVhNzU2NjVmOWNiM2UxYWQ1N2QwNTE5MzMsIGNsaWVudGlwPTEwLjIuMC4x"
    "ODIsIGNsaWVudG1hYz0wMjphYToyMjozMzo0NDo2NiwgZ2F0ZXdheWFkZHJlc3M9MTAuMi4wLjE6MjA1MA=="
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
    granted = urlsplit(
        dialect.grant(gateway(secret=vector["faskey"]), arrival, landing_url="http://x.example/a b")
    )
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
