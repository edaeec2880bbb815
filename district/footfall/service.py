"""Counts of recorded visits, never of fewer than k people, nor so that a difference of two answers gives one."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.auth.models import Role
from district.auth.service import Principal
from district.database import Pool
from district.districts.service import DistrictInfo
from district.footfall import queries
from district.footfall.metrics import DEFINITIONS, SMALLEST_GROUP, Metric, published
from district.footfall.periods import Span
from district.footfall.schemas import Footfall, FootfallRow
from district.problems import NotAllowed, NotFound
from push.wording import Language

ALL_ZONES = "all"
STATEMENT_TIMEOUT_SQL = "SET LOCAL statement_timeout = '30s'"


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is counted: a zone, a merchant's store, or (without an id) the whole district."""

    kind: str
    id: uuid.UUID | None = None
    slug: str | None = None
    name: str = ""
    name_zh: str = ""

    def title(self, language: Language) -> str:
        """Its name in a language."""
        return self.name_zh if language is Language.ZH and self.name_zh else self.name


@dataclass(frozen=True, kw_only=True)
class Count:
    """What was seen in one place and period."""

    visits: int = 0
    members: int = 0
    devices: int = 0
    median_dwell_min: float | None = None
    new: int = 0
    returning: int = 0

    @property
    def people(self) -> int:
        """Members, and devices of nobody known."""
        return self.members + self.devices


NOTHING = Count()


