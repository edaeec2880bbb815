"""Who may go on line: one-time names of a login, members' own names for 802.1X, and devices met before."""

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.database import Pool, new_id
from district.districts.service import DistrictInfo
from district.gateways import plans
from district.gateways.dialect import PlanInfo
from district.gateways.redirects import optional_mac
from district.members.models import MemberState
from district.members.service import REMEMBERED_FOR, alias_of
from district.members.texts import consent_text
from district.radius.answers import Grant, Refused
from district.radius.clients import ClientInfo
from district.radius.marks import Mark, MarkKind
from district.radius.packets import AccessRequest
from district.radius.queries import (
    CREDENTIAL_SQL,
    DEVICE_SQL,
    LOCK_MEMBER_SQL,
    OPEN_SESSION_SQL,
    SPEND_PLACE_SQL,
    SPEND_SQL,
    TOKEN_SQL,
    USAGE_SQL,
)
from push.consent import Purpose

LIVE = "live"
"""What authorize leaves for post-auth when the session is there already and nothing is to be written."""
_TOKEN_NAME = re.compile(r"^w[0-9a-f]{32}\Z")
_BY_ADDRESS = frozenset({"Framed-User", "Call-Check", "2", "10"})
"""Service types under which a NAS asks for a device by its address; a person's log-in is Login-User."""
KIB = 1024
Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A request, in its district, from a client that we may know, at a time."""

    district: DistrictInfo
    request: AccessRequest
    client: ClientInfo | None
    clock: Clock
    interim: timedelta

    @property
    def gateway_id(self) -> uuid.UUID | None:
        """The gateway behind the NAS, where an operator said so."""
        return self.client.gateway_id if self.client else None

    @property
    def is_by_address(self) -> bool:
        """Whether the NAS asks for the device itself."""
        request = self.request
        return (
            bool(request.mac)
            and request.service_type in _BY_ADDRESS
            and optional_mac(request.username) == request.mac
        )

    @property
    def values(self) -> dict[str, Any]:
        """What every query takes."""
        alias = alias_of(self.district, self.request.mac) if self.request.mac else None
        return {
            "district_id": self.district.id,
            "username": self.request.username,
            "mac": self.request.mac,
            "alias": alias,
            "gateway_id": self.gateway_id,
            "now": self.clock.now(),
            "machine_now": self.clock.machine_now(),
            "remembered_after": self.clock.now() - REMEMBERED_FOR,
        }


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is stored of whoever asks."""

    password: str | None
    mac: str
    gateway_id: uuid.UUID | None
    expires_at: datetime | None
    spent_at: datetime | None
    member_id: uuid.UUID
    session_id: uuid.UUID | None
    is_live: bool
    live_until: datetime | None
    language: str
    state: str
    has_access: bool | None
    """None: nobody asked yet."""
    terms: bytes | None
    is_banned: bool
    plan: PlanInfo
    plan_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """Somebody who may go on line if his password is right (None: nothing is to be checked)."""

    password: str | None
    grant: Grant
    is_live: bool


@dataclass(frozen=True, kw_only=True)
class Turned:
    """Somebody who may not, and in which language to say so."""

    reason: Refused
    language: str = ""


async def authorize(pool: Pool, asking: Asking) -> Admitted | Turned:
    """Decide, and write nothing: the packet may be a repetition, or a round of several."""
    if not asking.request.username:
        return Turned(reason=Refused.UNKNOWN)
    async with pool.connection() as connection:
        known = await _known(connection, asking)
        if known is None:
            return Turned(reason=Refused.UNKNOWN)
        refused = _refused(asking, known)
        if refused is not None:
            return Turned(reason=refused, language=known.language)
        plan = await _what_is_left(connection, asking, known)
    if isinstance(plan, Refused):
        return Turned(reason=plan, language=known.language)
    mark = None
    if known.session_id is not None and (known.password is not None or known.is_live):
        mark = Mark(kind=MarkKind.SESSION, id=known.session_id)
    grant = Grant(plan=plan, member_id=known.member_id, mark=mark, interim=asking.interim)
    return Admitted(password=known.password, grant=grant, is_live=known.is_live and asking.is_by_address)


async def settle(pool: Pool, asking: Asking) -> Grant | Turned | None:
    """Somebody was let in: use his token up, or begin the session of a device or name that needs no sign-in.

    What is granted anew goes into the answer; None: everything was said by ``authorize``.
    """
    if _TOKEN_NAME.match(asking.request.username):
        return await _use_token(pool, asking)
    if asking.request.session == LIVE:
        return None
    async with pool.connection() as connection:
        known = await _known(connection, asking)
        if known is None:
            return Turned(reason=Refused.UNKNOWN)
        if known.is_live:
            return None
        return await _begin(connection, asking, known)


async def _use_token(pool: Pool, asking: Asking) -> Turned | None:
    async with pool.connection() as connection:
        row = await (await connection.execute(SPEND_SQL, asking.values)).fetchone()
        return None if row is not None else await _take_place(connection, asking)


async def _take_place(connection: Connection, asking: Asking) -> Turned | None:
    """Use a token up under a plan that limits devices: of two at once the later one sees the earlier one's place."""
    turned = None
    async with connection.transaction():
        row = await (await connection.execute(SPEND_PLACE_SQL, asking.values)).fetchone()
        if row is None:
            return Turned(reason=Refused.USED)
        values = asking.values | {"member_id": row[0], "day_start": asking.clock.now()}
        await connection.execute(LOCK_MEMBER_SQL, values)
        used = await (await connection.execute(USAGE_SQL, values)).fetchone()
        if row[1] is not None and used is not None and used[0] >= row[1]:
            turned = Turned(reason=Refused.DEVICES)
            raise psycopg.Rollback
    return turned


