"""openNDS, forward authentication service level 1: a base64 redirect, answered by the hash of hid and key.

As verified against Debian's openNDS 9.10. A level-1 redirect is not signed: it is a claim, which the gateway
confirms by accepting the token; only who knows the key can compute one.
"""

import base64
import binascii
import hashlib
import re
from datetime import datetime
from urllib.parse import quote, unquote

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
from district.gateways.redirects import (
    MAX_QUERY_BYTES,
    PRIVATE_NETWORKS,
    allowed_address,
    client_mac_of,
    ip_of,
    optional_mac,
    shown_url,
)

SEPARATOR = ", "
DEFAULT_AUTHDIR = "opennds_auth"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
HID_LENGTHS = range(16, 129)


def token(hid: str, key: str) -> str:
    """Hex SHA-256 of hid and key: what opens the gateway (``rhid``)."""
    return hashlib.sha256((hid.strip() + key.strip()).encode()).hexdigest()


class OpenNds(Dialect):
    """``?fas=<base64>``."""

    confirms = Confirmation.NOBODY

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:  # noqa: ARG002 the redirect carries no time
        """Raises: BadRedirect when it is not a level-1 redirect of this gateway."""
        fields = _fields(_payload(raw_query))
        hid = fields.get("hid", "").strip()
        if len(hid) not in HID_LENGTHS or not hid.isalnum() or not hid.isascii():
            raise BadRedirect("The redirect has no hid: set fas_secure_enabled to 1 in openNDS.")
        address = allowed_address(
            fields.get("gatewayaddress", ""), gateway.allow_networks or PRIVATE_NETWORKS
        )
        authdir = fields.get("authdir") or DEFAULT_AUTHDIR
        if not _PLAIN_NAME.fullmatch(authdir):
            raise BadRedirect("The redirect's authdir is not a plain name.")
        return Arrival(
            mac=client_mac_of(fields.get("clientmac", "")),
            access_point_mac=optional_mac(fields.get("gatewaymac", "")),
            wanted_url=shown_url(unquote(fields.get("originurl", ""))),
            fingerprint=hashlib.sha256(hid.encode()).digest(),
            grant={"hid": hid, "address": address, "authdir": authdir},
            is_signed=False,
            grant_origins=(f"http://{address}",),
            inner_address=ip_of(fields.get("clientip", "")),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:  # noqa: ARG002 no time in it
        """The gateway's own authentication address."""
        tok = token(arrival.grant["hid"], gateway.secret)
        return Go(
            url=f"http://{arrival.grant['address']}/{arrival.grant['authdir']}/"
            f"?tok={tok}&redir={quote(login.landing_url, safe='')}"
        )

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """Lines of /etc/config/opennds and of opennds.conf."""
        host, _, path = portal_url.split("://", 1)[-1].partition("/")
        name, _, port = host.partition(":")
        port = port or ("443" if portal_url.startswith("https") else "80")
        return (
            "# opennds.conf (OpenWrt: the same names as `option` lines in /etc/config/opennds)\n"
            f"fasport {port}\nfasremotefqdn {name}\nfaspath /{path}\n"
            f"fas_secure_enabled 1\nfaskey {gateway.secret}\n"
        )


def _payload(raw_query: bytes) -> str:
    """The decoded ``fas``. The gateway does not percent-encode its base64, so a ``+`` may have become a blank."""
    if len(raw_query) > MAX_QUERY_BYTES:
        raise BadRedirect("The redirect is too long.")
    found = [part[4:] for part in raw_query.split(b"&") if part.startswith(b"fas=")]
    if len(found) != 1:
        raise BadRedirect("The redirect needs exactly one fas.")
    text = unquote(found[0].decode("latin-1")).replace(" ", "+")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise BadRedirect("The redirect's fas is not base64: use level 1 (fas_secure_enabled 1).") from None


def _fields(payload: str) -> dict[str, str]:
    pairs = (item.split("=", 1) for item in payload.split(SEPARATOR) if "=" in item)
    return {name.strip(): value for name, value in pairs}
