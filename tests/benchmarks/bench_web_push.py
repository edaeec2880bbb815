"""Web push a second, beside the plain loop over pywebpush.webpush(): the same messages to the same server, in one run.

    python -m tests.benchmarks.bench_web_push

The push service is a process of its own on loopback, which reads each body and answers 201 and nothing else. The best
of three rounds of each.
"""

import argparse
import asyncio
import multiprocessing
import secrets
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Final

from pywebpush import webpush

from district.clock import monotonic, system
from push.channels.outbound import OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.vapid import Vapid, new_private_key, public_key_of
from push.channels.web_push import WebPushSender, payload
from push.channels.web_push_encoding import encoded
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Receipt
from push.wording import Language
from tests.benchmarks.measures import Figure, verdict

MESSAGES: Final = 600
AT_ONCE: Final = 16
ROUNDS: Final = 3
LEAST_RATIO: Final = 5.0
CONTACT: Final = "mailto:push@district.example"
KEY: Final = new_private_key()
CREATED: Final = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class _Service(asyncio.Protocol):
    """Answers each whole request, however many come over one connection."""

    def __init__(self) -> None:
        self._kept = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._kept += data
        while b"\r\n\r\n" in self._kept:
            head, _, rest = self._kept.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(rest) < length:
                return
            self._kept = rest[length:]
            self._transport.write(CREATED)


def _serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Service, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _messages(address: str) -> list[Message]:
    first = Message(
        id=DeliveryId(uuid.uuid4()),
        channel=Channel.WEB_PUSH,
        purpose=MessagePurpose.SERVICE,
        address="",
        language=Language.EN,
        title="Lunch for less",
        body="Today until two, at the corner.",
        at=datetime(2026, 5, 8, 9, tzinfo=UTC),
    )
    return [
        replace(
            first,
            id=DeliveryId(uuid.uuid4()),
            address=f"{address}/push/{number}",
            keys={"p256dh": public_key_of(new_private_key()), "auth": encoded(secrets.token_bytes(16))},
        )
        for number in range(MESSAGES)
    ]


def _plain(messages: list[Message]) -> None:
    for message in messages:
        webpush(
            {"endpoint": message.address, "keys": dict(message.keys)},
            data=payload(message, {}).decode(),
            vapid_private_key=KEY,
            vapid_claims={"sub": CONTACT},
            ttl=60,
        )


def _ours(messages: list[Message]) -> None:
    asyncio.run(_send_all(messages))


async def _send_all(messages: list[Message]) -> None:
    sender = WebPushSender(
        pooled=Pooled(policy=OutboundPolicy(allows_loopback=True)),
        vapid=Vapid(private_key=KEY, subject=CONTACT, machine_now=system.machine_now),
        hosts=[messages[0].address.removeprefix("http://").split("/")[0]],
        now=system.now,
        machine_now=system.machine_now,
        links=lambda _: {},
    )
    waiting = iter(messages)

    async def work() -> None:
        for message in waiting:
            outcome = await sender.send(message)
            if not isinstance(outcome, Receipt):
                sys.exit(f"Not taken: {outcome}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    await sender.close()


def _rate(send: Callable[[list[Message]], None], messages: list[Message]) -> float:
    began_s = monotonic()
    send(messages)
    return len(messages) / (monotonic() - began_s)


def measure() -> list[Figure]:
    """Messages a second of both, and how many times more ours are."""
    told, tells = multiprocessing.Pipe(duplex=False)
    service = multiprocessing.get_context("spawn").Process(target=_serve, args=(tells,), daemon=True)
    service.start()
    try:
        messages = _messages(f"http://127.0.0.1:{told.recv()}")
        _ours(messages[:50])
        ours = max(_rate(_ours, messages) for _ in range(ROUNDS))
        plain = max(_rate(_plain, messages[: MESSAGES // 4]) for _ in range(ROUNDS))
    finally:
        service.terminate()
        service.join()
    made_of = f"{ours:,.0f} a second beside {plain:,.0f}"
    return [
        Figure(
            name="web push, times plain pywebpush",
            value=ours / plain,
            goal=LEAST_RATIO,
            unit="x",
            made_of=made_of,
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 when the ratio is below what is promised."""
    parser = argparse.ArgumentParser(prog="bench_web_push")
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goal that suffices")
    options = parser.parse_args(arguments)
    return verdict(f"web push: {MESSAGES} messages to one push service", measure(), options.slack)


if __name__ == "__main__":
    sys.exit(main())
