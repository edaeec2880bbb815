"""Request bodies: bounded by the bytes that arrive, never by what a header promises, and never waited for without end."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from district.problems import DistrictError, TooLarge, of_error

MEBIBYTE = 1 << 20
DEFAULT_LIMIT_BYTES = MEBIBYTE
LONGEST_BODY = timedelta(seconds=60)
_BUDGET = "district.body"
_GZIP_WINDOW = 31  # zlib's number for "a gzip header, the largest window"
_GZIP_MEMBERS = 16  # empty members cost time and expand to nothing


class BodyStalled(DistrictError):
    """The rest of a body did not come."""

    status, slug, title = HTTPStatus.REQUEST_TIMEOUT, "body-stalled", "The request's body did not arrive"


class BodyUnreadable(DistrictError):
    """A body that is not in the form that its header or its route names."""

    status, slug, title = HTTPStatus.BAD_REQUEST, "body-unreadable", "The request's body cannot be read"


class EncodingUnsupported(DistrictError):
    """A Content-Encoding that is not taken."""

    status, slug = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoding-unsupported"
    title = "The body's encoding is not supported"


class Budget:
    """What one request's body may still take: bytes, and time between and over its parts."""

    def __init__(self, receive: Receive, *, limit_bytes: int, pause: timedelta) -> None:
        self.limit_bytes = limit_bytes
        self.failure: DistrictError | None = None
        self._receive = receive
        self._pause_s = pause.total_seconds()
        self._taken_bytes = 0
        self._ends_at_s: float | None = None
        self._is_whole = False

    async def receive(self) -> Message:
        """The next message; once the body is whole, whatever the server says, however long it takes.

        Raises: BodyStalled, TooLarge.
        """
        if self._is_whole:
            return await self._receive()
        message = await self._in_time()
        if message["type"] != "http.request":
            return message
        self._taken_bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._taken_bytes > self.limit_bytes:
            raise self._fail(too_large(self.limit_bytes))
        return message

    async def _in_time(self) -> Message:
        now_s = asyncio.get_running_loop().time()
        if self._ends_at_s is None:
            self._ends_at_s = now_s + LONGEST_BODY.total_seconds()
        try:
            async with asyncio.timeout_at(min(now_s + self._pause_s, self._ends_at_s)):
                return await self._receive()
        except TimeoutError:
            raise self._fail(
                BodyStalled("Send the body without long pauses, or in smaller requests.")
            ) from None

    def _fail(self, failure: DistrictError) -> DistrictError:
        self.failure = failure
        return failure


def too_large(limit_bytes: int) -> TooLarge:
    """The refusal of a body over its limit."""
    return TooLarge(f"At most {limit_bytes} bytes are taken; send several smaller requests.")


class BodyLimit:
    """ASGI middleware: every body is capped and may not stall; a route that takes more says so through ``read``."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        pause: timedelta = timedelta(seconds=10),
    ) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._pause = pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; a body that broke its bounds is the answer, whatever the route made of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        budget = Budget(receive, limit_bytes=self._limit_bytes, pause=self._pause)
        scope[_BUDGET] = budget
        guard = _Answer(scope, receive, send, budget)
        try:
            await self._app(scope, budget.receive, guard.send)
        except DistrictError as error:
            if error is not budget.failure:
                raise
        await guard.finish()


class _Answer:
    """What leaves the route, replaced by the body's failure if that came first."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, budget: Budget) -> None:
        self._scope, self._receive, self._send, self._budget = scope, receive, send, budget
        self._has_begun = False

    async def send(self, message: Message) -> None:
        """Pass on, unless the body has failed and nothing was said yet."""
        if self._budget.failure is None or self._has_begun:
            self._has_begun = True
            await self._send(message)

    async def finish(self) -> None:
        """Say the failure that the route was kept from hiding."""
        if self._budget.failure is not None and not self._has_begun:
            answer = of_error(self._budget.failure, instance=self._scope["path"])
            answer.headers["Connection"] = "close"
            await answer(self._scope, self._receive, self._send)


async def read(request: Request, *, limit_bytes: int, pause: timedelta) -> bytes:
    """The whole body, gunzipped when it says so; at most ``limit_bytes`` before and after.

    Raises: TooLarge as soon as the byte over the limit arrives, BodyStalled, BodyUnreadable, EncodingUnsupported.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit_bytes:
        raise too_large(limit_bytes)
    sink = _sink(request.headers.get("content-encoding", ""), limit_bytes)
    receive = _receiver(request, limit_bytes=limit_bytes, pause=pause)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        sink.write(message.get("body", b""))
        more = message.get("more_body", False)
    return sink.whole()


def _receiver(request: Request, *, limit_bytes: int, pause: timedelta) -> Callable[[], Awaitable[Message]]:
    budget: Budget | None = request.scope.get(_BUDGET)
    if budget is None:
        budget = Budget(request.receive, limit_bytes=limit_bytes, pause=pause)
    budget.limit_bytes = limit_bytes
    return budget.receive


class _Plain:
    """Bytes as they come."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit_bytes:
            raise too_large(self._limit_bytes)
        self._parts.append(part)

    def whole(self) -> bytes:
        return b"".join(self._parts)


class _Gzip(_Plain):
    """Bytes expanded as they come, never beyond the limit (RFC 1952; members may follow each other)."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._members = 1

    def write(self, part: bytes) -> None:
        try:
            while part:
                if self._member.eof:
                    self._next_member()
                super().write(self._member.decompress(part, self._limit_bytes - self._size + 1))
                part = self._member.unused_data or self._member.unconsumed_tail
        except zlib.error:
            raise BodyUnreadable("The body is not gzip, although its Content-Encoding says so.") from None

    def _next_member(self) -> None:
        self._members += 1
        if self._members > _GZIP_MEMBERS:
            raise BodyUnreadable("Send the gzip body as one member.")
        self._member = zlib.decompressobj(_GZIP_WINDOW)

    def whole(self) -> bytes:
        if not self._member.eof:
            raise BodyUnreadable("The gzip body ends too early.")
        return super().whole()


def _sink(encoding: str, limit_bytes: int) -> _Plain:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain(limit_bytes)
        case "gzip" | "x-gzip":
            return _Gzip(limit_bytes)
        case _:
            raise EncodingUnsupported("Send the body plain or with Content-Encoding: gzip.")


def allow(request: Request, *, limit_bytes: int) -> None:
    """Let this request's body be larger than usual, for a route that reads it as a form."""
    budget: Budget | None = request.scope.get(_BUDGET)
    if budget is not None:
        budget.limit_bytes = limit_bytes
