"""A login whose redirect had grown too old for its gateway: it waits for a fresh one, in the browser that signed in."""

import hashlib
import hmac
import secrets
import uuid
from datetime import timedelta

from sqlalchemy.orm import Session

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import service as gateways
from district.gateways.dialect import Arrival, Login
from district.gateways.models import Gateway, WifiSession
from district.members import service as members
from district.portal.service import SignedIn

WAITS = timedelta(minutes=2)
"""Machine time; the way to the gateway and back takes a second."""
TOKEN_BYTES = 24
MAX_HELD = 120
HASH, UNTIL = "waiting_hash", "waiting_until"


def leave(session: Session, district: DistrictInfo, login: Login, *, clock: Clock) -> str:
    """What the browser keeps, to come in by; good once, for this login and this device."""
    row = session.get(WifiSession, (district.id, login.session_id))
    if row is None:
        return ""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    until = int((clock.machine_now() + WAITS).timestamp())
    row.grant = {**row.grant, HASH: _hash(token), UNTIL: until}
    return f"{row.id}.{token}"


def take_up(
    session: Session, district: DistrictInfo, gateway: Gateway, arrival: Arrival, held: str, *, clock: Clock
) -> SignedIn | None:
    """The login that waits, with the fresh redirect of its own device used up; None for anything else."""
    row = _row(session, district, held)
    if row is None or row.gateway_id != gateway.id or row.ended_at is not None:
        return None
    is_its_own = hmac.compare_digest(row.alias, members.alias_of(district, arrival.mac))
    is_known = hmac.compare_digest(str(row.grant.get(HASH, "")), _hash(held.partition(".")[2]))
    if not (is_its_own and is_known) or clock.machine_now().timestamp() >= row.grant.get(UNTIL, 0):
        return None
    member = members.find(session, district.id, row.member_id)
    if member is None or not gateways.take(session, gateway, arrival, clock=clock):
        return None
    used = gateways.use_of(session, gateway, arrival)
    if used is not None:
        used.member_id = member.id
    row.grant = dict(arrival.grant)
    return SignedIn(member=member, is_new=False, token=None, wifi_session=row)


def _row(session: Session, district: DistrictInfo, held: str) -> WifiSession | None:
    try:
        session_id = uuid.UUID(held[:MAX_HELD].partition(".")[0])
    except ValueError:
        return None
    return session.get(WifiSession, (district.id, session_id), with_for_update=True)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
