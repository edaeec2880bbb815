"""Wi-Fi sessions: opened by a login, confirmed by who can know, ended on demand."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.gateways import plans
from district.gateways.dialect import Arrival, Confirmation
from district.gateways.models import Gateway, SessionEnding, WifiSession
from district.members import service as members
from district.members.models import Member

ENDING_CHANNEL = "session_ending"
"""The notice that a session is to end now; its payload is the district."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Who was let in, and how he said who he is."""

    member: Member
    method: str
    plan_id: uuid.UUID | None


def open_session(
    session: Session,
    district: DistrictInfo,
    gateway: Gateway,
    arrival: Arrival,
    opening: Opening,
    *,
    clock: Clock,
) -> WifiSession:
    """Record a login; a signed redirect confirms it by itself, any other is a claim for now."""
    now = clock.now()
    plan = plans.plan_of(session, district.id, opening.plan_id)
    row = WifiSession(
        district_id=district.id,
        id=new_id(),
        gateway_id=gateway.id,
        member_id=opening.member.id,
        alias=members.alias_of(district, arrival.mac),
        access_point_mac=arrival.access_point_mac,
        method=opening.method,
        granted_at=now,
        device_mac=arrival.mac,
        plan_id=opening.plan_id,
        grant=dict(arrival.grant),
        expires_at=now + timedelta(seconds=plan.session_s) if plan.session_s else None,
        confirmed_at=now if arrival.is_signed else None,
        confirmed_by=Confirmation.SIGNATURE if arrival.is_signed else "",
    )
    session.add(row)
    session.flush()
    return row


def confirm(
    session: Session, district: DistrictInfo, row: WifiSession, by: Confirmation, *, clock: Clock
) -> None:
    """The device of a claim is real: from now on it is the member's. Doing it twice changes nothing."""
    if row.confirmed_at is not None or not row.device_mac:
        return
    row.confirmed_at, row.confirmed_by = clock.now(), by
    member = members.find(session, district.id, row.member_id)
    if member is not None:
        members.see_device(session, district, member, mac=row.device_mac, clock=clock)


def finish(row: WifiSession, reason: str, *, at: datetime) -> None:
    """The session is over; its device's address is forgotten."""
    if row.ended_at is None:
        row.ended_at, row.ended_because = at, reason
    row.device_mac, row.grant = "", {}


def newest(session: Session, gateway: Gateway, alias: bytes, member_id: uuid.UUID) -> WifiSession | None:
    """The last session of a member's device at a gateway."""
    found = select(WifiSession).where(
        WifiSession.district_id == gateway.district_id,
        WifiSession.gateway_id == gateway.id,
        WifiSession.alias == alias,
        WifiSession.member_id == member_id,
    )
    return session.scalar(found.order_by(WifiSession.granted_at.desc()).limit(1))


def open_of_member(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> list[WifiSession]:
    """Every session of a member that nobody has ended."""
    found = select(WifiSession).where(
        WifiSession.district_id == district_id,
        WifiSession.member_id == member_id,
        WifiSession.ended_at.is_(None),
    )
    return list(session.scalars(found.order_by(WifiSession.id)))


def ask_to_end(
    session: Session,
    district_id: uuid.UUID,
    *,
    reason: str,
    clock: Clock,
    wifi_session_id: uuid.UUID | None = None,
    radius_session_id: str | None = None,
) -> None:
    """Have a worker tell the gateway, as soon as this commits and until the gateway answers."""
    now = clock.machine_now()
    session.add(
        SessionEnding(
            district_id=district_id,
            id=new_id(),
            wifi_session_id=wifi_session_id,
            radius_session_id=radius_session_id,
            reason=reason,
            requested_at=now,
            retry_at=now,
        )
    )
    session.flush()
    notify(session, ENDING_CHANNEL, str(district_id))


def end_all_of(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, *, reason: str, clock: Clock
) -> int:
    """Ask to end every open session of a member; how many there are."""
    rows = open_of_member(session, district_id, member_id)
    for row in rows:
        ask_to_end(session, district_id, reason=reason, clock=clock, wifi_session_id=row.id)
    return len(rows)
