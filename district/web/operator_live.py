"""The operator's first page: who is here now, where, and which offers go out."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import shapely
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.auth.models import Role
from district.clock import ClockDep
from district.database import DbPool, Pool
from district.districts.service import DistrictInfo
from district.footfall import live
from district.footfall import service as footfall
from district.footfall.live import Here, Line, Live
from district.footfall.metrics import DEFINITIONS, FIGURES, Figure, Metric
from district.footfall.periods import span
from district.footfall.routes import csv_answer, event_stream
from district.footfall.schemas import By
from district.web import reasons
from district.web.formats import NOTHING, clock_time, number, people
from district.web.language import Tongue, negotiate, speaking
from district.web.language import gettext as _
from district.web.operator_shell import badges
from district.web.staff import Staff, staff
from district.web.templating import render, unturned
from push.wording import Language

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
BUSY = 120
"""People in a zone from which on its colour does not deepen."""
COLOURS = ("#4dabf7", "#4c6ef5", "#7048e8", "#ae3ec9", "#e8590c")

ZONES_SQL = """
SELECT id, slug, name, name_zh, floor, ST_AsBinary(ST_SimplifyPreserveTopology(outline, 0.00001))
FROM zone WHERE district_id = %(district_id)s ORDER BY name, id
"""


@dataclass(frozen=True, kw_only=True)
class ZoneRow:
    """A zone of the table beside the map."""

    id: uuid.UUID
    slug: str
    name: str
    floor: str | None
    shape: Mapping[str, Any]
    here: Here | None = None
    visits: float | None = None
    median_min: float | None = None
    is_suppressed: bool = False


@router.get("/operator")
async def page(request: Request, operator: Operator, pool: DbPool, clock: ClockDep) -> HTMLResponse:
    """The live page; it fills itself from the stream."""
    now, lines = await request.app.state.live_hub.snapshot(operator.district)
    language = Language(negotiate(request).value)
    zones = await _zones(pool, operator, now, language, clock)
    tongue = _tongue(request, operator)
    with speaking(tongue):
        values, ticker = values_of(now), [line_of(line) for line in reversed(lines)]
    return render(
        request,
        "operator/live.html",
        shell=operator.shell(request, badges=await badges(pool, operator.district.id)),
        now=clock.now(),
        district=operator.district,
        live=now,
        values=values,
        zones=zones,
        ticker=ticker,
        areas=areas_of(zones, now),
        figures={str(name): text.read(language)[1] for name, text in FIGURES.items()},
        meaning={str(name): one.text.read(language)[1] for name, one in DEFINITIONS.items()},
        days=_days(operator.district, clock),
    )


@router.get("/operator/live")
async def stream(request: Request, operator: Operator) -> StreamingResponse:
    """What the page shows, as it changes: formatted in its language."""
    tongue = _tongue(request, operator)

    def show(now: Live, lines: Sequence[Line]) -> Mapping[str, Any]:
        with speaking(tongue):
            return {
                "as_of": (now.as_of or request.app.state.clock.now()).isoformat(),
                "is_known": now.is_known,
                "values": values_of(now) | zone_values(now),
                "points": now.heat,
                "zones": {str(zone_id): paint_of(here) for zone_id, here in now.zones.items()},
                "ticker": [line_of(line) for line in lines],
            }

    return event_stream(live.events(request.app.state.live_hub, operator.district, show))


@router.get("/operator/zones.csv")
async def zones_csv(request: Request, operator: Operator, pool: DbPool, clock: ClockDep) -> Response:
    """The table beside the map."""
    now, _lines = await request.app.state.live_hub.snapshot(operator.district)
    language = Language(negotiate(request).value)
    rows = await _zones(pool, operator, now, language, clock)
    with speaking(_tongue(request, operator)):
        head = (
            _("Zone"),
            _("Members now"),
            _("Other devices now"),
            _("Visits today"),
            _("Median stay (min)"),
        )
        table = [
            (row.name, *_cells(row), _visits_cell(row), "" if row.median_min is None else row.median_min)
            for row in rows
        ]
    return csv_answer([head, *table], f"zones-{operator.district.slug}.csv")


def _cells(row: ZoneRow) -> tuple[str, str]:
    if row.here is None:
        return "", ""
    return people(row.here.members), people(row.here.others)


def _visits_cell(row: ZoneRow) -> str:
    return people(None) if row.is_suppressed else str(int(row.visits or 0))


async def _zones(
    pool: Pool, operator: Staff, now: Live, language: Language, clock: ClockDep
) -> list[ZoneRow]:
    district = operator.district
    today = span(district, By.DAY, None, None, clock=clock)
    counted: dict[str, dict[Metric, Any]] = {}
    for metric in (Metric.VISITS, Metric.MEDIAN_DWELL_MIN):
        answer = await footfall.read(
            pool, district, operator.principal, metric, today, zone=footfall.ALL_ZONES, language=language
        )
        for row in answer.rows:
            counted.setdefault(row.zone or "", {})[metric] = row
    async with pool.connection() as connection:
        rows = await _zone_rows(connection, district)
    return [
        ZoneRow(
            id=id_,
            slug=slug,
            name=name_zh if language is Language.ZH and name_zh else name,
            floor=floor,
            shape=json.loads(shapely.to_geojson(shapely.from_wkb(bytes(outline)))),
            here=now.zones.get(id_) if now.is_known else None,
            **_counted(counted.get(slug, {})),
        )
        for id_, slug, name, name_zh, floor, outline in rows
    ]


async def _zone_rows(connection: AsyncConnection[TupleRow], district: DistrictInfo) -> list[TupleRow]:
    return await (await connection.execute(ZONES_SQL, {"district_id": district.id})).fetchall()


def _counted(found: Mapping[Metric, Any]) -> dict[str, Any]:
    visits, median = found.get(Metric.VISITS), found.get(Metric.MEDIAN_DWELL_MIN)
    return {
        "visits": visits.value if visits else None,
        "median_min": median.value if median else None,
        "is_suppressed": bool(visits and visits.suppressed),
    }


def _tongue(request: Request, operator: Staff) -> Tongue:
    return Tongue(language=negotiate(request), zone=operator.district.zone)


def _days(district: DistrictInfo, clock: ClockDep) -> Mapping[str, str]:
    """The trading days that the chart compares: today, and a week ago."""
    today = district.trading_day(clock.now())
    week_ago = today - timedelta(days=7)
    return {
        "today": today.isoformat(),
        "tomorrow": (today + timedelta(days=1)).isoformat(),
        "week_ago": week_ago.isoformat(),
        "week_ago_end": (week_ago + timedelta(days=1)).isoformat(),
    }


def values_of(now: Live) -> dict[str, str]:
    """The page's figures as text."""
    today = now.today
    stay = today.median_dwell_min if today else None
    return {
        Figure.MEMBERS_NOW: people(now.here.members) if now.is_known else NOTHING,
        Figure.OTHERS_NOW: people(now.here.others) if now.is_known else NOTHING,
        Figure.VISITS_TODAY: people(today.visits) if today else NOTHING,
        Figure.MEDIAN_STAY_TODAY: NOTHING if stay is None else _("%(count)s min", count=number(round(stay))),
        Figure.OFFERS_TODAY: number(today.offers if today else None),
        Figure.REDEMPTIONS_TODAY: number(today.redemptions if today else None),
    }


