"""Cisco Meraki's external captive portal (EXCAP): click-through and sign-on.

Nothing in its redirects is signed, so the address to which the browser is handed on must be one of Meraki's.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Dialect,
    GatewayInfo,
    GatewayNotice,
    Go,
    Login,
    Post,
    Step,
)
from district.gateways.redirects import (
    Standing,
    allowed_url,
    client_mac_of,
    fields_of,
    fingerprint_of,
    ip_of,
    optional_mac,
    origin_of,
    shown_url,
    text_of,
)

HOSTS = ("*.network-auth.com", "n*.meraki.com")
ALSO_TO = tuple(f"https://{host}" for host in ("*.network-auth.com", "*.meraki.com"))
"""A grant goes from one of Meraki's hosts to another."""


class Meraki(Dialect):
    """Click-through ``?base_grant_url&user_continue_url&node_mac&client_ip&client_mac``; sign-on ``?login_url&continue_url&ap_mac&…``."""

    confirms = Confirmation.RADIUS
    needs_login = True

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect, GatewayNotice when a sign-on has failed."""
        fields = fields_of(raw_query, errors="replace")
        hosts = (*HOSTS, *gateway.allow_hosts)
        if fields.get("login_url"):
            grant = {"login_url": _plain(allowed_url(fields["login_url"], hosts))}
        elif fields.get("base_grant_url"):
            grant = {"grant_url": _plain(allowed_url(fields["base_grant_url"], hosts))}
        else:
            raise BadRedirect("The redirect needs base_grant_url (click-through) or login_url (sign-on).")
        if fields.get("error_message"):
            raise _failed(fields, machine_now)
        return Arrival(
            mac=client_mac_of(fields.get("client_mac", "")),
            access_point_mac=optional_mac(fields.get("node_mac") or fields.get("ap_mac", "")),
            wanted_url=shown_url(fields.get("user_continue_url") or fields.get("continue_url", "")),
            fingerprint=fingerprint_of(raw_query, machine_now=machine_now),
            grant=grant,
            is_signed=False,
            inner_address=ip_of(fields.get("client_ip", "")),
            grant_origins=(origin_of(next(iter(grant.values()))), *ALSO_TO),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 no time in it
        """The grant address with our landing page and the plan's time; for sign-on a form with the one-time token."""
        if "login_url" in arrival.grant:
            fields = {
                "username": login.username,
                "password": login.password,
                "success_url": login.landing_url,
            }
            return Post(url=arrival.grant["login_url"], fields=fields)
        query = {"continue_url": login.landing_url}
        if login.plan.session_s:
            query["duration"] = str(login.plan.session_s)
        mark = "&" if urlsplit(arrival.grant["grant_url"]).query else "?"
        return Go(url=f"{arrival.grant['grant_url']}{mark}{urlencode(query, quote_via=quote, safe='')}")

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """What to enter in Meraki's dashboard."""
        host = portal_url.split("://", 1)[-1].split("/", 1)[0]
        return (
            f"# gateway {gateway.slug}\n"
            "Wireless > Access control > the SSID > Splash page: Click-through, or Sign-on with my RADIUS server\n"
            "Wireless > Access control > RADIUS servers (sign-on only): RADIUS_ADDRESS, ports 1812 and 1813, RADIUS_SECRET\n"
            f"Wireless > Access control > Walled garden: {host}\n"
            f"Wireless > Splash page > Custom splash URL: {portal_url}\n"
        )


def _plain(url: str) -> str:
    """The address without a fragment, which would swallow what we add. Raises: BadRedirect."""
    if "#" in url:
        raise BadRedirect("The redirect's grant address is not a plain URL.")
    return url


def _failed(fields: Mapping[str, str], machine_now: datetime) -> GatewayNotice:
    """Meraki's answer to a sign-on that RADIUS refused; a new try is the same redirect without it, at another moment."""
    again = {name: value for name, value in fields.items() if name not in {"error_message", "again"}}
    return GatewayNotice(
        Standing.WRONG_LOGIN,
        said=text_of(fields["error_message"]),
        again_url="?" + urlencode({**again, "again": str(int(machine_now.timestamp()))}),
    )
