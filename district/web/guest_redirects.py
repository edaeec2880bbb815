"""UniFi's own address for guests: it names a site and nothing else, so the gateway is looked for."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import ClockDep
from district.database import DbSession
from district.gateways.models import Gateway
from district.gateways.redirects import MAX_QUERY_BYTES
from district.web.templating import Shell, render

router = APIRouter()
MOST_LOOKED_AT = 200
SiteName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def gateways_of_site(session: Session, site: str, host: str) -> list[str]:
    """UniFi gateways of any district that serve a site; those that were told this host come alone, if any were."""
    found = session.execute(
        select(Gateway.slug, Gateway.public_url)
        .where(Gateway.vendor == "unifi", Gateway.options["site"].astext == site)
        .order_by(Gateway.slug)
        .limit(MOST_LOOKED_AT)
    ).all()
    here = [slug for slug, public_url in found if public_url and urlsplit(public_url).netloc.lower() == host]
    return here or [slug for slug, _public_url in found]


@router.get("/guest/s/{site}")
@router.get("/guest/s/{site}/")
def lead_on(site: SiteName, request: Request, session: DbSession, clock: ClockDep) -> Response:
    """To the sign-in page of the one gateway that serves the site; else a page that says what is missing."""
    query: bytes = request.scope["query_string"]
    slugs = gateways_of_site(session, site, request.headers.get("host", "").lower())
    if len(slugs) == 1 and len(query) <= MAX_QUERY_BYTES:
        return RedirectResponse(f"/portal/{slugs[0]}?{query.decode('latin-1')}", HTTPStatus.SEE_OTHER)
    return render(
        request,
        "portal/refused.html",
        shell=Shell(),
        now=clock.now(),
        status_code=HTTPStatus.CONFLICT if slugs else HTTPStatus.NOT_FOUND,
        keeps_cookies=False,
        again_url="",
        reason=_reason(site, slugs),
    )


def _reason(site: str, slugs: list[str]) -> str:
    if len(slugs) == 1:
        return "The redirect is too long."
    if not slugs:
        return f"No UniFi gateway is registered for the site {site}: set options.site of one."
    return (
        f"{len(slugs)} UniFi gateways serve the site {site}: give each a public_url with a host name of its own, "
        "and that host to its controller as External Portal Server."
    )
