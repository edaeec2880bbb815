"""`make bench`: every benchmark, or those that are named, each on servers of its own.

    python -m tests.benchmarks [--slack 0.6] [--long | --short] [NAME …]

Exit code 1 if a goal is missed. Continuous integration takes 60 % of each goal: its machines are shared.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from tests.benchmarks import (
    bench_apps,
    bench_arbitration,
    bench_audience,
    bench_decide,
    bench_delivery,
    bench_email,
    bench_end_to_end,
    bench_engine,
    bench_event_day,
    bench_feed,
    bench_fences,
    bench_inbox,
    bench_latency,
    bench_nearest,
    bench_offers,
    bench_planner,
    bench_portal,
    bench_radius,
    bench_redemption,
    bench_web_push,
)
from tests.product import Product

Main = Callable[[list[str]], int]
CI_SLACK: Final = 0.6


def with_database(main: Main) -> Main:
    """A benchmark that needs a database and no product: it gets a private one."""

    def run(arguments: list[str]) -> int:
        with Product() as product:
            return main([product.dsn, *arguments])

    return run


BENCHMARKS: Final[dict[str, Main]] = {
    "fences": with_database(bench_fences.main),
    "arbitration": bench_arbitration.main,
    "decide": bench_decide.main,
    "engine": bench_engine.main,
    "feed": bench_feed.main,
    "nearest": with_database(bench_nearest.main),
    "audience": with_database(bench_audience.main),
    "planner": with_database(bench_planner.main),
    "portal": bench_portal.main,
    "radius": bench_radius.main,
    "redemption": bench_redemption.main,
    "offers": bench_offers.main,
    "web-push": bench_web_push.main,
    "email": bench_email.main,
    "apps": bench_apps.main,
    "delivery": bench_delivery.main,
    "inbox": bench_inbox.main,
    "event-day": bench_event_day.main,
    "latency": bench_latency.main,
    "end-to-end": bench_end_to_end.main,
}
SHORT: Final[dict[str, Sequence[str]]] = {"event-day": ("--short",)}
"""What takes minutes as its goal is stated, and is short among all of them, or when that is asked for."""
LONG: Final[dict[str, Sequence[str]]] = {"end-to-end": ("--for-s", "60", "--windows", "1")}


def main() -> int:
    """Run them one after the other, so that none disturbs another."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument(
        "--slack",
        type=float,
        default=CI_SLACK if os.environ.get("CI") else 1.0,
        help="share of the goals that suffices",
    )
    parser.add_argument("--long", action="store_true", help="the long forms, as the goals are stated")
    parser.add_argument("--short", action="store_true", help="half a minute of what takes ten")
    options = parser.parse_args()
    names = [name.replace("_", "-") for name in options.names]
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    codes = {}
    is_short = options.short or not (names or options.long)
    for name in names or BENCHMARKS:
        began = time.monotonic()
        extra = LONG.get(name, ()) if options.long else SHORT.get(name, ()) if is_short else ()
        codes[name] = BENCHMARKS[name]([*extra, "--slack", str(options.slack)])
        print(f"  ({time.monotonic() - began:.0f} s)\n", flush=True)
    missed = [name for name, code in codes.items() if code]
    print(f"missed: {', '.join(missed)}" if missed else f"all of {len(codes)} reach their goals")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
