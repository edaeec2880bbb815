"""The end of whatever a member or a device has open: asked for in one commit, told to the NAS by a worker."""

import ipaddress
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.gateways import sessions
from district.gateways.endings import Claimed, Outcome
from district.gateways.models import WifiSession
from district.gateways.redirects import spelled
from district.radius import coa
from district.radius.coa import SessionName, Target
from district.radius.models import RadiusClient, RadiusSession, RadiusToken

PATIENCE = 4
"""Attempts for which accounting may be late; afterwards a session of which RADIUS never spoke is over."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A session as one NAS knows it, and where that NAS listens."""

    target: Target
    name: SessionName


def end_all(
    session: Session,
    district_id: uuid.UUID,
    *,
    reason: str,
    clock: Clock,
    member_id: uuid.UUID | None = None,
    alias: bytes | None = None,
) -> int:
    """Ask to end every open session of a member, of a device, or of both; how many there are.

    Sessions that began by RADIUS alone, as 802.1X ones do, are among them.
    """
    wifi = select(WifiSession).where(
        WifiSession.district_id == district_id,
        WifiSession.ended_at.is_(None),
        _of(WifiSession, member_id, alias),
    )
    rows = list(session.scalars(wifi.order_by(WifiSession.id)))
    for row in rows:
        sessions.ask_to_end(session, district_id, reason=reason, clock=clock, wifi_session_id=row.id)
    radius = select(RadiusSession).where(
        RadiusSession.district_id == district_id,
        RadiusSession.stopped_at.is_(None),
        _of(RadiusSession, member_id, alias),
    )
    asked = {row.id for row in rows}
    others = [row for row in session.scalars(radius) if row.wifi_session_id not in asked]
    for other in others:
        sessions.ask_to_end(
            session, district_id, reason=reason, clock=clock, radius_session_id=other.unique_id
        )
    return len(rows) + len(others)


def _of(
    model: type[WifiSession | RadiusSession], member_id: uuid.UUID | None, alias: bytes | None
) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = []
    if member_id is not None:
        wanted.append(model.member_id == member_id)
    if alias is not None:
        wanted.append(model.alias == alias)
    return or_(false(), *wanted)


def told_of(session: Session, claimed: Claimed) -> list[Told] | None:
    """What to disconnect where. Empty: RADIUS has nothing open; None: no NAS of ours is concerned."""
    clients = _clients(session, claimed.district_id)
    rows = _open_sessions(session, claimed)
    found = _each_told(rows, clients)
    if found or rows:
        return found
    own = [client for client in clients if client.gateway_id == claimed.gateway_id]
    if claimed.gateway_id is None or not own:
        return [] if claimed.radius_session_id else None
    return _before_accounting(session, claimed, own)


def told_to(session: Session, district_id: uuid.UUID, rows: Sequence[RadiusSession]) -> list[Told]:
    """Where the NAS of running sessions listen, and how they name them; sessions of nobody's NAS are left out."""
    return _each_told(rows, _clients(session, district_id))


def _each_told(rows: Sequence[RadiusSession], clients: Sequence[RadiusClient]) -> list[Told]:
    return [_told(row, client) for row in rows if (client := _client_of(row, clients)) is not None]


def _clients(session: Session, district_id: uuid.UUID) -> Sequence[RadiusClient]:
    found = select(RadiusClient).where(RadiusClient.district_id == district_id)
    return session.scalars(found.order_by(RadiusClient.id)).all()


def _open_sessions(session: Session, claimed: Claimed) -> Sequence[RadiusSession]:
    found = select(RadiusSession).where(
        RadiusSession.district_id == claimed.district_id, RadiusSession.stopped_at.is_(None)
    )
    if claimed.wifi_session_id is not None:
        found = found.where(RadiusSession.wifi_session_id == claimed.wifi_session_id)
    else:
        found = found.where(RadiusSession.unique_id == claimed.radius_session_id)
    return session.scalars(found.order_by(RadiusSession.unique_id)).all()


def _client_of(row: RadiusSession, clients: Sequence[RadiusClient]) -> RadiusClient | None:
    """The client that told of a session: of its gateway, else of its address; the smallest network is meant."""
    around = [client for client in clients if _holds(client, row.nas_address)]
    own = [client for client in clients if row.gateway_id and client.gateway_id == row.gateway_id]
    both = [client for client in around if client in own]
    return max(
        both or own or around,
        key=lambda client: ipaddress.ip_network(client.address, strict=False).prefixlen,
        default=None,
    )


def _holds(client: RadiusClient, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(client.address, strict=False)
    except ValueError:
        return False


def _told(row: RadiusSession, client: RadiusClient) -> Told:
    return Told(
        target=_target(client, row.nas_address),
        name=SessionName(
            username=row.username,
            session_id=row.session_id,
            calling_station=row.calling_station,
            nas_identifier=row.nas_identifier,
            nas_address=row.nas_address,
        ),
    )


def _target(client: RadiusClient, nas_address: str = "") -> Target:
    """Where the operator said, else where the accounting came from, if that is the client's own network.

    An address that only a packet names is not believed: the request would carry a proof of the secret there.
    """
    network = ipaddress.ip_network(client.address, strict=False)
    where = nas_address if _holds(client, nas_address) else str(network.network_address)
    return Target(address=client.coa_address or where, port=client.coa_port, secret=client.secret)


def _before_accounting(session: Session, claimed: Claimed, clients: Sequence[RadiusClient]) -> list[Told]:
    """A log-in of which no accounting has come yet: named by its one-time user and its device."""
    username = session.scalar(
        select(RadiusToken.username).where(
            RadiusToken.district_id == claimed.district_id,
            RadiusToken.wifi_session_id == claimed.wifi_session_id,
            RadiusToken.used_at.is_not(None),
        )
    )
    if username is None or not claimed.mac:
        return []
    name = SessionName(username=username, calling_station=spelled(claimed.mac, "-").upper())
    return [Told(target=_target(client), name=name) for client in clients]


def by_radius(claimed: Claimed, told: Sequence[Told] | None, *, machine_now: datetime) -> Outcome:
    """Disconnect, outside any transaction. Nobody to tell is told so, not taken for done too early."""
    if told is None:
        return Outcome(
            is_done=True, words="This gateway takes no such order: the session ends with its plan's time."
        )
    if not told:
        is_late = claimed.wifi_session_id is not None and claimed.attempt < PATIENCE
        words = "No accounting has told of this session" + (" yet." if is_late else ".")
        return Outcome(is_done=not is_late, words=words)
    replies = [coa.disconnect(one.target, one.name, machine_now=machine_now) for one in told]
    is_done = all(reply.is_over for reply in replies)
    worst = next((reply for reply in replies if not reply.is_over), replies[0])
    return Outcome(is_done=is_done, words=worst.words)
