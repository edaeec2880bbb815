"""While a text message is on its way: a page that looks again by itself, without a script, and signs its browser in."""

import uuid
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from district.auth.codes import WrongCode
from district.clock import Clock, ClockDep
from district.districts.service import DistrictInfo, RegistryDep
from district.gateways import service as gateways
from district.gateways.dialect import BadRedirect
from district.members import text_words
from district.portal import texting
from district.portal.models import SmsJoin, SmsProvider
from district.portal.texting import Progress
from district.problems import DistrictError, Invalid, TooMany, Unavailable
from district.web.explained import explained
from district.web.language import negotiate
from district.web.portal_form import carried_back
from district.web.portal_page import Visit, refuse
from district.web.portal_return import LeftAt, as_before
from district.web.portal_visit import OwnShopper, visit_of
from district.web.portal_ways import TEXT_COOKIE, let_in
from district.web.shells import shell_of
from district.web.templating import render

router = APIRouter()
LOOKS_AGAIN = frozenset({Progress.WAITING, Progress.REFUSED})
LOOK_AGAIN_S = 3


@router.get("/portal/{gateway}/text/{join_id}")
def wait(
    gateway: str,
    join_id: uuid.UUID,
    request: Request,
    registry: RegistryDep,
    clock: ClockDep,
    shopper: OwnShopper,
) -> Response:
    """The code and the number, and on line as soon as the message has come. Other browsers see that it is gone."""
    with request.app.state.sessions.begin() as session:
        district, row = gateways.find(session, registry, gateway)
        join = texting.of_browser(session, row, join_id, browser=request.cookies.get(TEXT_COOKIE, ""))
        progress = texting.progress(join, clock=clock)
        if join is None or progress is not Progress.PROVEN:
            return _page(session, request, district, gateway, clock, progress, join)
    back = as_before(request, row, join.redirect_query)
    # The language is the waiting page's own; what the gateway sent stays as it was.
    visit = visit_of(gateway, back, registry, LeftAt(clock, join.created_at), shopper)
    if not isinstance(visit, Visit):
        return visit
    return _finish(replace(visit, clock=clock), request, join)


def _finish(visit: Visit, request: Request, join: SmsJoin) -> Response:
    filled = carried_back(join.form)
    try:
        if filled.method not in visit.ways:
            raise Invalid("This way to sign in is not offered here.", detail_zh="这里不提供这种登录方式。")
        return let_in(visit, filled, contact=texting.contact_of(join), join_id=join.id)
    except BadRedirect as error:
        return refuse(request, visit.district, error, visit.clock, again_url=visit.arrival.again_url)
    except (Invalid, TooMany, Unavailable, WrongCode) as error:
        with visit.sessions.begin() as session:
            return _page(
                session,
                request,
                visit.district,
                visit.gateway.slug,
                visit.clock,
                Progress.PROVEN,
                join,
                error=error,
            )


def _page(
    session: Session,
    request: Request,
    district: DistrictInfo,
    gateway: str,
    clock: Clock,
    progress: Progress,
    join: SmsJoin | None,
    *,
    error: DistrictError | None = None,
) -> Response:
    provider = session.get(SmsProvider, (join.district_id, join.provider_id)) if join is not None else None
    message = f"{join.keyword} {text_words.shown(join.code)}" if join is not None else ""
    number = provider.number if provider is not None else ""
    is_gone = progress is Progress.GONE or provider is None
    return render(
        request,
        "portal/text.html",
        shell=shell_of(request, district),
        now=clock.now(),
        status_code=error.status if error else HTTPStatus.GONE if is_gone else HTTPStatus.OK,
        keeps_cookies=False,
        progress="gone" if is_gone else progress.value,
        refusal=join.refusal if join is not None else "",
        message=message,
        number=number,
        sms_link=f"sms:{quote(number, safe='+')}?&body={quote(message)}",
        look_again_s=LOOK_AGAIN_S if progress in LOOKS_AGAIN and not is_gone else None,
        start=f"/portal/{gateway}/start",
        error=explained(error, negotiate(request)) if error else "",
    )
