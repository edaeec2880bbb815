"""From the bytes of Meraki v3 posts to the transitions of fences, by the product's own parts, without servers between them.

    python -m tests.benchmarks.bench_engine

Decode, admit, pack, unpack, cross the fences of store18, each a live campaign's; CPU of this one process. Members, whom
campaigns are for, are three devices in ten; they and the campaigns are loaded from a database before anything is measured.
What the rules of push cost for each crossing of a member's is told beside: it grows with crossings, not with fixes.
"""

import argparse
import asyncio
import gc
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from district.audiences.contexts import Known, asked_by, load
from district.clock import FixedClock
from district.database import Pool, make_pool
from district.districts.queries import ALL_DISTRICTS_SQL
from district.districts.service import DistrictInfo, of_row
from district.engine import plan
from district.engine.core import Core, Triggered, fence_policy
from district.engine.deciding import decide_all, policy_of
from district.feeds import meraki
from district.roles import settle_memory
from district.sightings.admission import admit
from district.sightings.batch import Integers, pack, parts, unpack
from district.sightings.books import DeviceBooks
from district.sightings.edge import Edge, load_edges
from geo.datum import Datum
from geo.transitions import Transitions
from push.audience_asked import NOTHING
from tests.benchmarks import meraki_bytes, store18, worlds
from tests.benchmarks.measures import Figure, verdict
from tests.product import NOON, Product

DEVICES: Final = 100_000
MEMBERS: Final = 30_000
STEP_S: Final = 15.0
POSTS: Final = 40
TOGETHER: Final = 4
"""Messages that the engine takes at once under load."""
ROUNDS: Final = 3
DECIDED_POSTS: Final = 4
GOAL: Final = 100_000.0


class CountingCore(Core):
    """The engine's core, which can be told to count transitions instead of making triggers of them."""

    counts_only = True
    crossings = 0

    def _triggered(
        self,
        crossed: Transitions,
        received_us: Integers,
        is_floorless: npt.NDArray[np.bool_] | None = None,
    ) -> list[Triggered]:
        self.crossings += len(crossed)
        return [] if self.counts_only else super()._triggered(crossed, received_us, is_floorless)


@dataclass(kw_only=True)
class Line:
    """The parts in their order."""

    info: DistrictInfo
    edge: Edge
    core: CountingCore
    known: dict[uuid.UUID, Known]

    def messages(self, bodies: Sequence[bytes], now: datetime) -> list[bytes]:
        """What the web role publishes."""
        found: list[bytes] = []
        for body in bodies:
            decoded = meraki.decode(body, secret=worlds.MERAKI_SECRET)
            assert decoded is not None
            admission = admit(decoded.reported, self.edge, datum=Datum.WGS84, now=now)
            if admission.accepted != meraki_bytes.PER_POST:
                sys.exit(f"Rows were refused: {admission.rejected[:3]}")
            feed_id = self.info.id
            found += [pack(part, feed_id=feed_id, received_at=now) for part in parts(admission.columns)]
        return found

    def triggered(self, messages: Sequence[bytes]) -> list[Triggered]:
        """What the engine finds in them."""
        found: list[Triggered] = []
        for start in range(0, len(messages), TOGETHER):
            found += self.core.apply([unpack(message) for message in messages[start : start + TOGETHER]])
        return found

    def decide(self, triggered: Sequence[Triggered]) -> int:
        """How many offers it would issue."""
        return len(
            decide_all(triggered, self.known, policy_of(self.info, fresh_for=timedelta(minutes=3))).drafts
        )


def run(product: Product) -> list[Figure]:
    """Fill, load, measure."""
    with product.makers() as makers:
        fences = [fence.polygon for fence in store18.fences()]
        world = worlds.make(makers, fences=fences, devices_of_members=range(MEMBERS))
    return asyncio.run(_run(product, world))


