"""Signed addresses of the Captive Portal API (RFC 8908), one for a gateway or one for each of its clients.

``{gateway}.{signature}`` is the same for every client of a gateway, for DHCP servers that cannot do better.
``{gateway}.{mac}.{signature}`` names a client: signed for this client alone, or with the gateway's signature, so that a
DHCP server can put in the MAC address itself. All of it may be read by whoever is on the network.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from district.problems import NotFound

SIGNATURE_BYTES = 16
MAX_TOKEN = 120
_MAC = re.compile(r"[0-9A-Fa-f]{12}\Z|[0-9A-Fa-f]{1,2}(?:[-:][0-9A-Fa-f]{1,2}){5}\Z")
MAC_PLACE = "{mac}"
"""Where the DHCP server puts the client's address in a gateway's own template."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whom an address of the API is about."""

    gateway: str
    mac: str
    """Twelve lower-case hex digits; empty: whoever asks."""
    is_own: bool
    """Signed for this client alone; else anybody on the gateway's network could have put in the MAC address."""


def network_token(secret: str, gateway: str) -> str:
    """The gateway's own address."""
    return f"{gateway}.{_signature(secret, gateway)}"


def template(secret: str, gateway: str) -> str:
    """The gateway's address with a place for the client's MAC."""
    return f"{gateway}.{MAC_PLACE}.{_signature(secret, gateway)}"


def client_token(secret: str, gateway: str, mac: str) -> str:
    """One client's address, of a MAC in twelve lower-case hex digits."""
    return f"{gateway}.{mac}.{_signature(secret, gateway, mac)}"


def origin_of(*urls: str | None) -> str:
    """The origin of the first address on https, which RFC 8908 asks for; empty when there is none."""
    for url in urls:
        parts = urlsplit(url or "")
        if parts.scheme == "https":
            return f"{parts.scheme}://{parts.netloc}"
    return ""


def read(secret: str, token: str) -> Asked:
    """Raises: NotFound for what we did not sign."""
    parts = token.split(".")
    if len(token) <= MAX_TOKEN and token.isascii() and len(parts) in {2, 3}:
        gateway, signature = parts[0], parts[-1].encode()
        mac = _mac_of(parts[1]) if len(parts) == 3 else ""
        if mac is not None:
            if mac and hmac.compare_digest(_signature(secret, gateway, mac).encode(), signature):
                return Asked(gateway=gateway, mac=mac, is_own=True)
            if hmac.compare_digest(_signature(secret, gateway).encode(), signature):
                return Asked(gateway=gateway, mac=mac, is_own=False)
    raise NotFound("This address was not made here: take it from the gateway's page again.")


def _mac_of(text: str) -> str | None:
    """A MAC as DHCP servers print it; some leave out leading zeros."""
    if not _MAC.match(text):
        return None
    pairs = re.split("[-:]", text)
    return "".join(pair.zfill(2) for pair in pairs).lower() if len(pairs) == 6 else text.lower()


def _signature(secret: str, gateway: str, mac: str = "") -> str:
    made = hmac.new(secret.encode(), f"capport|{gateway}|{mac}".encode(), sha256).digest()
    return base64.urlsafe_b64encode(made[:SIGNATURE_BYTES]).rstrip(b"=").decode()
