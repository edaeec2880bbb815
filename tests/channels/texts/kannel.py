"""Debian's Kannel as processes of its own: a bearerbox that is bound to a message centre, and a smsbox before it."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from district.embedded.nats import free_port
from tests.district.deliveries.servers import until

ADMIN_PASSWORD = "adm"
USERNAME, PASSWORD = "district", "kannel-pass"
CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = {admin_password}
smsbox-port = {inner}
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-level = 1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {centre}
transceiver-mode = 1
smsc-username = district
smsc-password = secret
system-type = ""
address-range = ""
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {outer}
mo-recode = true
log-level = 1

group = sendsms-user
username = {username}
password = {password}
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{hears_at}"
"""


async def _started(stack: AsyncExitStack, *command: str, log: Path) -> None:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)

    async def end() -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()

    stack.push_async_callback(end)


@asynccontextmanager
async def kannel(*, centre_port: int, hears_at: str = "") -> AsyncIterator[str]:
    """A Kannel whose line to the message centre stands; the address of its smsbox."""
    admin, inner, outer = free_port(), free_port(), free_port()
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="district-kannel-", dir="/tmp")))
        file = home / "kannel.conf"
        written = CONFIGURATION.format(
            admin=admin,
            admin_password=ADMIN_PASSWORD,
            inner=inner,
            centre=centre_port,
            outer=outer,
            username=USERNAME,
            password=PASSWORD,
            hears_at=hears_at or "http://127.0.0.1:9/",
        )
        file.write_text(written)
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=90, trust_env=False))
        await _started(stack, "/usr/sbin/bearerbox", str(file), log=home / "bearerbox.log")
        status = f"http://127.0.0.1:{admin}/status.txt?password={ADMIN_PASSWORD}"

        async def is_bound() -> bool:
            return "(online" in await _text(client, status)

        await until(is_bound)
        await _started(stack, "/usr/sbin/smsbox", str(file), log=home / "smsbox.log")

        async def has_box() -> bool:
            return "smsbox:" in await _text(client, status)

        await until(has_box)
        yield f"http://127.0.0.1:{outer}"


async def _text(client: httpx.AsyncClient, url: str) -> str:
    try:
        return (await client.get(url)).text
    except httpx.TransportError:
        return ""
