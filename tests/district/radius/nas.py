"""A NAS that takes Disconnect and CoA by UDP, written from RFC 5176 without the product's packet code."""

import hashlib
import hmac
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

DISCONNECT, COA = 40, 43
USER_NAME, CALLING_STATION, ACCT_SESSION_ID, EVENT_TIMESTAMP, MESSAGE_AUTHENTICATOR = 1, 31, 44, 55, 80
SECRET = "a-secret-of-this-nas"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A request that carries the right authenticators."""

    code: int
    attributes: dict[int, bytes]
    vendor: dict[tuple[int, int], bytes]
    raw: bytes


@dataclass(kw_only=True)
class SimulatedNas:
    """Sessions by Acct-Session-Id; behaviour set by tests."""

    secret: str = SECRET
    sessions: set[str] = field(default_factory=set)
    refuses_with: int | None = None
    """An Error-Cause; 0 refuses without one."""
    drops: int = 0
    """How many requests are lost on the way."""
    wants_no_time: bool = False
    """Drops what carries an Event-Timestamp, as one whose clock is wrong."""
    signs_wrongly: bool = False
    heard: list[Heard] = field(default_factory=list)
    forged: int = 0
    """Requests without right authenticators."""
    _said: dict[tuple[bytes, Any], bytes] = field(default_factory=dict)
    """The answer to each request of each asker: one that comes again gets the same (RFC 5080 §2.2.2)."""
    _socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    @contextmanager
    def listening(self, port: int = 0) -> Iterator[Self]:
        """Answer until the end of the block, at a free port unless the test says which."""
        self._socket.bind(("127.0.0.1", port))
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            closing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with closing:
                closing.sendto(b"", ("127.0.0.1", self.port))
            thread.join(5)
            self._socket.close()

    def _serve(self) -> None:
        while True:
            raw, sender = self._socket.recvfrom(4_096)
            if not raw:
                return
            answer = self._said.get((raw, sender)) or self._answer(raw)
            if answer is not None:
                self._said[raw, sender] = answer
                self._socket.sendto(answer, sender)

    def _answer(self, raw: bytes) -> bytes | None:
        heard = self._read(raw)
        if heard is None:
            self.forged += 1
            return None
        if self.drops:
            self.drops -= 1
            return None
        if self.wants_no_time and EVENT_TIMESTAMP in heard.attributes:
            return None
        self.heard.append(heard)
        if not heard.attributes.get(USER_NAME):
            return None  # as CoovaChilli
        return self._reply(heard, self._outcome(heard))

    def _outcome(self, heard: Heard) -> int | None:
        """None: done; else an Error-Cause."""
        if self.refuses_with is not None:
            return self.refuses_with
        session = heard.attributes.get(ACCT_SESSION_ID, b"").decode()
        if session not in self.sessions:
            return 503
        if heard.code == DISCONNECT:
            self.sessions.discard(session)
        return None

    def _reply(self, heard: Heard, cause: int | None) -> bytes:
        code = heard.code + (1 if cause is None else 2)
        attributes = struct.pack("!BBI", 101, 6, cause) if cause else b""
        header = struct.pack("!BBH", code, heard.raw[1], 20 + len(attributes))
        secret = b"not-the-secret" if self.signs_wrongly else self.secret.encode()
        signed = hashlib.md5(header + heard.raw[4:20] + attributes + secret).digest()
        return header + signed + attributes

    def _read(self, raw: bytes) -> Heard | None:
        code, _identifier, length = struct.unpack("!BBH", raw[:4])
        if length != len(raw):
            return None
        expected = hashlib.md5(raw[:4] + bytes(16) + raw[20:] + self.secret.encode()).digest()
        if expected != raw[4:20]:
            return None
        attributes: dict[int, bytes] = {}
        vendor: dict[tuple[int, int], bytes] = {}
        unsigned = bytearray(raw[:4] + bytes(16) + raw[20:])
        at = 20
        while at < length:
            kind, size = raw[at], raw[at + 1]
            value = raw[at + 2 : at + size]
            if kind == 26:
                vendor[int.from_bytes(value[:4]), value[4]] = value[6 : 4 + value[5]]
            else:
                attributes[kind] = value
            if kind == MESSAGE_AUTHENTICATOR:
                unsigned[at + 2 : at + 18] = bytes(16)
            at += size
        own = hmac.digest(self.secret.encode(), bytes(unsigned), "md5")
        if attributes.get(MESSAGE_AUTHENTICATOR) != own:
            return None
        return Heard(code=code, attributes=attributes, vendor=vendor, raw=raw)
