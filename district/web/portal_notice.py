"""What a gateway lets us tell a shopper: on line, logged off, or not let in, and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways.dialect import GatewayNotice
from district.gateways.models import Gateway
from district.gateways.redirects import Standing
from district.web.language import gettext as _
from district.web.language import negotiate
from district.web.shells import shell_of
from district.web.templating import render

TITLES: Mapping[Standing, str] = {Standing.LOGGED_OFF: _("You are off line")}
ADVICE: Mapping[Standing, str] = {
    Standing.LOGGED_OFF: _("You have left the Wi-Fi. Connect again whenever you like."),
    Standing.WRONG_LOGIN: _("The access point did not take this sign-in. Try once more: it is quick."),
    Standing.IN_USE: _("This sign-in is being used on another device. Try once more for this one."),
    Standing.EXCLUDED: _(
        "The access point keeps this device out for some minutes. Try again a little later."
    ),
    Standing.TIMED_OUT: _("The access point waited too long for an answer. Try once more."),
    Standing.NOT_SET_UP: _("This Wi-Fi is not ready for signing in. Please tell the staff."),
    Standing.NOT_LET_IN: _(
        "The access point did not let you in. Try once more, or choose the network again."
    ),
}


def tell(
    request: Request, district: DistrictInfo, gateway: Gateway, notice: GatewayNotice, clock: Clock
) -> Response:
    """The welcome page for who is on line; else a page that says how things stand, and a way to try again."""
    language = negotiate(request).value
    if notice.standing is Standing.ON_LINE:
        query = {"ap": notice.access_point_mac, "to": notice.wanted_url, "lang": language}
        shown = urlencode({name: value for name, value in query.items() if value})
        return RedirectResponse(f"/portal/{gateway.slug}/welcome?{shown}", HTTPStatus.SEE_OTHER)
    is_here = notice.again_url.startswith("?")
    return render(
        request,
        "portal/notice.html",
        shell=shell_of(request, district),
        now=clock.now(),
        keeps_cookies=False,
        title=TITLES.get(notice.standing, _("Not on line yet")),
        advice=ADVICE[notice.standing],
        said=notice.said,
        again_url=notice.again_url + (f"&lang={language}" if is_here else ""),
    )
