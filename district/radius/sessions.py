"""One row a session, from packets in any order: what several say together, whose it is, and what it changes."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import sessions as wifi
from district.gateways.dialect import Confirmation
from district.gateways.models import WifiSession
from district.members.service import alias_of
from district.radius import clients, joins, marks, nas_clocks
from district.radius.accounting import Told
from district.radius.clients import RadiusClients
from district.radius.marks import MarkKind
from district.radius.packets import Nas, Status
from district.radius.queries import CLIENTS_OF_DISTRICT_SQL, CLOSE_NAS_SQL, OWNERS_SQL, RECORD_SQL

LOST = "Lost-Stop"
"""The cause of a session that was closed because nothing was heard of it."""
NAS_REBOOT = "NAS-Reboot"
NAS_REQUEST = "NAS-Request"
_CAUSES = {Status.ON: NAS_REBOOT, Status.OFF: NAS_REQUEST}


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whom a session belongs to, as far as that is known."""

    session_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None


NOBODY = Owner()


@dataclass(kw_only=True)
class Owners:
    """Owners by what an accounting packet may say of them."""

    by_session: dict[uuid.UUID, Owner] = field(default_factory=dict)
    members: set[uuid.UUID] = field(default_factory=set)
    """Those of the marks who are still members."""
    by_name: dict[str, Owner] = field(default_factory=dict)
    by_alias: dict[bytes, Owner] = field(default_factory=dict)

    def of(self, district: DistrictInfo, packet: Told) -> Owner:
        """The owner by our own mark, else by the name of the log-in, else by the device."""
        mark = marks.read(district, packet.mark)
        if mark is not None and mark.kind is MarkKind.SESSION and mark.id in self.by_session:
            return self.by_session[mark.id]
        found = self.by_name.get(packet.username)
        if found is not None:
            return found
        device = self.by_alias.get(alias_of(district, packet.mac), NOBODY) if packet.mac else NOBODY
        if mark is not None and mark.kind is MarkKind.MEMBER and device.member_id != mark.id:
            return Owner(member_id=mark.id) if mark.id in self.members else NOBODY
        return device


def record(
    session: Session, district: DistrictInfo, packets: Sequence[Told], *, interim: timedelta, clock: Clock
) -> None:
    """Bring a district's sessions up to date; the same packets again, in any order, change nothing."""
    of_sessions = [packet for packet in packets if packet.status not in _CAUSES]
    changes: list[tuple[Any, ...]] = []
    if of_sessions:
        rows = _rows(session, district, of_sessions, interim=interim)
        values = {"district_id": district.id, "lost": LOST, "rows": json.dumps(rows)}
        changes += [tuple(row) for row in session.connection().exec_driver_sql(RECORD_SQL, values)]
    for packet in packets:
        if packet.status in _CAUSES:
            changes += _close_nas(session, district, packet)
    follow(session, district, changes, clock=clock)
    joins.tell(session, district, packets, clock=clock)
    nas_clocks.note(session, district, packets, clock=clock)


def follow(
    session: Session, district: DistrictInfo, changes: Iterable[Sequence[Any]], *, clock: Clock
) -> None:
    """What accounting says of sessions that began at the portal: they are real, or they are over."""
    told = {row[1]: (row[2], row[3]) for row in changes if row[1] is not None}
    if not told:
        return
    found = select(WifiSession).where(
        WifiSession.district_id == district.id,
        WifiSession.id.in_(told),
        WifiSession.ended_at.is_(None),
    )
    for row in session.scalars(found.order_by(WifiSession.id)):
        stopped_at, cause = told[row.id]
        wifi.confirm(session, district, row, Confirmation.RADIUS, clock=clock)
        if stopped_at is not None:
            wifi.finish(row, cause or "stopped", at=stopped_at)
    session.flush()


def _close_nas(session: Session, district: DistrictInfo, packet: Told) -> list[tuple[Any, ...]]:
    values = {
        "district_id": district.id,
        "nas_address": packet.nas_address,
        "nas_identifier": packet.nas_identifier,
        "at": packet.at,
        "cause": _CAUSES[Status(packet.status)],
    }
    return [tuple(row) for row in session.connection().exec_driver_sql(CLOSE_NAS_SQL, values)]


