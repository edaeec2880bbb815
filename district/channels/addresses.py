"""Where messages to members go: the number and e-mail address that they proved, and what their browsers and apps named."""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.channels import queries
from district.database import new_id
from district.sealing import SealBroken, unseal
from push.consent import Channel

Connection = AsyncConnection[TupleRow]
CONTACTS = frozenset({Channel.SMS, Channel.EMAIL})
ADDRESSED = frozenset(Channel) - {Channel.INBOX, Channel.WEBHOOK}
"""What goes to an address of the member's."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to send: ``endpoint_id`` is None for a telephone number or an e-mail address."""

    address: str = field(repr=False)
    endpoint_id: uuid.UUID | None = None
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    language: str = ""
    """The member's."""


def about(endpoint_id: uuid.UUID) -> str:
    """What an endpoint's keys are sealed about."""
    return f"endpoint:{endpoint_id}"


async def find(
    connection: Connection,
    district_id: uuid.UUID,
    wanted: Collection[tuple[uuid.UUID, Channel]],
    *,
    secret: str,
) -> dict[tuple[uuid.UUID, Channel], Address]:
    """The best address of each member and channel: active before suspect, then the one that was named last."""
    if not wanted:
        return {}
    values = {
        "district_id": district_id,
        "members": [member_id for member_id, _ in wanted],
        "channels": [channel.value for _, channel in wanted],
    }
    rows = await (await connection.execute(queries.ADDRESSES_SQL, values)).fetchall()
    return {
        (row[0], Channel(row[1])): Address(
            endpoint_id=row[2], address=row[3], keys=_keys(row[2], row[4], secret), language=row[5]
        )
        for row in rows
    }


def _keys(endpoint_id: uuid.UUID | None, sealed: bytes | None, secret: str) -> dict[str, str]:
    if endpoint_id is None or sealed is None:
        return {}
    try:
        opened = json.loads(unseal(secret, bytes(sealed), about=about(endpoint_id)))
    except SealBroken:
        return {}
    return {str(name): str(value) for name, value in opened.items()}


async def count(
    connection: Connection,
    district_id: uuid.UUID,
    member_ids: Sequence[uuid.UUID],
    channels: Collection[Channel],
) -> dict[uuid.UUID, dict[Channel, int]]:
    """How many addresses each member has on each of these channels; what has none is left out."""
    asked = [one.value for one in channels if one in ADDRESSED]
    if not asked or not member_ids:
        return {}
    values = {"district_id": district_id, "members": list(member_ids), "channels": asked}
    found: dict[uuid.UUID, dict[Channel, int]] = {}
    for member_id, channel, how_many in await (
        await connection.execute(queries.REACHABLE_SQL.encode(), values)
    ).fetchall():
        found.setdefault(member_id, {})[Channel(channel)] = how_many
    return found


async def note(
    connection: Connection,
    district_id: uuid.UUID,
    *,
    worked: Collection[uuid.UUID],
    gone: Collection[uuid.UUID],
) -> None:
    """Keep which endpoints took a message, and which will never take one again."""
    if worked:
        values = {"district_id": district_id, "endpoints": sorted(worked)}
        await connection.execute(queries.WORKED_SQL, values)
    if gone:
        await connection.execute(queries.GONE_SQL, {"district_id": district_id, "endpoints": sorted(gone)})


async def contacts_gone(
    connection: Connection, district_id: uuid.UUID, gone: Sequence[tuple[uuid.UUID, Channel, str, str]]
) -> None:
    """Keep that numbers or e-mail addresses of members do not exist, and what was said of each.

    Nothing is sent there until somebody proves it again.
    """
    if gone:
        values = {
            "district_id": district_id,
            "ids": [new_id() for _ in gone],
            "members": [one[0] for one in gone],
            "channels": [one[1].value for one in gone],
            "addresses": [one[2] for one in gone],
            "reasons": [one[3] for one in gone],
        }
        await connection.execute(queries.CONTACT_GONE_SQL, values)
