"""Fences on "store18": our kernel against PostGIS's spatial join, and Meraki bytes in to transitions out.

    python -m tests.benchmarks.bench_fences DSN

The database must be free to use and may create the extension postgis; its table is temporary. Both sides answer the
same points, and the answers are compared first. Each side is counted by its own CPU time: our process's, and the
backend's as the kernel tells it, without its client. Ours does more: it also keeps who entered when, and reports exits.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import shapely

from geo import fences
from geo.fence_index import FenceIndex, FencePolicy
from geo.fence_state import FenceState
from geo.transitions import Fixes
from tests.benchmarks import meraki_bytes, store18

DEVICES: Final = 100_000
BATCH: Final = 1_000
WARM_UP: Final = 100_000
MEASURED: Final = 60_000
POSTGIS_POINTS: Final = 20_000
CHECKED: Final = 5_000
ROUNDS: Final = 3
RATIO_GOAL: Final = 8.0
BYTES_GOAL: Final = 100_000.0

_CREATE: Final = (
    "CREATE EXTENSION IF NOT EXISTS postgis",
    "CREATE TEMPORARY TABLE fence (id integer PRIMARY KEY, geom geometry(Polygon, 4326))",
)
_FINISH: Final = ("CREATE INDEX ON fence USING gist (geom)", "ANALYZE fence", "SET jit = off")
_JOIN: Final = """
    FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS fix (lon, lat, number)
    JOIN fence ON ST_Intersects(fence.geom, ST_SetSRID(ST_MakePoint(fix.lon, fix.lat), 4326))"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Fixes per CPU-second, the best of three rounds that took turns."""

    kernel: float
    postgis: float
    from_bytes: float

    @property
    def ratio(self) -> float:
        return self.kernel / self.postgis


class Engine:
    """An index of all fences and a row for each device, fed with batches of positions."""

    def __init__(self, policy: FencePolicy) -> None:
        self.index = FenceIndex(store18.fences(), plane=store18.PLANE, policy=policy, max_bytes=256 * 2**20)
        self.state = FenceState(self.index, rows=DEVICES)
        self.rows = self.state.allocate(DEVICES)

    def feed(self, positions: store18.Positions, start: int, end: int) -> int:
        """Advance over part of a tick, a batch at a time; returns the number of transitions."""
        count = 0
        for low in range(start, end, BATCH):
            part = slice(low, min(low + BATCH, end))
            x_m, y_m = self.index.plane.to_metres(positions.lon[part], positions.lat[part])
            row = self.rows[positions.device[part]]
            fixes = Fixes(row=row, x_m=x_m, y_m=y_m, at_ms=positions.at_ms[part])
            count += len(fences.advance(self.state, self.index, fixes))
        return count


def run(dsn: str, *, decode: meraki_bytes.Decode = meraki_bytes.decode) -> Outcome:
    """Generate, check and measure. Stops the programme if the answers differ."""
    walk = store18.walk(DEVICES)
    first = next(walk)
    engine = Engine(FencePolicy(exit_buffers_m=()))
    engine.feed(first, 0, WARM_UP)
    kernel: list[float] = []
    postgis: list[float] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        fill(connection)
        check_answers(connection, engine, first)
        backend = connection.info.backend_pid
        for _ in range(ROUNDS):
            positions = next(walk)
            spent = _spent(partial(engine.feed, positions, 0, MEASURED), time.process_time)
            kernel.append(MEASURED / spent)
            spent = _spent(partial(join, connection, positions), partial(_backend_seconds, backend))
            postgis.append(POSTGIS_POINTS / spent)
    return Outcome(kernel=max(kernel), postgis=max(postgis), from_bytes=meraki_bytes.measure(ROUNDS, decode))


def fill(connection: psycopg.Connection) -> None:
    """Load the fences, in degrees, and index them."""
    for statement in _CREATE:
        connection.execute(statement)
    with connection.cursor() as cursor, cursor.copy("COPY fence (id, geom) FROM STDIN") as copy:
        for number, fence in enumerate(store18.fences()):
            copy.write_row(
                (number, shapely.to_wkb(shapely.set_srid(fence.polygon, 4326), hex=True, include_srid=True))
            )
    for statement in _FINISH:
        connection.execute(statement)


def check_answers(connection: psycopg.Connection, engine: Engine, positions: store18.Positions) -> None:
    """Stop unless both sides find the same fences for the same points."""
    lon, lat = positions.lon[:CHECKED], positions.lat[:CHECKED]
    rows = connection.execute(f"SELECT number - 1, id {_JOIN}", (lon.tolist(), lat.tolist())).fetchall()
    hits = engine.index.raster.hits(*engine.index.plane.to_metres(lon, lat))
    ours = set(zip(hits.point.tolist(), hits.slot.tolist(), strict=True))
    if set(rows) != ours:
        sys.exit(f"The answers differ in {len(set(rows) ^ ours)} of {len(rows)} pairs.")


def join(connection: psycopg.Connection, positions: store18.Positions) -> None:
    """PostGIS's part: the pairs of a batch are found and counted, which spares it sending them."""
    for low in range(0, POSTGIS_POINTS, BATCH):
        part = slice(low, low + BATCH)
        parameters = (positions.lon[part].tolist(), positions.lat[part].tolist())
        connection.execute(f"SELECT count(*) {_JOIN}", parameters).fetchone()


def report(outcome: Outcome) -> str:
    """Both goals with their numbers."""
    return (
        f"fences, 5,000 of 8-60 m in 1 km², batches of {BATCH:,}, fixes per CPU-second, answers equal:\n"
        f"  ours, enter and exit      {outcome.kernel:10,.0f}\n"
        f"  PostGIS ST_Intersects     {outcome.postgis:10,.0f}   ours is {outcome.ratio:.1f} x (goal {RATIO_GOAL:g} x)\n"
        f"  ours, from Meraki bytes   {outcome.from_bytes:10,.0f}   (goal {BYTES_GOAL:,.0f})"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 if one is below its goal times --slack."""
    parser = argparse.ArgumentParser(prog="bench_fences")
    parser.add_argument("dsn", nargs="?", default=os.environ.get("DISTRICT_DATABASE_URL"))
    parser.add_argument(
        "--slack", type=float, default=1.0, help="share of the goals that suffices, 0.6 in CI"
    )
    options = parser.parse_args(arguments)
    if not options.dsn:
        parser.error("give the DSN of a PostGIS database that may be used")
    outcome = run(options.dsn)
    print(report(outcome))
    reached = min(outcome.ratio / RATIO_GOAL, outcome.from_bytes / BYTES_GOAL)
    return 0 if reached >= options.slack else 1


def _spent(work: Callable[[], object], clock: Callable[[], float]) -> float:
    before = clock()
    work()
    return clock() - before


def _backend_seconds(process: int) -> float:
    """User and system time of a PostgreSQL backend, proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
