"""What the demo's terminal shows while it runs, read from the tables that everything ends in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from district.clock import Clock
from district.database import SIMULATION_SQL, psycopg_dsn, simulation_of

WINDOW = timedelta(seconds=60)
ON_LINE_WITHIN = timedelta(minutes=3)
PATIENCE_S = 3

COUNTERS_SQL = """
SELECT (SELECT count(*) FROM raw_sighting WHERE at > %(window)s),
       (SELECT count(DISTINCT device) FROM raw_sighting WHERE at > %(present)s),
       (SELECT count(DISTINCT member_id) FROM raw_sighting WHERE at > %(present)s),
       (SELECT count(*) FROM offer), (SELECT count(*) FROM redemption WHERE reversed_at IS NULL)
"""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """The demo at one moment."""

    at: datetime
    """Business time."""
    fixes_per_s: float
    """Of machine time."""
    devices: int
    members: int
    offers: int
    redemptions: int


def read(database_url: str, clock: Clock) -> Counters:
    """Count. Raises: psycopg.Error while the database is away."""
    options = f"-c timezone=UTC -c statement_timeout={PATIENCE_S * 1000}"
    with psycopg.connect(
        psycopg_dsn(database_url), autocommit=True, connect_timeout=PATIENCE_S, options=options
    ) as connection:
        stored = connection.execute(SIMULATION_SQL).fetchone()
        simulation = simulation_of(None if stored is None else (stored[0], stored[1], stored[2]))
        machine_now = clock.machine_now()
        now = simulation.at(machine_now) if simulation else machine_now
        speed = simulation.speed if simulation else 1.0
        values = {"window": now - WINDOW * speed, "present": now - max(ON_LINE_WITHIN, WINDOW * speed)}
        row = connection.execute(COUNTERS_SQL, values).fetchone() or (0,) * 5
    return Counters(
        at=now,
        fixes_per_s=row[0] / WINDOW.total_seconds(),
        devices=row[1],
        members=row[2],
        offers=row[3],
        redemptions=row[4],
    )
