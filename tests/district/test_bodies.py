"""Bodies that are too long, too slow or not what they say: refused at the byte that breaks the rule."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message

from district import problems
from district.bodies import MEBIBYTE, BodyLimit, read

PAUSE = timedelta(milliseconds=200)


@pytest.fixture
def application() -> ASGIApp:
    app = FastAPI()
    problems.install(app)

    @app.post("/small")
    async def small(document: dict[str, str]) -> int:
        return len(document)

    @app.post("/large")
    async def large(request: Request) -> int:
        return len(await read(request, limit_bytes=2 * MEBIBYTE, pause=PAUSE))

    return BodyLimit(app, pause=PAUSE)


class Caller:
    """One request whose parts are given out as they are asked for; ``taken`` counts them."""

    def __init__(self, parts: AsyncIterator[bytes], *, path: str, headers: dict[str, str]) -> None:
        self.parts, self.taken, self.sent = parts, 0, list[Message]()
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }

    async def receive(self) -> Message:
        try:
            part = await anext(self.parts)
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        self.taken += 1
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


async def call(app: ASGIApp, parts: AsyncIterator[bytes], path: str, **headers: str) -> Caller:
    caller = Caller(parts, path=path, headers={"content-type": "application/json", **headers})
    await app(caller.scope, caller.receive, caller.send)
    return caller


async def endless(part: bytes) -> AsyncIterator[bytes]:
    while True:
        yield part


async def stalling(part: bytes) -> AsyncIterator[bytes]:
    yield part
    await asyncio.Event().wait()


async def of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(("path", "most"), [("/small", 18), ("/large", 34)])
async def test_an_endless_body_is_refused_when_its_limit_is_passed(
    application: ASGIApp, path: str, most: int
) -> None:
    caller = await call(application, endless(b" " * 65_536), path)
    assert caller.status == 413
    assert caller.taken <= most


async def test_a_promised_length_over_the_limit_is_refused_unread(application: ASGIApp) -> None:
    caller = await call(application, endless(b" "), "/large", **{"content-length": str(3 * MEBIBYTE)})
    assert (caller.status, caller.taken) == (413, 0)


@pytest.mark.parametrize("path", ["/small", "/large"])
async def test_a_body_that_stalls_is_given_up(application: ASGIApp, path: str) -> None:
    async with asyncio.timeout(60):
        caller = await call(application, stalling(b"{"), path)
    assert caller.status == 408
    assert dict(caller.sent[0]["headers"])[b"content-type"] == b"application/problem+json"


async def test_a_gzip_bomb_is_refused_before_it_has_arrived(application: ASGIApp) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b"\0" * 100 * MEBIBYTE) + packer.flush()
    parts = [bomb[place : place + 1000] for place in range(0, len(bomb), 1000)]
    caller = await call(application, of(*parts), "/large", **{"content-encoding": "gzip"})
    assert caller.status == 413
    assert caller.taken < len(parts) / 10


async def test_gzip_is_expanded_part_by_part(application: ASGIApp) -> None:
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"x" * 1000) + packer.flush()
    caller = await call(
        application, of(*(bytes([byte]) for byte in packed)), "/large", **{"content-encoding": "gzip"}
    )
    assert (caller.status, caller.sent[1]["body"]) == (200, b"1000")


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"plain", "gzip", 400),
        (zlib.compress(b"x" * 100, wbits=31)[:-5], "gzip", 400),
        (b"x", "br", 415),
        (zlib.compress(b"", wbits=31) * 1000, "gzip", 400),
    ],
    ids=["not gzip", "cut", "brotli", "many members"],
)
async def test_an_encoding_that_lies_is_refused(
    application: ASGIApp, body: bytes, encoding: str, status: int
) -> None:
    caller = await call(application, of(body), "/large", **{"content-encoding": encoding})
    assert caller.status == status
