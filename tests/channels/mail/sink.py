"""A mail server that takes, refuses, puts off, falls silent or hangs up as it is told, and keeps what it took."""

import asyncio
import datetime
import ipaddress
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LONGEST_S = 90.0
USER, PASSWORD = "district", "correct horse"


@dataclass(frozen=True)
class Taken:
    """A message that the sink said 250 to."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)
    options: tuple[str, ...] = ()
    peer: object = None


@dataclass
class Sink:
    """What it is told to do, and what it got. Answers are used up in order; then it takes everything.

    faults are places: ``greet``, ``data`` (before it lets content come), ``dot`` (after all of it came), where it hangs
    up, or with ``silent-`` before them says nothing more.
    """

    recipients: dict[str, list[str]] = field(default_factory=dict)
    contents: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    answers_after_s: float = 0.0
    """How long it thinks about a message that it has kept already."""
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    seen: Counter[str] = field(default_factory=Counter)

    async def until(self, holds: Callable[["Sink"], bool]) -> None:
        """Wait until what it got is enough; fails when it never is."""
        async with asyncio.timeout(LONGEST_S), self.news:
            await self.news.wait_for(lambda: holds(self))

    async def handle_MAIL(  # noqa: N802 the library names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.seen[address] += 1
        answers = self.recipients.get(address, [])
        if answers:
            answer = answers[0] if answers[0].startswith("5") else answers.pop(0)
            async with self.news:
                self.news.notify_all()
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.contents:
            return self.contents.pop(0)
        kept = Taken(
            sender=envelope.mail_from or "",
            recipient=envelope.rcpt_tos[0],
            content=envelope.original_content or b"",
            options=tuple(envelope.mail_options),
            peer=session.peer,
        )
        async with self.news:
            self.taken.append(kept)
            self.news.notify_all()
        await asyncio.sleep(self.answers_after_s)
        if await self.fault("dot", server):
            return "421 gone"
        return f"250 2.0.0 Ok: queued as {len(self.taken):04d}SINK"

    async def fault(self, place: str, server: SMTP) -> bool:
        """Do what was ordered at this place; whether anything was."""
        if self.faults[:1] == [place]:
            self.faults.pop(0)
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return True
        if self.faults[:1] == [f"silent-{place}"]:
            self.faults.pop(0)
            await asyncio.sleep(LONGEST_S)
        return False


class Server(SMTP):
    """The protocol, with the faults that its hooks do not reach."""

    event_handler: Sink

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self.event_handler.fault("data", self):
            await super().smtp_DATA(arg)

    def connection_made(self, transport: Any) -> None:
        if isinstance(transport, asyncio.Transport) and self.transport is None:
            self.event_handler.connections += 1
        super().connection_made(transport)
        if self.event_handler.faults[:1] == ["greet"]:
            self.event_handler.faults.pop(0)
            transport.abort()


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
) -> AuthResult:
    is_right = isinstance(given, LoginPassword) and (given.login, given.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def sink(
    *, tls: str = "none", certificate: "Certificate | None" = None, **options: Any
) -> AsyncIterator[Sink]:
    """A sink on a free port of this machine. With ``needs_login`` it takes nothing from who is not logged in."""
    made = Sink()
    needs_login = options.pop("needs_login", False)
    context = certificate.server_context() if certificate else None
    given: dict[str, Any] = {
        "enable_SMTPUTF8": True,
        "data_size_limit": 1 << 20,
        "ident": "sink",
        "hostname": "sink.test",
        "tls_context": context if tls == "starttls" else None,
        "require_starttls": tls == "starttls",
        "auth_required": needs_login,
        "authenticator": _authenticate if needs_login else None,
        "loop": asyncio.get_running_loop(),
    }
    server = await asyncio.get_running_loop().create_server(
        lambda: Server(made, **{**given, **options}),
        "127.0.0.1",
        options.pop("port", 0),
        ssl=context if tls == "implicit" else None,
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        # The protocol's own tasks end with their connections; nobody waits for those that hang.


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1, and its file with the key."""

    pem: str
    path: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path)
        return context


def certificate_in(directory: Path) -> Certificate:
    """A new one, valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 TLS looks at the machine's clock
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    path = directory / "server.pem"
    path.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Certificate(pem=pem.decode(), path=path)
