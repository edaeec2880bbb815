"""Messages to telephones a second by APNs and FCM, beside a client that opens a connection for each: the same messages, in one run.

    python -m tests.benchmarks.bench_apps

The services are node's own HTTP/2 and HTTP servers on loopback, with TLS as Apple's and Google's have it, made from their
documentation: they verify each token and read each message. The plain client is httpx as its examples have it, one message
after the other; its token and its trust are made once and cost it nothing. The best of eight short rounds of each, in turn.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

from district.clock import monotonic, system
from push.channels.apns import ApnsSender
from push.channels.fcm import SCOPE, FcmSender, GoogleAccess
from push.channels.http2 import Http2
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.provider_tokens import AppleToken, ServiceAccount, elliptic_key
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Receipt
from push.wording import Language
from tests.benchmarks.measures import Figure, verdict
from tests.channels.apps import vendors
from tests.channels.certificates import self_signed
from tests.channels.node_server import NODE

MESSAGES: Final = 200
AT_ONCE: Final = 16
ROUNDS: Final = 8
LEAST_RATIO: Final = {"apns": 1.2, "fcm": 5.0}
"""Apple's is HTTP/2, whose library takes most of a message's time in both."""
DEVICE: Final = "5f" * 32


@contextmanager
def service(program: str, **options: Any) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A vendor's server as a process of its own; its address, and whom to trust there."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "said").open("w") as said:
        key, certificate = self_signed(Path(folder), "localhost")
        given = options | {"tls": {"key": str(key), "certificate": str(certificate)}}
        process = subprocess.Popen([NODE, str(vendors.SERVERS / program), json.dumps(given)], stdout=said)
        try:
            port = _port(Path(folder) / "said")
            yield f"https://localhost:{port}", ssl.create_default_context(cafile=certificate)
        finally:
            process.kill()
            process.wait()


def _port(said: Path) -> int:
    until_s = monotonic() + 30
    while monotonic() < until_s:
        first, end, _ = said.read_text().partition("\n")
        if end:
            return int(json.loads(first)["port"])
        time.sleep(0.05)
    sys.exit("The service did not start.")


def _messages(address: str) -> list[Message]:
    first = Message(
        id=DeliveryId(uuid.uuid4()),
        channel=Channel.APP,
        purpose=MessagePurpose.SERVICE,
        address=address,
        language=Language.EN,
        title="Lunch for less",
        body="Today until two, at the corner.",
        at=system.now(),
    )
    return [replace(first, id=DeliveryId(uuid.uuid4())) for _ in range(MESSAGES)]


async def _all(send: Callable[[Message], Awaitable[Any]], messages: Sequence[Message]) -> None:
    waiting = iter(messages)

    async def work() -> None:
        for message in waiting:
            outcome = await send(message)
            if not isinstance(outcome, Receipt):
                sys.exit(f"Not taken: {outcome}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _plain(request: httpx.Request, times: int, *, trust: ssl.SSLContext) -> None:
    """The same request again and again, each over a connection of its own."""
    is_http2 = request.url.path.startswith("/3/")
    for _ in range(times):
        async with httpx.AsyncClient(http2=is_http2, http1=not is_http2, verify=trust) as client:
            answer = await client.send(request)
        if answer.status_code != 200:
            sys.exit(f"Not taken: {answer.status_code} {answer.text}")


async def _rates(
    send: Callable[[Message], Awaitable[Any]], address: str, plain: httpx.Request, trust: ssl.SSLContext
) -> Figure:
    """Messages a second of both, and how many times more ours are."""
    messages = _messages(address)
    await _all(send, messages[:50])
    ours, theirs = [], []
    for _ in range(ROUNDS):
        began_s = monotonic()
        await _all(send, messages)
        ours.append(len(messages) / (monotonic() - began_s))
        began_s = monotonic()
        await _plain(plain, MESSAGES // 4, trust=trust)
        theirs.append(MESSAGES / 4 / (monotonic() - began_s))
    vendor = address.partition(":")[0]
    made_of = f"{max(ours):,.0f} a second beside {max(theirs):,.0f}"
    return Figure(
        name=f"{vendor}, times a connection for each",
        value=max(ours) / max(theirs),
        goal=LEAST_RATIO[vendor],
        unit="x",
        made_of=made_of,
    )


def _policy(trust: ssl.SSLContext) -> OutboundPolicy:
    return OutboundPolicy(ports=None, allows_loopback=True, trust=trust)


async def _apple(url: str, trust: ssl.SSLContext) -> Figure:
    token = AppleToken(
        key=elliptic_key(vendors.APPLE_KEY),
        key_id=vendors.KEY_ID,
        team_id=vendors.TEAM_ID,
        now=system.machine_now,
    )
    outbound = Outbound(policy=_policy(trust))
    sender = ApnsSender(
        http=Http2(outbound=outbound, monotonic=monotonic),
        token=token,
        base_url=url,
        apps=(vendors.APP,),
        now=system.now,
        machine_now=system.machine_now,
    )
    headers = {
        "authorization": token.bearer(),
        "apns-topic": vendors.APP,
        "apns-push-type": "alert",
        "apns-priority": "10",
    }
    body = {"aps": {"alert": {"title": "Lunch for less", "body": "Today until two, at the corner."}}}
    plain = httpx.Request("POST", f"{url}/3/device/{DEVICE}", headers=headers, json=body)
    try:
        return await _rates(sender.send, f"apns:{vendors.APP}:{DEVICE}", plain, trust)
    finally:
        await sender.close()
        await outbound.close()


async def _google(url: str, trust: ssl.SSLContext) -> Figure:
    account, pooled = ServiceAccount.read(vendors.service_account()), Pooled(policy=_policy(trust))
    access = GoogleAccess(
        pooled=pooled, account=account, token_url=f"{url}/token", scope=SCOPE, now=system.machine_now
    )
    sender = FcmSender(
        pooled=pooled,
        access=access,
        project=account.project,
        base_url=url,
        apps=(vendors.APP,),
        now=system.now,
        machine_now=system.machine_now,
        is_rehearsal=False,
    )
    to = "d" * 140
    body = {"message": {"token": to, "notification": {"title": "Lunch for less", "body": "Today until two"}}}
    headers = {"authorization": f"Bearer {await access.bearer()}"}
    plain = httpx.Request(
        "POST", f"{url}/v1/projects/{account.project}/messages:send", headers=headers, json=body
    )
    try:
        return await _rates(sender.send, f"fcm:{vendors.APP}:{to}", plain, trust)
    finally:
        await sender.close()


def measure() -> list[Figure]:
    """One figure for each service."""
    known = {
        "public_key": vendors.APPLE_PUBLIC,
        "key_id": vendors.KEY_ID,
        "team_id": vendors.TEAM_ID,
        "topics": [vendors.APP],
    }
    with service("apple.js", **known) as (url, trust):
        apple = asyncio.run(_apple(url, trust))
    google = {"public_key": vendors.GOOGLE_PUBLIC, "email": vendors.EMAIL, "project": vendors.PROJECT}
    with service("google.js", **google) as (url, trust):
        return [apple, asyncio.run(_google(url, trust))]


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 when a ratio is below what is promised."""
    parser = argparse.ArgumentParser(prog="bench_apps")
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goal that suffices")
    options = parser.parse_args(arguments)
    return verdict(f"apps: {MESSAGES} messages to each service", measure(), options.slack)


if __name__ == "__main__":
    sys.exit(main())
