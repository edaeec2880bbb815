"""Calls to foreign addresses: only public hosts, the checked address, one deadline, no redirects."""

import ipaddress
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from push.channels.outbound import (
    HostUnknown,
    NotDelivered,
    Outbound,
    OutboundPolicy,
    TargetRefused,
    checked_url,
    is_public,
)
from tests.push.listener import listening

LOOPBACK = OutboundPolicy(allows_loopback=True, deadline=timedelta(seconds=60))
SELF_SIGNED = [
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "1",
    "-subj",
    "/CN=partner.example",
    "-addext",
    "subjectAltName=DNS:partner.example",
]
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@asynccontextmanager
async def outbound(policy: OutboundPolicy = LOOPBACK, *addresses: str) -> AsyncIterator[Outbound]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert port
        return addresses or [host]

    out = Outbound(policy=policy, resolve=resolve)
    try:
        yield out
    finally:
        await out.close()


async def test_a_body_is_posted_and_the_answers_head_read() -> None:
    async with listening(OK) as listener, outbound() as out:
        answer = await out.post(
            f"http://127.0.0.1:{listener.port}/hook?a=1", body=b"{}", headers={"X-A": "b"}
        )
    assert answer.status == 204
    (request,) = listener.requests
    assert request.startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert b"\r\nX-A: b\r\n" in request
    assert request.endswith(b"\r\n\r\n{}")


async def test_the_host_header_is_the_names_and_the_connection_the_checked_addresss() -> None:
    async with listening(OK) as listener, outbound(LOOPBACK, "127.0.0.1") as out:
        await out.post(f"http://partner.example:{listener.port}/", body=b"{}", headers={})
    assert f"\r\nHost: partner.example:{listener.port}\r\n".encode() in listener.requests[0]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    async with listening(OK) as inner:
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{inner.port}/\r\n\r\n".encode()
        async with listening(answer) as listener, outbound() as out:
            got = await out.post(f"http://127.0.0.1:{listener.port}/", body=b"{}", headers={})
    assert got.status == status
    assert inner.requests == []


async def test_a_server_that_never_answers_is_cut_and_may_have_taken_it() -> None:
    policy = OutboundPolicy(allows_loopback=True, deadline=timedelta(seconds=2))
    async with listening(b"") as listener, outbound(policy) as out:
        with pytest.raises(NotDelivered) as failed:
            await out.post(f"http://127.0.0.1:{listener.port}/", body=b"{}", headers={})
    assert failed.value.was_sent


async def test_an_endless_body_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000
    async with listening(endless) as listener, outbound() as out:
        answer = await out.post(f"http://127.0.0.1:{listener.port}/", body=b"{}", headers={})
    assert answer.status == 200


async def test_a_port_where_nobody_listens_took_nothing() -> None:
    async with listening(OK) as listener:
        port = listener.port
    async with outbound() as out:
        with pytest.raises(NotDelivered) as failed:
            await out.post(f"http://127.0.0.1:{port}/", body=b"{}", headers={})
    assert not failed.value.was_sent


async def test_a_server_that_hangs_up_may_have_taken_it() -> None:
    async with listening(b"HTTP/1.1 2") as listener, outbound() as out:
        with pytest.raises(NotDelivered) as failed:
            await out.post(f"http://127.0.0.1:{listener.port}/", body=b"{}", headers={})
    assert failed.value.was_sent


NOT_PUBLIC = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_open_internet_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_a_name_that_leads_inside_is_not_called(address: str) -> None:
    async with outbound(OutboundPolicy(), "1.1.1.1", address) as out:
        with pytest.raises(TargetRefused, match="not public"):
            await out.target("https://partner.example/hook")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "169.254.169.254", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"]
)
async def test_every_spelling_of_this_machine_is_refused_by_the_systems_resolver(host: str) -> None:
    out = Outbound()
    try:
        with pytest.raises((TargetRefused, HostUnknown)):
            await out.target(f"https://{host}/")
    finally:
        await out.close()


async def test_the_name_is_resolved_once_and_what_was_checked_is_called() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(f"{host}:{port}")
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with listening(OK) as listener:
        out = Outbound(policy=LOOPBACK, resolve=rebinding)
        answer = await out.post(f"http://partner.example:{listener.port}/", body=b"{}", headers={})
        await out.close()
    assert answer.status == 204
    assert asked == [f"partner.example:{listener.port}"]


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/",
        "ftp://partner.example/",
        "https:///hook",
        "https://user:word@partner.example/",
        "https://partner.example\\@inside/",
        "https://partner.example/\n",
        "https://partner.example/ö",
        "https://[::1",
        "file:///etc/passwd",
        "//partner.example/",
        "",
        "https://partner.example/" + "x" * 2_048,
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        checked_url(url, OutboundPolicy())


@pytest.mark.parametrize("url", ["https://partner.example:8443/", "https://partner.example:22/"])
async def test_only_the_port_of_https_is_called(url: str) -> None:
    async with outbound(OutboundPolicy(), "1.1.1.1") as out:
        with pytest.raises(TargetRefused):
            await out.target(url)


async def test_loopback_does_not_open_plain_http_to_the_world() -> None:
    async with outbound(LOOPBACK, "1.1.1.1") as out:
        with pytest.raises(TargetRefused):
            await out.target("http://partner.example/")


async def test_a_body_that_is_too_large_is_not_sent() -> None:
    async with outbound() as out:
        with pytest.raises(TargetRefused, match="65536"):
            await out.post("http://127.0.0.1:1/", body=bytes(65_537), headers={})


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for partner.example that signs itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    subprocess.run(
        [*SELF_SIGNED, "-keyout", str(key), "-out", str(chain)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return chain, key


@pytest.mark.parametrize(("host", "is_trusted"), [("partner.example", True), ("other.example", False)])
async def test_the_certificate_must_be_the_names_although_the_address_is_called(
    certificate: tuple[Path, Path], host: str, is_trusted: bool
) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*certificate)
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    policy = OutboundPolicy(allows_loopback=True, trust=trust, deadline=timedelta(seconds=60))
    async with listening(OK, server_side) as listener, outbound(policy, "127.0.0.1") as out:
        url = f"https://{host}:{listener.port}/"
        if is_trusted:
            assert (await out.post(url, body=b"{}", headers={})).status == 204
        else:
            with pytest.raises(NotDelivered) as failed:
                await out.post(url, body=b"{}", headers={})
            assert not failed.value.was_sent
            assert listener.requests == []
