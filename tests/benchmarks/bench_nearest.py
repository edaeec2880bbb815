"""Nearest ten open stores of a category among a million: our index against PostGIS with its best plan.

    python -m tests.benchmarks.bench_nearest DSN

The database must be free to use and may create the extensions postgis and btree_gist; tables are temporary.
Each side is counted by its own CPU time: our process's, and the backend's as the kernel tells it, without its client.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

import numpy as np
import psycopg
from numpy.typing import NDArray

from geo.coordinates import LonLat
from geo.nearest import StoreIndex, Wishes

STORES: Final = 1_000_000
QUERIES: Final = 4_000
CHECKED: Final = 200
ROUNDS: Final = 3
LIMIT: Final = 10
GOAL: Final = 4.0

_CITIES, _MALLS, _CATEGORIES, _OPEN_SHARE, _OFFER_SHARE = 300, 20_000, 20, 0.46, 0.10

_CREATE: Final[tuple[LiteralString, ...]] = (
    "CREATE EXTENSION IF NOT EXISTS postgis",
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    # Temporary tables live in buffers of the session, 8 MB unless told; everything must be in memory on both sides.
    "SET temp_buffers = '1GB'",
    """CREATE TEMPORARY TABLE store (id integer, category integer, open_now boolean, geom geometry(Point, 4326),
       geog geography(Point, 4326) GENERATED ALWAYS AS (geom::geography) STORED)""",
)
_FINISH: Final[tuple[LiteralString, ...]] = (
    "ALTER TABLE store ADD PRIMARY KEY (id)",
    "CREATE INDEX store_category_geom ON store USING gist (category, geom)",
    "CREATE INDEX store_category_geog ON store USING gist (category, geog)",
    "VACUUM ANALYZE store",
    # The planner knows no selectivity for such rows and would sort a scan: 20-40 times slower.
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    "SET jit = off",
    "SET plan_cache_mode = force_generic_plan",
)
_BY_DEGREES: Final[LiteralString] = """
    SELECT id FROM store WHERE category = %(category)s::integer AND open_now
    ORDER BY geom <-> ST_SetSRID(ST_MakePoint(%(lon)s::float8, %(lat)s::float8), 4326) LIMIT 10"""
# <-> of geography orders by a sphere, so it too needs some more candidates, though far fewer.
_BY_GEOGRAPHY: Final[LiteralString] = """
    SELECT id, ST_Distance(geog, ST_SetSRID(ST_MakePoint(%(lon)s::float8, %(lat)s::float8), 4326)::geography) AS metres
    FROM (SELECT id, geog FROM store WHERE category = %(category)s::integer AND open_now
          ORDER BY geog <-> ST_SetSRID(ST_MakePoint(%(lon)s::float8, %(lat)s::float8), 4326)::geography LIMIT 15) AS candidate
    ORDER BY metres, id LIMIT 10"""
_RESORTED: Final[LiteralString] = """
    SELECT id, ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint(%(lon)s::float8, %(lat)s::float8), 4326)::geography) AS metres
    FROM (SELECT id, geom FROM store WHERE category = %(category)s::integer AND open_now
          ORDER BY geom <-> ST_SetSRID(ST_MakePoint(%(lon)s::float8, %(lat)s::float8), 4326) LIMIT 40) AS candidate
    ORDER BY metres, id LIMIT 10"""


@dataclass(frozen=True, kw_only=True)
class Town:
    """The generated stores and the places from which people ask."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    category: NDArray[np.int64]
    open_now: NDArray[np.bool_]
    has_offer: NDArray[np.bool_]
    asked: list[tuple[LonLat, int]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Searches per CPU-second, the best of three rounds that took turns."""

    ours: float
    resorted: float
    by_geography: float
    by_degrees: float

    @property
    def ratio(self) -> float:
        """Against the quicker of PostGIS's ways to the same answer."""
        return self.ours / max(self.resorted, self.by_geography)


def generate(stores: int, queries: int, *, seed: int = 20) -> Town:
    """Stores in malls in cities; a category each, the common ones often; people near stores."""
    random = np.random.default_rng(seed)
    cities = random.uniform((100, 22), (121, 40), (_CITIES, 2))
    malls = cities[random.integers(0, _CITIES, _MALLS)] + random.normal(0, 0.1, (_MALLS, 2))
    points = malls[random.integers(0, _MALLS, stores)] + random.normal(0, 0.003, (stores, 2))
    shares = 1 / np.arange(1, _CATEGORIES + 1)
    category = random.choice(_CATEGORIES, stores, p=shares / shares.sum())
    near = points[random.integers(0, stores, queries)] + random.normal(0, 0.002, (queries, 2))
    wanted = category[random.integers(0, stores, queries)]
    return Town(
        lon=points[:, 0],
        lat=points[:, 1],
        category=category,
        open_now=random.random(stores) < _OPEN_SHARE,
        has_offer=random.random(stores) < _OFFER_SHARE,
        asked=[
            (LonLat(lon=lon, lat=lat), int(kind))
            for (lon, lat), kind in zip(near.tolist(), wanted, strict=True)
        ],
    )


def index_of(town: Town) -> StoreIndex:
    """Our index of the stores; a store's row is its id."""
    size = town.lon.size
    return StoreIndex.build(
        ids=[f"{number:08d}" for number in range(size)],
        lon=town.lon,
        lat=town.lat,
        category=[str(kind) for kind in town.category.tolist()],
        name=[""] * size,
        brand=[None] * size,
        floor=[None] * size,
        open_now=town.open_now.astype(np.int8),
        has_offer=town.has_offer,
    )


def fill(connection: psycopg.Connection, town: Town) -> None:
    """Load the stores and prepare PostGIS's best plan for the search."""
    for statement in _CREATE:
        connection.execute(statement)
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY store (id, category, open_now, geom) FROM STDIN") as copy,
    ):
        columns = (town.category.tolist(), town.open_now.tolist(), town.lon.tolist(), town.lat.tolist())
        for number, (kind, is_open, lon, lat) in enumerate(zip(*columns, strict=True)):
            copy.write_row((number, kind, is_open, f"SRID=4326;POINT({lon!r} {lat!r})"))
    for statement in _FINISH:
        connection.execute(statement)


