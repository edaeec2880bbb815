"""Aruba: Instant access points, Instant On, and controllers that take the same form.

Nothing in the redirect is signed. The browser posts the one-time login to the access point itself, which asks our
RADIUS server: only that confirms the device.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, StringConstraints

from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Dialect,
    GatewayInfo,
    GatewayNotice,
    Login,
    Post,
    Step,
)
from district.gateways.redirects import (
    PRIVATE_NETWORKS,
    Standing,
    allowed_form_url,
    client_mac_of,
    fields_of,
    fingerprint_of,
    ip_of,
    optional_mac,
    origin_of,
    shown_url,
    text_of,
)

HOSTS = ("*.arubanetworks.com", "*.arubainstanton.com")
DEFAULT_HOST = "securelogin.arubanetworks.com"
PATHS: Mapping[str, str] = {
    "instant": "/cgi-bin/login",
    "instant_on": "/cgi-bin/login",
    "controller": "/auth/index.html/u",
}
_PLACE = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?")


class Options(BaseModel, extra="forbid"):
    """Which of the products it is."""

    product: Literal["instant", "instant_on", "controller"] = "instant"
    path: Annotated[str, StringConstraints(max_length=100, pattern=r"^(/[A-Za-z0-9/._-]*)?$")] = ""
    """Where the login form goes, when it is not the product's usual place: ``/swarm.cgi`` on some Instant On."""


class Aruba(Dialect):
    """Instant ``?cmd=login&mac&essid&ip&apname&apmac&vcname&switchip&url``; Instant On ``?cmd&mac&ip&network&apmac&site&post&url``."""

    options_model = Options
    confirms = Confirmation.RADIUS
    needs_login = True

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect, GatewayNotice when the access point refused a login."""
        fields = fields_of(raw_query, errors="replace")
        url = _form_url(gateway, fields)
        if fields.get("errmsg"):
            raise _failed(fields, machine_now)
        return Arrival(
            mac=client_mac_of(fields.get("mac", "")),
            access_point_mac=optional_mac(fields.get("apmac", "")),
            wanted_url=shown_url(fields.get("url", "")),
            fingerprint=fingerprint_of(raw_query, machine_now=machine_now),
            grant={"url": url},
            is_signed=False,
            ssid=text_of(fields.get("essid") or fields.get("network", "")),
            inner_address=ip_of(fields.get("ip", "")),
            grant_origins=(origin_of(url),),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 no time in it
        """The access point's login form."""
        fields = {"user": login.username, "password": login.password}
        if urlsplit(arrival.grant["url"]).path.endswith("/swarm.cgi"):
            fields |= {"opcode": "cp_auth", "orig_url": login.landing_url}
        else:
            fields |= {"cmd": "authenticate", "url": login.landing_url}
        return Post(url=arrival.grant["url"], fields=fields)

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """The external captive portal profile of an Instant access point."""
        parts = urlsplit(portal_url)
        is_tls = parts.scheme == "https"
        return (
            f"wlan external-captive-portal {gateway.slug}\n"
            f" server {parts.hostname}\n port {parts.port or (443 if is_tls else 80)}\n"
            f' url "{parts.path}"\n auth-text ""\n {"https" if is_tls else "no https"}\n'
            f"wlan auth-server {gateway.slug}\n ip RADIUS_ADDRESS\n port 1812\n acctport 1813\n key RADIUS_SECRET\n"
            " rfc3576\n cppm-rfc3576-port 3799\n"
            f"# the SSID: type guest, captive-portal external profile {gateway.slug}, auth-server {gateway.slug}, "
            "radius-accounting\n"
        )


def _form_url(gateway: GatewayInfo, fields: Mapping[str, str]) -> str:
    """Where the access point takes the login. Raises: BadRedirect."""
    options = Options.model_validate(gateway.options)
    place = fields.get("post" if options.product == "instant_on" else "switchip", "")
    if not place and options.product == "instant":
        place = DEFAULT_HOST
    if not _PLACE.fullmatch(place):
        raise BadRedirect("The redirect does not say where its login form goes: check options.product.")
    return allowed_form_url(
        f"https://{place}{options.path or PATHS[options.product]}",
        hosts=(*HOSTS, *gateway.allow_hosts),
        networks=gateway.allow_networks or PRIVATE_NETWORKS,
    )


def _failed(fields: Mapping[str, str], machine_now: datetime) -> GatewayNotice:
    again = {name: value for name, value in fields.items() if name not in {"errmsg", "again"}}
    return GatewayNotice(
        Standing.WRONG_LOGIN,
        said=text_of(fields["errmsg"]),
        again_url="?" + urlencode({**again, "again": str(int(machine_now.timestamp()))}),
    )
