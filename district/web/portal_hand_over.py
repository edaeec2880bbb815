"""The link from the captive sheet, opened in the person's own browser: looked at freely, used by a press, once."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from district.clock import ClockDep
from district.districts.service import DistrictInfo, Registry, RegistryDep
from district.portal import hand_over
from district.problems import NotFound
from district.web.security import require_own_form
from district.web.session_cookie import remember
from district.web.shells import shell_of
from district.web.templating import render

router = APIRouter()


def _district_of(registry: Registry, token: str) -> DistrictInfo:
    """Raises: NotFound."""
    if len(token) > hand_over.MAX_TOKEN:
        raise NotFound("No such link.")
    return registry.find(token.partition(".")[0])


@router.get("/o/{token}")
def look(token: str, request: Request, registry: RegistryDep, clock: ClockDep) -> Response:
    """Ask for a press: programs that look at links must not use them up."""
    district = _district_of(registry, token)
    with request.app.state.sessions() as session:
        is_open = hand_over.is_open(session, district, token, clock=clock)
    return _page(request, district, clock, is_open=is_open)


@router.post("/o/{token}", dependencies=[Depends(require_own_form)])
def take(token: str, request: Request, registry: RegistryDep, clock: ClockDep) -> Response:
    """Open the member's page in this browser."""
    district = _district_of(registry, token)
    with request.app.state.sessions.begin() as session:
        issued = hand_over.take(session, district, token, clock=clock)
    if issued is None:
        return _page(request, district, clock, is_open=False)
    response = RedirectResponse(f"/d/{district.slug}/inbox", HTTPStatus.SEE_OTHER)
    remember(request, response, issued)
    return response


def _page(request: Request, district: DistrictInfo, clock: ClockDep, *, is_open: bool) -> Response:
    return render(
        request,
        "portal/hand_over_link.html",
        shell=shell_of(request, district),
        now=clock.now(),
        status_code=HTTPStatus.OK if is_open else HTTPStatus.GONE,
        is_open=is_open,
    )
