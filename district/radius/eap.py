"""Who a district's RADIUS server is to members' devices: decided when its configuration is rendered, kept for profiles."""

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.problems import Invalid
from district.radius import authority
from district.radius.authority import Pair
from district.radius.models import RadiusAuthority

PRIVATE_DOMAIN = "wifi.internal"
"""For installations without a name of their own; `.internal` is kept for private use and nobody can own it."""
MAX_SSID_BYTES = 32
_DOMAIN = re.compile(
    r"^(?=.{4,200}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+\Z"
)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What the server shows, and the authority by which devices know it."""

    server: Pair
    authority: str
    server_name: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an operator says; nothing keeps what was said before."""

    realm: str = ""
    ssid: str | None = None
    server: Pair | None = None
    """A certificate of his own, instead of one by the district's private authority."""
    authority: str = ""
    """Who signed it; empty: the last certificate of its file."""


def default_realm(district: DistrictInfo, public_url: str | None) -> str:
    """A realm under the portal's own name, where it has one."""
    host = (urlsplit(public_url).hostname if public_url else None) or ""
    try:
        ip_address(host)
    except ValueError:
        domain = host if _DOMAIN.match(host) else PRIVATE_DOMAIN
    else:
        domain = PRIVATE_DOMAIN
    return f"{district.slug}.{domain}"


def prepare(
    session: Session,
    district: DistrictInfo,
    wanted: Wanted,
    *,
    kept: Pair | None,
    public_url: str | None,
    now: datetime,
) -> Identity:
    """The server's certificate: the operator's, the one that it has, or a new one by the same authority as before.

    Raises: Invalid.
    """
    row = session.get(RadiusAuthority, district.id, with_for_update=True)
    realm = wanted.realm.lower() or (row.realm if row else default_realm(district, public_url))
    if not _DOMAIN.match(realm):
        raise Invalid(f"{realm!r} is no domain name to use as a realm.")
    if wanted.server is not None:
        trusted = wanted.authority or authority.last_of(wanted.server.certificate)
        server_name = authority.checked(wanted.server, trusted, now=now)
        pair = Pair(certificate=trusted, key="")
        row = _keep(session, row or _new(district), pair, realm=realm, server_name=server_name, now=now)
        server = wanted.server
    else:
        row = _own(session, district, row, realm, now=now)
        server = _server_of(row, kept, now=now)
    row.ssid = row.ssid if wanted.ssid is None else _ssid(wanted.ssid)
    session.flush()
    return Identity(server=server, authority=row.certificate, server_name=row.server_name)


def _own(
    session: Session, district: DistrictInfo, row: RadiusAuthority | None, realm: str, *, now: datetime
) -> RadiusAuthority:
    """The authority as it stands; a new private one at the beginning and for a new realm."""
    if row is not None and row.realm == realm:
        return row
    made = authority.new_authority(f"{district.slug} Wi-Fi", realm, now=now)
    return _keep(session, row or _new(district), made, realm=realm, server_name=f"radius.{realm}", now=now)


def _new(district: DistrictInfo) -> RadiusAuthority:
    return RadiusAuthority(district_id=district.id, ssid="")


def _server_of(row: RadiusAuthority, kept: Pair | None, *, now: datetime) -> Pair:
    if kept is not None and authority.is_good(kept, row.certificate, row.server_name, now=now):
        return kept
    if row.key:
        return authority.new_server(Pair(certificate=row.certificate, key=row.key), row.server_name, now=now)
    raise Invalid(
        "Members' devices trust a certificate of your own, which is not here or ends soon: "
        "give --eap-certificate and --eap-key again."
    )


def _keep(
    session: Session, row: RadiusAuthority, pair: Pair, *, realm: str, server_name: str, now: datetime
) -> RadiusAuthority:
    session.add(row)
    row.realm, row.server_name, row.created_at = realm, server_name, now
    row.certificate, row.key = pair.certificate, pair.key
    return row


def _ssid(name: str) -> str:
    if len(name.encode()) > MAX_SSID_BYTES or not name.isprintable():
        raise Invalid("A network's name has at most 32 bytes and no control characters.")
    return name
