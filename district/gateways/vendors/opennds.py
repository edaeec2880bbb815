"""openNDS, forward authentication service: redirects of levels 1 to 4, answered by the hash of hid and key.

As verified against Debian's openNDS 9.10; level 4 exists from version 10 and follows its documentation. At levels 1
and 2 the browser carries the hash back to the gateway; at 3 and 4 the gateway fetches it (``district.gateways.authmon``).
"""

import base64
import hashlib
import ipaddress
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, Field

from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Dialect,
    GatewayInfo,
    GatewayNotice,
    Go,
    Login,
    PlanInfo,
    Queue,
    Step,
)
from district.gateways.redirects import (
    PRIVATE_NETWORKS,
    SAME_VISIT,
    Standing,
    allowed_address,
    client_mac_of,
    ip_of,
    optional_mac,
    shown_url,
)
from district.gateways.vendors.opennds_configuration import configuration
from district.gateways.vendors.opennds_redirect import clear_fields, encrypted_fields

DEFAULT_AUTHDIR = "opennds_auth"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
HID_LENGTHS = range(16, 129)
ENCRYPTED, POLLED = frozenset({2, 3}), frozenset({3, 4})
VOUCHED = 3
"""The level whose redirect nobody can alter and whose gateway acknowledges it: only there the device is believed."""


def _ipv4(text: str) -> str:
    return str(ipaddress.IPv4Address(text)) if text else ""


def _networks(text: str) -> str:
    parts = text.replace(",", " ").split()
    return ", ".join(str(ipaddress.ip_network(part, strict=False)) for part in parts)


def is_poller(gateway: GatewayInfo, address: str) -> bool:
    """Whether a gateway may poll from an address."""
    allowed = str(gateway.options.get("pollers", ""))
    if not allowed:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(part) for part in allowed.split(", "))


class OpenNdsOptions(BaseModel, extra="forbid"):
    """What openNDS needs beyond the common fields."""

    level: Literal[1, 2, 3, 4] = Field(default=1, description="fas_secure_enabled in openNDS")
    pollers: Annotated[str, Field(max_length=400), AfterValidator(_networks)] = Field(
        default="",
        description="Networks that the gateway polls from at levels 3 and 4, such as 203.0.113.7/32; empty: any",
    )
    portal_ip: Annotated[str, Field(max_length=15), AfterValidator(_ipv4)] = Field(
        default="", description="The portal's IPv4 address, which openNDS wants beside its name (fasremoteip)"
    )


def level_of(gateway: GatewayInfo) -> int:
    """The security level that the operator chose."""
    return int(gateway.options.get("level", 1))


def token(hid: str, key: str) -> str:
    """Hex SHA-256 of hid and key: what opens the gateway (``rhid``)."""
    return hashlib.sha256((hid.strip() + key.strip()).encode()).hexdigest()


def router_of(gateway_name: str) -> str:
    """How a gateway names itself when it polls: the hash of its name as its redirects spell it (``gatewayhash``)."""
    return hashlib.sha256(gateway_name.strip().encode()).hexdigest()


def entry(rhid: str, plan: PlanInfo, session_id: uuid.UUID) -> str:
    """The line that the gateway's helper hands to ``ndsctl auth``: token, minutes, rates, volumes, and our own word.

    The helper evaluates it in a shell, so it holds only digits, letters and base64. 0 is the gateway's own default.
    openNDS counts volumes by direction, so each direction may use what the plan allows both together.
    """
    minutes = -(-plan.session_s // 60) if plan.session_s else 0
    volume = plan.volume_kib or 0
    limits = (minutes, plan.up_kbps or 0, plan.down_kbps or 0, volume, volume)
    word = base64.b64encode(session_id.hex.encode()).decode()
    return " ".join((rhid, *map(str, limits), word))


class OpenNds(Dialect):
    """``?fas=<base64>[&iv=<16 characters>]``."""

    options_model = OpenNdsOptions
    confirms = Confirmation.GATEWAY

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect when it is not a redirect of this gateway at its level, GatewayNotice for who is on line."""
        if b"status=authenticated" in raw_query.split(b"&"):
            raise GatewayNotice(Standing.ON_LINE)
        level = level_of(gateway)
        if level in ENCRYPTED:
            fields = encrypted_fields(raw_query, gateway.secret)
        else:
            fields = clear_fields(raw_query)
        hid = fields.get("hid", "").strip()
        if len(hid) not in HID_LENGTHS or not hid.isalnum() or not hid.isascii():
            raise BadRedirect(f"The redirect has no hid: set fas_secure_enabled to {level} in openNDS.")
        client = ip_of(fields.get("clientip", ""))
        grant = {"hid": hid, "client": client} | (
            {"router": _router(fields)} if level in POLLED else _authentication(gateway, fields)
        )
        # Without an iv a device's redirect stays the same until the gateway forgets it, however often it comes back.
        once = fields.get("iv") or str(int(machine_now.timestamp() // SAME_VISIT.total_seconds()))
        return Arrival(
            mac=client_mac_of(fields.get("clientmac", "")),
            access_point_mac=optional_mac(fields.get("gatewaymac", "")),
            wanted_url=shown_url(unquote(fields.get("originurl", ""))),
            fingerprint=hashlib.sha256(f"{once}|{hid}".encode()).digest(),
            grant=grant,
            is_signed=False,
            grant_origins=(f"http://{grant['address']}",) if "address" in grant else (),
            inner_address=client,
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 no time in it
        """The gateway's own authentication address, or a line for it to fetch."""
        rhid = token(arrival.grant["hid"], gateway.secret)
        if level_of(gateway) in POLLED:
            return Queue(
                token=rhid, entry=entry(rhid, login.plan, login.session_id), router=arrival.grant["router"]
            )
        return Go(
            url=f"http://{arrival.grant['address']}/{arrival.grant['authdir']}/"
            f"?tok={rhid}&redir={quote(login.landing_url, safe='')}"
        )

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """Lines of opennds.conf, or of OpenWrt's /etc/config/opennds from version 10."""
        return configuration(
            urlsplit(portal_url),
            key=gateway.secret,
            level=level_of(gateway),
            portal_ip=str(gateway.options.get("portal_ip", "")),
        )


def _router(fields: Mapping[str, str]) -> str:
    if not fields.get("gatewayname", "").strip():
        raise BadRedirect("The redirect has no gatewayname.")
    return router_of(fields["gatewayname"])


def _authentication(gateway: GatewayInfo, fields: Mapping[str, str]) -> dict[str, str]:
    """Where the browser carries the token: levels 1 and 2."""
    address = allowed_address(fields.get("gatewayaddress", ""), gateway.allow_networks or PRIVATE_NETWORKS)
    authdir = fields.get("authdir") or DEFAULT_AUTHDIR
    if not _PLAIN_NAME.fullmatch(authdir):
        raise BadRedirect("The redirect's authdir is not a plain name.")
    return {"address": address, "authdir": authdir}
