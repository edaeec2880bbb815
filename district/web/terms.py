"""The terms of the free Wi-Fi in every version, and who receives what; for anybody."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import RegistryDep
from district.members import recipients, terms
from district.problems import NotFound
from district.web.language import negotiate
from district.web.shells import shell_of
from district.web.templating import render

router = APIRouter()


@router.get("/d/{slug}/terms")
def show(
    slug: str,
    request: Request,
    registry: RegistryDep,
    session: DbSession,
    clock: ClockDep,
    version: str = "",
) -> HTMLResponse:
    """The version in force, or a named earlier one. Raises: NotFound."""
    district = registry.find(slug)
    found = terms.find(version) if version else terms.CURRENT
    if found is None:
        raise NotFound("There was no such version of the terms.")
    standing = recipients.current(session, district.id)
    speaks = negotiate(request).value
    return render(
        request,
        "member/terms.html",
        shell=shell_of(request, district),
        now=clock.now(),
        keeps_cookies=False,
        base=f"/d/{district.slug}",
        version=found.version,
        is_current=found is terms.CURRENT,
        paragraphs=found.paragraphs[speaks],
        digest=found.hash(speaks).hex(),
        versions=[one.version for one in terms.VERSIONS],
        recipients=[(one.name[speaks], one.data[speaks], one.why[speaks]) for one in standing.recipients],
        recipients_version=standing.version,
    )
