"""What members' own pages share: who reads them, their tabs, and the page for who is not logged in."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from district.auth.models import Role
from district.auth.principals import find_lenient
from district.auth.service import Principal
from district.clock import Clock, ClockDep
from district.database import DbPool
from district.districts.service import DistrictInfo, RegistryDep
from district.web.member_queries import READER_SQL
from district.web.shells import shell_of
from district.web.shopper_tabs import tabs_of
from district.web.templating import render

UNREAD_MOST = 99


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who reads a page of a district; a member or nobody."""

    district: DistrictInfo
    principal: Principal | None
    unread: int = 0

    @property
    def member_id(self) -> uuid.UUID:
        """The member. Only to be asked for when there is one."""
        assert self.principal is not None  # noqa: S101 the routes send nobody to the sign-in page first
        return self.principal.subject_id


async def read_reader(
    slug: str, request: Request, registry: RegistryDep, pool: DbPool, clock: ClockDep
) -> Reader:
    """The reader of a page of the path's district; another district's member is nobody. Raises: NotFound."""
    district = registry.find(slug)
    principal = await find_lenient(request)
    if principal is None or principal.role is not Role.SHOPPER or principal.district_id != district.id:
        return Reader(district=district, principal=None)
    keys = {"district_id": district.id, "member_id": principal.subject_id, "now": clock.now()}
    async with pool.connection() as connection:
        row = await (await connection.execute(READER_SQL, keys)).fetchone()
    if row is None:
        return Reader(district=district, principal=None)
    return Reader(district=district, principal=principal, unread=row[0])


ReaderDep = Annotated[Reader, Depends(read_reader)]


def show(
    request: Request,
    reader: Reader,
    clock: Clock,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    **values: Any,
) -> HTMLResponse:
    """A page with the tabs of members."""
    return render(
        request,
        template,
        shell=shell_of(request, reader.district, reader.principal),
        now=clock.now(),
        status_code=status,
        tabs=tabs_of(reader.district.slug, offers=min(reader.unread, UNREAD_MOST)),
        base=f"/d/{reader.district.slug}",
        **values,
    )


def show_join(request: Request, reader: Reader, clock: Clock) -> HTMLResponse:
    """For who is not a member, or not logged in: how to become one, and how to log in."""
    query = urlencode({"next": request.url.path}) if request.method == "GET" else ""
    return show(
        request,
        reader,
        clock,
        "member/join.html",
        status=HTTPStatus.UNAUTHORIZED,
        sign_in=f"/d/{reader.district.slug}/sign-in" + (f"?{query}" if query else ""),
    )
