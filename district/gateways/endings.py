"""Sessions that are to end: claimed by one worker at a time, told to the gateway, and what it said kept.

An ending is a lease on its row: whoever claims it has until ``retry_at``, and what he reports counts only while nobody
else has claimed it since. It is tried again, ever more rarely, and given up with an alarm.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.gateways import sessions
from district.gateways.caller import ControllerRefused, ControllerUnavailable
from district.gateways.controllers import caller_for
from district.gateways.dialect import GatewayInfo
from district.gateways.models import Gateway, SessionEnding, WifiSession
from district.gateways.service import info_of
from district.gateways.vendors import CONTROLLERS
from district.members import alarms
from district.members.alarms import AlarmKind

LEASE = timedelta(seconds=30)
"""Longer than the longest call; a worker that dies is followed by another one after it."""
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
MOST_ATTEMPTS = 10
"""About a quarter of an hour."""
PATIENCE = timedelta(minutes=2)
"""For the alarm about all that wait: a gateway that restarts is back by then."""
ALARM = "session_not_ended"
ERASED = "erased"
MAX_ANSWER = 300


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """One ending, with all that is needed to carry it out; nothing of it is read again."""

    district_id: uuid.UUID
    id: uuid.UUID
    reason: str
    attempt: int
    requested_at: datetime
    wifi_session_id: uuid.UUID | None
    radius_session_id: str | None
    is_over: bool
    """The session ended by itself meanwhile."""
    mac: str
    grant: Mapping[str, Any]
    gateway_id: uuid.UUID | None
    gateway: GatewayInfo | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one attempt, in words for the operator."""

    is_done: bool
    words: str


def due_districts(session: Session, *, machine_now: datetime) -> list[uuid.UUID]:
    """Districts in which something is to end now."""
    found = select(SessionEnding.district_id).where(
        SessionEnding.done_at.is_(None), SessionEnding.retry_at <= machine_now
    )
    return list(session.scalars(found.distinct()))


def claim(session: Session, district_id: uuid.UUID, *, machine_now: datetime, most: int) -> list[Claimed]:
    """Take endings that are due and that no other worker has."""
    due = (
        select(SessionEnding)
        .where(
            SessionEnding.district_id == district_id,
            SessionEnding.done_at.is_(None),
            SessionEnding.retry_at <= machine_now,
        )
        .order_by(SessionEnding.retry_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for row in session.scalars(due).all():
        row.attempts, row.retry_at = row.attempts + 1, machine_now + LEASE
        claimed.append(_claimed(session, row))
    session.flush()
    return claimed


def _claimed(session: Session, row: SessionEnding) -> Claimed:
    wifi = session.get(WifiSession, (row.district_id, row.wifi_session_id)) if row.wifi_session_id else None
    gateway = session.get(Gateway, (row.district_id, wifi.gateway_id)) if wifi else None
    return Claimed(
        district_id=row.district_id,
        id=row.id,
        reason=row.reason,
        attempt=row.attempts,
        requested_at=row.requested_at,
        wifi_session_id=row.wifi_session_id,
        radius_session_id=row.radius_session_id,
        is_over=row.wifi_session_id is not None and (wifi is None or wifi.ended_at is not None),
        mac=wifi.device_mac if wifi else "",
        grant=dict(wifi.grant) if wifi else {},
        gateway_id=gateway.id if gateway else None,
        gateway=info_of(gateway) if gateway else None,
    )


def by_controller(claimed: Claimed, *, allows_loopback: bool) -> Outcome | None:
    """Tell the vendor's server, outside any transaction; None where there is none to tell."""
    gateway = claimed.gateway
    if gateway is None or gateway.vendor not in CONTROLLERS or not claimed.mac:
        return None
    try:
        with caller_for(gateway, allows_loopback=allows_loopback) as caller:
            CONTROLLERS[gateway.vendor].revoke(gateway, claimed.mac, claimed.grant, caller)
    except (ControllerRefused, ControllerUnavailable) as error:
        return Outcome(is_done=False, words=error.detail or error.title)
    return Outcome(is_done=True, words="The controller has sent the device off.")


def record(session: Session, claimed: Claimed, outcome: Outcome, *, clock: Clock) -> None:
    """Keep what came of an attempt: the end, the next attempt, or an alarm after the last one."""
    row = session.get(SessionEnding, (claimed.district_id, claimed.id), with_for_update=True)
    if row is None or row.done_at is not None or row.attempts != claimed.attempt:
        return  # somebody else took it meanwhile: his word counts
    now = clock.machine_now()
    row.answer = outcome.words[:MAX_ANSWER]
    if outcome.is_done:
        row.done_at = now
        _finish(session, claimed, clock=clock)
    elif claimed.attempt >= MOST_ATTEMPTS:
        row.done_at = now
        _give_up(session, claimed, row.answer, clock=clock)
    else:
        row.retry_at = now + min(FIRST_PAUSE * 2 ** (claimed.attempt - 1), LONGEST_PAUSE)
    session.flush()


def _finish(session: Session, claimed: Claimed, *, clock: Clock) -> None:
    wifi = _wifi_session(session, claimed)
    if wifi is not None:
        sessions.finish(wifi, claimed.reason, at=clock.now())


def _give_up(session: Session, claimed: Claimed, answer: str, *, clock: Clock) -> None:
    """The device may still be on line: the operator must know. Nothing is kept of who has left for good."""
    if claimed.reason == ERASED:
        _finish(session, claimed, clock=clock)
    subject = claimed.wifi_session_id or claimed.radius_session_id or claimed.id
    gateway = claimed.gateway.slug if claimed.gateway else ""
    detail = {"gateway": gateway, "reason": claimed.reason, "answer": answer, "attempts": claimed.attempt}
    alarms.sound(
        session, claimed.district_id, kind=ALARM, subject=str(subject), detail=detail, at=clock.now()
    )


def _wifi_session(session: Session, claimed: Claimed) -> WifiSession | None:
    if claimed.wifi_session_id is None:
        return None
    return session.get(WifiSession, (claimed.district_id, claimed.wifi_session_id), with_for_update=True)


def watch(session: Session, district_id: uuid.UUID, *, clock: Clock) -> int:
    """Sound an alarm when a session that must end has waited too long; how many wait."""
    requested = select(SessionEnding.requested_at).where(
        SessionEnding.district_id == district_id, SessionEnding.done_at.is_(None)
    )
    waiting = session.scalars(requested.order_by(SessionEnding.requested_at)).all()
    oldest = clock.machine_now() - waiting[0] if waiting else timedelta()
    if oldest > PATIENCE:
        alarms.sound(
            session,
            district_id,
            kind=AlarmKind.ENDINGS_WAIT,
            subject="session_endings",
            detail={"waiting": len(waiting), "oldest_s": round(oldest.total_seconds())},
            at=clock.now(),
        )
    return len(waiting)


def newest_of(
    session: Session, district_id: uuid.UUID, wifi_session_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, SessionEnding]:
    """The last ending that was asked for, of each session that has one."""
    found = select(SessionEnding).where(
        SessionEnding.district_id == district_id, SessionEnding.wifi_session_id.in_(wifi_session_ids)
    )
    rows = session.scalars(found.order_by(SessionEnding.id))
    return {row.wifi_session_id: row for row in rows if row.wifi_session_id is not None}
