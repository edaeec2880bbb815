"""Talks with an access controller: let a user address in, send it off. Repeats are safe, and all ends in time."""

import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from types import TracebackType
from typing import Self

from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.portal2.packets import (
    MAX_PACKET_BYTES,
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

FIRST_WAIT_S = 0.6
"""Doubled each time; log-in and challenge together end within a caller's eight seconds."""
MOST_SENDS = 3
GIVEN_UP = 1
"""In a request to log out: the portal never heard the answer to its log-in."""
ALREADY_ON_LINE = 2
REASONS: Mapping[Kind, Mapping[int, str]] = {
    Kind.ACK_CHALLENGE: {
        1: "it refused to begin: is this server allowed as its portal server?",
        3: "another sign-in of the same address is on its way",
        4: "it failed to begin",
    },
    Kind.ACK_AUTH: {
        1: "its RADIUS server refused the user: check that it asks ours",
        3: "another sign-in of the same address is on its way",
        4: "it failed: check its RADIUS server and its log",
    },
    Kind.ACK_LOGOUT: {1: "it refused to log the user off", 2: "it failed to log the user off"},
}
BUSY = 3


@dataclass(frozen=True, kw_only=True)
class User:
    """Whom to let in."""

    address: IPv4Address
    name: bytes
    password: bytes


class Conversation:
    """One log-in or log-off with one access controller: one serial number, one socket, one end."""

    def __init__(self, address: tuple[str, int], secret: bytes, *, left_s: Callable[[], float]) -> None:
        self._secret, self._left_s = secret, left_s
        self._serial = secrets.randbelow(0xFFFF) + 1
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Connected: the kernel drops datagrams of anybody else.
        self._socket.connect(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def log_in(self, user: User, how: Authentication) -> None:
        """Raises: ControllerRefused, ControllerUnavailable."""
        request = self._authentication(user, how)
        if request is None:
            return
        try:
            answer = self._ask(request, Kind.ACK_AUTH)
        except ControllerUnavailable:
            self._send(self._packet(Kind.REQ_LOGOUT, user.address, error=GIVEN_UP))
            raise
        if answer.error == ALREADY_ON_LINE:
            return
        _check(answer)
        self._send(replace(self._packet(Kind.AFF_ACK_AUTH, user.address), request_id=request.request_id))

    def log_out(self, address: IPv4Address) -> None:
        """Raises: ControllerRefused, ControllerUnavailable."""
        _check(self._ask(self._packet(Kind.REQ_LOGOUT, address), Kind.ACK_LOGOUT))

    def _authentication(self, user: User, how: Authentication) -> Packet | None:
        """The request to let the user in; None when he is on line already."""
        name = (int(Attribute.USER_NAME), user.name)
        request = replace(self._packet(Kind.REQ_AUTH, user.address), authentication=how)
        if how is Authentication.PAP:
            return replace(request, attributes=(name, (int(Attribute.PASSWORD), user.password)))
        given = self._ask(self._packet(Kind.REQ_CHALLENGE, user.address), Kind.ACK_CHALLENGE)
        if given.error == ALREADY_ON_LINE:
            return None
        _check(given)
        challenge = given.first(Attribute.CHALLENGE)
        if not challenge:
            raise ControllerUnavailable("The access controller sent no challenge.")
        answer = chap_password(given.request_id, user.password, challenge)
        return replace(
            request,
            request_id=given.request_id,
            attributes=(name, (int(Attribute.CHAP_PASSWORD), answer)),
        )

    def _packet(self, kind: Kind, address: IPv4Address, *, error: int = 0) -> Packet:
        return Packet(kind=kind, serial=self._serial, user_address=address, error=error)

    def _send(self, packet: Packet) -> bytes:
        datagram = encode(packet, self._secret)
        with suppress(OSError):  # as good as lost on the way: asked again, or not heard
            self._socket.send(datagram)
        return authenticator_of(datagram)

    def _ask(self, request: Packet, wanted: Kind) -> Packet:
        """The answer, the request repeated as it is while there is none. Raises: ControllerUnavailable."""
        was_heard = ""
        for attempt in range(MOST_SENDS):
            authenticator = self._send(request)
            wait_s = FIRST_WAIT_S * 2**attempt
            answer, heard = self._answer(request, authenticator, wanted, wait_s)
            if answer is not None:
                return answer
            was_heard = heard or was_heard
        raise ControllerUnavailable(f"The access controller does not answer. {was_heard}".strip())

    def _answer(
        self, request: Packet, authenticator: bytes, wanted: Kind, wait_s: float
    ) -> tuple[Packet | None, str]:
        """What answers this very request, and why what else came was not it."""
        heard = ""
        ends_s = max(self._left_s() - wait_s, 0.0)
        while True:
            left_s = self._left_s() - ends_s
            if left_s <= 0:
                return None, heard
            self._socket.settimeout(left_s)
            try:
                datagram = self._socket.recv(MAX_PACKET_BYTES + 1)
            except TimeoutError:
                return None, heard
            except OSError:
                # The host says that nobody listens; it may be starting. The wait is not cut short for that.
                heard = "Nobody listens at its port."
                continue
            try:
                packet = decode(datagram, self._secret, request_authenticator=authenticator)
            except BadPacket as error:
                heard = error.detail
                continue
            is_its = (packet.serial, packet.user_address) == (request.serial, request.user_address)
            if packet.kind is wanted and is_its:
                return packet, heard


def _check(answer: Packet) -> None:
    if answer.error == 0:
        return
    reason = REASONS.get(answer.kind, {}).get(answer.error, f"its error code is {answer.error}")
    if answer.error == BUSY:
        raise ControllerUnavailable(f"The access controller is busy: {reason}.")
    raise ControllerRefused(f"The access controller says no: {reason}.")
