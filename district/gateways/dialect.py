"""What every vendor's file gives: who arrives in a redirect, and where the browser is sent to be let in."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from district.problems import DistrictError

REDIRECT_LIFE = timedelta(seconds=300)
MAX_QUERY_BYTES = 8 * 1024
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
_MAC = re.compile(r"^[0-9a-f]{12}\Z")
_HOST = re.compile(r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$")


class BadRedirect(DistrictError):
    """The gateway's redirect is not one: unsigned, altered, too old, used already or for another gateway.

    ``advice`` is shown to the shopper, ``detail`` to the operator.
    """

    slug, title = "bad-redirect", "This sign-in link cannot be used"


@dataclass(frozen=True, kw_only=True)
class GatewayInfo:
    """A gateway as its dialect sees it."""

    slug: str
    vendor: str
    secret: str
    public_url: str
    allow_hosts: tuple[str, ...] = ()
    allow_networks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("click",)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Whom a gateway sent, as far as its redirect can be believed."""

    mac: str
    """Twelve lower-case hex digits."""
    access_point_mac: str
    wanted_url: str
    """Where the shopper was going: shown as text, never followed."""
    fingerprint: bytes
    """Equal for two uses of one redirect."""
    grant: Mapping[str, str]
    """What the dialect itself needs to let the browser in."""
    is_signed: bool
    """False: the redirect is a claim that the gateway confirms by accepting the grant."""


class Dialect(Protocol):
    """One vendor's way to say who arrives and to be told that he may pass."""

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect."""

    def grant(self, gateway: GatewayInfo, arrival: Arrival, *, landing_url: str) -> str:
        """The address that the browser is sent to by a 303. Raises: BadRedirect."""

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """What the operator pastes into the vendor's product."""


def mac_of(text: str) -> str:
    """A MAC address in any of the field's spellings, as twelve lower-case hex digits. Raises: BadRedirect."""
    digits = re.sub(r"[:.\-\s]", "", text.strip()).lower()
    if not _MAC.match(digits):
        raise BadRedirect("The redirect names no valid client MAC address.")
    return digits


def client_mac_of(text: str) -> str:
    """The address of one device: not of a group, and not the zeros that some gateways send for "unknown".

    Raises: BadRedirect.
    """
    digits = mac_of(text)
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        raise BadRedirect("The redirect's client MAC address is not that of a device.")
    return digits


def allowed_address(address: str, networks: tuple[str, ...]) -> str:
    """``host:port`` of a gateway whose host is an address in one of the networks. Raises: BadRedirect."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = ipaddress.ip_address(parts.hostname or ""), parts.port
        if "%" in address:
            raise ValueError("an address with a scope is a link's own")
    except ValueError:
        raise BadRedirect("The redirect's gateway address is not an IP address with a port.") from None
    if parts.username or parts.password or parts.path or parts.query or parts.fragment:
        raise BadRedirect("The redirect's gateway address holds more than an address and a port.")
    if not any(host in ipaddress.ip_network(network, strict=False) for network in networks):
        raise BadRedirect(
            f"The gateway address {host} is in none of the allowed networks: add it to allow_networks."
        )
    shown = f"[{host}]" if host.version == 6 else str(host)
    return f"{shown}:{port}" if port else shown


def shown_url(text: str) -> str:
    """A wanted address as harmless text: printable, short; what is not http or https is left out."""
    clean = "".join(character for character in text if character.isprintable())[:300]
    try:
        parts = urlsplit(clean)
    except ValueError:
        return ""
    return clean if parts.scheme in {"http", "https"} and _HOST.match((parts.hostname or "").lower()) else ""
