"""CoovaChilli and what speaks its UAM: a redirect signed by ``md``, answered at the gateway's own /logon.

The contract as observed on chilli 1.9: ``md`` is the upper-case hex MD5 of the whole address in front of it and the
shared uamsecret, so it verifies only on the raw bytes. A challenge lives ten minutes and is repeated in every redirect
until then, whatever else the redirect says; who was slower fetches a fresh one at /prelogin.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import cycle
from typing import Annotated, Literal
from urllib.parse import quote, unquote_to_bytes, urlencode

from pydantic import BaseModel, Field

from district.gateways.causes import Cause
from district.gateways.dialect import (
    Again,
    Arrival,
    BadRedirect,
    Confirmation,
    Dialect,
    GatewayInfo,
    GatewayNotice,
    Go,
    Login,
    Step,
)
from district.gateways.redirects import (
    MAX_QUERY_BYTES,
    PRIVATE_NETWORKS,
    Standing,
    allowed_address,
    client_mac_of,
    fields_of,
    fingerprint_of,
    ip_of,
    optional_mac,
    required,
    shown_url,
    text_of,
)

WRAPPED = b"loginurl="
_SIGNED = re.compile(rb"(?P<signed>.+)&md=(?P<md>[0-9A-Fa-f]{32})(?:&lang=[A-Za-z-]{0,10})*", re.DOTALL)
_CHALLENGE = re.compile(r"[0-9a-fA-F]{32}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
SIGN_IN = frozenset({"notyet", "challenge", "splash"})
STANDINGS: Mapping[str, Standing] = {
    "success": Standing.ON_LINE,
    "already": Standing.ON_LINE,
    "logoff": Standing.LOGGED_OFF,
}
REASONS: Mapping[str, Standing] = {"reject": Standing.WRONG_LOGIN, "timeout": Standing.TIMED_OUT}


class Options(BaseModel, extra="forbid"):
    """What chilli was told."""

    response: Literal["chap", "pap"] = "chap"
    """How the password goes to chilli: CHAP keeps it from whoever listens on the air."""
    challenge_life_s: Annotated[int, Field(ge=30, le=3600)] = 600
    """chilli's ``challengetimeout``."""


LATE_S = 20
"""A challenge that ends within this time is as good as over: the browser still has to bring it back."""


def shared_challenge(challenge: str, secret: str) -> bytes:
    """What both sides mix with the password: MD5 of the challenge's bytes and the secret."""
    return hashlib.md5(bytes.fromhex(challenge) + secret.encode(), usedforsecurity=False).digest()


def chap_response(challenge: str, secret: str, password: str) -> str:
    """Hex CHAP response with identifier 0."""
    mixed = b"\0" + password.encode() + shared_challenge(challenge, secret)
    return hashlib.md5(mixed, usedforsecurity=False).hexdigest()


def pap_password(challenge: str, secret: str, password: str) -> str:
    """The hex password, hidden by the shared challenge repeated for its whole length."""
    key = cycle(shared_challenge(challenge, secret))
    return bytes(letter ^ hidden for letter, hidden in zip(password.encode(), key, strict=False)).hex()


def md_of(signed: bytes, secret: str) -> str:
    """The signature of an address up to ``&md=``."""
    return hashlib.md5(signed + secret.encode(), usedforsecurity=False).hexdigest().upper()


