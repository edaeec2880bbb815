"""Sockets that send whatever they are told, at whatever pace."""

import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer."""

    status: int
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def head(path: str, key: str, *, headers: Iterable[str] = (), method: str = "POST") -> bytes:
    """The head of a request with a key."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, "", ""]).encode()


def sent(address: tuple[str, int], parts: Iterable[bytes]) -> Said:
    """Send the parts one after the other until the server answers or has them all, then read its answer."""
    with socket.create_connection(address, timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            if not _send(connection, part):
                break
        return _answer(connection)


def whole(path: str, key: str, body: bytes, *, headers: Iterable[str] = ()) -> list[bytes]:
    """A request that says its length."""
    return [head(path, key, headers=[*headers, f"Content-Length: {len(body)}"]), body]


def chunked(path: str, key: str, parts: Iterable[bytes]) -> Iterable[bytes]:
    """A request that does not say its length."""
    yield head(path, key, headers=["Transfer-Encoding: chunked"])
    for part in parts:
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def _send(connection: socket.socket, part: bytes) -> bool:
    """False once the server has spoken or hung up: what is left need not be sent."""
    view = memoryview(part)
    while view:
        try:
            view = view[connection.send(view[: 64 << 10]) :]
        except (BrokenPipeError, ConnectionResetError):
            return False
        if view and _has_answer(connection):
            return False
    return not _has_answer(connection)


def _has_answer(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)


def _answer(connection: socket.socket) -> Said:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(64 << 10)
        if not part:
            raise ConnectionResetError(f"no answer, only {data!r}")
        data += part
    top, _, body = data.partition(b"\r\n\r\n")
    size = next(
        (
            int(line.partition(b":")[2])
            for line in top.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < size:
        part = connection.recv(64 << 10)
        if not part:
            break
        body += part
    return Said(status=int(top[9:12]), body=body)


@dataclass(kw_only=True)
class Probe:
    """Another client, who asks for the same small thing all the time while others misbehave."""

    address: tuple[str, int]
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join(timeout=PATIENCE_S)

    def _run(self) -> None:
        ask = [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
        while not self._stop.wait(0.02):
            try:
                answer = sent(self.address, ask)
            except OSError as error:
                self.failed.append(repr(error))
                continue
            self.answered += 1
            if answer.status != 200:
                self.failed.append(str(answer.status))