async def _run(product: Product, world: worlds.World) -> list[Figure]:
    pool = make_pool(product.cluster.url, size=2)
    await pool.open()
    try:
        return _measure(await _line(pool, world))
    finally:
        await pool.close()


async def _line(pool: Pool, world: worlds.World) -> Line:
    async with pool.connection() as connection:
        rows = await (await connection.execute(ALL_DISTRICTS_SQL)).fetchall()
        info = next(info for info in map(of_row, rows) if info.id == world.district_id)
        edge = (await load_edges(connection, now=NOON))[info.id]
        plane = plan.plane_of(info)
        current = await plan.load(connection, info, plane)
        wanted = NOTHING
        for watched in current.campaigns.values():
            wanted = wanted.together(asked_by(watched.campaign))
        known = await load(connection, info, list(world.member_ids), wanted=wanted, now=NOON)
    books = DeviceBooks(pool, FixedClock(NOON))
    await books.refresh_one(info.id, info)
    core = CountingCore(
        current,
        plane,
        policy=fence_policy(confirm=False),
        find_members=lambda names: books.find(info.id, names),
    )
    if len(current.campaigns) != len(world.campaign_ids):
        sys.exit(f"{len(current.campaigns)} of {len(world.campaign_ids)} campaigns are watched")
    return Line(info=info, edge=edge, core=core, known=known)


def _measure(line: Line) -> list[Figure]:
    walk = store18.walk(DEVICES, step_s=STEP_S)
    epoch_s = NOON.timestamp()
    first = meraki_bytes.posts(next(walk), DEVICES // meraki_bytes.PER_POST, epoch_s=epoch_s)
    line.triggered(line.messages(first, NOON))
    settle_memory()  # as roles do once they have started
    best: list[tuple[float, float]] = []
    for turn in range(ROUNDS):
        bodies = meraki_bytes.posts(next(walk), POSTS, epoch_s=epoch_s)
        now = NOON + timedelta(seconds=(turn + 2) * STEP_S)
        line.core.crossings = 0
        gc.collect()
        began = time.process_time()
        messages = line.messages(bodies, now)
        published = time.process_time()
        line.triggered(messages)
        best.append((published - began, time.process_time() - published))
    edge_s, engine_s = min(best, key=sum)
    fixes = POSTS * meraki_bytes.PER_POST
    crossings = line.core.crossings
    made_of = (
        f"µs a fix: edge {edge_s / fixes * 1e6:.2f}, fences {engine_s / fixes * 1e6:.2f}; "
        f"{crossings:,} transitions of {fixes:,} fixes; rules {_rules(line, walk) * 1e6:.0f} µs a crossing"
    )
    value = fixes / (edge_s + engine_s)
    return [
        Figure(
            name="Meraki bytes to transitions", value=value, goal=GOAL, unit="fixes/CPU-s", made_of=made_of
        )
    ]


def _rules(line: Line, walk: Iterator[store18.Positions]) -> float:
    """CPU seconds for each crossing that is made a trigger of and decided."""
    messages = line.messages(meraki_bytes.posts(next(walk), DECIDED_POSTS, epoch_s=NOON.timestamp()), NOON)
    line.core.counts_only = False
    began = time.process_time()
    triggered = line.triggered(messages)
    offers = line.decide(triggered)
    spent_s = time.process_time() - began
    if not offers:
        sys.exit("No crossing brought an offer: the measure is of nothing.")
    return spent_s / len(triggered)


def main(arguments: list[str] | None = None) -> int:
    """Print the figure; 1 if it is below the goal times --slack."""
    parser = argparse.ArgumentParser(prog="bench_engine")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="share of the goals that suffices, 0.6 in CI"
    )
    options = parser.parse_args(arguments)
    with Product() as product:
        figures = run(product)
    return verdict("engine: 5,000 campaigns' fences, 100,000 devices", figures, options.slack)


if __name__ == "__main__":
    sys.exit(main())
