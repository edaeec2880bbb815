"""kill -9 of every part of a running product, under load: nothing accepted is lost, nobody is told twice, all come back.

    make chaos                       thirty kills
    DISTRICT_CHAOS_KILLS=100 make chaos
    DISTRICT_CHAOS_SEED=7 make chaos       the same order of kills again

The short form (one kill of each) belongs to the whole suite.
"""

import os
import random
import time
from collections.abc import Sequence

import pytest

from tests.chaos.load import Load
from tests.product import Product, wait_for

PARTS = ("web", "engine", "worker", "postgres", "nats")
"""NATS last: an engine that begins anew afterwards would hide that it had stopped reading."""
BACK_WITHIN_S = 5.0
GIVE_UP_S = 180.0
"""What the suite allows while other tests use the same two cores."""
KILLS = int(os.environ.get("DISTRICT_CHAOS_KILLS", "30"))
SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))


def test_each_part_killed_once_loses_nothing_and_tells_nobody_twice(product: Product, load: Load) -> None:
    away = kill_in_turn(product, load, PARTS)
    assert [part for part, _ in away] == list(PARTS)


@pytest.mark.chaos
def test_thirty_kills_lose_nothing_and_tell_nobody_twice(product: Product, load: Load) -> None:
    print(f"DISTRICT_CHAOS_SEED={SEED}")  # noqa: T201 shown when the test fails
    chance = random.Random(SEED)
    parts = [part for _ in range(-(-KILLS // len(PARTS))) for part in chance.sample(PARTS, len(PARTS))]
    away = kill_in_turn(product, load, parts[:KILLS])
    assert late(away, BACK_WITHIN_S) == []


def kill_in_turn(product: Product, load: Load, parts: Sequence[str]) -> list[tuple[str, float]]:
    """Kill each under load, wait until it works again, and check everything at the end; how long each was away."""
    product.start()
    load.start()
    away: list[tuple[str, float]] = []
    try:
        for part in parts:
            load.grew(0)
            wait_for("posts are taken", lambda: load.grew(10), timeout_s=GIVE_UP_S)
            away.append((part, time_away_s(product, part)))
    finally:
        load.stop()
    load.check_sightings()
    untold = load.check_offers(worker_kills=parts.count("worker"))
    found = {"posts": len(load.accepted), "refused": load.refused, "untold": untold}
    print(found, [(part, round(seconds, 1)) for part, seconds in away])  # noqa: T201 shown when the test fails
    return away


def late(away: Sequence[tuple[str, float]], limit_s: float) -> list[tuple[str, float]]:
    """Those that were not back in time."""
    return [(part, round(seconds, 1)) for part, seconds in away if seconds > limit_s]


def time_away_s(product: Product, part: str) -> float:
    """Kill it; seconds until it does its work again."""
    epoch = reign(product) if part == "engine" else 0
    old = product.kill(part)
    began = time.monotonic()

    def is_back() -> bool:
        status = product.status(part)
        if status.pid in (None, old) or not product.is_ready():
            return False
        return reign(product) > epoch if part == "engine" else status.state == "running"

    wait_for(f"{part} is back", is_back, timeout_s=GIVE_UP_S)
    return time.monotonic() - began


def reign(product: Product) -> int:
    """The epoch of the district's engine; it rises when one begins to decide."""
    rows = product.rows("SELECT epoch FROM engine_owner")
    return int(rows[0][0]) if rows else 0
