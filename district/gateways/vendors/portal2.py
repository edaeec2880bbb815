"""Access controllers of Huawei, H3C, Ruijie and CMCC: an unsigned redirect, and Portal 2.0 over UDP.

The redirect names the user's address; which fields it uses is set on the controller. The user is let in by the
controller, after it asked our RADIUS server with the one-time token.
"""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, StringConstraints

from district.gateways.caller import Caller, ControllerUnavailable
from district.gateways.causes import Cause
from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Controller,
    Dialect,
    GatewayInfo,
    Login,
    Step,
    Tell,
)
from district.gateways.outward import AddressRule
from district.gateways.portal2.exchange import Conversation, User
from district.gateways.portal2.packets import MAX_VALUE_BYTES, Authentication
from district.gateways.redirects import (
    PRIVATE_NETWORKS,
    client_mac_of,
    fields_of,
    fingerprint_of,
    optional_mac,
    shown_url,
    text_of,
)

CONTROLLER_PORT = 2000
FIELDS: Mapping[str, tuple[str, ...]] = {
    "user_ip": ("wlanuserip", "userip", "user-ip", "uaddress", "ip"),
    "mac": ("wlanusermac", "usermac", "user-mac", "umac", "mac"),
    "ap_mac": ("wlanapmac", "apmac", "ap-mac"),
    "ssid": ("ssid", "wlanssid"),
    "url": ("wlanuserfirsturl", "url", "userurl", "redirect-url"),
}
"""What controllers call these by default; the first that is there counts."""


def _udp(url: str) -> str:
    """``udp://address:port`` with an IPv4 address, for answers must come from there."""
    try:
        parts = urlsplit(url.strip())
        address, port = IPv4Address(parts.hostname or ""), parts.port or CONTROLLER_PORT
    except ValueError:
        address, port = None, 0
    if address is None or parts.scheme != "udp" or parts.path or parts.query or parts.username:
        raise ValueError("must be udp:// and an IPv4 address, such as udp://192.168.1.2:2000")
    return f"udp://{address}:{port}"


FieldName = Annotated[str, StringConstraints(max_length=40, pattern=r"^[A-Za-z0-9_.-]*$")]


class Options(BaseModel, extra="forbid"):
    """Where the access controller is, and what it was told."""

    controller_url: Annotated[str, StringConstraints(max_length=60), AfterValidator(_udp)]
    authentication: Literal["chap", "pap"] = "chap"
    user_ip_field: FieldName = ""
    """The redirect's field with the user's address, when it is none of the usual ones."""
    mac_field: FieldName = ""


class Portal2(Dialect):
    """``?wlanuserip&wlanacname&usermac&ssid&…``: the names are the controller's settings."""

    options_model = Options
    confirms = Confirmation.CONTROLLER
    needs_login = True

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect."""
        fields = fields_of(raw_query, errors="replace")
        user = _user_address(gateway, _field(gateway, fields, "user_ip"))
        mac = _field(gateway, fields, "mac")
        if not mac:
            raise BadRedirect(
                "The redirect names no client MAC address: add it to the controller's URL parameters (usermac)."
            )
        return Arrival(
            mac=client_mac_of(mac),
            access_point_mac=optional_mac(_field(gateway, fields, "ap_mac")),
            wanted_url=shown_url(_field(gateway, fields, "url")),
            fingerprint=fingerprint_of(raw_query, machine_now=machine_now),
            grant={"user_ip": user},
            is_signed=False,
            ssid=text_of(_field(gateway, fields, "ssid")),
            inner_address=user,
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 the controller is told
        """We tell the access controller."""
        return Tell()

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """A web authentication server of Huawei's; the other makes have the same settings under other names."""
        options = Options.model_validate(gateway.options)
        return (
            f"web-auth-server {gateway.slug}\n server-ip PORTAL_ADDRESS\n port 50100\n"
            f" shared-key cipher {gateway.secret}\n url {portal_url}\n"
            f" protocol portal\n server-detect\n# URL parameters: user-ipaddress wlanuserip, user-mac usermac, "
            "ap-mac apmac, ssid ssid, redirect-url url\n"
            f"# the controller's own portal port: {urlsplit(options.controller_url).port}; "
            f"authentication {options.authentication.upper()}, protocol version 2\n"
            "radius-server template shangquan\n radius-server authentication RADIUS_ADDRESS 1812\n"
            " radius-server accounting RADIUS_ADDRESS 1813\n radius-server shared-key cipher RADIUS_SECRET\n"
        )


class Portal2Controller(Controller):
    """The access controller, over UDP."""

    def admit(
        self,
        gateway: GatewayInfo,
        mac: str,  # noqa: ARG002 the protocol knows the user by his address
        grant: Mapping[str, str],
        login: Login,
        caller: Caller,
    ) -> None:
        """Challenge, log-in, and word that its answer arrived. Raises: ControllerRefused, ControllerUnavailable."""
        options = Options.model_validate(gateway.options)
        user = User(
            address=IPv4Address(grant["user_ip"]),
            name=login.username.encode()[:MAX_VALUE_BYTES],
            password=login.password.encode()[:MAX_VALUE_BYTES],
        )
        with _conversation(gateway, options, caller) as conversation:
            conversation.log_in(user, Authentication[options.authentication.upper()])

    def revoke(self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], caller: Caller) -> None:  # noqa: ARG002 as above
        """Log the user off. Raises: ControllerRefused, ControllerUnavailable."""
        options = Options.model_validate(gateway.options)
        with _conversation(gateway, options, caller) as conversation:
            conversation.log_out(IPv4Address(grant["user_ip"]))


def _conversation(gateway: GatewayInfo, options: Options, caller: Caller) -> Conversation:
    parts = urlsplit(options.controller_url)
    address = IPv4Address(parts.hostname or "")
    rule = AddressRule(networks=caller.policy.networks, allows_loopback=caller.policy.allows_loopback)
    why = rule.refusal(address)
    if why:
        raise ControllerUnavailable(f"The access controller's address {address} {why}.")
    try:
        return Conversation(
            (str(address), parts.port or CONTROLLER_PORT), gateway.secret.encode(), left_s=caller.left_s
        )
    except OSError as error:
        raise ControllerUnavailable("There is no way to the access controller's address.") from error


def _field(gateway: GatewayInfo, fields: Mapping[str, str], name: str) -> str:
    own = str(gateway.options.get(f"{name}_field") or "")
    names = (own,) if own else FIELDS[name]
    return next((fields[one] for one in names if fields.get(one)), "")


def _user_address(gateway: GatewayInfo, text: str) -> str:
    """The user's IPv4 address, in one of the networks that this gateway serves. Raises: BadRedirect."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        address = None
    if not isinstance(address, IPv4Address):
        raise BadRedirect(
            "The redirect names no IPv4 address of the user: add it to the controller's URL parameters (wlanuserip)."
        )
    networks = gateway.allow_networks or PRIVATE_NETWORKS
    if not any(address in ip_network(network, strict=False) for network in networks):
        raise BadRedirect(
            f"The user's address {address} is in none of the allowed networks: add it to allow_networks.",
            cause=Cause.ALLOW_LIST,
        )
    return str(address)
