"""Posters: one QR code joins the Wi-Fi, the other opens the district's page; A4, in Chinese and English."""

import re
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from segno import helpers
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.gateways import service
from district.gateways.models import Gateway
from district.web.language import gettext as _
from district.web.operator_forms import SentForm
from district.web.operator_shell import waiting
from district.web.security import require_own_form
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SSID_BYTES = 32
"""IEEE 802.11."""
_PASSPHRASE = re.compile(r"[\x20-\x7e]{8,63}\Z|[0-9A-Fa-f]{64}\Z")


@router.get("/operator/gateways/{slug}/poster")
def form(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep
) -> HTMLResponse:
    """Which Wi-Fi the poster is for."""
    row = service.get(session, operator.district.id, slug)
    return _form(request, operator, session, clock, row)


@router.post("/operator/gateways/{slug}/poster", dependencies=[Depends(require_own_form)])
def poster(
    slug: str, request: Request, operator: Operator, session: DbSession, clock: ClockDep, sent: SentForm
) -> HTMLResponse:
    """The poster to print; the Wi-Fi's password is not kept."""
    row = service.get(session, operator.district.id, slug)
    ssid, password = sent.one("ssid"), sent.one("password")
    is_ssid = 0 < len(ssid.encode()) <= MOST_SSID_BYTES and ssid.isprintable()
    is_password = not password or bool(_PASSPHRASE.match(password))
    if not (is_ssid and is_password):
        return _form(
            request,
            operator,
            session,
            clock,
            row,
            ssid=ssid,
            is_bad_ssid=not is_ssid,
            is_bad_password=not is_password,
        )
    origin = (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")
    link = f"{origin}/d/{operator.district.slug}"
    return render(
        request,
        "operator/gateway_poster.html",
        shell=operator.shell(request),
        now=clock.now(),
        district=operator.district,
        ssid=ssid,
        password=password,
        link=link,
        wifi_qr=_svg(helpers.make_wifi(ssid, password or None, "WPA" if password else None)),
        link_qr=_svg(segno.make_qr(link, error="m")),
        back=f"/operator/gateways/{slug}/poster",
    )


def _svg(code: segno.QRCode) -> Markup:
    # Our own SVG: it holds squares only.
    return Markup(code.svg_inline(border=3, omitsize=True, dark="#000", light="#fff"))  # noqa: S704


def _form(
    request: Request,
    operator: Staff,
    session: Session,
    clock: Clock,
    row: Gateway,
    *,
    ssid: str = "",
    is_bad_ssid: bool = False,
    is_bad_password: bool = False,
) -> HTMLResponse:
    return render(
        request,
        "operator/poster_form.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if is_bad_ssid or is_bad_password else HTTPStatus.OK,
        gateway=row,
        ssid=ssid,
        ssid_error=(lambda: _("Type the name of the Wi-Fi, at most 32 bytes.")) if is_bad_ssid else str,
        password_error=(lambda: _("8 to 63 characters, or 64 hex digits.")) if is_bad_password else str,
    )
