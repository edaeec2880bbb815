"""Cheap HTTP/1.1 load: prebuilt requests over kept connections, answers parsed no further than needed.

An open loop sends at its own times, whether or not answers come, and counts delays from when a request was due.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

ANSWER_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: bytes
    headers: bytes = b""

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


def request(method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self._body_from = 0
        self._ends_at = 0

    @classmethod
    async def open(cls, address: tuple[str, int]) -> Self:
        """Raises: OSError."""
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(cls, *address)
        return protocol

    async def ask(self, data: bytes) -> Answer:
        """Send, and wait for the answer. Raises: ConnectionError, TimeoutError."""
        if self._transport is None:
            raise ConnectionResetError("closed")
        self._waiter = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        self._ends_at = 0
        self._transport.write(data)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await self._waiter

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._transport = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self._buffer += data
        if not self._ends_at:
            self._read_head()
        if self._ends_at and len(self._buffer) >= self._ends_at and self._waiter and not self._waiter.done():
            head, body = bytes(self._buffer[: self._body_from]), bytes(self._buffer[self._body_from :])
            self._waiter.set_result(Answer(status=int(head[9:12]), body=body, headers=head))

    def _read_head(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        self._body_from = end + 4
        head = bytes(self._buffer[:end]).lower()
        place = head.find(b"\r\ncontent-length:")
        size = int(head[place + 17 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        self._ends_at = self._body_from + size


@dataclass(kw_only=True)
class Pool:
    """Connections that are lent out; more are opened when all are busy, up to a bound."""

    address: tuple[str, int]
    most: int = 256
    opened: int = 0
    _free: deque[Connection] = field(default_factory=deque)

    async def ask(self, data: bytes) -> Answer:
        """One exchange. Raises: ConnectionError, TimeoutError, OSError."""
        connection = await self._take()
        try:
            answer = await connection.ask(data)
        except BaseException:
            connection.close()
            self.opened -= 1
            raise
        self._free.append(connection)
        return answer

    async def _take(self) -> Connection:
        if self._free:
            return self._free.popleft()
        if self.opened >= self.most:
            raise ConnectionRefusedError(f"{self.most} requests wait already")
        self.opened += 1
        try:
            return await Connection.open(self.address)
        except BaseException:
            self.opened -= 1
            raise

    def close(self) -> None:
        """Hang up all."""
        while self._free:
            self._free.popleft().close()


@dataclass(kw_only=True)
class Outcome:
    """What an open loop met."""

    seconds: list[float] = field(default_factory=list)
    """Of each answer, from when its request was due."""
    statuses: dict[int, int] = field(default_factory=dict)
    failed: int = 0
    took_s: float = 0.0


async def open_loop(
    pool: Pool,
    requests: Iterable[bytes],
    *,
    per_second: float,
    for_s: float,
    heard: Callable[[int, Answer], None] = lambda number, answer: None,
) -> Outcome:
    """Send the requests at their times until the time is over; waits for the last answers."""
    outcome = Outcome()
    waiting: set[asyncio.Task[None]] = set()
    begin = time.perf_counter()

    async def one(number: int, data: bytes, due: float) -> None:
        try:
            answer = await pool.ask(data)
        except (OSError, TimeoutError):
            outcome.failed += 1
            return
        outcome.seconds.append(time.perf_counter() - due)
        outcome.statuses[answer.status] = outcome.statuses.get(answer.status, 0) + 1
        heard(number, answer)

    source: Iterator[bytes] = iter(requests)
    for number in range(int(per_second * for_s)):
        due = begin + number / per_second
        wait_s = due - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(one(number, next(source), due))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    outcome.took_s = time.perf_counter() - begin
    return outcome


async def closed_loop(pool: Pool, requests: Iterable[bytes], *, at_once: int) -> list[Answer]:
    """Send all, so many at a time; the answers in order of the requests."""
    numbered = enumerate(requests)
    answers: dict[int, Answer] = {}

    async def work() -> None:
        for number, data in numbered:
            answers[number] = await pool.ask(data)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return [answers[number] for number in sorted(answers)]


async def rate(work: Callable[[], Awaitable[object]], *, for_s: float, at_once: int) -> float:
    """How often a second the work can be done, by so many at once: a yardstick."""
    done = 0
    ends = time.perf_counter() + for_s

    async def repeat() -> None:
        nonlocal done
        while time.perf_counter() < ends:
            await work()
            done += 1

    await asyncio.gather(*(repeat() for _ in range(at_once)))
    return done / for_s
