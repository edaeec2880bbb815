"""Messages from the queue to a recipient that writes each down before it answers.

    python -m tests.benchmarks.bench_delivery

Drained: offers by text messages through a relay, each looked at again and marked before it leaves, beside the same
client sending the same messages out of memory, and beside a loop that takes, sends and records one row at a time.
The recipient answers after ten milliseconds, as one beyond a network does. Claimed and acknowledged: the statements by
which the dispatcher leases rows and records that they were taken, two hundred at a time and three at once, in one process
that goes on from round to round as a worker does. Beside it, in a process of the same settings and on the same server,
as many jobs with the same payloads: APScheduler's SQL job store, which loads all that are due and removes each that it
ran in a transaction of its own, and one procrastinate worker with sixteen jobs at once (its own default is one), which
takes and finishes each in one of its own. Told with it: the rate with the mark before each call, which the two others do
not make. Lag: from when a message is due to the line in the recipient's book, with a thousand live campaigns. The best of
three rounds of each rate; of the two others' the best of two.
"""

import argparse
import asyncio
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import psycopg
import uvloop
from sqlalchemy.orm import Session

from district.clock import SystemClock
from district.database import Pool, make_pool
from district.deliveries.fleet import Fleet
from district.deliveries.jobs import Lane
from district.deliveries.queue import SqlOutbox
from district.districts import service as districts
from district.roles import settle_memory
from district.settings import Settings
from push.consent import Channel
from push.delivery import DeliveryState, LeasedDelivery, Result
from push.dispatch import DispatchPolicy
from push.message import MessagePurpose
from push.receipts import Receipt
from tests.benchmarks import delivery_peers as peers
from tests.benchmarks.measures import Figure, percentile, verdict
from tests.product import NOON, Product, wait_for
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.workers import Nursery

SECRET: Final = "5e1f0e4b9a6d4f22b1a8c3d5e7f90a1c"
ANSWER_S: Final = 0.01
DRAINED, ONE_BY_ONE = 3_000, 300
CLAIMED, CLAIMERS, BATCH = 10_000, 3, 200
ROUNDS, PEER_ROUNDS = 3, 2
PLAIN, MARKED = "plain", "marked"
CAMPAIGNS, LAG_MESSAGES, LAG_PER_S = 1_000, 2_000, 100.0
LEAST_OF_BARE, LEAST_OF_SINGLE = 0.6, 8.0
LEAST_OF_APSCHEDULER, LEAST_OF_PROCRASTINATE = 20.0, 50.0
MOST_LAG_MS: Final = 1_500.0
WORDS: Final = next(peers.messages(1))


def settings_of(url: str) -> Settings:
    """Of a worker whose providers are on this machine."""
    return Settings.model_validate(
        {"database_url": url, "secret": SECRET, "provider_allow_loopback": True, "database_pool_size": 12}
    )


@asynccontextmanager
async def lane_of(url: str, policy: DispatchPolicy) -> AsyncIterator[tuple[Lane, Fleet, Pool]]:
    """What a worker process has for text messages."""
    settings, clock = settings_of(url), SystemClock()
    async with make_pool(url, size=12) as pool:
        registry, simulation = districts.registry(pool), districts.simulation(pool)
        await registry.refresh()
        await simulation.refresh()
        clock.follow(simulation.value)
        fleet = Fleet.opened(pool, settings, clock)
        lane = Lane(
            pool=pool,
            registry=registry,
            settings=settings,
            clock=clock,
            fleet=fleet,
            channels=frozenset({Channel.SMS}),
            policy=policy,
            stopping=asyncio.Event(),
        )
        yield lane, fleet, pool
        await fleet.close()


async def drained(url: str) -> int:
    """Everything that is due leaves; how many rows were taken."""
    async with lane_of(url, DispatchPolicy()) as (lane, _, _):
        await lane.tick()  # connections and snapshots are there
        began, count = time.perf_counter(), 0
        while taken := await lane.tick():
            count += taken
        _took.append(count / (time.perf_counter() - began))
    return count


_took: list[float] = []


