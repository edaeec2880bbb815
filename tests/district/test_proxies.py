"""Whom limits count: what a stranger's headers say changes nothing."""

import ipaddress

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from district.proxies import TrustedProxies, network_of, networks_of


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    await JSONResponse({"network": network_of(request), "scheme": request.url.scheme})(scope, receive, send)


async def seen(
    peer: str, *headers: tuple[str, str], trusted: str = "10.0.0.0/8,fd00::/8", public_url: str | None = None
) -> dict[str, str]:
    app = TrustedProxies(echo, networks=networks_of(trusted), public_url=public_url)
    transport = httpx.ASGITransport(app=app, client=(peer, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get("/", headers=list(headers))
    found: dict[str, str] = answer.json()
    return found


@pytest.mark.parametrize(
    "headers",
    [
        (("x-forwarded-for", "6.6.6.6"),),
        (("x-real-ip", "6.6.6.6"),),
        (("forwarded", "for=6.6.6.6;proto=https"),),
        (("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "7.7.7.7"), ("x-forwarded-proto", "https")),
    ],
)
async def test_a_stranger_s_headers_are_only_text(headers: tuple[tuple[str, str], ...]) -> None:
    assert await seen("203.0.113.5", *headers) == {"network": "203.0.113.5", "scheme": "http"}


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        (["203.0.113.5"], "203.0.113.5"),
        (["6.6.6.6, 203.0.113.5"], "203.0.113.5"),
        (["6.6.6.6", "203.0.113.5"], "203.0.113.5"),
        (["6.6.6.6, 203.0.113.5, 10.0.0.7"], "203.0.113.5"),
        (["10.0.0.7"], "10.0.0.7"),
        (["203.0.113.5:4711"], "203.0.113.5"),
        (["[2001:db8:1:2::7]:4711"], "2001:db8:1:2::/64"),
        (["::ffff:203.0.113.5"], "203.0.113.5"),
        (["6.6.6.6, rubbish"], "10.0.0.1"),
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([", ".join(["6.6.6.6"] * 5000 + ["203.0.113.5"])], "203.0.113.5"),
    ],
)
async def test_behind_a_proxy_the_rightmost_stranger_counts(forwarded: list[str], network: str) -> None:
    headers = [("x-forwarded-for", value) for value in forwarded]
    assert (await seen("10.0.0.1", *headers))["network"] == network


async def test_addresses_of_one_ipv6_network_are_one() -> None:
    found = {(await seen(f"2001:db8::{number:x}"))["network"] for number in range(1, 50)}
    assert found == {"2001:db8::/64"}
    assert (await seen("2001:db8:0:1::1"))["network"] not in found


async def test_the_scheme_is_the_proxy_s_word_or_the_public_origin_s() -> None:
    assert (await seen("10.0.0.1", ("x-forwarded-proto", "https")))["scheme"] == "https"
    assert (await seen("203.0.113.5", public_url="https://wifi.example"))["scheme"] == "https"
    assert (await seen("203.0.113.5", public_url="http://wifi.example"))["scheme"] == "http"


def test_networks_are_read_and_rubbish_is_refused() -> None:
    assert networks_of("10.0.0.1, fd00::/8,") == (
        ipaddress.ip_network("10.0.0.1/32"),
        ipaddress.ip_network("fd00::/8"),
    )
    with pytest.raises(ValueError, match="does not appear"):
        networks_of("everybody")
