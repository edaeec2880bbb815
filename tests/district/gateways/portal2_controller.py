"""An access controller that speaks Portal 2.0 over UDP, written from the protocol's text with arithmetic of its own.

    python portal2_controller.py '{"secret": "…", "users": {"name": "password"}, "lose": 0, …}'

Prints ``{"port": n}`` first and then one JSON line for each datagram that it takes and for what became of it. A line
on its input, ``{"notify": [address, port], "user": "10.0.0.5"}``, makes it tell a portal that a user has left.
"""

import hashlib
import json
import os
import select
import socket
import struct
import sys
from typing import Any

Sender = tuple[str, int]

REQ_CHALLENGE, ACK_CHALLENGE, REQ_AUTH, ACK_AUTH = 1, 2, 3, 4
REQ_LOGOUT, ACK_LOGOUT, AFF_ACK_AUTH, NTF_LOGOUT, ACK_NTF_LOGOUT = 5, 6, 7, 8, 14


def say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def sign(head: bytes, middle: bytes, attributes: bytes, secret: bytes) -> bytes:
    return hashlib.md5(head + middle + attributes + secret).digest()


class Controller:
    def __init__(self, wanted: dict[str, Any]) -> None:
        self.secret = wanted["secret"].encode()
        self.users = wanted.get("users")
        self.lose = wanted.get("lose", 0)
        self.answers = wanted.get("answers", {})
        self.lies = wanted.get("lies", False)
        self.mute = set(wanted.get("mute", []))
        self.challenges: dict[bytes, tuple[int, bytes]] = {}
        self.on_line: set[bytes] = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((wanted.get("host", "127.0.0.1"), wanted.get("port", 0)))

    def take(self, datagram: bytes, sender: Sender) -> None:
        head, given, attributes = datagram[:16], datagram[16:32], datagram[32:]
        is_signed = sign(head, b"\0" * 16, attributes, self.secret) == given
        version, kind, pap, _, serial, request_id = struct.unpack("!BBBBHH", head[:8])
        user = socket.inet_ntoa(head[8:12])
        say(
            took=kind,
            version=version,
            serial=serial,
            request_id=request_id,
            user=user,
            pap=pap,
            error=head[14],
            signed=is_signed,
        )
        if not is_signed:
            return
        if self.lose:
            self.lose -= 1
            return
        if kind in self.mute:
            return
        if kind == ACK_NTF_LOGOUT:
            return
        values = {}
        rest = attributes
        for _ in range(head[15]):
            values[rest[0]] = rest[2 : rest[1]]
            rest = rest[rest[1] :]
        assert rest == b"", "attributes and their count differ"
        getattr(self, f"_kind_{kind}")(head, given, values, sender)

    def _kind_1(self, head: bytes, given: bytes, _values: dict[int, bytes], sender: Sender) -> None:
        user = head[8:12]
        error = self.answers.get("challenge", 2 if user in self.on_line else 0)
        # radclient takes 17 printable bytes for a password that it has to hash: the low byte is none that is printed.
        number, challenge = self.challenges.get(user, (0x1207, os.urandom(16)))
        self.challenges[user] = number, challenge
        self.answer(
            ACK_CHALLENGE,
            head,
            given,
            sender,
            error=error,
            request_id=number,
            attributes=b"" if error else bytes((3, 18)) + challenge,
        )

    def _kind_3(self, head: bytes, given: bytes, values: dict[int, bytes], sender: Sender) -> None:
        user, request_id = head[8:12], struct.unpack("!H", head[6:8])[0]
        name = values.get(1, b"").decode()
        if head[2] == 1:
            is_right = self.is_password(name, values.get(2))
        else:
            number, challenge = self.challenges.pop(user, (-1, b""))
            say(
                chap_challenge=challenge.hex(),
                chap_password=bytes((head[7],)).hex() + values.get(4, b"").hex(),
            )
            is_right = number == request_id and self.is_chap(name, values.get(4), request_id, challenge)
        error = self.answers.get("auth", 0 if is_right else 1)
        if not error:
            self.on_line.add(user)
        say(login=name, right=is_right)
        self.answer(ACK_AUTH, head, given, sender, error=error, request_id=request_id)

    def is_password(self, name: str, password: bytes | None) -> bool:
        return self.users is None or (password is not None and self.users.get(name) == password.decode())

    def is_chap(self, name: str, response: bytes | None, request_id: int, challenge: bytes) -> bool:
        if self.users is None:
            return response is not None and len(response) == 16
        password = self.users.get(name, "").encode()
        return response == hashlib.md5(bytes([request_id % 256]) + password + challenge).digest()

    def _kind_7(self, head: bytes, _given: bytes, _values: dict[int, bytes], _sender: Sender) -> None:
        say(confirmed=socket.inet_ntoa(head[8:12]))

    def _kind_5(self, head: bytes, given: bytes, _values: dict[int, bytes], sender: Sender) -> None:
        self.on_line.discard(head[8:12])
        self.answer(ACK_LOGOUT, head, given, sender, error=self.answers.get("logout", 0))

    def answer(
        self,
        kind: int,
        head: bytes,
        given: bytes,
        sender: Sender,
        *,
        error: int,
        request_id: int = 0,
        attributes: bytes = b"",
    ) -> None:
        count = 1 if attributes else 0
        reply = struct.pack("!BBBB", 2, kind, head[2], 0) + head[4:6] + struct.pack("!H", request_id)
        reply += head[8:14] + bytes((error, count))
        middle = b"\1" * 16 if self.lies else given
        self.socket.sendto(reply + sign(reply, middle, attributes, self.secret) + attributes, sender)

    def notify(self, place: list[Any], user: str) -> None:
        head = struct.pack("!BBBBHH", 2, NTF_LOGOUT, 0, 0, 77, 0) + socket.inet_aton(user) + b"\0\0\0\0"
        self.socket.sendto(head + sign(head, b"\0" * 16, b"", self.secret), (str(place[0]), int(place[1])))

    def run(self) -> None:
        say(port=self.socket.getsockname()[1])
        while True:
            ready, _, _ = select.select([self.socket, sys.stdin], [], [])
            if self.socket in ready:
                self.take(*self.socket.recvfrom(4096))
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                told = json.loads(line)
                self.notify(told["notify"], told["user"])


if __name__ == "__main__":
    Controller(json.loads(sys.argv[1])).run()
