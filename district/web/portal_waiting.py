"""While the gateway fetches a grant: a page that looks again by itself, without a script, and goes on when it has."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from district.clock import ClockDep
from district.districts.service import RegistryDep
from district.gateways import authmon
from district.gateways import service as gateways
from district.gateways.authmon import Progress
from district.web.language import negotiate
from district.web.shells import shell_of
from district.web.templating import render

router = APIRouter()
LOOK_AGAIN_S: Mapping[Progress, int] = {Progress.WAITING: 2, Progress.SLOW: 5}
INTERCEPTED = "http://192.0.2.1/"
"""An address that is nobody's (RFC 5737), on plain HTTP: a gateway answers it with its redirect, whatever its make."""


@router.get("/portal/{gateway}/waiting/{session_id}")
def waiting(
    gateway: str,
    session_id: uuid.UUID,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    ap: Annotated[str, Query(max_length=40)] = "",
    to: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """How far the grant is. The id is known to the browser that signed in, and to nobody else."""
    with request.app.state.sessions.begin() as session:
        district, row = gateways.find(session, registry, gateway)
        progress = authmon.progress(session, row, session_id, clock=clock)
    if progress is Progress.LET_IN:
        given = {"ap": ap, "to": to, "lang": negotiate(request).value}
        shown = urlencode({name: value for name, value in given.items() if value})
        return RedirectResponse(f"/portal/{gateway}/welcome?{shown}", HTTPStatus.SEE_OTHER)
    return render(
        request,
        "portal/waiting.html",
        shell=shell_of(request, district),
        now=clock.now(),
        status_code=HTTPStatus.GONE if progress is Progress.GONE else HTTPStatus.OK,
        keeps_cookies=False,
        progress=progress.value,
        look_again_s=LOOK_AGAIN_S.get(progress),
        start=f"/portal/{gateway}/start",
    )


@router.get("/portal/{gateway}/start")
def start(gateway: str, request: Request, registry: RegistryDep) -> Response:
    """Lead a browser to the gateway's own redirect: the way in for whoever comes to the portal by himself."""
    with request.app.state.sessions.begin() as session:
        gateways.find(session, registry, gateway)
    return RedirectResponse(INTERCEPTED, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
