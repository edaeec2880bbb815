"""Whether a client is captive, and what is left of its session: the facts behind RFC 8908's answers."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import authmon, plans
from district.gateways.authmon import Progress
from district.gateways.capport import Asked
from district.gateways.models import Gateway, QueuedGrant, WifiSession
from district.members import service as members
from district.problems import NotFound
from district.radius.models import RadiusSession

KIBIBYTE = 1024
MOST_NEIGHBOURS = 2_000
"""Clients of one gateway that are looked at to see how it shows their addresses."""


class CannotTell(NotFound):
    """Nobody can be told apart behind this address; a client without an answer finds the portal by its own probes."""

    slug, title = "capport-unknown-client", "This address tells no client apart"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a client stands. None: not known, and then not told."""

    is_captive: bool
    seconds_remaining: int | None = None
    bytes_remaining: int | None = None


CAPTIVE = Standing(is_captive=True)


def standing(
    session: Session, district: DistrictInfo, gateway: Gateway, asked: Asked, *, address: str, clock: Clock
) -> Standing:
    """How the client stands whom the address names, or who asks from an address.

    To say "captive" to somebody who is on line would take him off line, and the reverse would hide the portal; so where
    several clients share the address that we see, nothing is said but to who shows an address signed for him alone.
    Unknown devices and others' devices get the same answer. Raises: CannotTell.
    """
    now = clock.now()
    if asked.mac and asked.is_own:
        alias = members.alias_of(district, asked.mac)
        row = session.scalar(_open(gateway, now, WifiSession.alias == alias).limit(1))
        return _of(session, gateway, row, clock=clock)
    # Anybody on the network can put another device's MAC into the address: it is told nothing but what its own
    # network address says, whether that device is known, on line or neither.
    row = session.scalar(_open(gateway, now, _is_at(address)).limit(1))
    if asked.mac and row is not None and row.alias != members.alias_of(district, asked.mac):
        row = None
    if row is None and not _may_be_told(session, gateway, address, now=now, names_device=bool(asked.mac)):
        raise CannotTell(
            "Several clients share the network address that asks: sign the addresses of this interface for each client."
        )
    return _of(session, gateway, row, clock=clock)


def _is_at(address: str) -> ColumnElement[bool]:
    """Sessions whose device has the address, by the redirect or by accounting."""
    told = exists().where(
        RadiusSession.district_id == WifiSession.district_id,
        RadiusSession.wifi_session_id == WifiSession.id,
        RadiusSession.framed_address == address,
        RadiusSession.stopped_at.is_(None),
    )
    return or_(WifiSession.grant["client"].astext == address, told)


def _may_be_told(
    session: Session, gateway: Gateway, address: str, *, now: datetime, names_device: bool
) -> bool:
    """Whether somebody who is not known at an address is captive for sure.

    He is when nobody is on line; and, where the DHCP server names devices, when clients of the gateway ask from
    addresses of their own, as a neighbour of this one does.
    """
    client = _open(gateway, now).with_only_columns(WifiSession.grant["client"].astext).order_by(None)
    known = session.scalars(client.limit(MOST_NEIGHBOURS)).all()
    return not known or (names_device and any(_near(address, other) for other in known if other))


def _near(address: str, other: str) -> bool:
    try:
        found, near = ip_address(address), ip_address(other)
    except ValueError:
        return False
    bits = 24 if found.version == 4 else 64
    return found.version == near.version and near in ip_network((found, bits), strict=False)


def _open(gateway: Gateway, now: datetime, *where: ColumnElement[bool]) -> Select[WifiSession]:
    return (
        select(WifiSession)
        .where(
            WifiSession.district_id == gateway.district_id,
            WifiSession.gateway_id == gateway.id,
            WifiSession.ended_at.is_(None),
            WifiSession.expires_at.is_(None) | (WifiSession.expires_at > now),
            *where,
        )
        .order_by(WifiSession.granted_at.desc())
    )


def _of(session: Session, gateway: Gateway, row: WifiSession | None, *, clock: Clock) -> Standing:
    if row is None or _is_queued(session, gateway, row.id, clock=clock):
        return CAPTIVE
    told = session.scalar(
        select(RadiusSession)
        .where(RadiusSession.district_id == gateway.district_id, RadiusSession.wifi_session_id == row.id)
        .order_by(RadiusSession.started_at.desc())
        .limit(1)
    )
    if told is not None and told.stopped_at is not None:
        return CAPTIVE
    return Standing(
        is_captive=False,
        seconds_remaining=max(0, int((row.expires_at - clock.now()).total_seconds()))
        if row.expires_at
        else None,
        bytes_remaining=None if told is None else _bytes_left(session, row, told),
    )


def _is_queued(session: Session, gateway: Gateway, session_id: uuid.UUID, *, clock: Clock) -> bool:
    """Whether the gateway has yet to fetch the grant; where it fetches none there is none."""
    found = select(QueuedGrant.token).where(
        QueuedGrant.district_id == gateway.district_id,
        QueuedGrant.gateway_id == gateway.id,
        QueuedGrant.wifi_session_id == session_id,
    )
    if session.scalar(found.limit(1)) is None:
        return False
    return authmon.progress(session, gateway, session_id, clock=clock) is not Progress.LET_IN


def _bytes_left(session: Session, row: WifiSession, told: RadiusSession) -> int | None:
    volume_kib = plans.plan_of(session, row.district_id, row.plan_id).volume_kib
    if volume_kib is None:
        return None
    return max(0, volume_kib * KIBIBYTE - told.up_octets - told.down_octets)
