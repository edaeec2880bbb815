"""What the edge must know to take a sighting without the database: access points, salts and opt-outs, per district."""

import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.database import Pool
from district.districts.queries import ALL_DISTRICTS_SQL
from district.districts.service import DistrictInfo, of_row
from district.sightings.batch import microseconds
from district.sightings.pseudonyms import KeyedHash
from district.sightings.queries import ACCESS_POINTS_SQL, MAKE_SALT_SQL, OPT_OUTS_SQL, SALTS_SQL
from district.sightings.remembered import Remembered
from district.snapshot import Snapshot

CHANNELS = ("access_point_changed", "opt_out_changed", "salt_changed", "district_changed", "clock_changed")
SALT_BYTES = 32
SALT_OUTLIVES_DAY = timedelta(hours=2)
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedAccessPoint:
    """An access point as a sighting needs it; NaN where nobody placed it."""

    id: uuid.UUID
    lon: float
    lat: float
    floor: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class DaySecret:
    """The salt of one trading day, ready to use, and the instants between which its day lies."""

    trading_day: date
    starts_at: datetime
    ends_at: datetime
    dies_at: datetime
    devices: KeyedHash = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One district, as far as the edge is concerned. ``days`` are in order."""

    district: DistrictInfo
    aliases: KeyedHash = field(repr=False)
    days: tuple[DaySecret, ...] = ()
    access_points: Mapping[str, PlacedAccessPoint] = field(default_factory=dict)
    opt_outs: frozenset[bytes] = frozenset()
    _remembered: dict[date, Remembered] = field(default_factory=dict, repr=False, compare=False)
    _starts_ms: dict[date, int] = field(default_factory=dict, repr=False, compare=False)

    def today(self, now: datetime) -> DaySecret | None:
        """The secret of the trading day that holds ``now``; None when it was not made yet."""
        return next((day for day in self.days if day.starts_at <= now < day.ends_at), None)

    def trading_day(self, now: datetime) -> date:
        """The trading day that holds ``now``."""
        today = self.today(now)
        return self.district.trading_day(now) if today is None else today.trading_day

    def day_starts_ms(self, day: date) -> int:
        """When a trading day starts, in milliseconds since 1970."""
        found = self._starts_ms.get(day)
        if found is None:
            found = self._starts_ms[day] = microseconds(self.district.day_starts_at(day)) // 1000
        return found

    def stem_key(self, day: date) -> bytes:
        """The key of source ids of one trading day.

        Of the district, not of the salt: a row sent again after the salt has died must still be recognised.
        """
        return self.aliases.digest(b"stem:" + day.isoformat().encode())

    def remembered(self, day: date, secret: DaySecret) -> Remembered:
        """What was made for sightings of a trading day with this secret: the day's own, or today's when that is gone."""
        found = self._remembered.get(day)
        if found is None or not found.is_of(
            salt=secret.devices, aliases=self.aliases, opt_outs=self.opt_outs
        ):
            found = self._remembered[day] = Remembered(
                salt=secret.devices,
                aliases=self.aliases,
                opt_outs=self.opt_outs,
                stem_key=self.stem_key(day),
            )
        return found

    def after(self, before: "Edge | None") -> "Edge":
        """This edge with what the one before it remembers, as far as salts and opt-outs are still the same."""
        if before is None or before.aliases != self.aliases:
            return self
        days = tuple(next((old for old in before.days if old == new), new) for new in self.days)
        opt_outs = before.opt_outs if before.opt_outs == self.opt_outs else self.opt_outs
        kept = {
            day: found
            for day, found in before._remembered.items()
            if any(
                found.is_of(salt=secret.devices, aliases=before.aliases, opt_outs=opt_outs) for secret in days
            )
        }
        return replace(self, aliases=before.aliases, days=days, opt_outs=opt_outs, _remembered=kept)

    def living(self, now: datetime) -> tuple[DaySecret, ...]:
        """Secrets that may still be used for a sighting at or before ``now``."""
        return tuple(day for day in self.days if day.dies_at > now and day.starts_at <= now)


Edges = Mapping[uuid.UUID, Edge]


def edges(pool: Pool, clock: Clock) -> Snapshot[Edges]:
    """The snapshot of every district's edge; loading it makes the salts that are due."""

    async def load() -> Edges:
        async with pool.connection() as connection:
            loaded = await load_edges(connection, now=clock.now())
        before = snapshot.value
        return {district_id: edge.after(before.get(district_id)) for district_id, edge in loaded.items()}

    snapshot = Snapshot[Edges](load, empty={}, channels=CHANNELS)
    return snapshot


