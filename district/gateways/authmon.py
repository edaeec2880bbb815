"""openNDS's polls: at levels 3 and 4 the gateway fetches who may pass, says whom it let in, and tells who is off.

Its helper calls the portal's own address with the fields ``auth_get``, ``gatewayhash`` and ``payload`` (base64). Nothing
in a poll is secret, so it is believed as little as it can be: what it acknowledges are tokens that only the gateway's
key makes, and who is off is told with the device's token, whose hash the redirect held. The most that a stranger who
knows the gateway's name can do is to make people press "connect" once more.
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import sessions
from district.gateways.dialect import Confirmation
from district.gateways.models import Gateway, QueuedGrant, WifiSession
from district.gateways.service import info_of
from district.gateways.vendors.opennds import VOUCHED, level_of

MOST_CLIENTS = 4
"""openNDS lets in no more in one poll."""
MOST_CHARACTERS = 1024
"""It cuts the list there, in the middle of a line."""
MOST_ACKNOWLEDGED = 64
LIFE = timedelta(minutes=5)
"""A login that was not fetched by then is stale: its device has a new token, or went away."""
KEPT = timedelta(hours=1)
STARTS_WITHIN = timedelta(seconds=30)
"""The gateway redirects people from its first second, and its helper asks for a clear queue five seconds later: who has
signed in meanwhile stays. A grant of the gateway's run before this one is refused by it and does no harm."""
_NONE = {"none", ""}
_TOKEN = re.compile(r"[0-9a-f]{64}\Z")
_REASON = re.compile(r"[a-z]{1,20}\Z")
"""timeout, idle, client (pressed "log out"), upquota, downquota, ndsctl, shutdown."""


SLOW_AFTER = timedelta(seconds=30)
"""Gateways come every five or ten seconds."""


class Action(StrEnum):
    """What the gateway's helper may ask."""

    CLEAR = "clear"
    LIST = "list"
    VIEW = "view"
    DEAUTHED = "deauthed"
    CUSTOM = "custom"


@dataclass(frozen=True, kw_only=True)
class Poll:
    """One call of the helper."""

    action: Action
    router: str
    payload: str
    """Decoded."""


class Progress(StrEnum):
    """How far a queued grant is."""

    WAITING = "waiting"
    SLOW = "slow"
    """The gateway should have come by now."""
    LET_IN = "let_in"
    GONE = "gone"
    """Nobody will fetch it any more."""


