"""Debian's Mosquitto as a process of its own: on a port of its own, with what it keeps in a directory of its own."""

import asyncio
import getpass
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from district.embedded.programs import tools_root

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin") or str(tools_root() / "usr/sbin/mosquitto")
PASSWD = shutil.which("mosquitto_passwd") or str(tools_root() / "usr/bin/mosquitto_passwd")
LONGEST_S = 90.0
USER, PASSWORD = "district", "screens-and-more"


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Mosquitto:
    """A broker that may be killed and started again; what it kept is there again."""

    folder: Path
    port: int = field(default_factory=free_port)
    lines: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[bytes] | None = None

    async def start(self) -> None:
        """Start, and wait until it takes connections."""
        configuration = self._written()
        self.process = await asyncio.create_subprocess_exec(
            MOSQUITTO,
            "-c",
            str(configuration),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        said = b""
        async with asyncio.timeout(LONGEST_S):
            async for line in self.process.stdout:
                said += line
                if b" running" in line:
                    break
            else:
                raise AssertionError(said.decode())
        self._reader = asyncio.create_task(self.process.stdout.read())

    def _written(self) -> Path:
        """Its configuration, with a password that is made once."""
        configuration, passwords = self.folder / "mosquitto.conf", self.folder / "passwords"
        if not passwords.exists():
            subprocess.run(
                [PASSWD, "-b", "-c", str(passwords), USER, PASSWORD], check=True, capture_output=True
            )
        lines = (
            f"listener {self.port} 127.0.0.1",
            *self.lines,
            "persistence true",
            f"persistence_location {self.folder}/",
            "allow_anonymous false",
            f"password_file {passwords}",
            f"user {getpass.getuser()}",
            "log_dest stderr",
        )
        configuration.write_text("\n".join((*lines, "")))
        return configuration

    async def stop(self) -> None:
        """End it in order, so that it writes down what it keeps."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
        if self.process is not None:
            await self.process.wait()
        if self._reader is not None:
            await self._reader
        self.process = self._reader = None


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str) -> AsyncIterator[Mosquitto]:
    """A running broker."""
    broker = Mosquitto(folder=folder, lines=lines)
    try:
        await broker.start()
        yield broker
    finally:
        await broker.stop()
