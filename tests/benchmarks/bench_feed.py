"""The Meraki feed over HTTP against the same route with a pydantic body; CPU of the server's process.

    python -m tests.benchmarks.bench_feed

Both take the same posts of a thousand clients, admit and publish the same rows to JetStream; they differ in how the body
is decoded. The answers are compared first. Yardstick: a route that reads the body and forgets it.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from district.embedded.nats import NatsServer
from tests.benchmarks import meraki_bytes, store18, worlds
from tests.benchmarks.loading import Pool, closed_loop, request
from tests.benchmarks.measures import Figure, cpu_seconds, verdict
from tests.product import Product, wait_for

GOAL: Final = 8.0
DEVICES: Final = 40_000
POSTS: Final = 40
ROUNDS: Final = 16
AT_ONCE: Final = 4


@contextmanager
def server(product: Product) -> Iterator[int]:
    """The web role with the peer's routes; its pid."""
    environment = {
        **os.environ,
        "DISTRICT_DATABASE_URL": product.cluster.url,
        "DISTRICT_NATS_URL": NatsServer(product.data_dir).start(),
        "DISTRICT_DATA_DIR": str(product.data_dir),
        "DISTRICT_SECRET": "x" * 40,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.feed_peer", str(product.port)], env=environment
    )
    try:
        wait_for("the server answers", product.is_ready, timeout_s=60)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=15)


def run(product: Product) -> list[Figure]:
    """Check and measure. Stops the programme if the answers differ."""
    with product.makers() as makers:
        world = worlds.make(makers, fences=[], devices_of_members=[])
    now_s = product.now().timestamp()
    walk = store18.walk(DEVICES, step_s=1.0)
    posts = [meraki_bytes.posts(next(walk), POSTS, epoch_s=now_s - 60) for _ in range(2 * ROUNDS + 1)]
    with server(product) as pid:
        return asyncio.run(_measure(product, world, pid, posts))


async def _measure(
    product: Product, world: worlds.World, pid: int, posts: Sequence[Sequence[bytes]]
) -> list[Figure]:
    pool = Pool(address=product.address)
    targets = {
        "ours": f"/v1/feeds/meraki/{world.meraki_feed}",
        "pydantic": f"/peer/meraki/{world.meraki_feed}",
        "discard": "/yardstick/discard",
    }
    bodies = iter(posts)
    first = next(bodies)
    await _check(pool, targets, first[:2])
    best = dict.fromkeys(targets, 0.0)
    for _ in range(ROUNDS):
        for name in ("ours", "pydantic"):
            best[name] = max(best[name], await _speed(pool, pid, targets[name], next(bodies)))
        best["discard"] = max(best["discard"], await _speed(pool, pid, targets["discard"], first))
    pool.close()
    made_of = (
        f"ours {best['ours']:,.0f}, pydantic {best['pydantic']:,.0f}, "
        f"read and forget {best['discard']:,.0f} fixes per CPU-s"
    )
    return [
        Figure(
            name="Meraki feed against a pydantic body",
            value=best["ours"] / best["pydantic"],
            goal=GOAL,
            unit="x",
            made_of=made_of,
        )
    ]


async def _check(pool: Pool, targets: dict[str, str], bodies: Sequence[bytes]) -> None:
    """The same rows in, the same answer out. Each sends bytes of its own, for a repeated body is a duplicate."""
    asked = [_request(targets["ours"], bodies[0]), _request(targets["pydantic"], bodies[1])]
    ours, theirs = [(answer.status, answer.json()) for answer in await closed_loop(pool, asked, at_once=1)]
    wanted = (202, {"accepted": meraki_bytes.PER_POST, "duplicates": 0, "rejected": 0})
    if ours != wanted or theirs != wanted:
        sys.exit(f"The answers differ: {ours} and {theirs}, expected {wanted}")


async def _speed(pool: Pool, pid: int, target: str, bodies: Sequence[bytes]) -> float:
    asked = [_request(target, body) for body in bodies]
    before = cpu_seconds(pid)
    answers = await closed_loop(pool, asked, at_once=AT_ONCE)
    spent = cpu_seconds(pid) - before
    if any(answer.status != 202 for answer in answers):
        sys.exit(f"Refused: {next(answer.body for answer in answers if answer.status != 202)!r}")
    return len(bodies) * meraki_bytes.PER_POST / spent


def _request(target: str, body: bytes) -> bytes:
    return request("POST", target, headers={"Content-Type": "application/json"}, body=body)


def main(arguments: list[str] | None = None) -> int:
    """Print the ratio; 1 if it is below the goal times --slack."""
    parser = argparse.ArgumentParser(prog="bench_feed")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="share of the goals that suffices, 0.6 in CI"
    )
    options = parser.parse_args(arguments)
    with Product() as product:
        figures = run(product)
    return verdict("feed: posts of 1,000 clients, HTTP in, JetStream out", figures, options.slack)


if __name__ == "__main__":
    sys.exit(main())
