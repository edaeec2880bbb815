"""Juniper Mist: an unsigned redirect in, a signed authorization out.

As in portal.mist.com/authorize-howto. The signature is over the query exactly as it is sent; a JWT carries the same
facts (RFC 7519, HS256) and is the only form for wired ports.
"""

import base64
import hashlib
import hmac
import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, StringConstraints

from district.gateways.dialect import (
    Arrival,
    BadRedirect,
    Confirmation,
    Dialect,
    GatewayInfo,
    Go,
    Login,
    PlanInfo,
    Step,
)
from district.gateways.redirects import (
    fields_of,
    fingerprint_of,
    mac_of,
    origin_of,
    required,
    shown_url,
)

LIFE = timedelta(minutes=2)
"""How long an authorization may take to reach Mist."""
DEFAULT_MINUTES = 8 * 60
MOST_MINUTES = 5 * 365 * 24 * 60
NOBODY = frozenset({"0" * 12, "f" * 12})
_PORT_NAME = re.compile(r"[A-Za-z0-9/._:-]{1,60}")


class Options(BaseModel, extra="forbid"):
    """Which of Mist's clouds, and in which form."""

    form: Literal["signature", "jwt"] = "signature"
    authorize_url: Annotated[
        str,
        StringConstraints(
            max_length=200, pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9/._-]*$"
        ),
    ] = Field(default="https://portal.mist.com/authorize")
    """Of the organization's cloud: portal.eu.mist.com and so on."""


def signed_query(secret: str, *, subject: str, expires: int, forward: str) -> str:
    """``signature=&expires=&token=&forward=``; ``subject`` is wlan/access point/client/minutes/0/0/0."""
    token = quote(base64.b64encode(subject.encode()).decode(), safe="")
    payload = f"expires={expires}&token={token}&forward={quote(forward, safe='')}"
    # SHA-1 is what Mist verifies; as an HMAC it still holds.
    signature = base64.b64encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha1).digest())
    return f"signature={quote(signature.decode(), safe='')}&{payload}"


def jwt(secret: str, claims: dict[str, str | int | bool]) -> str:
    """A JSON Web Token signed with HS256 (RFC 7515 §3.1)."""
    head = _part({"alg": "HS256", "typ": "JWT"}) + b"." + _part(claims)
    return (head + b"." + _base64url(hmac.new(secret.encode(), head, hashlib.sha256).digest())).decode()


class Mist(Dialect):
    """``?wlan_id&ap_mac&client_mac&url&ap_name&site_name``; wired ports name site_id and port_name."""

    options_model = Options
    confirms = Confirmation.NOBODY

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect."""
        fields = fields_of(raw_query, errors="replace")
        options = Options.model_validate(gateway.options)
        mac, access_point = _device_of(fields), mac_of(required(fields, "ap_mac"))
        grant = {"client_mac": mac, "ap_mac": access_point}
        if fields.get("port_name") and options.form == "jwt":
            grant |= {"site_id": _uuid_of(fields, "site_id"), "port_name": _port_of(fields["port_name"])}
        else:
            grant["wlan_id"] = _uuid_of(fields, "wlan_id")
        return Arrival(
            mac=mac,
            access_point_mac=access_point,
            wanted_url=shown_url(fields.get("url", "")),
            fingerprint=fingerprint_of(raw_query, machine_now=machine_now),
            grant=grant,
            is_signed=False,
            grant_origins=(origin_of(options.authorize_url),),
        )

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:
        """Mist's authorization address; from there Mist sends the browser to our landing page."""
        options = Options.model_validate(gateway.options)
        expires, minutes = int((machine_now + LIFE).timestamp()), _minutes(login.plan)
        if options.form == "jwt":
            claims: dict[str, str | int | bool] = {
                **arrival.grant,
                "minutes": minutes,
                "expires": expires,
                "forward": login.landing_url,
                "authorize_only": False,
            }
            return Go(url=f"{options.authorize_url}?jwt={jwt(gateway.secret, claims)}")
        place = (arrival.grant["wlan_id"], arrival.grant["ap_mac"], arrival.grant["client_mac"])
        query = signed_query(
            gateway.secret,
            subject="/".join((*place, str(minutes), "0", "0", "0")),
            expires=expires,
            forward=login.landing_url,
        )
        return Go(url=f"{options.authorize_url}?{query}")

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """What to enter in Mist's dashboard."""
        host = portal_url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
        return (
            f"# gateway {gateway.slug}\n"
            "Site > WLANs > the WLAN > Guest Portal: Forward to external portal\n"
            f"Portal URL: {portal_url}\nAllowed Hostnames: {host}\n"
            "API secret: copy the one that Mist shows into this gateway's secret; options.form says signature or jwt\n"
        )


def _minutes(plan: PlanInfo) -> int:
    if plan.session_s is None:
        return DEFAULT_MINUTES
    return min(max(-(-plan.session_s // 60), 1), MOST_MINUTES)


def _device_of(fields: dict[str, str]) -> str:
    """The client's address. Mist's own example has the bit of a group set, so that bit is not held against it."""
    mac = mac_of(required(fields, "client_mac"))
    if mac in NOBODY:
        raise BadRedirect("The redirect's client MAC address is not that of a device.")
    return mac


def _uuid_of(fields: dict[str, str], name: str) -> str:
    text = required(fields, name)
    try:
        found = str(uuid.UUID(text))
    except ValueError:
        found = ""
    if found != text.lower():
        raise BadRedirect(f"The redirect's {name} is not a UUID.")
    return found


def _port_of(name: str) -> str:
    if not _PORT_NAME.fullmatch(name):
        raise BadRedirect("The redirect's port_name is not the name of a port.")
    return name


def _part(value: dict[str, str | int | bool] | dict[str, str]) -> bytes:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
