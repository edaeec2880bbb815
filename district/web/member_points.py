"""A member's points: the balance, where each came from and went, and the pass that a till scans."""

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from markupsafe import Markup

from district.clock import ClockDep
from district.database import DbPool, DbSession
from district.points import passes, reading
from district.web.member_shell import ReaderDep, show, show_join
from district.web.security import require_own_form

router = APIRouter()
PAGE = "/d/{slug}/points"
LISTED = 50


@router.get(PAGE)
def show_points(request: Request, reader: ReaderDep, session: DbSession, clock: ClockDep) -> Response:
    """The balance, what ends next, and the newest changes."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    found = reading.of_member(
        session, reader.district, reader.member_id, now=clock.now(), after=None, limit=LISTED
    )
    is_on = reading.rule(session, reader.district.id).is_on
    return show(request, reader, clock, "member/points.html", points=found, is_on=is_on)


@router.post(PAGE + "/pass", dependencies=[Depends(require_own_form)])
async def show_pass(request: Request, reader: ReaderDep, pool: DbPool, clock: ClockDep) -> Response:
    """A new pass, to be shown at a till within five minutes. A POST, so that it is in nobody's history."""
    if reader.principal is None:
        return show_join(request, reader, clock)
    made = await passes.issue(pool, reader.district.id, reader.member_id, clock=clock)
    # Made of letters and digits by us; nothing that anybody typed is in it.
    drawn = segno.make_qr(made.code, error="m").svg_inline(border=4, omitsize=True, dark="#000", light="#fff")
    qr = Markup(drawn)  # noqa: S704
    minutes = int(passes.LIFE.total_seconds() // 60)
    response = show(
        request,
        reader,
        clock,
        "member/pass.html",
        code=made.code,
        qr=qr,
        minutes=minutes,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
