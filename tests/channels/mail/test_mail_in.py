"""The command that a mail server passes bounces to: how it ends tells the server what to do with the message."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.channels.mail.reports import bounce

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "district/cli/mail_in.py"
TO = "bounces+abc@bounces.example.com"


@dataclass
class Intake:
    """Where reports are posted to, and what it says."""

    status: int = 204
    got: list[tuple[str, bytes]] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def intake() -> Iterator[Intake]:
    made = Intake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, body))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_port}/v1/districts/west/receipts/mail"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def ended(*arguments: str, message: bytes = b"") -> int:
    """With what the program ends."""
    command = [sys.executable, str(PROGRAM), *arguments]
    return subprocess.run(command, input=message, capture_output=True, check=False, timeout=60).returncode


@pytest.mark.parametrize(
    ("status", "code"), [(204, 0), (401, 67), (404, 67), (413, 75), (429, 75), (500, 75), (503, 75)]
)
def test_what_the_product_says_becomes_what_the_mail_server_understands(
    intake: Intake, status: int, code: int
) -> None:
    intake.status = status
    assert ended(intake.address, TO, message=bounce()) == code
    assert intake.got == [
        ("/v1/districts/west/receipts/mail?to=bounces%2Babc%40bounces.example.com", bounce())
    ]


def test_a_product_that_is_away_is_asked_again_later(intake: Intake) -> None:
    assert ended("http://127.0.0.1:9/receipts/mail", TO, message=bounce()) == 75


def test_a_report_that_is_too_long_comes_shortened(intake: Intake) -> None:
    assert ended(intake.address, TO, message=bounce() + b"x" * 1_000_000) == 0
    assert intake.got[0][1].startswith(bounce())
    assert len(intake.got[0][1]) == 240 * 1024


def test_wrong_use_is_said(intake: Intake) -> None:
    assert ended(intake.address) == 64
    assert ended("file:///etc/passwd", TO) == 64
    assert intake.got == []


def test_the_command_is_the_same_program(intake: Intake) -> None:
    command = [sys.executable, "-m", "district", "mail-in", intake.address, TO]
    intake.status = 401
    done = subprocess.run(command, input=bounce(), capture_output=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 67, done.stderr
    assert len(intake.got) == 1
