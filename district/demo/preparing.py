"""Before the roles of a demo start: the simulated hour, the district if it is missing, its past."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from district import clock as clocks
from district.database import make_engine, make_sessions, session_scope
from district.demo import accounts, footsteps, history, loading, messaging, past, past_campaigns, simulation
from district.demo.access import Loaded
from district.demo.world import World
from district.districts import service as districts
from district.districts.models import District
from district.embedded.errors import StartRefused
from district.feeds.models import Feed
from district.stores.models import Store
from district.zones.models import Zone

STEPS = ("map", "stores", "places", "merchants", "accounts", "past visits", "past campaigns")
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person who starts the demo asked for."""

    slug: str
    start: str | None = None
    speed: float = 1.0
    secret: str = field(default="", repr=False)
    """Of the installation: what providers' keys are sealed with."""


def prepare(
    database_url: str,
    data_dir: Path,
    world: Callable[[], World],
    wish: Wish,
    *,
    progress: Progress = lambda _: None,
) -> Loaded:
    """Set business time, and load the district unless it is there. A second call changes only the clock.

    Raises: StartInvalid, StartRefused when the district is there and its log-ins are not.
    """
    engine = make_engine(database_url, pool_size=1)
    try:
        sessions = make_sessions(engine)
        with session_scope(sessions) as session:
            session.execute(text("SET LOCAL statement_timeout = '10min'"))
            loaded = _prepared(session, data_dir, world, wish, progress)
        with session_scope(sessions) as session:
            district, ran = past.unfinished(session, wish.slug)
    finally:
        engine.dispose()
    if ran:
        progress(STEPS[-1])
        past.live_through(database_url, district, ran, clock=clocks.SystemClock())
    return loaded


def _prepared(
    session: Session, data_dir: Path, world: Callable[[], World], wish: Wish, progress: Progress
) -> Loaded:
    _refuse_real(session, data_dir)
    there = session.scalar(select(District.zone).where(District.slug == wish.slug))
    new = None if there else world()
    zone = ZoneInfo(there or (new.district.zone if new else ""))
    clock = clocks.SystemClock()
    clock.follow(simulation.begin(session, typed=wish.start, speed=wish.speed, zone=zone, clock=clock))
    if new is None:
        return _kept(data_dir, wish.slug)
    loaded = loading.load(session, new, clock=clock, progress=progress)
    progress(STEPS[-2])
    add_past(session, wish.slug, clock)
    messaging.add(session, wish.slug, secret=wish.secret, clock=clock)
    # Before the commit: a file without its district is overwritten, a district without its file is lost.
    accounts.keep(data_dir, loaded)
    return loaded


def _refuse_real(session: Session, data_dir: Path) -> None:
    """A demo simulates the clock of everything in its database, so it stays out of a real one.

    Raises: StartRefused when there are districts and none of them was loaded by a demo.
    """
    real = session.scalar(select(District.slug).where(District.label == "").limit(1))
    if real is not None and not (data_dir / accounts.FILE_NAME).exists():
        raise StartRefused(
            f"{data_dir} serves the district {real!r}, which is no demo; choose another DISTRICT_DATA_DIR"
        )


def _kept(data_dir: Path, slug: str) -> Loaded:
    kept = accounts.read(data_dir, slug)
    if kept is None:
        raise StartRefused(
            f"the district {slug!r} is in the database, but {data_dir / accounts.FILE_NAME} has no log-ins for it; "
            "begin anew with RESET=1, or choose another DISTRICT_DATA_DIR"
        )
    return kept


def add_past(session: Session, slug: str, clock: clocks.Clock) -> history.Past:
    """Four weeks of visits before the demo's first day, yesterday's positions, and campaigns that have yet to run in them."""
    district = districts.read(session, slug)
    zone_ids = list(
        session.scalars(select(Zone.id).where(Zone.district_id == district.id).order_by(Zone.slug))
    )
    tenants = select(Store.id, Store.merchant_id).where(
        Store.district_id == district.id, Store.merchant_id.is_not(None)
    )
    merchants = {row.id: str(row.merchant_id) for row in session.execute(tenants)}
    # The past favours the stores that come first: those with campaigns, so that these find people who have been there.
    stores = sorted(
        loading.spots(session, district),
        key=lambda spot: (merchants.get(uuid.UUID(spot.id), "~"), spot.id),
    )
    made = history.make(session, district, zone_ids=zone_ids, stores=stores, clock=clock)
    yesterday = district.trading_day(clock.now()) - timedelta(days=1)
    feed_id = session.scalars(
        select(Feed.id).where(Feed.district_id == district.id).order_by(Feed.created_at, Feed.id).limit(1)
    ).one()
    footsteps.add(session, district, feed_id, yesterday)
    past_campaigns.make(session, district, clock=clock)
    return made
