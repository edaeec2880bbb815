"""How soon an offer is there: from the 202 of the fix that completes a crossing to the commit of its inbox row.

    python -m tests.benchmarks.bench_latency

At a thousand fixes a second, ten posts of a hundred. In each post some members step from outside into a live campaign's
fence; among the others nobody is a member. The commit's time is PostgreSQL's own (track_commit_timestamp), the 202's is
when its last byte came; both are of this machine's clock. Members whose offer never came count as infinitely late.
"""

import argparse
import asyncio
import math
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.benchmarks import store18, worlds
from tests.benchmarks.loading import Answer, Pool, open_loop, rate, request
from tests.benchmarks.measures import Figure, percentile, verdict
from tests.product import Product, wait_for

POSTS_PER_SECOND: Final = 10.0
PER_POST: Final = 100
STEPPING: Final = 5
WINDOW_S: Final = 20.0
WINDOWS: Final = 3
OUTSIDE_FOR: Final = 30
"""Posts between a member's fix outside and the one inside."""
CAMPAIGNS: Final = 1_000
MEMBER_DEVICES_FROM: Final = 500_000
P95_MS: Final = 300.0
FAR: Final = (store18.PLANE.anchor.lon + 0.02, store18.PLANE.anchor.lat + 0.02)
ARRIVES_WITHIN_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Members:
    """Who steps in, and in which post; the place of a member in ``ids`` is his number."""

    ids: Sequence[uuid.UUID]

    def inside(self, post: int) -> range:
        """Numbers of those who step in with this post."""
        start = (post - OUTSIDE_FOR) * STEPPING
        return range(max(0, start), max(0, min(len(self.ids), start + STEPPING)))

    def outside(self, post: int) -> range:
        """Numbers of those who are seen outside with this post."""
        return range(post * STEPPING, min(len(self.ids), (post + 1) * STEPPING))


class Street:
    """The posts, one after the other."""

    def __init__(self, product: Product, world: worlds.World, members: Members) -> None:
        self._world = world
        self._members = members
        self._ahead = product.now() - datetime.now(UTC)  # noqa: TID251 the generator's own clock
        self._walk = store18.walk(5_000)
        self._walkers: Iterator[tuple[int, float, float]] = iter(())
        self._doors = [fence.polygon.representative_point() for fence in store18.fences()[:CAMPAIGNS]]
        self.sent = 0

    def requests(self) -> Iterator[bytes]:
        """Each made when it is due."""
        while True:
            number, self.sent = self.sent, self.sent + 1
            rows = list(self._rows(number))
            yield worlds.sightings_request(self._world, worlds.body_of(rows))

    def _rows(self, post: int) -> Iterator[dict[str, Any]]:
        at = worlds.instant_text(datetime.now(UTC) + self._ahead)  # noqa: TID251
        moved = [(number, FAR) for number in self._members.outside(post)]
        moved += [(number, self._door(number)) for number in self._members.inside(post)]
        for number, (lon, lat) in moved:
            mac = worlds.mac_of(MEMBER_DEVICES_FROM + number)
            yield worlds.row_of(f"{post}-m{number}", mac, lon, lat, at=at)
        for place in range(PER_POST - len(moved)):
            device, lon, lat = self._walker()
            yield worlds.row_of(f"{post}-{place}", worlds.mac_of(device), lon, lat, at=at)

    def _door(self, number: int) -> tuple[float, float]:
        point = self._doors[number % len(self._doors)]
        return point.x, point.y

    def _walker(self) -> tuple[int, float, float]:
        found = next(self._walkers, None)
        if found is None:
            tick = next(self._walk)
            columns = (tick.device.tolist(), tick.lon.tolist(), tick.lat.tolist())
            self._walkers = zip(*columns, strict=True)
            return self._walker()
        return found


