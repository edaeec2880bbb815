"""Districts as values, kept in memory by every role; making a new one; the simulated clock."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Request
from geoalchemy2.shape import from_shape
from shapely import Point
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.clock import Clock, Simulation
from district.database import SIMULATION_SQL, Pool, new_id, notify, simulation_of
from district.districts.models import ClockSimulation, District, Route, RouteKind
from district.districts.queries import ALL_DISTRICTS_SQL, ALL_ROUTES_SQL, DISTRICT_BY_ID_SQL, DISTRICT_SQL
from district.problems import Conflict, Invalid, NotFound
from district.snapshot import Snapshot
from geo.coordinates import LonLat
from geo.datum import Datum

CHANNEL = "district_changed"
CLOCK_CHANNEL = "clock_changed"
_SECOND = timedelta(seconds=1)
SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$"


def _end_of_gap(local: datetime) -> datetime:
    """The first instant after the gap that holds a local time.

    Read with the offset of before (fold 0) it lies after the change, with that of after (fold 1) before it (PEP 495).
    """
    before, after = local.replace(fold=1).astimezone(UTC), local.replace(fold=0).astimezone(UTC)
    old = before.astimezone(local.tzinfo).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(local.tzinfo).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


@dataclass(frozen=True, kw_only=True)
class DistrictInfo:
    """A district as every rule sees it."""

    id: uuid.UUID
    slug: str
    name: str
    name_zh: str
    center: LonLat
    zone: ZoneInfo
    day_start: time
    datum: Datum
    currency: str
    country: str = ""
    label: str = ""
    attribution: str = ""
    alias_key: bytes = field(repr=False)

    def trading_day(self, at: datetime) -> date:
        """The trading day that an instant belongs to; it never goes back, not even when the local clock does."""
        day = at.astimezone(self.zone).date()
        return day if at >= self.day_starts_at(day) else day - timedelta(days=1)

    def day_starts_at(self, day: date) -> datetime:
        """The instant at which a trading day starts: the first of two such local times, the end of a gap that holds it."""
        local = datetime.combine(day, self.day_start, tzinfo=self.zone)
        start = local.astimezone(UTC)
        if start.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return start
        return _end_of_gap(local)

    def title(self, language: str) -> str:
        """Its name in a language."""
        return self.name_zh if language.startswith("zh") and self.name_zh else self.name


@dataclass(frozen=True, kw_only=True)
class Registry:
    """All districts, and the routes that find one."""

    by_slug: Mapping[str, DistrictInfo] = field(default_factory=dict)
    by_id: Mapping[uuid.UUID, DistrictInfo] = field(default_factory=dict)
    routes: Mapping[tuple[str, str], uuid.UUID] = field(default_factory=dict)

    def find(self, slug: str) -> DistrictInfo:
        """Raises: NotFound."""
        try:
            return self.by_slug[slug]
        except KeyError:
            raise NotFound(f"No district {slug!r}.") from None

    def routed(self, kind: RouteKind, key: str) -> DistrictInfo:
        """The district behind a gateway's or feed's slug. Raises: NotFound."""
        try:
            return self.by_id[self.routes[(kind, key)]]
        except KeyError:
            raise NotFound(f"No {kind} {key!r}.") from None


def registry(pool: Pool) -> Snapshot[Registry]:
    """The snapshot of all districts and routes."""

    async def load() -> Registry:
        async with pool.connection() as connection:
            rows = await (await connection.execute(ALL_DISTRICTS_SQL)).fetchall()
            routes = await (await connection.execute(ALL_ROUTES_SQL)).fetchall()
        infos = [of_row(row) for row in rows]
        return Registry(
            by_slug={info.slug: info for info in infos},
            by_id={info.id: info for info in infos},
            routes={(kind, key): district_id for kind, key, district_id in routes},
        )

    return Snapshot(load, empty=Registry(), channels=(CHANNEL,))


def of_row(row: tuple[Any, ...]) -> DistrictInfo:
    """A district from a row of ``ALL_DISTRICTS_SQL``, which the driver leaves untyped."""
    (
        id_,
        slug,
        name,
        name_zh,
        lon,
        lat,
        zone,
        day_start,
        crs,
        currency,
        country,
        label,
        attribution,
        alias_key,
    ) = row
    return DistrictInfo(
        id=id_,
        slug=slug,
        name=name,
        name_zh=name_zh,
        center=LonLat(lon=lon, lat=lat),
        zone=ZoneInfo(zone),
        day_start=day_start,
        datum=Datum(crs),
        currency=currency,
        country=country,
        label=label,
        attribution=attribution,
        alias_key=bytes(alias_key),
    )


@dataclass(frozen=True, kw_only=True)
class NewDistrict:
    """What a new district needs."""

    slug: str
    name: str
    center: LonLat
    zone: str
    currency: str
    name_zh: str = ""
    day_start: time = time(6)
    datum: Datum = Datum.WGS84
    country: str = ""
    label: str = ""
    attribution: str = ""


def create(session: Session, new: NewDistrict, *, clock: Clock) -> District:
    """Make a district.

    Raises: Invalid for an unknown zone, Conflict when the slug is taken.
    """
    try:
        ZoneInfo(new.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"{new.zone!r} is not an IANA time zone such as Asia/Shanghai.") from None
    if session.query(District.id).filter_by(slug=new.slug).first():
        raise Conflict(f"There is a district {new.slug!r} already.")
    row = District(
        id=new_id(),
        slug=new.slug,
        name=new.name,
        name_zh=new.name_zh,
        center=from_shape(Point(new.center.lon, new.center.lat), srid=4326),
        zone=new.zone,
        day_start=new.day_start,
        crs=new.datum,
        currency=new.currency,
        country=new.country,
        label=new.label,
        attribution=new.attribution,
        alias_key=secrets.token_bytes(32),
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    notify(session, CHANNEL)
    return row


def read(session: Session, slug: str) -> DistrictInfo:
    """A district as it is stored. Raises: NotFound."""
    rows = session.connection().exec_driver_sql(DISTRICT_SQL, {"slug": slug})
    row = rows.one_or_none()
    if row is None:
        raise NotFound(f"No district {slug!r}.")
    return of_row(tuple(row))


def by_id(session: Session, district_id: uuid.UUID) -> DistrictInfo:
    """A district as it is stored. Raises: NotFound."""
    row = session.connection().exec_driver_sql(DISTRICT_BY_ID_SQL, {"id": district_id}).one_or_none()
    if row is None:
        raise NotFound("No such district.")
    return of_row(tuple(row))


def add_route(session: Session, kind: RouteKind, key: str, district_id: uuid.UUID) -> None:
    """Point a name outside any district to one. Raises: Conflict when it is taken."""
    statement = insert(Route).values(kind=kind, key=key, district_id=district_id).on_conflict_do_nothing()
    if session.execute(statement.returning(Route.key)).first() is None:
        raise Conflict(f"The {kind} name {key!r} is taken; choose another.")
    notify(session, CHANNEL)


def drop_route(session: Session, kind: RouteKind, key: str) -> None:
    """Forget a name."""
    session.query(Route).filter_by(kind=kind, key=key).delete()
    notify(session, CHANNEL)


def simulate(session: Session, simulation: Simulation) -> None:
    """Make business time follow a simulation, in every role."""
    values = {
        "machine_from": simulation.machine_from,
        "business_from": simulation.business_from,
        "speed": simulation.speed,
    }
    statement = insert(ClockSimulation).values(id=1, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    notify(session, CLOCK_CHANNEL)


def end_simulation(session: Session) -> None:
    """Make business time real again, in every role."""
    session.query(ClockSimulation).filter_by(id=1).delete()
    notify(session, CLOCK_CHANNEL)


def simulation(pool: Pool) -> Snapshot[Simulation | None]:
    """The snapshot of the stored simulation."""

    async def load() -> Simulation | None:
        async with pool.connection() as connection:
            row = await (await connection.execute(SIMULATION_SQL)).fetchone()
        return simulation_of(row)

    return Snapshot[Simulation | None](load, empty=None, channels=(CLOCK_CHANNEL,))


def get_registry(request: Request) -> Registry:
    """The districts that this process knows. Raises: Unavailable before it knows any."""
    known: Snapshot[Registry] = request.app.state.registry
    return known.read()


# Coroutines, though they wait for nothing: what routes depend on is otherwise handed to a thread, request by request.
async def _registry_of(request: Request) -> Registry:
    return get_registry(request)


async def _district_of(d: str, request: Request) -> DistrictInfo:
    """The district of the path's ``{d}``."""
    return get_registry(request).find(d)


RegistryDep = Annotated[Registry, Depends(_registry_of)]
DistrictDep = Annotated[DistrictInfo, Depends(_district_of)]
