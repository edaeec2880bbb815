"""Two thousand members who read their inbox as it fills: from a row's commit to the event at its reader.

    python -m tests.benchmarks.bench_inbox

A whole product, one web process; each member has one stream open and gets one message, at a time of its own.
"""

import argparse
import asyncio
import json
import resource
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import uvloop
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import system
from district.outbox.models import OutboxMessage
from push.consent import Channel
from tests.benchmarks.measures import Figure, percentile, resident_bytes, verdict
from tests.factories import Makers
from tests.product import NOON, Product, wait_for
from tests.sink.mailing import Mailing
from tests.sink.running import Sink

READERS: Final = 2_000
OVER_S: Final = 20.0
MOST_MS: Final = 1_000.0
SECRET: Final = "5e1f0e4b9a6d4f22b1a8c3d5e7f90a1c"
START: Final = NOON + timedelta(hours=1)
CONNECTING: Final = 50
TOLD: Final = "SELECT id, member_id, committed_at FROM inbox_item"


class Readers:
    """Open streams, and when each got its event."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._gate = asyncio.Semaphore(CONNECTING)
        self.open = 0
        self.heard: dict[uuid.UUID, datetime] = {}

    async def read(self, token: str) -> None:
        """One stream, until its first event."""
        async with self._gate:
            reader, writer = await asyncio.open_connection(*self._address)
            head = f"GET /v1/me/inbox/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
            writer.write(head.encode())
            first = await reader.readuntil(b"\r\n")
            if b" 200 " not in first:
                raise AssertionError(first)
            await reader.readuntil(b"retry:")
            self.open += 1
        line = b""
        while not line.startswith(b"data: "):
            line = await reader.readline()
            if not line:
                raise AssertionError("the stream ended")
        at = system.machine_now()
        self.heard[uuid.UUID(json.loads(line[6:])["id"])] = at
        writer.close()


async def read_all(
    product: Product, tokens: Sequence[str], begin: Callable[[], object]
) -> Mapping[uuid.UUID, datetime]:
    """Everybody's event."""
    readers = Readers(product.address)
    tasks = [asyncio.create_task(readers.read(token)) for token in tokens]
    while readers.open < len(tokens):
        await asyncio.sleep(0.1)
        if failed := [one for one in tasks if one.done() and one.exception()]:
            raise AssertionError(failed[0].exception())
    await asyncio.to_thread(begin)
    async with asyncio.timeout(OVER_S + 60):
        await asyncio.gather(*tasks)
    return readers.heard


def furnish(mailing: Mailing) -> Sequence[str]:
    """The readers' tokens; the first message is due when START comes."""
    step = timedelta(seconds=OVER_S / READERS)
    mailing.queue(READERS, Channel.INBOX, due_at=lambda number: START + step * number)
    makers = Makers(mailing.session, mailing.clock())
    members = mailing.session.scalars(select(OutboxMessage.member_id)).all()
    tokens = [makers.token(mailing.district, Role.SHOPPER, subject_id=one) for one in members]
    mailing.session.commit()
    return tokens


def measure(product: Product) -> list[Figure]:
    """Delays of all readers."""
    with Sink() as sink, Session(product.engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        tokens = furnish(mailing)
        product.start()
        heard = uvloop.run(
            read_all(product, tokens, lambda: mailing.begin_anew(START - timedelta(seconds=5)))
        )
        wait_for("all are told", lambda: len(product.rows(TOLD)) == READERS, timeout_s=30)
    rows: list[tuple[Any, ...]] = product.rows(TOLD)
    late_ms = [(heard[id_] - committed_at).total_seconds() * 1e3 for id_, _, committed_at in rows]
    memory = resident_bytes(product.pid("web")) / (1 << 20)
    middle = percentile(late_ms, 0.5)
    return [
        Figure(
            name=f"arrival at {READERS} open streams, p99",
            value=percentile(late_ms, 0.99),
            goal=MOST_MS,
            unit="ms",
            made_of=f"median {middle:,.1f} ms; web process {memory:,.0f} MiB",
            is_ceiling=True,
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the figure; 1 when it misses its goal."""
    parser = argparse.ArgumentParser(prog="bench_inbox")
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goal that suffices")
    options = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    with Product() as product:
        return verdict(f"inbox: {READERS} open streams", measure(product), options.slack)


if __name__ == "__main__":
    sys.exit(main())
