"""What a redirect may hold: bounded, checked fields, whoever sent them."""

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from district.gateways.causes import Cause
from district.problems import DistrictError

REDIRECT_LIFE = timedelta(seconds=300)
MAX_QUERY_BYTES = 8 * 1024
MAX_FIELDS = 40
MAX_URL = 2_048
MAX_TEXT = 120
SAME_VISIT = timedelta(seconds=60)
"""A redirect without time or nonce is the same each time that its device comes: it counts as another one by then."""
LANGUAGE_FIELD = b"lang"
"""Added to the address by our own pages' language switch; no gateway's field."""
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
_MAC = re.compile(r"^[0-9a-f]{12}\Z")
_HOST = re.compile(r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\Z")


class BadRedirect(DistrictError):
    """The gateway's redirect is not one: unsigned, altered, too old, used already or for another gateway.

    ``advice`` is shown to the shopper, ``detail`` to the operator.
    """

    slug, title = "bad-redirect", "This sign-in link cannot be used"

    def __init__(self, detail: str = "", *, cause: Cause = Cause.OTHER, **members: Any) -> None:
        super().__init__(detail, **members)
        self.cause = cause


class Standing(StrEnum):
    """What a gateway tells by a redirect that is no sign-in."""

    ON_LINE = "on_line"
    LOGGED_OFF = "logged_off"
    WRONG_LOGIN = "wrong_login"
    IN_USE = "in_use"
    EXCLUDED = "excluded"
    TIMED_OUT = "timed_out"
    NOT_SET_UP = "not_set_up"
    NOT_LET_IN = "not_let_in"
    """For another reason, or one that it does not tell."""


class GatewayNotice(BadRedirect):
    """The gateway sent the browser to be told how things stand; nobody signs in with such a redirect."""

    def __init__(
        self,
        standing: Standing,
        *,
        said: str = "",
        again_url: str = "",
        wanted_url: str = "",
        access_point_mac: str = "",
    ) -> None:
        super().__init__(f"The gateway says: {standing.value}. {said}".strip())
        self.standing = standing
        self.said = said
        """The gateway's own words, harmless text."""
        self.again_url = again_url
        """Where a new try begins: checked, or an address of this very page."""
        self.wanted_url = wanted_url
        self.access_point_mac = access_point_mac


def fields_of(raw_query: bytes, *, errors: str = "strict") -> dict[str, str]:
    """The fields of a query, percent-decoded, each at most once; our own ``lang`` is left out.

    ``errors="replace"`` is for gateways that pass on names as they are on the air, in any encoding.

    Raises: BadRedirect.
    """
    if len(raw_query) > MAX_QUERY_BYTES:
        raise BadRedirect("The redirect is too long.")
    own = [part for part in raw_query.split(b"&") if part.split(b"=", 1)[0] != LANGUAGE_FIELD]
    try:
        pairs = parse_qsl(
            b"&".join(own).decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors=errors
        )
    except (UnicodeDecodeError, ValueError):
        raise BadRedirect("The redirect is not a valid query.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRedirect(f"The redirect needs exactly one {twice[:40]}.")
    return found


def required(fields: Mapping[str, str], name: str) -> str:
    """A field that must be there. Raises: BadRedirect."""
    if not fields.get(name):
        raise BadRedirect(f"The redirect needs exactly one {name}.")
    return fields[name]


def mac_of(text: str) -> str:
    """A MAC address in any of the field's spellings, as twelve lower-case hex digits. Raises: BadRedirect."""
    digits = re.sub(r"[:.\-\s]", "", text.strip()).lower()
    if not _MAC.match(digits):
        raise BadRedirect("The redirect names no valid client MAC address.")
    return digits


def optional_mac(text: str) -> str:
    """As ``mac_of``, empty when there is none."""
    try:
        return mac_of(text)
    except BadRedirect:
        return ""


def client_mac_of(text: str) -> str:
    """The address of one device: not of a group, and not the zeros that some gateways send for "unknown".

    Raises: BadRedirect.
    """
    digits = mac_of(text)
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        raise BadRedirect("The redirect's client MAC address is not that of a device.")
    return digits


def spelled(mac: str, separator: str = ":") -> str:
    """Twelve hex digits as the field writes them: ``02:aa:22:33:44:66``."""
    return separator.join(mac[at : at + 2] for at in range(0, 12, 2))


def ip_of(text: str) -> str:
    """An IP address, or nothing when it is none."""
    try:
        return "" if "%" in text else str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""


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
            f"The gateway address {host} is in none of the allowed networks: add it to allow_networks.",
            cause=Cause.ALLOW_LIST,
        )
    shown = f"[{host}]" if host.version == 6 else str(host)
    return f"{shown}:{port}" if port else shown


def allowed_url(url: str, hosts: tuple[str, ...]) -> str:
    """An address that a browser may be sent to: http or https, printable, its host one of the patterns.

    A pattern's ``*`` stands for anything in front of its dot (``*.network-auth.com``).

    Raises: BadRedirect.
    """
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadRedirect("The redirect's grant address is not a plain URL.")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        _port = parts.port
    except ValueError:
        raise BadRedirect("The redirect's grant address is not a plain URL.") from None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not _HOST.match(host):
        raise BadRedirect("The redirect's grant address is not a plain URL.")
    if not any(fnmatchcase(host, pattern.lower()) for pattern in hosts):
        raise BadRedirect(
            f"The grant host {host} is not allowed: add it to allow_hosts.", cause=Cause.ALLOW_LIST
        )
    return url


def allowed_form_url(url: str, *, hosts: tuple[str, ...], networks: tuple[str, ...]) -> str:
    """As ``allowed_url``, also for a gateway that is named by an address in one of the networks. Raises: BadRedirect."""
    try:
        address = ip_of(urlsplit(url).hostname or "")
    except ValueError:
        address = ""
    if address and any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False) for network in networks
    ):
        return allowed_url(url, (address,))
    return allowed_url(url, hosts)


def origin_of(url: str) -> str:
    """``scheme://host:port`` of a checked address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def fingerprint_of(raw_query: bytes, *, machine_now: datetime | None = None) -> bytes:
    """What tells this redirect from others; with ``machine_now`` for one that holds no time or nonce of its own."""
    own = [part for part in raw_query.split(b"&") if part.split(b"=", 1)[0] != LANGUAGE_FIELD]
    visit = (
        b""
        if machine_now is None
        else str(int(machine_now.timestamp() // SAME_VISIT.total_seconds())).encode()
    )
    return hashlib.sha256(visit + b"?" + b"&".join(own)).digest()


def text_of(value: str) -> str:
    """A name as harmless text: printable and short."""
    return "".join(character for character in value if character.isprintable())[:MAX_TEXT]


def shown_url(text: str) -> str:
    """A wanted address as harmless text: printable, short; what is not http or https is left out."""
    clean = "".join(character for character in text if character.isprintable())[:300]
    try:
        parts = urlsplit(clean)
    except ValueError:
        return ""
    return clean if parts.scheme in {"http", "https"} and _HOST.match((parts.hostname or "").lower()) else ""