def zone_values(now: Live) -> dict[str, str]:
    """The live cells of the zones' table."""
    values: dict[str, str] = {}
    for zone_id, here in now.zones.items():
        values[f"zone-{zone_id}-members"] = people(here.members)
        values[f"zone-{zone_id}-others"] = people(here.others)
    return values


def paint_of(here: Here) -> dict[str, Any]:
    """How a zone looks on the map: deeper with more people, pale while there are too few to tell."""
    known = (here.members or 0) + (here.others or 0)
    share = min(1.0, known / BUSY)
    return {
        "colour": COLOURS[min(len(COLOURS) - 1, int(share * len(COLOURS)))],
        "opacity": round(0.05 + 0.2 * share, 2),
        "members": people(here.members),
        "others": people(here.others),
    }


def areas_of(zones: Sequence[ZoneRow], now: Live) -> Mapping[str, Any]:
    """The zones as GeoJSON, painted by who is there now."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": zone.shape,
                "properties": {"id": str(zone.id), "name": zone.name}
                | paint_of(now.zones.get(zone.id, Here())),
            }
            for zone in zones
        ],
    }


def line_of(line: Line) -> dict[str, Any]:
    """An offer or refusal in words, without the person."""
    is_offer = line.kind == "offer"
    return {
        "number": line.number,
        "at": clock_time(line.at),
        "kind": line.kind,
        "head": _("Offer issued")
        if is_offer
        else _("Not sent: %(reason)s", reason=reasons.in_words(line.reason)),
        "campaign": unturned(line.campaign),
        "merchant": unturned(line.merchant),
    }
