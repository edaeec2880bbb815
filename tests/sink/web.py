"""The sink's HTTP side: webhooks, relays and a push service (RFC 8030) on one port."""

import asyncio
import base64
import gzip
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from typing import Any, Final

from tests.sink.book import Book
from tests.sink.script import REFUSES, Fault, Rule, Script

PUSH: Final = "/push/"
GIBIBYTE: Final = 1 << 30
PIECE: Final = bytes(1 << 16)
HEADERS: Final = 101
ELSEWHERE: Final = "/elsewhere"
_CHANNELS: Final = ("webhook", "web_push", "sms", "email", "app")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A whole request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def named(self) -> tuple[str, str, str]:
        """Channel, delivery id and address."""
        if self.path.startswith(PUSH):
            return "web_push", _of_topic(self.headers.get("topic", "")), self.path
        try:
            document = json.loads(self.body)
        except ValueError:
            document = {}
        delivery_id = self.headers.get("webhook-id", "")
        if isinstance(document, dict) and isinstance(document.get("channel"), str):
            return document["channel"], delivery_id, str(document.get("to", ""))
        return "webhook", delivery_id, self.path


def _of_topic(topic: str) -> str:
    """The delivery's id, which a Topic holds in base64."""
    try:
        return str(uuid.UUID(bytes=base64.urlsafe_b64decode(topic + "==")))
    except ValueError:
        return ""


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of an answer."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{named}\r\n".encode() + body


CREATED: Final = answer("201 Created")
OK: Final = answer("200 OK", b"{}", Content_Type="application/json")
NOT_WELL: Final = json.dumps({"errcode": 40001, "errmsg": "invalid credential"}).encode()


@cache
def bomb() -> bytes:
    """1 GiB of zeros as gzip members, in about a mebibyte."""
    size = 16 << 20
    return gzip.compress(bytes(size)) * (GIBIBYTE // size)


class Web(asyncio.Protocol):
    """One connection, on which requests follow each other."""

    def __init__(self, book: Book, script: Script, *, answer_after_s: float = 0.0) -> None:
        self._book, self._script = book, script
        self._answer_after_s = answer_after_s
        self._kept = b""
        self._transport: Any = None
        self._is_writable = asyncio.Event()
        self._is_writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = transport
        wait_s = self._script.waits_s(_CHANNELS)
        if wait_s:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(wait_s, self._go_on)

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """asyncio's."""
        self._is_writable.clear()

    def resume_writing(self) -> None:
        """asyncio's."""
        self._is_writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._is_writable.set()

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self._kept += data
        while (request := self._taken()) is not None:
            self._take(request)

    def _taken(self) -> Request | None:
        head, end, rest = self._kept.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        if len(rest) < size:
            return None
        self._kept = rest[size:]
        return Request(path=first.split(" ")[1], headers=headers, body=rest[:size])

    def _take(self, request: Request) -> None:
        channel, delivery_id, address = request.named()
        rule = None if request.path == ELSEWHERE else self._script.next(channel, request.path)
        self._book.write(
            channel=channel,
            delivery_id=delivery_id,
            address=address,
            size=len(request.body),
            is_taken=rule is None or rule.fault not in REFUSES,
            fault=rule.fault if rule else "",
        )
        if rule is None:
            self._say_yes(CREATED if channel == "web_push" else OK)
        else:
            _MISBEHAVIOUR[rule.fault](self, rule)

    def _say_yes(self, said: bytes) -> None:
        if self._answer_after_s:
            asyncio.get_running_loop().call_later(self._answer_after_s, self._transport.write, said)
        else:
            self._transport.write(said)

    def say(self, rule: Rule) -> None:
        """An answer that is whole, and no yes."""
        wait = rule.wait or str(rule.seconds)
        self._transport.write(
            {
                Fault.THROTTLED: answer("429 Too Many Requests", Retry_After=wait),
                Fault.BUSY: answer("503 Service Unavailable", Retry_After=wait),
                Fault.ELSEWHERE: answer("307 Temporary Redirect", Location=rule.to or ELSEWHERE),
                Fault.BROKEN: answer("500 Internal Server Error"),
                Fault.ERROR_BODY: answer("200 OK", NOT_WELL, Content_Type="application/json"),
                Fault.BOMB: answer("200 OK", bomb(), Content_Encoding="gzip"),
            }[rule.fault]
        )

    def reset(self, _rule: Rule) -> None:
        """The connection is gone, without a word."""
        self._transport.abort()

    def cut(self, _rule: Rule) -> None:
        """Half an answer."""
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        self._transport.close()

    def keep_silent(self, _rule: Rule) -> None:
        """Nothing, until the other side gives up."""

    def drip(self, _rule: Rule, left: bytes = OK) -> None:
        """A byte, and the rest later."""
        if left and not self._transport.is_closing():
            self._transport.write(left[:1])
            asyncio.get_running_loop().call_later(1.0, self.drip, _rule, left[1:])

    def flood(self, _rule: Rule) -> None:
        """1 GiB, as fast as it is read."""
        self._transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {GIBIBYTE}\r\n\r\n".encode())
        self._pour(repeat(PIECE, GIBIBYTE // len(PIECE)))

    def go_on_for_ever(self, _rule: Rule) -> None:
        """Chunk after chunk."""
        self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._pour(repeat(f"{len(PIECE):x}\r\n".encode() + PIECE + b"\r\n"))

    def head_for_long(self, _rule: Rule) -> None:
        """101 headers, each with 64 KiB of letters."""
        head = (f"X-{number}: ".encode() + b"a" * len(PIECE) + b"\r\n" for number in range(HEADERS))
        self._pour(chain([b"HTTP/1.1 200 OK\r\n"], head, [b"Content-Length: 0\r\n\r\n"]))

    def _pour(self, pieces: Iterable[bytes]) -> None:
        task = asyncio.get_running_loop().create_task(self._poured(pieces))
        _pouring.add(task)
        task.add_done_callback(_pouring.discard)

    async def _poured(self, pieces: Iterable[bytes]) -> None:
        """As fast as it is read, until nobody reads it."""
        for piece in pieces:
            await self._is_writable.wait()
            if self._transport.is_closing():
                return
            self._transport.write(piece)
            await asyncio.sleep(0)


_pouring: set[asyncio.Task[None]] = set()
_MISBEHAVIOUR: Final[Mapping[Fault, Callable[[Web, Rule], None]]] = {
    Fault.THROTTLED: Web.say,
    Fault.BUSY: Web.say,
    Fault.ELSEWHERE: Web.say,
    Fault.BROKEN: Web.say,
    Fault.ERROR_BODY: Web.say,
    Fault.BOMB: Web.say,
    Fault.RESET: Web.reset,
    Fault.CUT: Web.cut,
    Fault.HOLE: Web.keep_silent,
    Fault.DRIP: Web.drip,
    Fault.FLOOD: Web.flood,
    Fault.HEADERS: Web.head_for_long,
    Fault.ENDLESS: Web.go_on_for_ever,
}
