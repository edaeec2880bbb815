"""One connection of HTTP/2 as a client has it: many calls side by side, each answered, refused, or lost by itself.

Source: RFC 9113 §5.1.2 (how many streams), §5.2 (flow control), §6.8 (GOAWAY: calls after the last one named were not
looked at), §8.7 (REFUSED_STREAM: neither was this one).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from push import leaving
from push.channels.outbound import Answer
from push.errors import PushError

CLOSES_WITHIN_S: Final = 1.0
_CONFIGURATION: Final = H2Configuration(client_side=True, header_encoding="utf-8")


class Broken(PushError):
    """The connection, or this call of it, has ended without an answer."""


@dataclass(slots=True, kw_only=True)
class Call:
    """A request, and what was heard of it. has_begun: a byte of it may have left, and was not sent back unread."""

    body: bytes
    most_read: int
    headers: Sequence[tuple[str, str]] = ()
    has_begun: bool = False
    is_over: bool = False
    """Nothing more comes."""
    status: int = 0
    heard: dict[str, str] = field(default_factory=dict)
    read: bytes = b""
    answered: "asyncio.Future[Answer]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def finish(self) -> None:
        """It has all that is wanted of its answer."""
        if not self.answered.done():
            if self.status:
                made = Answer(status=self.status, headers=self.heard, body=self.read[: self.most_read])
                self.answered.set_result(made)
            else:
                self.fail("an end without an answer")

    def fail(self, why: str, *, is_unread: bool = False) -> None:
        """It gets no answer any more; unread: the server says that it did not look at it."""
        if not self.answered.done():
            self.has_begun = self.has_begun and not is_unread
            self.answered.set_exception(Broken(why))


class Http2Line(asyncio.Protocol):
    """A connection. ``ask`` may be called many times at once."""

    def __init__(self) -> None:
        self._frames = H2Connection(_CONFIGURATION)
        self._calls: dict[int, Call] = {}
        self._room = asyncio.Event()
        self._closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._is_draining = False
        self._is_greeted = False
        """Whether the server has said what it allows; before that it might refuse what is too much."""
        self._will_flush = False

    @property
    def takes_more(self) -> bool:
        """Whether it is open and may be given calls."""
        return self._transport is not None and not self._is_draining and not self._closed.is_set()

    async def ask(self, call: Call) -> Answer:
        """Send a call once there is room for it, and wait for its answer. Raises: Broken, NotLeaving."""
        while True:
            await self._until_room(len(call.body))
            await leaving.confirm()
            if self._has_room(len(call.body)):
                break
        number = self._frames.get_next_available_stream_id()
        call.has_begun = True
        self._calls[number] = call
        try:
            self._send(number, call)
            return await call.answered
        finally:
            self._let_go(number, call)

    def drain(self) -> None:
        """Take no more calls, and close once the last one is answered."""
        self._is_draining = True
        self._room.set()
        if not self._calls and self._transport is not None:
            self._transport.close()

    async def close(self) -> None:
        """Close now."""
        self._is_draining = True
        if self._transport is None or self._closed.is_set():
            return
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSES_WITHIN_S):
                await self._closed.wait()
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # what create_connection gives a stream protocol
        self._frames.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._frames.receive_data(data):
                self._hear(event)
        except ProtocolError as error:
            self._end(type(error).__name__)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        self._end(type(exc).__name__ if exc else "closed")

    async def _until_room(self, length: int) -> None:
        while not self._has_room(length):
            self._room.clear()
            await self._room.wait()

    def _has_room(self, length: int) -> bool:
        """Raises: Broken when the connection takes no more."""
        if not self.takes_more:
            raise Broken("the connection takes no more calls")
        if not self._is_greeted:
            return False
        settings = self._frames.remote_settings
        window = min(self._frames.outbound_flow_control_window, settings.initial_window_size)
        return len(self._calls) < settings.max_concurrent_streams and length <= window

    def _send(self, number: int, call: Call) -> None:
        self._frames.send_headers(number, call.headers, end_stream=not call.body)
        most = self._frames.max_outbound_frame_size
        for start in range(0, len(call.body), most):
            piece = call.body[start : start + most]
            self._frames.send_data(number, piece, end_stream=start + most >= len(call.body))
        if not self._will_flush:  # calls of one moment leave in one packet
            self._will_flush = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._will_flush = False
        data = self._frames.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _let_go(self, number: int, call: Call) -> None:
        """Forget a call; one that nobody waits for any more is ended at the server, too."""
        self._calls.pop(number, None)
        call.answered.cancel()
        self._room.set()
        if not call.is_over:
            with contextlib.suppress(ProtocolError):  # the connection may have ended meanwhile
                self._frames.reset_stream(number, ErrorCodes.CANCEL)
            self._flush()
        if self._is_draining and not self._calls and self._transport is not None:
            self._transport.close()

    def _hear(self, event: events.Event) -> None:
        match event:
            case events.ResponseReceived(stream_id=number) if number in self._calls:
                self._head(self._calls[number], event)
            case events.DataReceived():
                self._data(event)
            case events.StreamEnded(stream_id=number) if number in self._calls:
                self._calls[number].is_over = True
                self._calls[number].finish()
            case events.StreamReset(stream_id=number) if number in self._calls:
                self._calls[number].is_over = True
                is_unread = event.error_code == ErrorCodes.REFUSED_STREAM
                self._calls[number].fail("reset", is_unread=is_unread)
            case events.RemoteSettingsChanged():
                self._is_greeted = True
                self._room.set()
            case events.ConnectionTerminated():
                self._go_away(event)
            case _:
                self._room.set()  # a window may make room

    def _head(self, call: Call, event: events.ResponseReceived) -> None:
        heard = {str(name): str(value) for name, value in event.headers or ()}
        status = heard.pop(":status", "")
        call.status, call.heard = int(status) if status.isdecimal() else 0, heard

    def _data(self, event: events.DataReceived) -> None:
        call = self._calls.get(event.stream_id or 0)
        self._frames.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        if call is not None:
            call.read += (event.data or b"")[: max(call.most_read - len(call.read), 0)]
            if len(call.read) >= call.most_read:
                call.finish()

    def _go_away(self, event: events.ConnectionTerminated) -> None:
        """No more calls here; those after the last one that the server names were not looked at."""
        last = event.last_stream_id
        for number, call in self._calls.items():
            if last is not None and number > last:
                call.fail("sent back", is_unread=True)
        self.drain()

    def _end(self, why: str) -> None:
        self._is_draining = True
        for call in list(self._calls.values()):
            call.fail(why)
        self._room.set()
        if self._transport is not None:
            self._transport.close()
