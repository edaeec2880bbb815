"""Cisco wireless controllers with local web authentication (AireOS, Catalyst 9800).

Nothing in the redirect is signed. The browser posts the one-time login to the controller, which asks our RADIUS
server: only that confirms the device.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

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
    optional_mac,
    origin_of,
    required,
    shown_url,
    text_of,
)

NETWORKS = ("192.0.2.0/24", *PRIVATE_NETWORKS)
"""Where a controller's virtual interface lies: 192.0.2.1 by Cisco's own advice."""
STANDINGS: Mapping[str, Standing] = {
    "1": Standing.ON_LINE,
    "2": Standing.NOT_SET_UP,
    "3": Standing.IN_USE,
    "4": Standing.EXCLUDED,
    "5": Standing.WRONG_LOGIN,
}


class Cisco(Dialect):
    """``?switch_url&ap_mac&client_mac&wlan&redirect[&statusCode]``."""

    confirms = Confirmation.RADIUS
    needs_login = True

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect, GatewayNotice for what the controller answered to a login."""
        fields = fields_of(raw_query, errors="replace")
        url = allowed_form_url(
            required(fields, "switch_url"),
            hosts=gateway.allow_hosts,
            networks=gateway.allow_networks or NETWORKS,
        )
        if "#" in url:
            raise BadRedirect("The redirect's grant address is not a plain URL.")
        wanted_url = shown_url(fields.get("redirect", ""))
        access_point = optional_mac(fields.get("ap_mac", ""))
        if fields.get("statusCode"):
            raise GatewayNotice(
                STANDINGS.get(fields["statusCode"], Standing.NOT_LET_IN),
                again_url=_again(fields, machine_now),
                wanted_url=wanted_url,
                access_point_mac=access_point,
            )
        return Arrival(
            mac=client_mac_of(fields.get("client_mac", "")),
            access_point_mac=access_point,
            wanted_url=wanted_url,
            fingerprint=fingerprint_of(raw_query, machine_now=machine_now),
            grant={"url": url},
            is_signed=False,
            ssid=text_of(fields.get("wlan", "")),
            grant_origins=(origin_of(url),),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 no time in it
        """The controller's own login form; it sends the browser to our landing page."""
        fields = {
            "buttonClicked": "4",
            "err_flag": "0",
            "redirect_url": login.landing_url,
            "username": login.username,
            "password": login.password,
        }
        return Post(url=arrival.grant["url"], fields=fields)

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """A web authentication parameter map of IOS XE; AireOS has the same fields in its menus."""
        return (
            f"radius server {gateway.slug}\n address ipv4 RADIUS_ADDRESS auth-port 1812 acct-port 1813\n key RADIUS_SECRET\n"
            "parameter-map type webauth global\n virtual-ip ipv4 192.0.2.1\n"
            f"parameter-map type webauth {gateway.slug}\n type webauth\n"
            f" redirect for-login {portal_url}\n redirect append ap-mac tag ap_mac\n"
            " redirect append client-mac tag client_mac\n redirect append wlan-ssid tag wlan\n"
            " redirect portal ipv4 PORTAL_ADDRESS\n"
            "# AireOS: Security > Web Auth > Web Login Page: External, and this address\n"
        )


def _again(fields: Mapping[str, str], machine_now: datetime) -> str:
    again = {name: value for name, value in fields.items() if name not in {"statusCode", "again"}}
    return "?" + urlencode({**again, "again": str(int(machine_now.timestamp()))})
