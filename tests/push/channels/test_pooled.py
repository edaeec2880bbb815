"""Kept connections: only checked addresses, no redirects, bounded answers, and one connection for many calls."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from push.channels.outbound import NotDelivered, OutboundPolicy, TargetRefused
from push.channels.pooled import Pooled
from tests.push.listener import listening

LOOPBACK = OutboundPolicy(allows_loopback=True, deadline=timedelta(seconds=60))
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def pooled(policy: OutboundPolicy = LOOPBACK, *addresses: str) -> AsyncIterator[Pooled]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert port
        return addresses or [host]

    out = Pooled(policy=policy, resolve=resolve)
    try:
        yield out
    finally:
        await out.close()


async def post(out: Pooled, url: str) -> int:
    return (await out.post(url, body=b"x", headers={}, read_bytes=100)).status


@asynccontextmanager
async def serving(pieces: Sequence[bytes], *, pause_s: float = 0.0) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that sends these pieces for each request on a connection that it keeps; its address, its connections."""
    calls: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(0)
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(1)
                calls[-1] += 1
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause_s)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/push", calls
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_calls_after_each_other_share_a_connection() -> None:
    async with serving([CREATED]) as (url, calls), pooled() as out:
        assert [await post(out, url) for _ in range(20)] == [201] * 20
    assert calls == [20]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/push",
        "https://[::1]/push",
        "https://[::ffff:10.0.0.1]/push",
        "https://10.1.2.3/push",
        "http://push.example/push",
        "https://user@push.example/push",
        "https://push.example\\@127.0.0.1/",
        "ftp://push.example/",
    ],
)
async def test_what_is_not_public_or_not_encrypted_is_not_called(url: str) -> None:
    async with pooled(OutboundPolicy(), "93.184.216.34") as out:
        with pytest.raises(TargetRefused):
            await post(out, url)


async def test_a_name_with_one_private_address_among_public_ones_is_not_called() -> None:
    async with pooled(OutboundPolicy(), "93.184.216.34", "192.168.0.1") as out:
        with pytest.raises(TargetRefused):
            await post(out, "https://push.example/push")


async def test_a_name_that_leads_to_this_machine_is_not_called() -> None:
    async with pooled(OutboundPolicy(), "127.0.0.1") as out:
        with pytest.raises(TargetRefused):
            await post(out, "https://push.example/push")


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with serving([moved]) as (url, calls), pooled() as out:
        assert await post(out, url) == 307
    assert calls == [1]


async def test_a_body_without_end_is_cut_off_and_costs_no_memory() -> None:
    head = b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 1073741824\r\n\r\n"
    async with serving([head, *([b"\x1f\x8b" * 32_768] * 2_000)]) as (url, _), pooled() as out:
        tracemalloc.start()
        try:
            assert await post(out, url) == 201
            assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
        finally:
            tracemalloc.stop()


async def test_an_answer_that_drips_is_cut_off_by_the_deadline() -> None:
    policy = OutboundPolicy(allows_loopback=True, deadline=timedelta(seconds=2))
    async with serving([b"H", b"T", b"T"] * 1_000, pause_s=0.2) as (url, _), pooled(policy) as out:
        with pytest.raises(NotDelivered) as caught:
            await post(out, url)
    assert caught.value.was_sent


async def test_a_connection_that_is_cut_after_the_request_may_have_been_taken() -> None:
    async with listening(b"HTTP/1.1 2") as listener, pooled() as out:
        with pytest.raises(NotDelivered) as caught:
            await post(out, f"http://127.0.0.1:{listener.port}/push")
    assert caught.value.was_sent


async def test_a_port_that_nobody_listens_on_has_taken_nothing() -> None:
    async with pooled() as out:
        with pytest.raises(NotDelivered) as caught:
            await post(out, "http://127.0.0.1:1/push")
    assert not caught.value.was_sent
