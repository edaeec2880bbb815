"""The sink's SMPP 3.4 side: binds, takes text messages, says nothing of them later."""

import asyncio
import struct
from typing import Any, Final

from tests.sink.book import Book
from tests.sink.script import Fault, Script

_HEAD: Final = struct.Struct(">IIII")
_BINDS: Final = frozenset({1, 2, 9})
_SUBMIT, _ANSWER, _UNBIND = 0x4, 0x80000000, 0x6
_STATUSES: Final = {
    Fault.THROTTLED: 0x58,
    Fault.BUSY: 0x14,
    Fault.ELSEWHERE: 0x45,
    Fault.BROKEN: 0x8,
    Fault.ERROR_BODY: 0x45,
}
"""Any status but zero says that the message was not taken."""


class Texts(asyncio.Protocol):
    """One session."""

    def __init__(self, book: Book, script: Script) -> None:
        self._book, self._script = book, script
        self._kept = b""
        self._count = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self._kept += data
        while len(self._kept) >= _HEAD.size:
            size, command, _, sequence = _HEAD.unpack_from(self._kept)
            if len(self._kept) < size:
                return
            body, self._kept = self._kept[_HEAD.size : size], self._kept[size:]
            self._obey(command, sequence, body)

    def _obey(self, command: int, sequence: int, body: bytes) -> None:
        if command == _SUBMIT:
            self._take(sequence, body)
        elif command < _ANSWER:
            self._say(command, sequence, b"sink\0" if command in _BINDS else b"")
        if command == _UNBIND:
            self._transport.close()

    def _take(self, sequence: int, body: bytes) -> None:
        rest = body.partition(b"\0")[2][2:].partition(b"\0")[2][2:]  # service type; the sender
        to = rest.partition(b"\0")[0].decode("ascii", "replace")
        rule = self._script.next("sms", to)
        self._count += 1
        self._book.write(
            channel="sms",
            delivery_id="",
            address=to,
            size=len(body),
            is_taken=rule is None or rule.fault not in _STATUSES,
            fault=rule.fault if rule else "",
        )
        if rule is None:
            self._say(_SUBMIT, sequence, f"{id(self):x}-{self._count}\0".encode())
        elif rule.fault in _STATUSES:
            self._say(_SUBMIT, sequence, b"", status=_STATUSES[rule.fault])
        elif rule.fault in {Fault.RESET, Fault.CUT}:
            self._transport.abort()

    def _say(self, command: int, sequence: int, body: bytes, *, status: int = 0) -> None:
        head = _HEAD.pack(_HEAD.size + len(body), command | _ANSWER, status, sequence)
        self._transport.write(head + body)
