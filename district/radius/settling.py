"""Somebody was let in: his one-time token is used up, or a session begins that nobody signed in for."""

import hashlib
from datetime import timedelta

import psycopg

from district.database import Pool, new_id
from district.gateways.dialect import PlanInfo
from district.members.models import MemberState
from district.radius.answers import Grant, Refused
from district.radius.asking import LIVE, TOKEN_NAME, Asking, Connection, Known, Turned, find
from district.radius.marks import Mark, MarkKind
from district.radius.queries import (
    KEEP_PLACE_SQL,
    LOCK_MEMBER_SQL,
    OPEN_SESSION_SQL,
    SPEND_PLACE_SQL,
    SPEND_SQL,
    USAGE_SQL,
)


async def settle(pool: Pool, asking: Asking) -> Grant | Turned | None:
    """Somebody was let in: use his token up, or begin the session of a device or name that needs no sign-in.

    What is granted anew goes into the answer; None: everything was said by ``authorize``.
    """
    if TOKEN_NAME.match(asking.request.username):
        return await _use_token(pool, asking)
    if asking.request.session == LIVE:
        return None
    async with pool.connection() as connection:
        known = await find(connection, asking)
        if known is None or known.state != MemberState.ACTIVE:
            return Turned(reason=Refused.UNKNOWN)
        if known.plan.devices is None:
            return None if known.is_live else await _begin(connection, asking, known)
        async with connection.transaction():
            return await _begin_in_place(connection, asking, known, most=known.plan.devices)


async def _begin_in_place(
    connection: Connection, asking: Asking, known: Known, *, most: int
) -> Grant | Turned | None:
    """Under a plan that counts devices: by address and by name at once, the later one sees the earlier one's place."""
    values = asking.values | {
        "member_id": known.member_id,
        "day_start": asking.clock.now(),
        "device": asking.values["alias"] or hashlib.sha256(asking.request.username.encode()).digest(),
    }
    await connection.execute(LOCK_MEMBER_SQL, values)
    used = await (await connection.execute(USAGE_SQL, values)).fetchone()
    if used is not None and used[0] >= most:
        return Turned(reason=Refused.DEVICES, language=known.language)
    await connection.execute(KEEP_PLACE_SQL, values)
    return None if known.is_live else await _begin(connection, asking, known)


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
