"""Footfall for programs: recorded visits as JSON and CSV, and who is here now as a stream."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse

from district.auth.models import Role
from district.auth.principals import Viewer, require
from district.auth.service import Principal
from district.clock import ClockDep
from district.database import DbPool
from district.districts.service import DistrictDep
from district.footfall import live, service
from district.footfall.live import Here, Line, Live, LiveHub
from district.footfall.metrics import SMALLEST_GROUP, Metric
from district.footfall.periods import span
from district.footfall.schemas import By, Footfall
from district.tasks import ended
from push.wording import Language


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hear engines as long as the application runs."""
    hub = app.state.live_hub = LiveHub(app.state.pool, app.state.clock)
    starting = asyncio.create_task(_listen(app, hub))
    yield
    await ended([starting])
    await hub.stop()


async def _listen(app: FastAPI, hub: LiveHub) -> None:
    await app.state.events_ready.wait()
    await hub.listen(app.state.nats)


router = APIRouter(prefix="/v1/districts/{d}/footfall", tags=["footfall"], lifespan=lifespan)
Watcher = Annotated[Principal, Depends(require(Role.OPERATOR, Role.PROPERTY, Role.OBSERVER))]
Zone = Annotated[
    str | None,
    Query(max_length=64, description="A zone's slug or id, or `all`; the whole district when left out"),
]
Day = Annotated[str | None, Query(max_length=40, description="A date, or a time with its offset")]


async def read(
    principal: Viewer,
    district: DistrictDep,
    pool: DbPool,
    clock: ClockDep,
    zone: Zone = None,
    from_: Annotated[Day, Query(alias="from", max_length=40)] = None,
    to: Day = None,
    by: By = By.HOUR,
    metric: Metric = Metric.VISITS,
    lang: Language = Language.EN,
) -> Footfall:
    """Recorded visits by place and period; what would tell of fewer than k people is null and marked."""
    asked = span(district, by, from_, to, clock=clock)
    return await service.read(pool, district, principal, metric, asked, zone=zone, language=lang)


Answer = Annotated[Footfall, Depends(read)]


@router.get("")
async def footfall(answer: Answer) -> Footfall:
    """As JSON."""
    return answer


@router.get(".csv", response_class=Response)
async def footfall_csv(answer: Answer, district: DistrictDep) -> Response:
    """The same rows as CSV; an empty value that is suppressed says so."""
    head = ("zone", "name", "start", "metric", "unit", "value", "suppressed")
    rows = [
        (
            row.zone or "",
            row.name,
            row.start.astimezone(district.zone).isoformat(),
            answer.metric,
            answer.unit,
            "" if row.value is None else row.value,
            "yes" if row.suppressed else "",
        )
        for row in answer.rows
    ]
    name = f"footfall-{district.slug}-{answer.metric}-{answer.first_day}.csv"
    return csv_answer([head, *rows], name)


@router.get("/live", response_class=StreamingResponse)
async def stream(request: Request, principal: Watcher, district: DistrictDep) -> StreamingResponse:
    """Who is here now, and for operators each offer and refusal (server-sent events)."""
    is_operator = principal.role is Role.OPERATOR

    def show(now: Live, lines: Sequence[Line]) -> Mapping[str, Any]:
        return live_answer(now, lines if is_operator else ())

    return event_stream(live.events(request.app.state.live_hub, district, show))


def live_answer(now: Live, lines: Sequence[Line]) -> dict[str, Any]:
    """A live state as programs read it. A count of null is fewer than k while ``is_known``, else unknown."""
    return {
        "as_of": now.as_of.isoformat() if now.as_of else None,
        "k": SMALLEST_GROUP,
        "is_known": now.is_known,
        **_of_here(now.here),
        "zones": [{"zone": str(zone_id)} | _of_here(here) for zone_id, here in now.zones.items()],
        "ticker": [
            {
                "at": line.at.isoformat(),
                "kind": line.kind,
                "campaign": line.campaign,
                "merchant": line.merchant,
                "reason": line.reason,
            }
            for line in lines
        ],
    }


def _of_here(here: Here) -> dict[str, Any]:
    return {"members": here.members, "devices": here.devices, "other_devices": here.others}


def event_stream(events: AsyncIterator[str]) -> StreamingResponse:
    """A stream that no proxy holds back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(rows: Sequence[Sequence[object]], name: str) -> Response:
    """CSV (RFC 4180) that a spreadsheet opens as UTF-8 and in which no text is taken for a formula."""
    out = io.StringIO()
    csv.writer(out).writerows([_safe(value) for value in row] for row in rows)
    return Response(
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _safe(value: object) -> object:
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return "'" + value
    return value
