"""The web role's own TLS, started as an operator starts it; and what is said without any."""

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from pydantic import ValidationError

from district.cli import tls
from district.embedded.errors import StartRefused
from district.embedded.nats import free_port
from district.settings import Settings
from tests.product import wait_for
from tests.wifi.lab import PORTAL_NAME
from tests.wifi.portal import Certificate, certificate

SECRET = "of-this-test-only-5f2e9a71-83bd-c0ffee"


@pytest.fixture
def files(tmp_path: Path) -> Certificate:
    return certificate(tmp_path)


@contextmanager
def web(settings: Settings, **environment: str) -> Iterator[int]:
    """`district web` on a free port."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DISTRICT_")}
    given = {
        "DISTRICT_DATABASE_URL": str(settings.database_url),
        "DISTRICT_NATS_URL": str(settings.nats_url),
        "DISTRICT_DATA_DIR": str(settings.data_dir),
        "DISTRICT_SECRET": SECRET,
        "DISTRICT_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-m", "district", "web"], env=kept | given | environment)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_the_web_role_speaks_tls_with_a_certificate(settings: Settings, files: Certificate) -> None:
    trust = ssl.create_default_context(cafile=str(files.authority))
    trust.check_hostname = (
        False  # the loopback address is not the certificate's name; its chain is what counts
    )
    environment = {"DISTRICT_TLS_CERT": str(files.chain), "DISTRICT_TLS_KEY": str(files.key)}
    with web(settings, **environment) as port:

        def ask() -> tuple[str, str] | None:
            address = f"https://127.0.0.1:{port}/healthz"
            try:
                with urllib.request.urlopen(address, timeout=3, context=trust) as answer:
                    return json.load(answer)["status"], answer.headers["strict-transport-security"]
            except (urllib.error.URLError, OSError):
                return None

        status, transport_security = wait_for("the web role answers by TLS", ask, timeout_s=150)
    assert status == "ok"
    assert transport_security, "the application knows that the browser came by TLS"


def with_tls(files: Certificate, *, chain: Path | None = None, key: Path | None = None) -> Settings:
    return Settings(tls_cert=chain or files.chain, tls_key=key or files.key)


def test_a_usable_certificate_is_taken(files: Certificate) -> None:
    assert refusal_of(with_tls(files)) is None


def refusal_of(settings: Settings) -> str | None:
    """Why a role would not start with this certificate."""
    try:
        tls.check_certificate(settings)
    except StartRefused as refused:
        return str(refused)
    return None


def test_a_certificate_that_cannot_be_used_refuses_the_start_in_one_line(
    files: Certificate, tmp_path: Path
) -> None:
    with pytest.raises(StartRefused, match=r"DISTRICT_TLS_CERT: .* is not there"):
        tls.check_certificate(with_tls(files, chain=tmp_path / "none.pem"))
    other = certificate_in(tmp_path / "other")
    with pytest.raises(StartRefused, match="its own key"):
        tls.check_certificate(with_tls(files, key=other.key))
    with pytest.raises(StartRefused, match="PEM"):
        tls.check_certificate(with_tls(files, chain=Path(__file__)))


def certificate_in(folder: Path) -> Certificate:
    folder.mkdir()
    return certificate(folder)


@pytest.mark.parametrize("alone", ["tls_cert", "tls_key"])
def test_one_half_is_refused(alone: str) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        Settings.model_validate({alone: "/etc/ssl/x.pem"})


@pytest.mark.parametrize(
    ("given", "is_said"),
    [
        ({}, True),
        ({"public_url": "http://x.example"}, True),
        ({"public_url": f"https://{PORTAL_NAME}"}, False),
        ({"trusted_proxies": "10.0.0.0/8"}, False),
        ({"tls_cert": "/a.pem", "tls_key": "/b.pem"}, False),
    ],
    ids=["nothing", "plain origin", "https origin", "proxy", "own"],
)
def test_what_is_off_without_tls_is_said_once(given: dict[str, str], is_said: bool) -> None:
    with structlog.testing.capture_logs() as lines:
        tls.warn_without(Settings.model_validate(given))
    assert [line["event"] for line in lines] == (["tls.off"] if is_said else [])
    assert all("RFC 8908" in line["off"] for line in lines)