async def bare(url: str, sink: Sink, count: int) -> float:
    """The same client, as many calls at once, without a queue: messages a second."""
    async with lane_of(url, DispatchPolicy()) as (lane, fleet, _):
        district = next(iter(lane.registry.value.by_id.values()))
        channel = (await fleet.of(district))[Channel.SMS]
        source = iter(peers.messages(count + 50))
        for _ in range(50):
            await channel.send(next(source))

        async def work() -> None:
            for message in source:
                outcome = await channel.send(message)
                if not isinstance(outcome, Receipt):
                    raise AssertionError(outcome)

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(DispatchPolicy().in_flight)))
        return count / (time.perf_counter() - began)


def draining(product: Product) -> list[Figure]:
    """Through the queue, without it, and one by one."""
    url = product.cluster.url
    rates: dict[str, list[float]] = {"queue": [], "bare": [], "single": []}
    with (
        Sink(answer_after_s=ANSWER_S) as sink,
        Session(product.engine, expire_on_commit=False) as session,
    ):
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        mailing.relay(in_flight=16)
        rows = Rows(url=url, district_id=mailing.district.id)
        for _ in range(ROUNDS):
            mailing.queue(DRAINED, Channel.SMS)
            uvloop.run(drained(url))
            rates["queue"].append(_took.pop())
            rates["bare"].append(uvloop.run(bare(url, sink, DRAINED)))
            mailing.queue(ONE_BY_ONE, Channel.SMS)
            single = peers.one_by_one(product.dsn, sink, ONE_BY_ONE, district_id=mailing.district.id)
            rates["single"].append(uvloop.run(single))
        states = set(rows.states().values())
        if states != {"accepted"} or len(sink.taken()) < (DRAINED + ONE_BY_ONE) * ROUNDS:
            raise AssertionError(f"not everything arrived: {states}")
    queue, without, one_by_one = (max(rates[name]) for name in ("queue", "bare", "single"))
    return [
        Figure(
            name="drained, share of the bare client",
            value=queue / without,
            goal=LEAST_OF_BARE,
            unit="x",
            made_of=f"{queue:,.0f} of {without:,.0f} a second",
        ),
        Figure(
            name="drained, times one row a transaction",
            value=queue / one_by_one,
            goal=LEAST_OF_SINGLE,
            unit="x",
            made_of=f"{queue:,.0f} beside {one_by_one:,.0f} a second",
        ),
    ]


async def claim(store: SqlOutbox, pool: Pool, *, via: str, marks: bool) -> int:
    """Take, mark if asked to, and acknowledge until nothing is left, as the dispatcher does; how many rows."""
    count = 0
    while True:
        async with pool.connection() as connection:
            rows = await store.claim(connection, limit=BATCH, lease_for=DispatchPolicy().lease_for)
        if not rows:
            return count
        count += len(rows)
        if marks:
            taken = [LeasedDelivery(id=row[0], fence=row[1], attempts=row[2], message=WORDS) for row in rows]
            ours = await store.exchange((), taken)
            assert len(ours) == len(taken)
        acknowledged = [
            Result(
                id=row[0],
                fence=row[1],
                state=DeliveryState.ACCEPTED,
                by=Channel.SMS,
                provider_id=str(row[0]),
                counts=True,
                via=via,
            )
            for row in rows
        ]
        await store.exchange(acknowledged, ())


async def claimed(url: str, mailing: Mailing, rounds: Sequence[str]) -> dict[str, list[float]]:
    """Rows a second of some claimers of one process, without any sending: round by round, each with rows of its own."""
    rates: dict[str, list[float]] = {name: [] for name in rounds}
    async with lane_of(url, DispatchPolicy()) as (lane, _fleet, pool):
        district = next(iter(lane.registry.value.by_id.values()))
        stores = [
            SqlOutbox(pool=pool, district=district, clock=lane.clock, channels=lane.channels)
            for _ in range(CLAIMERS)
        ]
        await pool.resize(CLAIMERS, 12)
        await pool.wait()
        via = str(uuid.uuid4())
        for name in rounds:
            await asyncio.to_thread(mailing.queue, CLAIMED, Channel.SMS, purpose=MessagePurpose.SERVICE)
            settle_memory()
            began = time.perf_counter()
            work = (claim(store, pool, via=via, marks=name == MARKED) for store in stores)
            counts = await asyncio.gather(*work)
            rates[name].append(CLAIMED / (time.perf_counter() - began))
            if sum(counts) != CLAIMED:
                raise AssertionError(f"{sum(counts)} of {CLAIMED} rows were taken")
    return rates