def run(product: Product) -> list[Figure]:
    """Fill, start, load, compare the times."""
    posts = int(POSTS_PER_SECOND * WINDOW_S) * WINDOWS
    with product.makers() as makers:
        fences = [fence.polygon for fence in store18.fences()[:CAMPAIGNS]]
        devices = range(MEMBER_DEVICES_FROM, MEMBER_DEVICES_FROM + (posts - OUTSIDE_FOR) * STEPPING)
        world = worlds.make(makers, fences=fences, devices_of_members=devices)
    product.start()
    members = Members(ids=world.member_ids)
    answered_s, yardstick = asyncio.run(_load(product, Street(product, world, members)))
    committed_s = _committed(product, world)
    delays = [
        [
            (committed_s.get(members.ids[number], math.inf) - answered_s[post]) * 1000
            for post in range(window * posts // WINDOWS, (window + 1) * posts // WINDOWS)
            for number in members.inside(post)
        ]
        for window in range(WINDOWS)
    ]
    p95s = [percentile(window, 0.95) for window in delays]
    every = ", ".join(f"{p95:.0f}" for p95 in p95s)
    best = delays[p95s.index(min(p95s))]
    never = sum(delay == math.inf for window in delays for delay in window)
    made_of = (
        f"windows {every}; median {percentile(best, 0.5):.0f}, p99 {percentile(best, 0.99):.0f}, {len(best)} offers; "
        f"{never} never came; /healthz {yardstick:,.0f}/s"
    )
    return [
        Figure(
            name="202 to inbox p95", value=min(p95s), goal=P95_MS, unit="ms", made_of=made_of, is_ceiling=True
        ),
        Figure(
            name="offers that never came",
            value=float(never),
            goal=0,
            unit="",
            made_of="all windows",
            is_ceiling=True,
        ),
    ]


async def _load(product: Product, street: Street) -> tuple[dict[int, float], float]:
    """When each post was answered, in seconds since 1970."""
    answered_s: dict[int, float] = {}

    def heard(number: int, answer: Answer) -> None:
        if answer.status != 202 or answer.json()["rejected"]:
            sys.exit(f"Refused: {answer.status} {answer.body[:300]!r}")
        answered_s[number] = datetime.now(UTC).timestamp()  # noqa: TID251

    pool = Pool(address=product.address)
    yardstick = await rate(lambda: pool.ask(request("GET", "/healthz")), for_s=3, at_once=8)
    outcome = await open_loop(
        pool, street.requests(), per_second=POSTS_PER_SECOND, for_s=WINDOW_S * WINDOWS, heard=heard
    )
    pool.close()
    if outcome.failed:
        sys.exit(f"{outcome.failed} posts got no answer")
    return answered_s, yardstick


def _committed(product: Product, world: worlds.World) -> dict[uuid.UUID, float]:
    """When each member's inbox row was committed; waits for stragglers, but not for ever."""
    sql = (
        "SELECT member_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM inbox_item "
        "WHERE district_id = %s"
    )
    found: dict[uuid.UUID, float] = {}

    def all_came() -> bool:
        found.update(product.rows(sql, world.district_id))
        return len(found) >= len(world.member_ids)

    ends = datetime.now(UTC) + timedelta(seconds=ARRIVES_WITHIN_S)  # noqa: TID251
    wait_for(
        "offers came, or had long enough to",
        lambda: all_came() or datetime.now(UTC) > ends,  # noqa: TID251
        timeout_s=2 * ARRIVES_WITHIN_S,
    )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 if one misses its goal by more than --slack."""
    parser = argparse.ArgumentParser(prog="bench_latency")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="share of the goals that suffices, 0.6 in CI"
    )
    options = parser.parse_args(arguments)
    with Product(options={"track_commit_timestamp": "on"}) as product:
        figures = run(product)
    title = f"latency: {POSTS_PER_SECOND * PER_POST:,.0f} fixes a second, {CAMPAIGNS:,} campaigns, best of {WINDOWS} windows"
    return verdict(title, figures, options.slack)


if __name__ == "__main__":
    sys.exit(main())