class CoovaChilli(Dialect):
    """``?res=notyet&uamip&uamport&challenge&called&mac&ip&…&userurl&md``, or the same inside ``?loginurl=``."""

    options_model = Options
    confirms = Confirmation.SIGNATURE
    needs_login = True

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:  # noqa: ARG002 the redirect carries no time
        """Raises: BadRedirect when it is unsigned or altered, GatewayNotice for the answers of chilli."""
        query = _verified(gateway, raw_query)
        fields = fields_of(query, errors="replace")
        address = _address(gateway, fields)
        wanted_url = shown_url(fields.get("userurl", ""))
        again_url = f"http://{address}/prelogin" + (
            f"?userurl={quote(wanted_url, safe='')}" if wanted_url else ""
        )
        access_point = optional_mac(fields.get("called", ""))
        if fields.get("res") not in SIGN_IN:
            raise GatewayNotice(
                _standing(fields),
                said=text_of(fields.get("reply", "")),
                again_url=again_url,
                wanted_url=wanted_url,
                access_point_mac=access_point,
            )
        challenge = required(fields, "challenge")
        if not _CHALLENGE.fullmatch(challenge):
            raise BadRedirect(
                "The redirect's challenge is not 32 hex digits: take nochallenge out of chilli."
            )
        mac, challenge = client_mac_of(fields.get("mac", "")), challenge.lower()
        return Arrival(
            mac=mac,
            access_point_mac=access_point,
            wanted_url=wanted_url,
            fingerprint=fingerprint_of(query),
            grant={
                "address": address,
                "challenge": challenge,
                "session": text_of(fields.get("sessionid", "")),
            },
            is_signed=True,
            ssid=text_of(fields.get("ssid", "")),
            inner_address=ip_of(fields.get("ip", "")),
            ages=hashlib.sha256(f"{mac}|{challenge}".encode()).digest(),
            again_url=again_url,
            grant_origins=(f"http://{address}",),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:
        """chilli's /logon with the answer to its challenge; /prelogin when the challenge is over."""
        options = Options.model_validate(gateway.options)
        life = timedelta(seconds=max(options.challenge_life_s - LATE_S, options.challenge_life_s // 2))
        if arrival.shown_at is not None and machine_now - arrival.shown_at >= life:
            return Again(url=arrival.again_url)
        challenge = arrival.grant["challenge"]
        if options.response == "chap":
            answer = {"response": chap_response(challenge, gateway.secret, login.password)}
        else:
            answer = {"password": pap_password(challenge, gateway.secret, login.password)}
        query = urlencode({"username": login.username, **answer}, quote_via=quote)
        return Go(url=f"http://{arrival.grant['address']}/logon?{query}")

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """Lines of chilli.conf; the RADIUS part is the same for every product."""
        host = portal_url.split("://", 1)[-1].split("/", 1)[0]
        return (
            "# chilli.conf (OpenWrt: the same names as `option` lines in /etc/config/chilli)\n"
            f'uamserver "{portal_url}"\nuamsecret {gateway.secret}\nuamallowed {host.rsplit(":", 1)[0]}\n'
            "uamport 3990\nchallengetimeout 600\n"
            "radiusserver1 RADIUS_ADDRESS\nradiusserver2 RADIUS_ADDRESS\nradiussecret RADIUS_SECRET\n"
            f"radiusnasid {gateway.slug}\ncoaport 3799\n"
        )


def _verified(gateway: GatewayInfo, raw_query: bytes) -> bytes:
    """The signed query, up to its ``md``, after that has been checked. Raises: BadRedirect."""
    if len(raw_query) > MAX_QUERY_BYTES:
        raise BadRedirect("The redirect is too long.")
    base = gateway.portal_url.split("?", 1)[0].encode()
    query = _unwrapped(raw_query, base) if raw_query.startswith(WRAPPED) else raw_query
    found = _SIGNED.fullmatch(query)
    if found is None:
        raise BadRedirect(
            "The redirect has no md: give chilli this gateway's secret as uamsecret.", cause=Cause.SIGNATURE
        )
    expected = md_of(base + b"?" + found["signed"], gateway.secret)
    if not hmac.compare_digest(expected.encode(), found["md"].upper()):
        raise BadRedirect(
            "The redirect's md does not match: chilli's uamsecret must be this gateway's secret, and its uamserver "
            f"exactly {gateway.portal_url}",
            cause=Cause.SIGNATURE,
        )
    return found["signed"]


def _unwrapped(raw_query: bytes, base: bytes) -> bytes:
    """The query of the one address inside ``loginurl`` (chilli's ``uamhomepage``). Raises: BadRedirect."""
    address = unquote_to_bytes(raw_query.removeprefix(WRAPPED).split(b"&", 1)[0])
    place, mark, query = address.partition(b"?")
    if place != base or not mark:
        raise BadRedirect(f"The redirect's loginurl does not lead here: set uamserver to {base.decode()}")
    return query


def _address(gateway: GatewayInfo, fields: Mapping[str, str]) -> str:
    host, port = required(fields, "uamip"), required(fields, "uamport")
    if not _PORT.fullmatch(port) or not ip_of(host):
        raise BadRedirect("The redirect's uamip and uamport are not an IP address and a port.")
    return allowed_address(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}", gateway.allow_networks or PRIVATE_NETWORKS
    )


def _standing(fields: Mapping[str, str]) -> Standing:
    if fields.get("res") == "failed":
        return REASONS.get(fields.get("reason", ""), Standing.NOT_LET_IN)
    return STANDINGS.get(fields.get("res", ""), Standing.NOT_LET_IN)
