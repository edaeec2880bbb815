"""Calls to controllers: only to the one server that the operator named, in time, in bounds, over TLS that is checked."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from district.gateways.caller import Caller, CallPolicy, ControllerRefused, ControllerUnavailable
from district.gateways.controllers import caller_for
from district.gateways.dialect import GatewayInfo
from district.gateways.outward import AddressRule
from district.gateways.redirects import PRIVATE_NETWORKS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
Behaviour = Callable[[socket.socket], None]


class Listener:
    """A server that counts who comes and does to him what it is told."""

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.hits = 0
        self.requests: list[bytes] = []
        self._behave, self._context = behave, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.hits += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._context is None:
                    self._talk(connection)
                else:
                    with self._context.wrap_socket(connection, server_side=True) as wire:
                        self._talk(wire)
            except OSError:
                return

    def _talk(self, wire: socket.socket) -> None:
        self.requests.append(wire.recv(65_536))
        self._behave(wire)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def listening(behave: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    listener = Listener(behave, context)
    try:
        yield listener
    finally:
        listener.close()


def says(*parts: bytes, pause_s: float = 0.0) -> Behaviour:
    def behave(wire: socket.socket) -> None:
        for part in parts:
            wire.sendall(part)
            if pause_s:
                time.sleep(pause_s)

    return behave


def to(port: int, *, deadline_s: float = 60.0, **values: object) -> Caller:
    given: dict[str, object] = {"origin": f"http://127.0.0.1:{port}", "allows_loopback": True}
    return Caller(CallPolicy(deadline_s=deadline_s, **(given | values)))  # type: ignore[arg-type]


HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"


def drips(head: bytes) -> Behaviour:
    def behave(wire: socket.socket) -> None:
        wire.sendall(head)
        while True:
            wire.sendall(b"x")
            time.sleep(0.05)

    return behave


ENDLESS = [
    drips(head)
    for head in (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"")
]


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (says(HUGE, b"a" * 10_000_000), "too much"),
        *((endless, "too long|cannot be reached") for endless in ENDLESS),
        (
            says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            "redirect",
        ),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), "not JSON"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe{}"), "not JSON"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"), "another form"),
        (says(b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000), "not JSON"),
        (says(b"not HTTP at all\r\n\r\n"), "cannot be reached"),
        (says(b""), "cannot be reached"),
    ],
    ids=["huge", "head", "body", "first", "redirect", "html", "bytes", "form", "deep", "garbage", "nothing"],
)
def test_a_hostile_answer_ends_in_time_and_in_words(behave: Behaviour, words: str) -> None:
    with listening(behave) as server:
        deadline_s = 2.0 if behave in ENDLESS else 60.0
        with (
            to(server.port, deadline_s=deadline_s) as caller,
            pytest.raises(ControllerUnavailable, match=words),
        ):
            caller.call("GET", "/").document()


def test_compressed_answers_are_not_asked_for_and_not_unpacked() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    with listening(says(head)) as server, to(server.port) as caller:
        answer = caller.call("GET", "/")
        assert answer.body == b"\x1f\x8b\x08\x00"
        assert b"accept-encoding: identity" in server.requests[0].lower()


def call_ten_times(caller: Caller) -> None:
    for _ in range(10):
        caller.call("GET", "/", headers={"Connection": "close"})


def test_the_deadline_is_of_the_whole_conversation() -> None:
    def slow(wire: socket.socket) -> None:
        time.sleep(0.4)
        wire.sendall(OK)

    with listening(slow) as server, to(server.port, deadline_s=1.0) as caller:
        with pytest.raises(ControllerUnavailable):
            call_ten_times(caller)
        assert caller.pause(0.1) is False


def test_cookies_stay_with_the_conversation() -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: TOKEN=abc; Path=/; HttpOnly\r\nSet-Cookie: bad cookie\r\n"
        b"Set-Cookie: gone=1; Max-Age=0\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    )
    with listening(says(head)) as server, to(server.port) as caller:
        caller.call("GET", "/")
        caller.call("GET", "/")
        assert b"Cookie" not in server.requests[0]
        assert b"Cookie: TOKEN=abc\r\n" in server.requests[1]


@pytest.mark.parametrize(
    "path", ["http://elsewhere/", "//elsewhere", "no-slash", "/a b", "/a\r\nX: y", "/\u00e9"]
)
def test_a_path_cannot_lead_elsewhere(path: str) -> None:
    with listening(says(OK)) as server, to(server.port) as caller:
        try:
            caller.call("GET", path)
        except ValueError:
            assert server.hits == 0
        else:
            assert server.requests[0].startswith(b"GET //elsewhere HTTP/1.1")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",
        "255.255.255.255",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "198.18.0.1",
        "fc00::1",
    ],
)
def test_addresses_that_are_nobodys_controller_are_never_called(address: str) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        return ["192.168.1.2", address]

    policy = CallPolicy(origin="https://controller.example", deadline_s=60.0)
    with (
        Caller(policy, resolve=resolve) as caller,
        pytest.raises(ControllerUnavailable, match=r"address .* (is|would)"),
    ):
        caller.call("GET", "/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_called_unless_the_setting_allows_it(host: str) -> None:
    with listening(says(OK)) as server:
        caller = Caller(CallPolicy(origin=f"http://{host}:{server.port}", deadline_s=60.0))
        with caller, pytest.raises(ControllerUnavailable, match="this machine itself"):
            caller.call("GET", "/")
        assert server.hits == 0


def test_an_unencrypted_controller_elsewhere_is_not_called() -> None:
    caller = Caller(CallPolicy(origin="http://192.168.1.2", deadline_s=60.0))
    with caller, pytest.raises(ControllerUnavailable, match="unencrypted"):
        caller.call("GET", "/")


@pytest.mark.parametrize(
    ("networks", "address", "is_allowed"),
    [
        (PRIVATE_NETWORKS, "10.1.2.3", True),
        (PRIVATE_NETWORKS, "192.168.1.2", True),
        (PRIVATE_NETWORKS, "100.64.0.1", True),
        (PRIVATE_NETWORKS, "8.8.8.8", True),
        (("10.9.0.0/16",), "10.9.1.2", True),
        (("10.9.0.0/16",), "10.8.1.2", False),
        (("10.9.0.0/16",), "192.168.1.2", False),
        (("fd12::/16",), "fd12::1", True),
        (("0.0.0.0/0",), "169.254.169.254", False),
        (("0.0.0.0/0",), "127.0.0.1", False),
    ],
)
def test_private_networks_are_called_where_they_are_allowed(
    networks: tuple[str, ...], address: str, is_allowed: bool
) -> None:
    refusal = AddressRule(networks=networks).refusal(ipaddress.ip_address(address))
    assert (refusal == "") is is_allowed


def test_a_name_is_resolved_once_and_the_checked_address_is_called() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    asked = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    with listening(says(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) as server:
        policy = CallPolicy(origin=f"http://controller.example:{server.port}", allows_loopback=True)
        with Caller(policy, resolve=resolve) as caller:
            caller.call("GET", "/one")
            caller.call("GET", "/two")
        assert asked == ["controller.example"]
        assert server.hits == 2
        assert f"Host: controller.example:{server.port}".encode() in server.requests[0]


def test_a_resolver_that_hangs_does_not_hold_the_call() -> None:
    released = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        released.wait()
        return ["127.0.0.1"]

    caller = Caller(CallPolicy(origin="https://c.example", deadline_s=0.5), resolve=resolve)
    with caller, pytest.raises(ControllerUnavailable):
        caller.call("GET", "/")
    released.set()


def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    with listening(says(OK)) as server:
        policy = CallPolicy(origin=f"http://c.example:{server.port}", allows_loopback=True, deadline_s=60.0)
        with Caller(policy, resolve=lambda _host, _port: ["127.0.0.99", "127.0.0.1"]) as caller:
            assert caller.call("GET", "/").status == 200


def test_a_gateway_without_an_address_of_its_controller_says_so() -> None:
    gateway = GatewayInfo(slug="g", vendor="unifi", secret="s", public_url="")
    with pytest.raises(ControllerRefused, match="controller_url"):
        caller_for(gateway, allows_loopback=True)


class Certificate:
    """A self-signed certificate for ``localhost``, as controllers make one."""

    def __init__(self, directory: Path, name: str = "localhost") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)  # noqa: TID251 certificates are valid on real clocks
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.pem = built.public_bytes(serialization.Encoding.PEM).decode()
        self.sha256 = built.fingerprint(hashes.SHA256()).hex()
        path = directory / f"{name}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(secret + self.pem.encode())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(path)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


def secure(port: int, host: str = "localhost", **trust: str) -> Caller:
    policy = CallPolicy(origin=f"https://{host}:{port}", allows_loopback=True, deadline_s=60.0, **trust)  # type: ignore[arg-type]
    return Caller(policy, resolve=lambda _host, _port: ["127.0.0.1"])


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    certificate: Certificate,
) -> None:
    with listening(says(OK), certificate.context) as server:
        with secure(server.port) as caller, pytest.raises(ControllerUnavailable, match="not trusted"):
            caller.call("POST", "/login", json={"password": "secret"})
        assert server.requests == []


def test_an_own_authority_is_trusted_for_its_name(certificate: Certificate) -> None:
    with listening(says(OK), certificate.context) as server:
        with secure(server.port, ca_certificate=certificate.pem) as caller:
            assert caller.call("GET", "/").status == 200
        caller = secure(server.port, "other.example", ca_certificate=certificate.pem)
        with caller, pytest.raises(ControllerUnavailable, match="not trusted"):
            caller.call("GET", "/")


def test_a_pinned_certificate_is_trusted_under_any_name(certificate: Certificate) -> None:
    with (
        listening(says(OK), certificate.context) as server,
        secure(server.port, "unifi.local", certificate_sha256=certificate.sha256) as caller,
    ):
        assert caller.call("GET", "/").status == 200


def test_another_certificate_than_the_pinned_one_gets_nothing(
    certificate: Certificate, tmp_path: Path
) -> None:
    other = Certificate(tmp_path, "other")
    with listening(says(OK), other.context) as server:
        caller = secure(server.port, certificate_sha256=certificate.sha256)
        with caller, pytest.raises(ControllerUnavailable, match="not the one that is expected"):
            caller.call("POST", "/login", json={"password": "secret"})
        assert all(not request for request in server.requests)