async def _known(connection: Connection, asking: Asking) -> Known | None:
    if _TOKEN_NAME.match(asking.request.username):
        statement = TOKEN_SQL
    else:
        statement = DEVICE_SQL if asking.is_by_address else CREDENTIAL_SQL
    row = await (await connection.execute(statement.encode(), asking.values)).fetchone()
    return None if row is None else _of_row(row)


def _of_row(row: TupleRow) -> Known:
    head, limits, plan_id = row[:14], row[14:22], row[22]
    names = ("session_s", "idle_s", "down_kbps", "up_kbps", "volume_kib", "devices", "daily_s", "daily_kib")
    plan = PlanInfo(**dict(zip(names, limits, strict=True))) if plan_id else plans.DEFAULT
    return Known(
        password=head[0],
        mac=head[1],
        gateway_id=head[2],
        expires_at=head[3],
        spent_at=head[4],
        member_id=head[5],
        session_id=head[6],
        is_live=head[7],
        live_until=head[8],
        language=head[9],
        state=head[10],
        has_access=head[11],
        terms=None if head[12] is None else bytes(head[12]),
        is_banned=head[13],
        plan=plan,
        plan_id=plan_id,
    )


def _refused(asking: Asking, known: Known) -> Refused | None:
    """The first reason against somebody whom we know."""
    if known.is_banned:
        return Refused.BANNED
    if known.state != MemberState.ACTIVE:
        return Refused.UNKNOWN
    if asking.is_by_address:
        return _refused_device(known)
    return _refused_name(asking, known)


def _refused_device(known: Known) -> Refused | None:
    if not known.has_access:
        return Refused.NO_CONSENT
    if known.terms not in current_terms():
        return Refused.NEW_TERMS
    return None


def _refused_name(asking: Asking, known: Known) -> Refused | None:
    request = asking.request
    is_token = bool(known.mac)
    if known.has_access is False or (known.has_access is None and not is_token):
        return Refused.NO_CONSENT
    if known.spent_at is not None:
        return Refused.USED
    if known.expires_at is not None and known.expires_at <= asking.clock.machine_now():
        return Refused.EXPIRED
    if not is_token:
        return None
    if known.mac != request.mac:
        return Refused.OTHER_DEVICE
    if asking.gateway_id is not None and asking.gateway_id != known.gateway_id:
        return Refused.OTHER_GATEWAY
    return None if known.is_live else Refused.EXPIRED


def current_terms() -> frozenset[bytes]:
    """The words of access as they stand, in every language."""
    return frozenset(consent_text(Purpose.ACCESS, None, language).hash for language in ("en", "zh"))


async def _what_is_left(connection: Connection, asking: Asking, known: Known) -> PlanInfo | Refused:
    """The plan, less what the member has used of it today and of a session that goes on."""
    plan = known.plan
    if known.is_live and known.live_until is not None and asking.is_by_address:
        left_s = int((known.live_until - asking.clock.now()).total_seconds())
        plan = replace(plan, session_s=_least(plan.session_s, left_s))
    if plan.devices is None and plan.daily_s is None and plan.daily_kib is None:
        return plan
    now = asking.clock.now()
    day_start = asking.district.day_starts_at(asking.district.trading_day(now))
    values = asking.values | {"member_id": known.member_id, "day_start": day_start}
    row = await (await connection.execute(USAGE_SQL, values)).fetchone()
    elsewhere, used_s, used_octets = row or (0, 0, 0)
    if plan.devices is not None and elsewhere >= plan.devices:
        return Refused.DEVICES
    if plan.daily_s is not None:
        plan = replace(plan, session_s=_least(plan.session_s, plan.daily_s - used_s))
    if plan.daily_kib is not None:
        plan = replace(plan, volume_kib=_least(plan.volume_kib, plan.daily_kib - used_octets // KIB))
    if _is_used_up(plan):
        return Refused.QUOTA
    return plan


def _least(limit: int | None, other: int) -> int:
    return other if limit is None else min(limit, other)


def _is_used_up(plan: PlanInfo) -> bool:
    return any(left is not None and left <= 0 for left in (plan.session_s, plan.volume_kib))


async def _begin(connection: Connection, asking: Asking, known: Known) -> Grant:
    """A session of a device that was met before, or of a name for 802.1X: nobody signed in for it."""
    now = asking.clock.now()
    session_s = known.plan.session_s
    values = asking.values | {
        "id": new_id(),
        "gateway_id": asking.gateway_id or known.gateway_id,
        "member_id": known.member_id,
        "access_point_mac": asking.request.access_point_mac,
        "method": "mac" if asking.is_by_address else "802.1x",
        "plan_id": known.plan_id,
        "expires_at": now + timedelta(seconds=session_s) if session_s else None,
    }
    row = None
    if values["alias"] is not None and values["gateway_id"] is not None:
        row = await (await connection.execute(OPEN_SESSION_SQL, values)).fetchone()
    mark = (
        Mark(kind=MarkKind.SESSION, id=row[0])
        if row is not None
        else Mark(kind=MarkKind.MEMBER, id=known.member_id)
    )
    return Grant(plan=PlanInfo(), member_id=known.member_id, mark=mark, interim=asking.interim)
