"""A Postfix of the test's own: its configuration, queue and ports in a directory of its own, /etc/postfix left alone.

It takes mail on a port, hands everything to the next server, and passes what comes for return addresses to the product
by the program of ``district mail-in``, as the manual says.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from district.embedded.nats import free_port

ROOT = Path(__file__).resolve().parents[3]
POSTFIX = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LONGEST_S = 90.0
SYSTEM_PYTHON = "/usr/bin/python3"
MAIN = """
compatibility_level = 3.6
queue_directory = {spool}
data_directory = {data}
maillog_file = {directory}/mail.log
maillog_file_prefixes = {directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
smtp_dns_support_level = disabled
default_transport = smtp:[127.0.0.1]:{next_port}
relay_domains = bounces.example.com
transport_maps = inline:{{ bounces.example.com=district: }}
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
district_destination_recipient_limit = 1
disable_vrfy_command = yes
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60  1 pickup
cleanup   unix n - n -   0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n -   - trivial-rewrite
bounce    unix - - n -   0 bounce
defer     unix - - n -   0 bounce
trace     unix - - n -   0 bounce
verify    unix - - n -   1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n -   - proxymap
smtp      unix - - n -   - smtp
relay     unix - - n -   - smtp
showq     unix n - n -   - showq
error     unix - - n -   - error
retry     unix - - n -   - error
discard   unix - - n -   - discard
anvil     unix - - n -   1 anvil
scache    unix - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
district  unix - n n - 2 pipe user=nobody argv={program} ${{original_recipient}}
"""


@dataclass(frozen=True)
class Relay:
    """A running Postfix."""

    port: int
    directory: Path

    def log(self) -> str:
        path = self.directory / "mail.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def goes_to(self, url: str) -> None:
        """Where bounces are passed on to from now on."""
        (self.directory / "url").write_text(url, "utf-8")

    def waiting(self) -> int:
        """How many messages are in its queue."""
        spool = self.directory / "spool"
        return sum(
            len([one for one in (spool / name).rglob("*") if one.is_file()])
            for name in ("active", "deferred")
        )


@asynccontextmanager
async def postfix(
    directory: Path, *, next_port: int, url: str = "http://127.0.0.1:9/"
) -> AsyncIterator[Relay]:
    """A Postfix that hands everything on to ``next_port``, and bounces to ``url``."""
    port = free_port()
    _configure(directory, port=port, next_port=next_port)
    assert POSTFIX is not None
    process = await asyncio.create_subprocess_exec(
        POSTFIX,
        "-c",
        str(directory / "etc"),
        "start-fg",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    made = Relay(port=port, directory=directory)
    made.goes_to(url)
    try:
        await _answers(made, process)
        yield made
    finally:
        await _stopped(directory)
        await process.wait()


async def _stopped(directory: Path) -> None:
    """End it and all of its own; the command that started it would leave them running."""
    assert POSTFIX is not None
    command = (POSTFIX, "-c", str(directory / "etc"), "abort")
    ending = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await ending.wait()


async def _answers(relay: Relay, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(LONGEST_S):
        while True:
            assert process.returncode is None, relay.log()
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
                greeting = await reader.readline()
                writer.close()
                if greeting.startswith(b"220"):
                    return
            await asyncio.sleep(0.05)


def _configure(directory: Path, *, port: int, next_port: int) -> None:
    etc, spool, data = directory / "etc", directory / "spool", directory / "data"
    for one in (etc, spool, data):
        one.mkdir()
    directory.chmod(0o755)
    shutil.chown(data, "postfix")
    program = _program(directory)
    values = {"directory": directory, "spool": spool, "data": data, "port": port, "next_port": next_port}
    (etc / "main.cf").write_text(MAIN.format(**values), "utf-8")
    (etc / "master.cf").write_text(MASTER.format(port=port, program=program), "utf-8")
    (etc / "dynamicmaps.cf").touch()


def _program(directory: Path) -> Path:
    """The product's program, copied to the mail server as the manual says, for its unprivileged user."""
    shutil.copy(ROOT / "district/cli/mail_in.py", directory / "mail_in.py")
    path = directory / "mail-in"
    path.write_text(
        f'#!/bin/sh\nexec {SYSTEM_PYTHON} {directory}/mail_in.py "$(cat {directory}/url)" "$1"\n', "utf-8"
    )
    path.chmod(0o755)
    return path
