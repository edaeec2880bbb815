"""UniFi's own address for guests: it names a site and nothing else, so the gateway is looked for."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import Registry, RegistryDep
from district.gateways.models import Gateway
from district.gateways.redirects import MAX_QUERY_BYTES
from district.web.templating import Shell, render

router = APIRouter()
MOST_LOOKED_AT = 200
SiteName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@dataclass(frozen=True, kw_only=True)
class Served:
    """Who serves a site at a host."""

    slugs: tuple[str, ...] = ()
    is_ambiguous: bool = False
    """The host belongs to no district, or to several: sites are called "default" in each of them."""


def gateways_of_site(session: Session, registry: Registry, site: str, host: str) -> Served:
    """The UniFi gateways that serve a site, in the district whose gateways were told this host.

    Where the installation has one district alone, it is meant whatever the host.
    """
    netloc = func.lower(func.split_part(Gateway.public_url, "/", 3))
    told = set(session.scalars(select(Gateway.district_id).where(netloc == host).distinct().limit(2)))
    if not told and len(registry.by_id) == 1:
        told = set(registry.by_id)
    if len(told) != 1:
        return Served(is_ambiguous=True)
    found = session.execute(
        select(Gateway.slug, netloc == host)
        .where(
            Gateway.district_id.in_(told), Gateway.vendor == "unifi", Gateway.options["site"].astext == site
        )
        .order_by(Gateway.slug)
        .limit(MOST_LOOKED_AT)
    ).all()
    here = tuple(slug for slug, is_here in found if is_here)
    return Served(slugs=here or tuple(slug for slug, _is_here in found))


@router.get("/guest/s/{site}")
@router.get("/guest/s/{site}/")
def lead_on(
    site: SiteName, request: Request, session: DbSession, registry: RegistryDep, clock: ClockDep
) -> Response:
    """To the sign-in page of the one gateway that serves the site; else a page that says what is missing."""
    query: bytes = request.scope["query_string"]
    served = gateways_of_site(session, registry, site, request.headers.get("host", "").lower())
    slugs = served.slugs
    if len(slugs) == 1 and len(query) <= MAX_QUERY_BYTES:
        return RedirectResponse(f"/portal/{slugs[0]}?{query.decode('latin-1')}", HTTPStatus.SEE_OTHER)
    return render(
        request,
        "portal/refused.html",
        shell=Shell(),
        now=clock.now(),
        status_code=HTTPStatus.CONFLICT if slugs or served.is_ambiguous else HTTPStatus.NOT_FOUND,
        keeps_cookies=False,
        again_url="",
        reason=_reason(site, served),
    )


def _reason(site: str, served: Served) -> str:
    if served.is_ambiguous:
        return (
            "This host does not tell which district is meant: give one of its gateways a public_url with this host "
            "name, and the same host to the controller as External Portal Server."
        )
    if len(served.slugs) == 1:
        return "The redirect is too long."
    if not served.slugs:
        return f"No UniFi gateway is registered for the site {site}: set options.site of one."
    return (
        f"{len(served.slugs)} UniFi gateways serve the site {site}: give each a public_url with a host name of its own, "
        "and that host to its controller as External Portal Server."
    )