async def load_edges(connection: AsyncConnection[TupleRow], *, now: datetime) -> Edges:
    """Every district's edge. Today's salt is made, yesterday's while it would live, and tomorrow's, so that a night
    without the database changes nothing."""
    districts = [of_row(row) for row in await _rows(connection, ALL_DISTRICTS_SQL)]
    days = await _salts(connection, districts, now=now)
    points: dict[uuid.UUID, dict[str, PlacedAccessPoint]] = {}
    for district_id, id_, mac, lon, lat, floor in await _rows(connection, ACCESS_POINTS_SQL):
        placed = PlacedAccessPoint(id=id_, lon=_or_nan(lon), lat=_or_nan(lat), floor=floor)
        points.setdefault(district_id, {})[mac] = placed
    opted_out: dict[uuid.UUID, set[bytes]] = {}
    for district_id, alias in await _rows(connection, OPT_OUTS_SQL):
        opted_out.setdefault(district_id, set()).add(bytes(alias))
    return {
        info.id: Edge(
            district=info,
            aliases=KeyedHash(info.alias_key),
            days=days.get(info.id, ()),
            access_points=points.get(info.id, {}),
            opt_outs=frozenset(opted_out.get(info.id, ())),
        )
        for info in districts
    }


async def living_days(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, *, now: datetime
) -> tuple[DaySecret, ...]:
    """The secrets of one district that may be used now, made where they are due."""
    return (await _salts(connection, [district], now=now)).get(district.id, ())


def dies_at(district: DistrictInfo, day: date) -> datetime:
    """When the salt of a trading day is to be deleted."""
    return district.day_starts_at(day + timedelta(days=1)) + SALT_OUTLIVES_DAY


async def _salts(
    connection: AsyncConnection[TupleRow], districts: Iterable[DistrictInfo], *, now: datetime
) -> dict[uuid.UUID, tuple[DaySecret, ...]]:
    by_id = {info.id: info for info in districts}
    found = await _living_salts(connection, by_id, now=now)
    missing = [
        (info, day) for info in by_id.values() for day in _due_days(info, now) if (info.id, day) not in found
    ]
    if missing:
        for info, day in missing:
            await connection.execute(
                MAKE_SALT_SQL,
                {
                    "district_id": info.id,
                    "trading_day": day,
                    "salt": secrets.token_bytes(SALT_BYTES),
                    "dies_at": dies_at(info, day),
                },
            )
        # Read, not remembered: another process may have made them first.
        found = await _living_salts(connection, by_id, now=now)
    made: dict[uuid.UUID, list[DaySecret]] = {}
    for (district_id, day), salt in sorted(found.items(), key=lambda item: item[0][1]):
        made.setdefault(district_id, []).append(_secret(by_id[district_id], day, salt))
    return {district_id: tuple(days) for district_id, days in made.items()}


async def _living_salts(
    connection: AsyncConnection[TupleRow], by_id: Mapping[uuid.UUID, DistrictInfo], *, now: datetime
) -> dict[tuple[uuid.UUID, date], bytes]:
    rows = await _rows(connection, SALTS_SQL, now=now)
    return {(row[0], row[1]): bytes(row[2]) for row in rows if row[0] in by_id}


def _due_days(info: DistrictInfo, now: datetime) -> list[date]:
    today = info.trading_day(now)
    days = [today, info.trading_day(now + _AHEAD)]
    yesterday = today - timedelta(days=1)
    if dies_at(info, yesterday) > now:
        days.append(yesterday)
    return days


def _secret(info: DistrictInfo, day: date, salt: bytes) -> DaySecret:
    return DaySecret(
        trading_day=day,
        starts_at=info.day_starts_at(day),
        ends_at=info.day_starts_at(day + timedelta(days=1)),
        dies_at=dies_at(info, day),
        devices=KeyedHash(salt),
    )


async def _rows(connection: AsyncConnection[TupleRow], sql: str, **values: object) -> list[TupleRow]:
    return await (await connection.execute(sql.encode(), values or None)).fetchall()


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
