"""PDUs of SMPP 3.4, written and read. What comes is hostile: lengths are bounded, odd values are kept as numbers.

Source: SMPP Developers Forum, "Short Message Peer to Peer Protocol Specification v3.4", Issue 1.2, sections 4 and 5.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Final

from push.errors import PushError

HEADER: Final = struct.Struct("!IIII")
MOST_BYTES: Final = 8_192
"""The longest text of ten parts takes two thousand."""
RESPONSE: Final = 0x80000000
MOST_SEQUENCE: Final = 0x7FFFFFFF
_VERSION: Final = 0x34
_TLV: Final = struct.Struct("!HH")


class Broken(PushError):
    """Bytes that are no SMPP; the connection cannot go on."""


class Command(IntEnum):
    """Commands that a client of ours sends or understands."""

    GENERIC_NACK = 0x80000000
    BIND_TRANSCEIVER = 0x00000009
    SUBMIT_SM = 0x00000004
    DELIVER_SM = 0x00000005
    UNBIND = 0x00000006
    ENQUIRE_LINK = 0x00000015


class Tag(IntEnum):
    """Optional parameters that we read or write."""

    RECEIPTED_MESSAGE_ID = 0x001E
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class Status(IntEnum):
    """Answers that mean something of their own to us; there are many more."""

    OK = 0x00
    SYSTEM_ERROR = 0x08
    INVALID_DESTINATION = 0x0B
    QUEUE_FULL = 0x14
    THROTTLED = 0x58


@dataclass(frozen=True, kw_only=True, slots=True)
class Pdu:
    """One PDU: command and status are numbers, because a gateway may send any."""

    command: int
    status: int = 0
    sequence: int
    body: bytes = field(default=b"", repr=False)

    def packed(self) -> bytes:
        """As it goes over the wire."""
        size = HEADER.size + len(self.body)
        return HEADER.pack(size, self.command, self.status, self.sequence) + self.body


@dataclass(frozen=True, kw_only=True, slots=True)
class Submit:
    """A part to send. is_split says that raw begins with a header that names its place among the parts."""

    source: str
    source_ton: int
    source_npi: int
    destination: str = field(repr=False)
    data_coding: int
    raw: bytes = field(repr=False)
    is_split: bool = False
    as_payload: bool = False
    validity: timedelta | None = None
    wants_receipt: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What a gateway hands on: somebody's text, or a receipt."""

    source: str = field(repr=False)
    destination: str
    esm_class: int
    data_coding: int
    raw: bytes = field(repr=False)
    options: Mapping[int, bytes]

    @property
    def is_receipt(self) -> bool:
        return self.esm_class & 0x3C == 0x04

    @property
    def has_header(self) -> bool:
        """Whether raw begins with a user data header."""
        return bool(self.esm_class & 0x40)


def size_of(head: bytes) -> int:
    """How many bytes follow a header. Raises: Broken."""
    size: int = HEADER.unpack(head)[0]
    if not HEADER.size <= size <= MOST_BYTES:
        raise Broken("A PDU of this length is no SMPP.")
    return size - HEADER.size


def parsed(head: bytes, body: bytes) -> Pdu:
    """A PDU of its header and the rest."""
    _, command, status, sequence = HEADER.unpack(head)
    return Pdu(command=command, status=status, sequence=sequence, body=body)


def bind(*, sequence: int, system_id: str, password: str, system_type: str) -> Pdu:
    """bind_transceiver: one connection for sending and for what comes back."""
    words = b"".join(_text(one) for one in (system_id, password, system_type))
    return Pdu(
        command=Command.BIND_TRANSCEIVER, sequence=sequence, body=words + bytes((_VERSION, 0, 0)) + _text("")
    )


def submit(part: Submit, *, sequence: int) -> Pdu:
    """submit_sm of one part."""
    esm_class = 0x40 if part.is_split else 0
    # An international number in E.164; gateways want it without the plus.
    numbers = bytes((part.source_ton, part.source_npi)) + _text(part.source)
    numbers += bytes((1, 1)) + _text(part.destination.removeprefix("+"))
    times = _text("") + _text(_relative(part.validity))
    flags = bytes((int(part.wants_receipt), 0, part.data_coding, 0))
    body = _text("") + numbers + bytes((esm_class, 0, 0)) + times + flags
    if part.as_payload:
        body += b"\0" + _TLV.pack(Tag.MESSAGE_PAYLOAD, len(part.raw)) + part.raw
    else:
        body += bytes((len(part.raw),)) + part.raw
    return Pdu(command=Command.SUBMIT_SM, sequence=sequence, body=body)


def delivered(pdu: Pdu) -> Delivered:
    """A deliver_sm. Raises: Broken."""
    reader = _Reader(pdu.body)
    reader.text(6)
    reader.octets(2)
    source = reader.text(21)
    reader.octets(2)
    destination = reader.text(21)
    esm_class = reader.octets(3)[0]
    reader.text(17)
    reader.text(17)
    data_coding = reader.octets(4)[2]
    raw = reader.octets(reader.octets(1)[0])
    options = reader.options()
    return Delivered(
        source=source,
        destination=destination,
        esm_class=esm_class,
        data_coding=data_coding,
        raw=raw or options.get(Tag.MESSAGE_PAYLOAD, b""),
        options=options,
    )


def message_id(pdu: Pdu) -> str:
    """The gateway's name for what it took. Raises: Broken."""
    return _Reader(pdu.body).text(65) if pdu.body else ""


@dataclass(slots=True)
class _Reader:
    """Reads fields one after the other. Raises: Broken where the bytes end before the field."""

    body: bytes
    place: int = 0

    def octets(self, count: int) -> bytes:
        found = self.body[self.place : self.place + count]
        if len(found) < count:
            raise Broken("A PDU ends inside a field.")
        self.place += count
        return found

    def text(self, most: int) -> str:
        end = self.body.find(b"\0", self.place, self.place + most)
        if end < 0:
            raise Broken("A PDU has a text without an end.")
        found = self.body[self.place : end].decode("latin-1")
        self.place = end + 1
        return found

    def options(self) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        while self.place < len(self.body):
            tag, length = _TLV.unpack(self.octets(_TLV.size))
            found[tag] = self.octets(length)
        return found


def _text(text: str) -> bytes:
    return text.encode("ascii", "replace").replace(b"\0", b"?") + b"\0"


def _relative(validity: timedelta | None) -> str:
    """A relative time (§7.1.1): years, months, days, hours, minutes, seconds."""
    if validity is None:
        return ""
    minutes, seconds = divmod(max(int(validity.total_seconds()), 1), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"0000{min(days, 28):02d}{hours:02d}{minutes:02d}{seconds:02d}000R"