def _rows(
    session: Session, district: DistrictInfo, packets: Sequence[Told], *, interim: timedelta
) -> list[dict[str, Any]]:
    connection = session.connection()
    found = connection.exec_driver_sql(CLIENTS_OF_DISTRICT_SQL, {"district_id": district.id})
    known = clients.of_rows([tuple(row) for row in found])
    owners = _owners(session, district, packets)
    together: dict[str, list[Told]] = {}
    for packet in packets:
        together.setdefault(packet.unique_id, []).append(packet)
    return [_row(district, same, owners, known, interim=interim) for _, same in sorted(together.items())]


def _owners(session: Session, district: DistrictInfo, packets: Sequence[Told]) -> Owners:
    read = [marks.read(district, packet.mark) for packet in packets]
    values = {
        "district_id": district.id,
        "session_ids": [mark.id for mark in read if mark is not None and mark.kind is MarkKind.SESSION],
        "member_ids": [mark.id for mark in read if mark is not None and mark.kind is MarkKind.MEMBER],
        "usernames": sorted({packet.username for packet in packets if packet.username}),
        "aliases": [
            alias_of(district, mac) for mac in sorted({packet.mac for packet in packets if packet.mac})
        ],
    }
    owners = Owners()
    for kind, name, alias, session_id, member_id in session.connection().exec_driver_sql(OWNERS_SQL, values):
        owner = Owner(session_id=session_id, member_id=member_id)
        if kind == "session":
            owners.by_session[session_id] = owner
        elif kind == "member":
            owners.members.add(member_id)
        elif kind == "name":
            owners.by_name[name] = owner
        else:
            owners.by_alias[bytes(alias)] = owner
    return owners


def _row(
    district: DistrictInfo,
    packets: Sequence[Told],
    owners: Owners,
    known: RadiusClients,
    *,
    interim: timedelta,
) -> dict[str, Any]:
    """What packets of one session say together: of what changes, the one of the latest session time holds."""
    ordered = sorted(packets, key=lambda packet: (packet.session_s, packet.up_octets + packet.down_octets))
    last = ordered[-1]
    stops = [packet for packet in packets if packet.status == Status.STOP]
    stop = min(stops, key=lambda packet: packet.at, default=None)
    owner = next((found for packet in ordered if (found := owners.of(district, packet)) != NOBODY), NOBODY)
    nas = Nas(client_id=last.client_id, address=last.nas_address, identifier=last.nas_identifier)
    client = known.find(district.id, nas)
    mac = _newest(ordered, "mac")
    return {
        "unique_id": last.unique_id,
        "session_id": last.session_id,
        "username": last.username,
        "nas_address": last.nas_address,
        "nas_identifier": last.nas_identifier,
        "gateway_id": _text(client.gateway_id if client else None),
        "wifi_session_id": _text(owner.session_id),
        "member_id": _text(owner.member_id),
        "alias": alias_of(district, mac).hex() if mac else None,
        "calling_station": _newest(ordered, "calling_station"),
        "access_point_mac": _newest(ordered, "access_point_mac"),
        "ssid": _newest(ordered, "ssid"),
        "framed_address": _newest(ordered, "framed_address"),
        "started_at": min(_started_at(packet) for packet in packets).isoformat(),
        "updated_at": max(packet.received_at for packet in packets).isoformat(),
        "stopped_at": stop.at.isoformat() if stop else None,
        "session_s": last.session_s,
        "up_octets": last.up_octets,
        "down_octets": last.down_octets,
        "view": max(packet.view for packet in packets),
        "interim_s": int(interim.total_seconds()),
        "terminate_cause": stop.terminate_cause if stop else "",
    }


def _started_at(packet: Told) -> datetime:
    return packet.at - timedelta(seconds=packet.session_s)


def _newest(ordered: Sequence[Told], name: str) -> str:
    return next((value for packet in reversed(ordered) if (value := str(getattr(packet, name)))), "")


def _text(id_: uuid.UUID | None) -> str | None:
    return str(id_) if id_ else None
