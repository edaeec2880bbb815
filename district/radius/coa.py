"""Disconnect and change of authorisation, told to a NAS by UDP (RFC 5176).

A session is named by user, session id and device together: some NAS know it only by the one, some only by the other,
and a request without User-Name gets no answer at all from CoovaChilli. Answers count only with a right authenticator.
"""

import contextlib
import ipaddress
import secrets
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from pyrad.packet import (
    CoAACK,
    CoAPacket,
    CoARequest,
    DisconnectACK,
    DisconnectRequest,
    PacketError,
)

from district.gateways.dialect import PlanInfo

PORT = 3799
WAITS_S = (0.4, 0.6, 1.0)
"""For each try; a NAS that hears nothing twice is asked a third time without the time of day."""
MAX_PACKET_BYTES = 4_096
WORD = 1 << 32
USER_NAME, NAS_IP_ADDRESS, SESSION_TIMEOUT, IDLE_TIMEOUT = 1, 4, 27, 28
CALLING_STATION, NAS_IDENTIFIER, ACCT_SESSION_ID = 31, 32, 44
EVENT_TIMESTAMP, INTERIM_INTERVAL, ERROR_CAUSE = 55, 85, 101
WISPR_UP, WISPR_DOWN = (14122, 7), (14122, 8)
CHILLI_OCTETS, CHILLI_GIGAWORDS = (14559, 3), (14559, 23)
MIKROTIK_RATE, MIKROTIK_OCTETS, MIKROTIK_GIGAWORDS = (14988, 8), (14988, 17), (14988, 18)
NO_SUCH_SESSION, SESSION_REMOVED = 503, 201
CAUSES: Mapping[int, str] = {
    201: "the rest of the session was removed",
    202: "invalid EAP packet, ignored",
    401: "it does not support an attribute of the request",
    402: "an attribute is missing",
    403: "it does not call itself so: check the RADIUS client's NAS identifier and address",
    404: "invalid request",
    405: "it does not support this service",
    406: "it does not support this extension: switch CoA and Disconnect on",
    407: "a value is invalid",
    501: "its administrator does not allow it",
    502: "it cannot route the request",
    503: "it knows no such session",
    504: "the session cannot be removed",
    505: "a proxy could not handle it",
    506: "it lacks resources",
    507: "it has begun and is not done",
    508: "it can only end one session at a time",
}
"""Error-Cause (RFC 5176 §3.5)."""
Key: TypeAlias = int | tuple[int, int]


class Verdict(StrEnum):
    """What a NAS says."""

    DONE = "done"
    GONE = "gone"
    """There is no such session any more: as good as done."""
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a NAS listens."""

    address: str
    secret: str
    port: int = PORT


@dataclass(frozen=True, kw_only=True)
class SessionName:
    """How a NAS knows a session, each part as it told it."""

    username: str
    session_id: str = ""
    calling_station: str = ""
    nas_identifier: str = ""
    nas_address: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back, in words for the operator."""

    verdict: Verdict
    words: str

    @property
    def is_over(self) -> bool:
        """There is no session any more."""
        return self.verdict in {Verdict.DONE, Verdict.GONE}


def disconnect(target: Target, name: SessionName, *, machine_now: datetime) -> Reply:
    """End a session. Takes two seconds at most."""
    return _ask(target, DisconnectRequest, _named(name), machine_now)


def change(
    target: Target, name: SessionName, plan: PlanInfo, *, interim_s: int, machine_now: datetime
) -> Reply:
    """Put a running session under a plan, as a whole: what is left out of a request, a NAS sets back to no limit."""
    return _ask(target, CoARequest, _named(name) | attributes_of(plan, interim_s=interim_s), machine_now)


def attributes_of(plan: PlanInfo, *, interim_s: int) -> dict[Key, bytes]:
    """Every attribute of a plan, in the words of WISPr, ChilliSpot and MikroTik."""
    found: dict[Key, bytes | None] = {
        SESSION_TIMEOUT: _number(plan.session_s),
        IDLE_TIMEOUT: _number(plan.idle_s),
        INTERIM_INTERVAL: _number(interim_s),
        WISPR_UP: _number(plan.up_kbps, times=1_000),
        WISPR_DOWN: _number(plan.down_kbps, times=1_000),
    }
    if plan.up_kbps is not None or plan.down_kbps is not None:
        # First what comes from the device, as the router sees it; 0 is no limit.
        rates = (f"{rate}k" if rate else "0" for rate in (plan.up_kbps, plan.down_kbps))
        found[MIKROTIK_RATE] = "/".join(rates).encode()
    if plan.volume_kib is not None:
        high, low = divmod(plan.volume_kib * 1024, WORD)
        found |= {CHILLI_OCTETS: _number(low), MIKROTIK_OCTETS: _number(low)}
        if high:
            found |= {CHILLI_GIGAWORDS: _number(high), MIKROTIK_GIGAWORDS: _number(high)}
    return {key: value for key, value in found.items() if value is not None}


