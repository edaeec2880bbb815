"""The sink's SMTP side (RFC 5321), as far as a sender needs it."""

import asyncio
import re
from typing import Any, Final

from tests.sink.book import Book
from tests.sink.script import Fault, Rule, Script

_ID: Final = re.compile(
    rb"^Message-ID:[^\r\n]*?([0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12})", re.IGNORECASE | re.MULTILINE
)
_ANSWERS: Final = {
    Fault.THROTTLED: "451 4.7.1 Later, please",
    Fault.BUSY: "421 4.3.2 Closing",
    Fault.ELSEWHERE: "551 5.7.1 Elsewhere",
    Fault.BROKEN: "554 5.3.0 Something broke",
    Fault.ERROR_BODY: "250 Error: not really",
}
_REFUSES: Final = frozenset({fault for fault, said in _ANSWERS.items() if said[0] in "45"})
"""After an answer of these classes it is certain that the message was not taken."""
_END: Final = b"\r\n.\r\n"


class Mail(asyncio.Protocol):
    """One connection."""

    def __init__(self, book: Book, script: Script) -> None:
        self._book, self._script = book, script
        self._kept = b""
        self._to: list[str] = []
        self._is_in_data = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = transport
        wait_s = self._script.waits_s(["email"])
        asyncio.get_running_loop().call_later(wait_s, self._say, "220 sink.example ESMTP")

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        self._kept += data
        while self._step():
            pass

    def _step(self) -> bool:
        mark = _END if self._is_in_data else b"\r\n"
        piece, found, rest = self._kept.partition(mark)
        if not found:
            return False
        self._kept = rest
        if self._is_in_data:
            self._is_in_data = False
            self._take(piece)
        else:
            self._obey(piece.decode("utf-8", "replace"))
        return True

    def _obey(self, command: str) -> None:
        verb = command[:4].upper()
        if verb == "RCPT":
            self._to.append(command.partition("<")[2].partition(">")[0])
        if verb in {"RSET", "MAIL"}:
            self._to = []
        self._is_in_data = verb == "DATA"
        said = {
            "EHLO": "250-sink.example\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "DATA": "354 Go on",
            "QUIT": "221 Bye",
        }
        self._say(said.get(verb, "250 OK"))
        if verb == "QUIT":
            self._transport.close()

    def _take(self, message: bytes) -> None:
        found = _ID.search(message)
        rule = self._script.next("email", self._to[0] if self._to else "")
        for to in self._to:
            self._book.write(
                channel="email",
                delivery_id=found[1].decode() if found else "",
                address=to,
                size=len(message),
                is_taken=rule is None or rule.fault not in _REFUSES,
                fault=rule.fault if rule else "",
            )
        self._answer(rule)

    def _answer(self, rule: Rule | None) -> None:
        if rule is None:
            self._say("250 2.0.0 Taken")
        elif rule.fault in _ANSWERS:
            self._say(_ANSWERS[rule.fault])
        elif rule.fault is Fault.RESET:
            self._transport.abort()
        elif rule.fault is Fault.CUT:
            self._transport.write(b"25")
            self._transport.close()
        elif rule.fault is Fault.DRIP:
            self._drip(b"250 Taken\r\n")
        elif rule.fault is Fault.FLOOD:
            self._transport.write(b"250-" + b"x" * (1 << 24) + b"\r\n")

    def _drip(self, left: bytes) -> None:
        if left and not self._transport.is_closing():
            self._transport.write(left[:1])
            asyncio.get_running_loop().call_later(1.0, self._drip, left[1:])

    def _say(self, line: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(f"{line}\r\n".encode())
