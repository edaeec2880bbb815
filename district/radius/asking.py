"""Who asks, and what is stored of him: a one-time name, a member's own name, or a device."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.districts.service import DistrictInfo
from district.gateways import plans
from district.gateways.dialect import PlanInfo
from district.gateways.redirects import optional_mac
from district.members.service import REMEMBERED_FOR, alias_of
from district.radius.answers import Refused
from district.radius.clients import ClientInfo
from district.radius.packets import AccessRequest
from district.radius.queries import CREDENTIAL_SQL, DEVICE_SQL, TOKEN_SQL

LIVE = "live"
"""What authorize leaves for post-auth when the session is there already and nothing is to be written."""
TOKEN_NAME = re.compile(r"^w[0-9a-f]{32}\Z")
_BY_ADDRESS = frozenset({"Framed-User", "Call-Check", "2", "10"})
"""Service types under which a NAS asks for a device by its address; a person's log-in is Login-User."""
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
class Turned:
    """Somebody who may not, and in which language to say so."""

    reason: Refused
    language: str = ""


async def find(connection: Connection, asking: Asking) -> Known | None:
    """What is stored of whoever asks; None: nothing."""
    if TOKEN_NAME.match(asking.request.username):
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