async def read(
    pool: Pool,
    district: DistrictInfo,
    principal: Principal,
    metric: Metric,
    span: Span,
    *,
    zone: str | None,
    language: Language,
) -> Footfall:
    """The rows that the caller may see. Raises: NotFound for a zone that is not his, NotAllowed."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(STATEMENT_TIMEOUT_SQL)
        places = await places_of(connection, district, principal, zone)
        counts = await _counts(connection, district, places, span, with_history=metric in _HISTORIES)
        as_of = await newest_recorded(connection, district, at=span.starts[-1])
    rows = [row for place in places for row in _rows(place, metric, span, counts, language)]
    definition = DEFINITIONS[metric]
    return Footfall(
        metric=metric,
        unit=definition.unit,
        definition=definition.text.read(language)[1],
        by=span.by,
        first_day=span.first_day,
        last_day=span.last_day,
        k=SMALLEST_GROUP,
        as_of=as_of,
        rows=rows,
    )


async def places_of(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, principal: Principal, zone: str | None
) -> Sequence[Place]:
    """The places that the caller asks for and may see.

    A property sees the zones within it, a merchant his own stores; both see all of theirs unless they name one.
    Raises: NotFound, NotAllowed.
    """
    sees_district = principal.role in {Role.OPERATOR, Role.OBSERVER}
    if sees_district and zone is None:
        return [Place(kind="district", name=district.name, name_zh=district.name_zh)]
    places = await _own_places(connection, district, principal)
    if zone is None or zone == ALL_ZONES:
        return places
    chosen = [place for place in places if zone in {place.slug, str(place.id)}]
    if not chosen:
        raise NotFound(f"No zone {zone!r} that you may see; zone={ALL_ZONES} gives all of them.")
    return chosen


async def _own_places(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, principal: Principal
) -> list[Place]:
    values: dict[str, Any] = {"district_id": district.id}
    sql = queries.PLACES_OF_DISTRICT_SQL
    if principal.role is Role.MERCHANT:
        sql, values["merchant_id"] = queries.PLACES_OF_MERCHANT_SQL, principal.merchant_id
    elif principal.role is Role.PROPERTY:
        if principal.scope_id is None:
            raise NotAllowed("This account belongs to no property.")
        sql, values["property_id"] = queries.PLACES_OF_PROPERTY_SQL, principal.scope_id
    rows = await (await connection.execute(sql.encode(), values)).fetchall()
    return [
        Place(kind=kind, id=id_, slug=slug, name=name, name_zh=name_zh)
        for kind, id_, slug, name, name_zh in rows
    ]


async def newest_recorded(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, *, at: datetime
) -> datetime | None:
    """When a sighting was last recorded; None when none was in the day before."""
    values = {"district_id": district.id, "day": district.trading_day(at - timedelta(days=2))}
    row = await (await connection.execute(queries.NEWEST_RECORDED_SQL, values)).fetchone()
    return row[0] if row else None


_HISTORIES = frozenset({Metric.NEW, Metric.RETURNING})
Counts = Mapping[tuple[uuid.UUID | None, int], Count]


async def _counts(
    connection: AsyncConnection[TupleRow],
    district: DistrictInfo,
    places: Sequence[Place],
    span: Span,
    *,
    with_history: bool,
) -> Counts:
    if not places:
        return {}
    values = {
        "district_id": district.id,
        "kind": places[0].kind,
        "places": [place.id for place in places if place.id is not None],
        "starts": list(span.starts[:-1]),
        "first": span.starts[0],
        "last": span.starts[-1],
        "with_history": with_history,
    }
    is_whole = places[0].id is None
    sql = queries.DISTRICT_COUNTS_SQL if is_whole else queries.PLACE_COUNTS_SQL
    rows = await (await connection.execute(sql.encode(), values)).fetchall()
    return {
        (place_id, bucket - 1): Count(
            visits=visits,
            members=members,
            devices=devices,
            median_dwell_min=median,
            new=new,
            returning=returning,
        )
        for place_id, bucket, visits, members, devices, median, new, returning in rows
    }


def _rows(place: Place, metric: Metric, span: Span, counts: Counts, language: Language) -> list[FootfallRow]:
    series = [counts.get((place.id, number), NOTHING) for number in range(len(span.starts) - 1)]
    hidden = suppressed(series, span.groups)
    title = place.title(language)
    shown: list[FootfallRow] = []
    for start, count, is_hidden in zip(span.starts, series, hidden, strict=False):
        if not span.shown_from <= start < span.shown_until:
            continue
        value = None if is_hidden else value_of(count, metric)
        is_suppressed = is_hidden or (value is None and metric is not Metric.MEDIAN_DWELL_MIN)
        shown.append(
            FootfallRow(zone=place.slug, name=title, start=start, value=value, suppressed=is_suppressed)
        )
    return shown


def suppressed(series: Sequence[Count], groups: Sequence[int]) -> list[bool]:
    """Which periods of one place are hidden.

    Those of fewer than k people; and in each group as many of the next smallest that what is hidden sums up to k:
    else the group's own total, asked for beside it, would give what is missing.
    """
    hidden = [0 < count.people < SMALLEST_GROUP for count in series]
    for group in set(groups):
        members = [number for number, own in enumerate(groups) if own == group]
        while 0 < sum(series[number].visits for number in members if hidden[number]) < SMALLEST_GROUP:
            left = [number for number in members if not hidden[number] and series[number].people]
            if not left:
                break
            hidden[min(left, key=lambda number: series[number].people)] = True
    return hidden


def value_of(count: Count, metric: Metric) -> float | None:
    """A value of at least k people, or None. Parts of a whole are hidden together: one would give the other."""
    if metric is Metric.MEDIAN_DWELL_MIN:
        return None if count.median_dwell_min is None else round(count.median_dwell_min, 1)
    if metric in {Metric.MEMBERS, Metric.DEVICES}:
        parts = (count.members, count.devices)
        return _part(count.members if metric is Metric.MEMBERS else count.devices, parts)
    if metric in _HISTORIES:
        parts = (count.new, count.returning)
        return _part(count.new if metric is Metric.NEW else count.returning, parts)
    return count.visits if metric is Metric.VISITS else count.people


def _part(value: int, parts: tuple[int, int]) -> int | None:
    return None if any(published(part) is None for part in parts) else value