def claiming(product: Product) -> list[Figure]:
    """The queue's own work, beside two others that get the same payloads."""
    url = product.cluster.url
    with Sink() as sink, Session(product.engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        rates = uvloop.run(claimed(url, mailing, (PLAIN,) * ROUNDS + (MARKED,)))
        states = list(Rows(url=url, district_id=mailing.district.id).states().values())
        if states != ["accepted"] * CLAIMED * (ROUNDS + 1):
            raise AssertionError("not every row was acknowledged")
    with psycopg.connect(product.dsn) as connection:
        rows = connection.execute("SELECT payload FROM outbox_message LIMIT %s", [CLAIMED]).fetchall()
    payloads = [row[0] for row in rows]
    apscheduler = max(peers.apscheduler(url, payloads) for _ in range(PEER_ROUNDS))
    procrastinate = max(uvloop.run(peers.procrastinate(product.dsn, payloads)) for _ in range(PEER_ROUNDS))
    best, marked = max(rates[PLAIN]), max(rates[MARKED])
    return [
        Figure(
            name="claim and ack, times APScheduler's store",
            value=best / apscheduler,
            goal=LEAST_OF_APSCHEDULER,
            unit="x",
            made_of=f"{best:,.0f} ({marked:,.0f} with the mark before the call) beside {apscheduler:,.0f} a second",
        ),
        Figure(
            name="claim and ack, times procrastinate",
            value=best / procrastinate,
            goal=LEAST_OF_PROCRASTINATE,
            unit="x",
            made_of=f"{best:,.0f} ({marked:,.0f} with the mark before the call) beside {procrastinate:,.0f} a second",
        ),
    ]


def lagging(product: Product) -> list[Figure]:
    """From when messages of a thousand campaigns are due to their lines."""
    url = product.cluster.url
    with Sink() as sink, Session(product.engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET, campaigns=CAMPAIGNS)
        mailing.relay(in_flight=64)
        rows = Rows(url=url, district_id=mailing.district.id)
        settings = {"database_url": url, "secret": SECRET, "provider_allow_loopback": True}
        policy = {"in_flight": 16, "lease_rows": 64}
        start = NOON + timedelta(hours=1)
        due = [start + timedelta(seconds=number / LAG_PER_S) for number in range(LAG_MESSAGES)]
        random.Random(1).shuffle(due)
        ids = mailing.queue(LAG_MESSAGES, Channel.SMS, due_at=lambda number: due[number])
        with Nursery(settings=settings, policy=policy) as nursery:
            offset = mailing.begin_anew(start - timedelta(seconds=8))
            nursery.start()
            wait_for("all have left", lambda: rows.active() == 0, timeout_s=90)
        due_of = {str(id_): at for id_, at in zip(ids, due, strict=True)}
        lags = [
            (line.at + offset - due_of[line.delivery_id]).total_seconds() * 1e3
            for line in sink.taken()
            if line.delivery_id in due_of
        ]
    if len(lags) != LAG_MESSAGES:
        raise AssertionError(f"{len(lags)} of {LAG_MESSAGES} arrived")
    middle = percentile(lags, 0.5)
    return [
        Figure(
            name=f"due to sink, p99, {CAMPAIGNS} campaigns",
            value=percentile(lags, 0.99),
            goal=MOST_LAG_MS,
            unit="ms",
            made_of=f"median {middle:,.0f} ms, {LAG_MESSAGES} messages, {LAG_PER_S:g} a second",
            is_ceiling=True,
        )
    ]


PARTS: Final[dict[str, Callable[[Product], list[Figure]]]] = {
    "drain": draining,
    "claim": claiming,
    "lag": lagging,
}


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 when one misses its goal."""
    parser = argparse.ArgumentParser(prog="bench_delivery")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which; default: all")
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goals that suffices")
    options = parser.parse_args(arguments)
    figures: list[Figure] = []
    for name in options.parts or PARTS:
        with Product() as product:
            figures += PARTS[name](product)
    return verdict("delivery: queue to recorded sink", figures, options.slack)


if __name__ == "__main__":
    sys.exit(main())
