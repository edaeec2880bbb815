"""Portal 2.0 packets: to bytes and back, and nothing from outside breaks the reader."""

import hashlib
import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.gateways.portal2.packets import (
    Attribute,
    Authentication,
    BadPacket,
    Kind,
    Packet,
    authenticator_of,
    chap_password,
    decode,
    encode,
)

SECRET = b"a-shared-secret"
USER = IPv4Address("10.0.0.5")

attributes = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=253)), max_size=7).map(tuple)
packets = st.builds(
    Packet,
    kind=st.sampled_from(Kind),
    serial=st.integers(0, 0xFFFF),
    user_address=st.ip_addresses(v=4),
    authentication=st.sampled_from(Authentication),
    request_id=st.integers(0, 0xFFFF),
    user_port=st.integers(0, 0xFFFF),
    error=st.integers(0, 255),
    attributes=attributes,
)


@given(packets, st.binary(min_size=1, max_size=64), st.binary(min_size=16, max_size=16))
def test_what_was_written_is_read(packet: Packet, secret: bytes, before: bytes) -> None:
    assert (
        decode(encode(packet, secret, request_authenticator=before), secret, request_authenticator=before)
        == packet
    )


@given(packets, st.data())
def test_no_byte_can_be_changed(packet: Packet, data: st.DataObject) -> None:
    datagram = bytearray(encode(packet, SECRET))
    datagram[data.draw(st.integers(0, len(datagram) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadPacket):
        decode(bytes(datagram), SECRET)


@given(packets, st.binary(min_size=16, max_size=16).filter(any))
def test_an_answer_answers_one_request_only(packet: Packet, other: bytes) -> None:
    with pytest.raises(BadPacket):
        decode(encode(packet, SECRET), SECRET, request_authenticator=other)


@given(st.binary(max_size=2_200))
def test_no_bytes_break_the_reader(datagram: bytes) -> None:
    with pytest.raises(BadPacket):
        decode(datagram, SECRET)


@given(st.sampled_from(Kind), st.binary(min_size=14, max_size=14), st.binary(max_size=400))
def test_no_signed_bytes_break_the_reader(kind: Kind, tail: bytes, rest: bytes) -> None:
    head = bytes((2, kind)) + tail
    signed = head + hashlib.md5(head + bytes(16) + rest + SECRET).digest() + rest
    try:
        packet = decode(signed, SECRET)
    except BadPacket:
        return
    again = encode(packet, SECRET)
    assert (again[:3], again[4:16], again[32:]) == (head[:3], head[4:], rest)


def test_a_request_has_the_bytes_of_the_protocol_s_text() -> None:
    packet = Packet(
        kind=Kind.REQ_AUTH,
        serial=0x0102,
        request_id=0x0304,
        user_address=USER,
        authentication=Authentication.PAP,
        attributes=((int(Attribute.USER_NAME), b"ann"), (int(Attribute.PASSWORD), b"pw")),
    )
    head = bytes.fromhex("02 03 01 00 0102 0304 0a000005 0000 00 02")
    values = b"\x01\x05ann\x02\x04pw"
    assert encode(packet, SECRET) == head + hashlib.md5(head + bytes(16) + values + SECRET).digest() + values


def test_an_answer_is_signed_with_its_request_s_authenticator() -> None:
    asked = encode(Packet(kind=Kind.REQ_LOGOUT, serial=9, user_address=USER), SECRET)
    answer = encode(
        Packet(kind=Kind.ACK_LOGOUT, serial=9, user_address=USER),
        SECRET,
        request_authenticator=authenticator_of(asked),
    )
    expected = hashlib.md5(answer[:16] + asked[16:32] + SECRET).digest()
    assert authenticator_of(answer) == expected


def test_the_chap_answer_takes_the_low_byte_of_the_request_id() -> None:
    challenge = bytes(range(16))
    expected = hashlib.md5(struct.pack("!H", 0x1234)[1:] + b"token" + challenge).digest()
    assert chap_password(0x1234, b"token", challenge) == expected
    assert chap_password(0x5634, b"token", challenge) == expected


@pytest.mark.parametrize("version", [0, 1, 3, 255])
def test_another_version_is_not_read(version: int) -> None:
    datagram = encode(Packet(kind=Kind.REQ_LOGOUT, serial=9, user_address=USER), SECRET)
    head = bytes((version,)) + datagram[1:16]
    with pytest.raises(BadPacket, match="version"):
        decode(head + hashlib.md5(head + bytes(16) + SECRET).digest(), SECRET)
