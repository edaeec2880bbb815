"""Our own click-through dialect: a signed redirect, and a landing page of ours as the grant."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from district.gateways.causes import Cause
from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Dialect,
    GatewayInfo,
    Go,
    Login,
    Step,
)
from district.gateways.redirects import REDIRECT_LIFE, client_mac_of, fields_of, mac_of, shown_url

CLOCK_SKEW = timedelta(seconds=60)
FIELDS = ("mac", "ap", "t", "url", "sig")


def signature(secret: str, *, mac: str, ap: str, t: str, url: str) -> str:
    """Hex HMAC-SHA256 of ``mac|ap|t|url``, each as it stands in the decoded query."""
    return hmac.new(secret.encode(), f"{mac}|{ap}|{t}|{url}".encode(), sha256).hexdigest()


def redirect_query(secret: str, *, mac: str, ap: str, url: str, machine_now: datetime) -> str:
    """The query that a gateway sends a browser with."""
    t = str(int(machine_now.timestamp()))
    return urlencode(
        {"mac": mac, "ap": ap, "url": url, "t": t, "sig": signature(secret, mac=mac, ap=ap, t=t, url=url)}
    )


class Click(Dialect):
    """``?mac&ap&url&t&sig``."""

    confirms = Confirmation.SIGNATURE

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect when a field is missing or altered, or the redirect is older than five minutes."""
        values = _fields(raw_query)
        expected = signature(
            gateway.secret, mac=values["mac"], ap=values["ap"], t=values["t"], url=values["url"]
        )
        if not hmac.compare_digest(expected.encode(), values["sig"].lower().encode()):
            raise BadRedirect(
                "The signature does not match: check that the gateway has this gateway's secret.",
                cause=Cause.SIGNATURE,
            )
        _check_age(values["t"], machine_now)
        return Arrival(
            mac=client_mac_of(values["mac"]),
            access_point_mac=mac_of(values["ap"]) if values["ap"] else "",
            wanted_url=shown_url(values["url"]),
            fingerprint=bytes.fromhex(expected),
            grant={},
            is_signed=True,
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 the landing page is the grant
        """Our landing page: a click gateway is told by its own polling or by the page."""
        return Go(url=login.landing_url)

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """How a gateway builds its redirect."""
        return (
            f"Redirect an unknown client to {portal_url}?mac=MAC&ap=AP_MAC&url=URL&t=UNIX_SECONDS&sig=SIG\n"
            f'with SIG = hex HMAC-SHA256("{gateway.secret}", "MAC|AP_MAC|UNIX_SECONDS|URL"), values before percent-encoding.\n'
        )


def _fields(raw_query: bytes) -> dict[str, str]:
    found = fields_of(raw_query)
    for name in FIELDS:
        if name not in found:
            raise BadRedirect(f"The redirect needs exactly one {name}.")
    return found


def _check_age(seconds: str, machine_now: datetime) -> None:
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        raise BadRedirect("The redirect's time is not in Unix seconds.")
    age = timedelta(seconds=machine_now.timestamp() - int(seconds))
    if age > REDIRECT_LIFE:
        raise BadRedirect(
            "The redirect is older than five minutes: connect to the Wi-Fi again.", cause=Cause.OLD
        )
    if age < -CLOCK_SKEW:
        raise BadRedirect("The redirect comes from the future: set the gateway's clock.", cause=Cause.AHEAD)
