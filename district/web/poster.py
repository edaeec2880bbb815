"""A poster for a shop's door: one QR code to join the Wi-Fi, one for the district's page in the phone's own browser."""

from enum import StrEnum
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup
from segno import helpers

from district.auth.models import Role
from district.clock import ClockDep
from district.districts.text import clean
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SSID_BYTES = 32
"""IEEE 802.11: an SSID has at most 32 octets."""


class Paper(StrEnum):
    """What the poster is printed on."""

    A4 = "A4"
    A5 = "A5"


@router.get("/operator/poster")
def poster(
    request: Request,
    operator: Operator,
    clock: ClockDep,
    ssid: Annotated[str, Query(max_length=64)] = "",
    paper: Paper = Paper.A4,
) -> Response:
    """The poster of an open Wi-Fi by its name, in both languages; without a name a form that asks for it."""
    name = clean(ssid).encode()[:MOST_SSID_BYTES].decode("utf-8", "ignore")
    origin = (request.app.state.settings.public_url or str(request.base_url)).rstrip("/")
    address = f"{origin}/d/{operator.district.slug}"
    return render(
        request,
        "operator/poster.html",
        shell=operator.shell(request),
        now=clock.now(),
        district=operator.district,
        ssid=name,
        paper=paper,
        papers=list(Paper),
        address=address,
        join=_svg(helpers.make_wifi(ssid=name, password=None, security=None)) if name else "",
        page=_svg(segno.make_qr(address, error="m")),
    )


def _svg(qr: segno.QRCode) -> Markup:
    # Our own SVG; the texts are dots in it.
    return Markup(qr.svg_inline(border=3, omitsize=True, dark="#000", light="#fff"))  # noqa: S704
