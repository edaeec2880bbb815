"""Packets of Portal 2.0: to bytes and back, each with its authenticator. Pure; nothing here touches the network.

A packet is a header of 16 bytes, an authenticator of 16, and attributes (type, length with these two bytes, value). The
authenticator of a request is the MD5 of header, 16 zeros, attributes and the shared secret; an answer has its request's
authenticator in place of the zeros.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

from district.problems import DistrictError

VERSION = 2
HEADER = struct.Struct("!BBBBHH4sHBB")
AUTHENTICATOR_BYTES = 16
NO_AUTHENTICATOR = bytes(AUTHENTICATOR_BYTES)
HEAD_BYTES = HEADER.size + AUTHENTICATOR_BYTES
MAX_PACKET_BYTES = 2_048
MAX_VALUE_BYTES = 253
MAX_ATTRIBUTES = 255


class BadPacket(DistrictError):
    """Bytes that are no packet of this protocol, or of somebody else."""

    slug, title = "bad-portal-packet", "This is no packet of the access controller"


class Kind(IntEnum):
    """What a packet is for."""

    REQ_CHALLENGE = 0x01
    ACK_CHALLENGE = 0x02
    REQ_AUTH = 0x03
    ACK_AUTH = 0x04
    REQ_LOGOUT = 0x05
    ACK_LOGOUT = 0x06
    AFF_ACK_AUTH = 0x07
    NTF_LOGOUT = 0x08
    REQ_INFO = 0x09
    ACK_INFO = 0x0A
    ACK_NTF_LOGOUT = 0x0E
    NTF_USER_SYN = 0x10
    ACK_NTF_USER_SYN = 0x11
    STATUS = 0x81
    ACK_STATUS = 0x82


class Attribute(IntEnum):
    """The attributes that we send and read; a controller may send others."""

    USER_NAME = 1
    PASSWORD = 2
    CHALLENGE = 3
    CHAP_PASSWORD = 4


class Authentication(IntEnum):
    """How the password goes over."""

    CHAP = 0
    PAP = 1


@dataclass(frozen=True, kw_only=True)
class Packet:
    """One packet, without its authenticator."""

    kind: Kind
    serial: int
    """Chosen by who asks; the same in every repeat and in the answer."""
    user_address: IPv4Address
    authentication: Authentication = Authentication.CHAP
    request_id: int = 0
    """Chosen by the access controller in its challenge."""
    user_port: int = 0
    error: int = 0
    attributes: tuple[tuple[int, bytes], ...] = ()

    def first(self, attribute: Attribute) -> bytes | None:
        """The value of an attribute."""
        return next((value for kind, value in self.attributes if kind == attribute), None)


def encode(packet: Packet, secret: bytes, *, request_authenticator: bytes = NO_AUTHENTICATOR) -> bytes:
    """The bytes of a packet; ``request_authenticator`` is that of the request which it answers."""
    head = HEADER.pack(
        VERSION,
        packet.kind,
        packet.authentication,
        0,
        packet.serial,
        packet.request_id,
        packet.user_address.packed,
        packet.user_port,
        packet.error,
        len(packet.attributes),
    )
    values = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in packet.attributes)
    return head + _authenticator(head, request_authenticator, values, secret) + values


def decode(datagram: bytes, secret: bytes, *, request_authenticator: bytes = NO_AUTHENTICATOR) -> Packet:
    """A packet whose authenticator holds. Raises: BadPacket, and nothing else, whatever the bytes are."""
    if not HEAD_BYTES <= len(datagram) <= MAX_PACKET_BYTES:
        raise BadPacket("It is too short or too long.")
    head, values = datagram[: HEADER.size], datagram[HEAD_BYTES:]
    expected = _authenticator(head, request_authenticator, values, secret)
    if not hmac.compare_digest(expected, authenticator_of(datagram)):
        raise BadPacket("Its authenticator does not match: the shared secret differs.")
    version, kind, authentication, _reserved, serial, request_id, address, port, error, count = HEADER.unpack(
        head
    )
    if version != VERSION:
        raise BadPacket(f"It is of version {version}, not {VERSION}.")
    try:
        known, how = Kind(kind), Authentication(authentication)
    except ValueError:
        raise BadPacket("It is of a kind that is not known.") from None
    return Packet(
        kind=known,
        authentication=how,
        serial=serial,
        request_id=request_id,
        user_address=IPv4Address(address),
        user_port=port,
        error=error,
        attributes=_attributes(values, count),
    )


def authenticator_of(datagram: bytes) -> bytes:
    """The authenticator of an encoded packet."""
    return datagram[HEADER.size : HEAD_BYTES]


def chap_password(request_id: int, password: bytes, challenge: bytes) -> bytes:
    """The answer to a challenge: its identifier is the low byte of the controller's request id."""
    mixed = bytes((request_id & 0xFF,)) + password + challenge
    return hashlib.md5(mixed, usedforsecurity=False).digest()


def _authenticator(head: bytes, request_authenticator: bytes, values: bytes, secret: bytes) -> bytes:
    return hashlib.md5(head + request_authenticator + values + secret, usedforsecurity=False).digest()


def _attributes(values: bytes, count: int) -> tuple[tuple[int, bytes], ...]:
    found = []
    at = 0
    while at < len(values):
        length = values[at + 1] if at + 1 < len(values) else 0
        if length < 2 or at + length > len(values):
            raise BadPacket("An attribute is cut off.")
        found.append((values[at], values[at + 2 : at + length]))
        at += length
    if len(found) != count:
        raise BadPacket("It has more or fewer attributes than it says.")
    return tuple(found)