def _number(value: int | None, *, times: int = 1) -> bytes | None:
    return None if value is None else struct.pack("!I", min(max(value, 0) * times, WORD - 1))


def _named(name: SessionName) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {
        USER_NAME: name.username.encode(),
        ACCT_SESSION_ID: name.session_id.encode(),
        CALLING_STATION: name.calling_station.encode(),
        NAS_IDENTIFIER: name.nas_identifier.encode(),
    }
    with contextlib.suppress(ValueError):
        found[NAS_IP_ADDRESS] = ipaddress.IPv4Address(name.nas_address).packed
    return {key: value for key, value in found.items() if value}


def _packet(target: Target, code: int, attributes: Mapping[Key, bytes]) -> Any:
    packet = CoAPacket(
        code=code, id=secrets.randbelow(256), secret=target.secret.encode(), message_authenticator=True
    )
    for key, value in attributes.items():
        packet[key] = [value]
    return packet


def _ask(target: Target, code: int, attributes: Mapping[Key, bytes], machine_now: datetime) -> Reply:
    """Send and wait, the same packet twice, so that a NAS that heard both answers as one."""
    now = struct.pack("!I", int(machine_now.timestamp()) % WORD)
    timed = _packet(target, code, {**attributes, EVENT_TIMESTAMP: now})
    # A NAS whose clock is wrong must drop what seems old to it, without a word (RFC 5176 §6.3).
    untimed = _packet(target, code, attributes)
    try:
        with _connected(target) as wire:
            for packet, wait_s in zip((timed, timed, untimed), WAITS_S, strict=True):
                reply = _exchange(wire, packet, wait_s)
                if reply is not None:
                    return _read(reply)
    except OSError as error:
        return Reply(verdict=Verdict.SILENT, words=f"The NAS cannot be reached ({error.strerror or error}).")
    return Reply(
        verdict=Verdict.SILENT,
        words=f"The NAS did not answer at {target.address} port {target.port}: "
        "check that it takes CoA and Disconnect from here, and the secret.",
    )


@contextlib.contextmanager
def _connected(target: Target) -> Any:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as wire:
        wire.connect((target.address, target.port))
        yield wire


def _exchange(wire: socket.socket, packet: Any, wait_s: float) -> Any:
    """The right answer, or None after the wait; wrong ones are as if they had not come."""
    ends_at = time.monotonic() + wait_s
    try:
        wire.send(packet.RequestPacket())
        while (left_s := ends_at - time.monotonic()) > 0:
            wire.settimeout(left_s)
            reply = _verified(packet, wire.recv(MAX_PACKET_BYTES))
            if reply is not None:
                return reply
    except TimeoutError:
        return None
    except ConnectionRefusedError:
        # Nobody listens, for now: a NAS that restarts does within the next try.
        time.sleep(max(0.0, ends_at - time.monotonic()))
    return None


def _verified(packet: Any, raw: bytes) -> Any:
    try:
        reply = packet.CreateReply(packet=raw)
        is_right = packet.VerifyReply(reply, raw)
    except (PacketError, ValueError, KeyError, IndexError, struct.error):
        return None
    return reply if is_right else None


def _read(reply: Any) -> Reply:
    if reply.code in {DisconnectACK, CoAACK}:
        return Reply(verdict=Verdict.DONE, words="The NAS has done it.")
    cause = _cause(reply)
    if cause in {NO_SUCH_SESSION, SESSION_REMOVED}:
        return Reply(verdict=Verdict.GONE, words=f"The NAS says: {CAUSES[cause]} ({cause}).")
    if cause is None:
        return Reply(
            verdict=Verdict.REFUSED, words="The NAS refused and gave no reason: it may know no such session."
        )
    words = CAUSES.get(cause, "a cause that is not documented")
    return Reply(verdict=Verdict.REFUSED, words=f"The NAS refused: {words} ({cause}).")


def _cause(reply: Any) -> int | None:
    if ERROR_CAUSE not in reply:
        return None
    value = reply[ERROR_CAUSE][0]
    return int.from_bytes(value) if isinstance(value, bytes) and len(value) == 4 else None