def check_plans(connection: psycopg.Connection, town: Town) -> None:
    """Stop if PostGIS would not walk its composite indexes in order of distance."""
    for statement, index in ((_RESORTED, "store_category_geom"), (_BY_GEOGRAPHY, "store_category_geog")):
        lines = connection.execute("EXPLAIN " + statement, _parameters(*town.asked[0])).fetchall()
        plan = "\n".join(line for (line,) in lines)
        if f"Index Scan using {index}" not in plan or "Order By" not in plan:
            sys.exit(f"PostGIS does not use its best plan, so the comparison would be unfair:\n{plan}")


def check_answers(connection: psycopg.Connection, index: StoreIndex, town: Town) -> None:
    """Stop unless all find the same stores at the same distances, to the millimetre."""
    for origin, kind in town.asked[:CHECKED]:
        ours = index.nearest(origin, limit=LIMIT, wishes=Wishes(category=str(kind), open_now=True))
        for statement in (_RESORTED, _BY_GEOGRAPHY):
            theirs = connection.execute(statement, _parameters(origin, kind)).fetchall()
            is_same = [row for row, _ in theirs] == ours.rows.tolist()
            if not is_same or not np.allclose(
                [metres for _, metres in theirs], ours.distances_m, rtol=0, atol=1e-3
            ):
                sys.exit(f"The answers differ at {origin}, category {kind}: {theirs} and {ours}")


def run(dsn: str, *, stores: int = STORES, queries: int = QUERIES) -> Outcome:
    """Generate, check and measure. Stops the programme if the answers differ."""
    town = generate(stores, queries)
    index = index_of(town)
    wishes = [Wishes(category=str(kind), open_now=True) for kind in range(_CATEGORIES)]
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=0) as connection:
        fill(connection, town)
        check_plans(connection, town)
        check_answers(connection, index, town)
        backend = connection.info.backend_pid

        def ours() -> None:
            for origin, kind in town.asked:
                index.nearest(origin, limit=LIMIT, wishes=wishes[kind])

        def theirs(statement: LiteralString) -> None:
            for origin, kind in town.asked:
                connection.execute(statement, _parameters(origin, kind)).fetchall()

        seconds = [
            (
                _spent(ours, time.process_time),
                _spent(lambda: theirs(_RESORTED), lambda: _backend_seconds(backend)),
                _spent(lambda: theirs(_BY_GEOGRAPHY), lambda: _backend_seconds(backend)),
                _spent(lambda: theirs(_BY_DEGREES), lambda: _backend_seconds(backend)),
            )
            for _ in range(ROUNDS)
        ]
    best = [queries / min(column) for column in zip(*seconds, strict=True)]
    return Outcome(ours=best[0], resorted=best[1], by_geography=best[2], by_degrees=best[3])


def report(outcome: Outcome, *, stores: int) -> str:
    """The ratio with both of its numbers, in one paragraph."""
    peers = {
        "PostGIS, 40 by degrees, re-sorted": outcome.resorted,
        "PostGIS, 15 by sphere, re-sorted": outcome.by_geography,
        f"PostGIS, {LIMIT} by degrees (wrong order)": outcome.by_degrees,
    }
    lines = [
        f"nearest {LIMIT} open stores of a category among {stores:,}; searches per CPU-second, answers equal"
    ]
    lines.append(f"  {'ours':36}{outcome.ours:8,.0f}")
    lines += [
        f"  {name:36}{speed:8,.0f}   ours is {outcome.ours / speed:.1f} x" for name, speed in peers.items()
    ]
    lines.append(f"  goal: {GOAL:g} x the quicker of those with the same answer; got {outcome.ratio:.1f} x")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Print the ratio; 1 if it is below the goal times --slack."""
    parser = argparse.ArgumentParser(
        prog="bench_nearest", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("dsn", nargs="?", default=os.environ.get("DISTRICT_DATABASE_URL"))
    parser.add_argument("--stores", type=int, default=STORES)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goal that suffices, 0.6 in CI")
    options = parser.parse_args(arguments)
    if not options.dsn:
        parser.error("give the DSN of a PostGIS database that may be used")
    outcome = run(options.dsn, stores=options.stores, queries=options.queries)
    print(report(outcome, stores=options.stores))
    return 0 if outcome.ratio >= GOAL * options.slack else 1


def _parameters(origin: LonLat, kind: int) -> dict[str, float]:
    return {"lon": origin.lon, "lat": origin.lat, "category": kind}


def _spent(work: Callable[[], None], clock: Callable[[], float]) -> float:
    before = clock()
    work()
    return clock() - before


def _backend_seconds(process: int) -> float:
    """User and system time of a PostgreSQL backend, proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
