"""A real FreeRADIUS with the configuration that the product renders, and radclient to ask it."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from district.embedded.nats import free_port
from district.embedded.packages_of_tests import RADIUS_FILES, RADIUS_PACKAGES
from district.radius.rendering import RenderedClient, Server, render
from tests.product import wait_for

FREERADIUS: Final = "/usr/sbin/freeradius"
RADCLIENT: Final = "/usr/bin/radclient"
MISSING: Final = [path for path in RADIUS_FILES if not Path(path).exists()]
WHY_NOT: Final = f"needs Debian's packages {', '.join(RADIUS_PACKAGES)}: no {', '.join(MISSING)}"
READY_WITHIN_S: Final = 120.0
_PAIR = re.compile(r"^\s+([A-Za-z0-9.-]+) = (.*)$")


def free_udp_ports(count: int) -> list[int]:
    """Ports that nobody holds now, each another one."""
    ports: list[int] = []
    while len(ports) < count:
        # Of those that nobody is given who only asks for one.
        port = free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports += [port] if port not in ports else []
    return ports


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What radclient heard."""

    kind: str
    """Access-Accept, Access-Reject, Accounting-Response; empty when nothing came."""
    attributes: Mapping[str, list[str]] = field(default_factory=dict)
    names: Sequence[str] = ()
    """The attributes' names in the packet's order."""

    def get(self, name: str) -> str | None:
        """The first value of an attribute, without quotes."""
        values = self.attributes.get(name)
        return values[0].strip('"') if values else None


class FreeRadius:
    """``with FreeRadius(url, key, clients) as server``: on free ports, in a directory of its own."""

    def __init__(self, url: str, key: str, clients: Sequence[RenderedClient]) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="district-radius-", dir="/tmp"))
        self.auth_port, self.acct_port = free_udp_ports(2)
        self.secret = clients[0].secret
        self.server = Server(
            url=url,
            key=key,
            raddb=self.base / "raddb",
            state=self.base / "state",
            listen="127.0.0.1",
            auth_port=self.auth_port,
            acct_port=self.acct_port,
        )
        render(self.server, clients)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    @property
    def log(self) -> str:
        """What FreeRADIUS wrote."""
        path = self.server.state / "log" / "radius.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def spooled_bytes(self) -> int:
        """What waits on its disk."""
        spool = self.server.state / "spool"
        return sum(path.stat().st_size for path in spool.iterdir() if path.name.startswith("detail"))

    def start(self) -> None:
        """Start it; returns when it listens."""
        before = self.log.count("Ready to process requests")
        with (self.base / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [FREERADIUS, "-f", "-d", str(self.server.raddb)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

        def is_ready() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(f"FreeRADIUS ended: {self.output}\n{self.log}")
            return self.log.count("Ready to process requests") > before

        wait_for("FreeRADIUS is ready", is_ready, timeout_s=READY_WITHIN_S)

    @property
    def output(self) -> str:
        """What it printed."""
        return (self.base / "output.log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def stop(self, *, by: int | None = None) -> None:
        """Stop it."""
        if self._process is None:
            return
        if by is None:
            self._process.terminate()
        else:
            os.kill(self._process.pid, by)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def ask(self, attributes: str, *, signed: bool = True, wait_s: float = 60.0) -> Reply:
        """One Access-Request; its lines are radclient's."""
        lines = attributes + ("\nMessage-Authenticator = 0x00" if signed else "")
        return self._send("auth", self.auth_port, lines, wait_s)

    def account(self, attributes: str, *, wait_s: float = 60.0) -> Reply:
        """One Accounting-Request."""
        return self._send("acct", self.acct_port, attributes, wait_s)

    def _send(self, kind: str, port: int, lines: str, wait_s: float) -> Reply:
        command = [RADCLIENT, "-x", "-r", "1", "-t", f"{wait_s:g}", f"127.0.0.1:{port}", kind, self.secret]
        ended = subprocess.run(
            command, input=lines + "\n", capture_output=True, text=True, timeout=wait_s + 20, check=False
        )
        return _read(ended.stdout)


def _read(output: str) -> Reply:
    kind, is_reply = "", False
    names: list[str] = []
    attributes: dict[str, list[str]] = {}
    for line in output.splitlines():
        if line.startswith("Received "):
            kind, is_reply = line.split()[1], True
        elif is_reply and (match := _PAIR.match(line)):
            attributes.setdefault(match[1], []).append(match[2])
            names.append(match[1])
        elif not line.startswith((" ", "\t")):
            is_reply = False
    return Reply(kind=kind, attributes=attributes, names=names)
