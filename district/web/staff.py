"""Who of the staff is on a console page; anybody else is led to the log-in page and back."""

import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.exceptions import HTTPException

from district.auth import principals
from district.auth.models import Role
from district.auth.service import Principal
from district.districts.service import DistrictInfo
from district.web.fragments import is_fragment
from district.web.shells import shell_of
from district.web.templating import Shell

NAME_SQL = "SELECT coalesce(nullif(display_name, ''), username) FROM account WHERE id = %(id)s"


@dataclass(frozen=True, kw_only=True)
class Staff:
    """A member of staff on a page of his district."""

    principal: Principal
    district: DistrictInfo
    name: str

    def shell(self, request: Request, *, badges: dict[str, int] | None = None) -> Shell:
        """What the layout shows around the page."""
        shell = shell_of(request, self.district, self.principal, user_name=self.name)
        return replace(shell, badges=badges or {})


def staff(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Staff]]:
    """A dependency of pages: the caller, when he has one of the roles; else the log-in page, which leads back here."""

    async def dependency(request: Request) -> Staff:
        principal = await principals.find_lenient(request)
        if principal is None or principal.role not in roles:
            raise log_in_first(request, roles[0])
        district = request.app.state.registry.value.by_id[principal.district_id]
        return Staff(
            principal=principal, district=district, name=await _name_of(request, principal.subject_id)
        )

    return dependency


def log_in_first(request: Request, role: Role) -> HTTPException:
    """Lead the browser to the log-in page. HTMX follows a header, a browser a redirect."""
    back = request.url.path if request.method == "GET" else ""
    if back and request.url.query:
        back += f"?{request.url.query}"
    is_part = is_fragment(request)
    address = "/login?" + urlencode({"role": role} | ({"next": back} if back and not is_part else {}))
    if is_part:
        return HTTPException(HTTPStatus.UNAUTHORIZED, "Log in again.", headers={"HX-Redirect": address})
    return HTTPException(HTTPStatus.SEE_OTHER, "Log in first.", headers={"Location": address})


async def _name_of(request: Request, account_id: uuid.UUID) -> str:
    async with request.app.state.pool.connection() as connection:
        row = await (await connection.execute(NAME_SQL, {"id": account_id})).fetchone()
    return row[0] if row else ""