def payload_of(text: str) -> str:
    """A payload as it was meant; empty when it is not base64. A ``+`` may have become a blank on the way."""
    try:
        return base64.b64decode(text.replace(" ", "+"), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def answer(session: Session, district: DistrictInfo, gateway: Gateway, poll: Poll, *, clock: Clock) -> str:
    """What the helper reads."""
    match poll.action:
        case Action.CLEAR:
            before = QueuedGrant.created_at < clock.machine_now() - STARTS_WITHIN
            session.execute(delete(QueuedGrant).where(*_queue(gateway, poll), _is_open(), before))
            return ""
        case Action.VIEW if poll.payload.strip() in _NONE:
            return _waiting(session, gateway, poll, clock=clock)
        case Action.VIEW:
            return _acknowledge(session, district, gateway, poll, clock=clock)
        case Action.LIST:
            return _hand_over(session, gateway, poll, clock=clock)
        case Action.DEAUTHED:
            _end(session, district, gateway, poll.payload, clock=clock)
    return "ack"


def progress(session: Session, gateway: Gateway, session_id: uuid.UUID, *, clock: Clock) -> Progress:
    """How far the grant of a login is; one that nobody knows is gone."""
    found = select(QueuedGrant).where(
        QueuedGrant.district_id == gateway.district_id,
        QueuedGrant.gateway_id == gateway.id,
        QueuedGrant.wifi_session_id == session_id,
    )
    row = session.scalar(found.limit(1))
    if row is None:
        return Progress.GONE
    if row.acknowledged_at is not None:
        return Progress.LET_IN
    age = clock.machine_now() - row.created_at
    if age > LIFE:
        return Progress.GONE
    return Progress.SLOW if age > SLOW_AFTER else Progress.WAITING


def _queue(gateway: Gateway, poll: Poll) -> tuple[ColumnElement[bool], ...]:
    return (
        QueuedGrant.district_id == gateway.district_id,
        QueuedGrant.gateway_id == gateway.id,
        QueuedGrant.router == poll.router,
    )


def _is_open() -> ColumnElement[bool]:
    return QueuedGrant.acknowledged_at.is_(None)


def _waiting(session: Session, gateway: Gateway, poll: Poll, *, clock: Clock) -> str:
    """The next few lines: those that were sent longest ago, so that one which the gateway refuses blocks nobody."""
    now = clock.machine_now()
    found = select(QueuedGrant).where(*_queue(gateway, poll), _is_open(), QueuedGrant.created_at > now - LIFE)
    oldest = found.order_by(
        QueuedGrant.sent_at.asc().nulls_first(), QueuedGrant.created_at, QueuedGrant.token
    )
    line = "*"
    for row in session.scalars(oldest.limit(MOST_CLIENTS).with_for_update(skip_locked=True)):
        longer = f"{line} {quote(row.entry, safe='')}"
        if len(longer) > MOST_CHARACTERS:
            break
        line, row.sent_at = longer, now
    return line


def _acknowledge(
    session: Session, district: DistrictInfo, gateway: Gateway, poll: Poll, *, clock: Clock
) -> str:
    """Those were let in. The helper separates them by blanks, and openNDS's own example expects lines."""
    tokens = [part for part in poll.payload.split() if _TOKEN.match(part)][:MOST_ACKNOWLEDGED]
    now = clock.machine_now()
    let_in = (
        update(QueuedGrant)
        .where(*_queue(gateway, poll), _is_open(), QueuedGrant.token.in_(tokens))
        .values(acknowledged_at=now)
        .returning(QueuedGrant.wifi_session_id)
    )
    for session_id in session.scalars(let_in).all() if tokens else ():
        row = session.get(WifiSession, (district.id, session_id))
        if row is not None and level_of(info_of(gateway)) == VOUCHED:
            sessions.confirm(session, district, row, Confirmation.GATEWAY, clock=clock)
    session.execute(delete(QueuedGrant).where(*_queue(gateway, poll), QueuedGrant.created_at < now - KEPT))
    return "ack"


def _hand_over(session: Session, gateway: Gateway, poll: Poll, *, clock: Clock) -> str:
    """As ``view``, and what is sent is off the queue: nobody will say whether the gateway took it."""
    line = _waiting(session, gateway, poll, clock=clock)
    now = clock.machine_now()
    sent = update(QueuedGrant).where(*_queue(gateway, poll), _is_open(), QueuedGrant.sent_at == now)
    session.flush()
    session.execute(sent.values(acknowledged_at=now))
    return line


def _end(session: Session, district: DistrictInfo, gateway: Gateway, notice: str, *, clock: Clock) -> None:
    """A device is off: ``method=timeout_deauth, …, token=…, custom=…`` as the gateway's log has it."""
    items = (item.partition("=") for item in notice.split(", "))
    told = {name: value for name, sign, value in items if sign}
    row = session.get(WifiSession, (district.id, _session_of(told.get("custom", ""))))
    if row is None or row.gateway_id != gateway.id:
        return
    known = hashlib.sha256(told.get("token", "").encode()).hexdigest()
    if hmac.compare_digest(known.encode(), str(row.grant.get("hid", "")).encode()):
        reason = told.get("method", "").removesuffix("_deauth")
        sessions.finish(row, reason if _REASON.match(reason) else "gateway", at=clock.now())


def _session_of(custom: str) -> uuid.UUID:
    """The session that our own word in the grant names; the nil id when it names none."""
    try:
        return uuid.UUID(payload_of(unquote(custom)))
    except ValueError:
        return uuid.UUID(int=0)
