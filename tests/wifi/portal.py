"""The portal as a gateway and its clients meet it: our web role on the internet's own addresses, with and without TLS."""

import asyncio
import threading
from asyncio import FIRST_COMPLETED
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI

from district.clock import system
from tests.wifi.lab import INTERNET_IP, PORTAL_IP, PORTAL_NAME, Lab

SECRET = "of-this-test-only-c0ffee-5f2e9a71-83bd"
STARTS_WITHIN_S, STOPS_WITHIN_S = 150, 60


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Files of a server's certificate and of the authority that signed it."""

    authority: Path
    chain: Path
    key: Path


def certificate(directory: Path) -> Certificate:
    """A certificate for the portal's name, from an authority of its own."""
    files = Certificate(
        authority=directory / "authority.pem", chain=directory / "chain.pem", key=directory / "key.pem"
    )
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of this test")])
    usage = x509.BasicConstraints(ca=True, path_length=None)
    root = _draft(root_name, root_name, root_key.public_key()).add_extension(usage, critical=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PORTAL_NAME)])
    names = x509.SubjectAlternativeName([x509.DNSName(PORTAL_NAME)])
    leaf = _draft(name, root_name, key.public_key()).add_extension(names, critical=False)
    files.authority.write_bytes(root.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.chain.write_bytes(leaf.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def _draft(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = system.machine_now()
    draft = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key)
    draft = draft.serial_number(x509.random_serial_number())
    return draft.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))


@contextmanager
def serving(app: FastAPI, lab: Lab, files: Certificate) -> Iterator[None]:
    """The application on ports 80 and 443 of the portal's address: one loop, two doors."""
    clear = _server(app, lifespan="on")
    tls = _server(app, lifespan="off", ssl_certfile=str(files.chain), ssl_keyfile=str(files.key))
    sockets = [lab.listen(PORTAL_IP, 80)], [lab.listen(PORTAL_IP, 443)]

    async def serve() -> None:
        first = asyncio.create_task(clear.serve(sockets[0]))
        await asyncio.wait({first, asyncio.create_task(_started(clear))}, return_when=FIRST_COMPLETED)
        await asyncio.gather(first, tls.serve(sockets[1]))

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        _until_started(tls, thread)
        yield
    finally:
        clear.should_exit = tls.should_exit = True
        thread.join(STOPS_WITHIN_S)
        for listening in (*sockets[0], *sockets[1]):
            listening.close()


def _server(app: FastAPI, **options: str) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=2, **options))  # type: ignore[arg-type]


async def _started(server: uvicorn.Server) -> None:
    while not server.started:  # noqa: ASYNC110 uvicorn has no event for this
        await asyncio.sleep(0.01)


def _until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    waited = threading.Event()
    for _ in range(STARTS_WITHIN_S * 100):
        if server.started or not thread.is_alive():
            break
        waited.wait(0.01)
    assert server.started


class _Everything(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"THE-INTERNET"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the library's name
        """Says nothing."""


@contextmanager
def internet(lab: Lab) -> Iterator[str]:
    """A site that only who is on line reaches; its address."""
    server = ThreadingHTTPServer((INTERNET_IP, 80), _Everything, bind_and_activate=False)
    server.socket.close()
    server.socket = lab.listen(INTERNET_IP, 80)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{INTERNET_IP}/generate_204"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
