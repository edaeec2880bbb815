"""The facts of a few members, as far as audiences ask for them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences.contacts import ListKey
from district.audiences.queries import (
    EVENTS_SQL,
    FOLLOWS_SQL,
    LABELS_SQL,
    PROPERTIES_SQL,
    REDEMPTIONS_SQL,
    STAYS_SQL,
)
from district.districts.service import DistrictInfo
from push.audience_asked import Asked, Label
from push.audience_facts import Done, Place, Stay, Stays
from push.audience_terms import DAY, PRESENT_VISIT, EventKind, LabelKind
from push.identifiers import MerchantId, StoreId

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Rows by member. None where nothing was asked; a member without an entry did nothing of the kind."""

    stays: Mapping[uuid.UUID, tuple[Stays, ...]] | None = None
    redemptions: Mapping[uuid.UUID, tuple[Done, ...]] | None = None
    events: Mapping[uuid.UUID, tuple[Done, ...]] | None = None
    follows: Mapping[uuid.UUID, tuple[Place, ...]] | None = None
    labels: Mapping[Label, frozenset[uuid.UUID]] = field(default_factory=dict)
    """The sets that exist."""
    properties: Mapping[StoreId, uuid.UUID] = field(default_factory=dict)


async def find(
    connection: Connection,
    district: DistrictInfo,
    member_ids: Sequence[uuid.UUID],
    asked: Asked,
    *,
    now: datetime,
) -> Found:
    """Read what is asked, each kind with one statement."""
    values: dict[str, Any] = {"district_id": district.id, "members": list(member_ids)}
    return Found(
        stays=await _stays(connection, values, asked, now) if asked.stay_days else None,
        redemptions=await _redemptions(connection, values) if asked.redemptions else None,
        events=await _events(connection, values, asked, now) if asked.event_days else None,
        follows=await _follows(connection, values) if asked.follows else None,
        labels=await _labels(connection, values, asked.labels, district) if asked.labels else {},
        properties=await properties(connection, district.id, asked.stores) if asked.stores else {},
    )


async def properties(
    connection: Connection, district_id: uuid.UUID, stores: Iterable[StoreId]
) -> dict[StoreId, uuid.UUID]:
    """The property of each of these stores that stands in one."""
    values = {"district_id": district_id, "stores": list(stores)}
    rows = await (await connection.execute(PROPERTIES_SQL, values)).fetchall()
    return {StoreId(row[0]): row[1] for row in rows}


async def _stays(
    connection: Connection, values: Mapping[str, Any], asked: Asked, now: datetime
) -> dict[uuid.UUID, tuple[Stays, ...]]:
    since = now - asked.stay_days * DAY
    given = {**values, "before": now - PRESENT_VISIT, "since": since}
    found: dict[uuid.UUID, list[Stays]] = {}
    for row in await (await connection.execute(STAYS_SQL, given)).fetchall():
        member_id, store_id, merchant_id, property_id, category, count, last_at, starts, ends = row
        stays = Stays(
            place=_place(store_id, merchant_id, property_id, category if store_id else ""),
            count=count,
            last_at=last_at,
            recent=tuple(
                Stay(started_at=start, ended_at=end) for start, end in zip(starts, ends, strict=True)
            ),
        )
        found.setdefault(member_id, []).append(stays)
    return {member_id: tuple(every) for member_id, every in found.items()}


async def _redemptions(
    connection: Connection, values: Mapping[str, Any]
) -> dict[uuid.UUID, tuple[Done, ...]]:
    found: dict[uuid.UUID, list[Done]] = {}
    for row in await (await connection.execute(REDEMPTIONS_SQL, values)).fetchall():
        found.setdefault(row[0], []).append(Done(place=_place(*row[1:4]), at=row[4]))
    return {member_id: tuple(every) for member_id, every in found.items()}


async def _events(
    connection: Connection, values: Mapping[str, Any], asked: Asked, now: datetime
) -> dict[uuid.UUID, tuple[Done, ...]]:
    given = {**values, "events_since": now - asked.event_days * DAY}
    found: dict[uuid.UUID, list[Done]] = {}
    for member_id, kind, at, *place in await (await connection.execute(EVENTS_SQL, given)).fetchall():
        if kind in set(EventKind):
            done = Done(place=_place(*place), at=at, kind=EventKind(kind))
            found.setdefault(member_id, []).append(done)
    return {member_id: tuple(every) for member_id, every in found.items()}


async def _follows(connection: Connection, values: Mapping[str, Any]) -> dict[uuid.UUID, tuple[Place, ...]]:
    found: dict[uuid.UUID, list[Place]] = {}
    for row in await (await connection.execute(FOLLOWS_SQL, values)).fetchall():
        found.setdefault(row[0], []).append(_place(*row[1:4]))
    return {member_id: tuple(every) for member_id, every in found.items()}


async def _labels(
    connection: Connection, values: Mapping[str, Any], labels: Iterable[Label], district: DistrictInfo
) -> dict[Label, frozenset[uuid.UUID]]:
    wanted = list(labels)
    given = {
        **values,
        **ListKey.of(district).padded,
        "label_owners": [label.owner_id for label in wanted],
        "label_kinds": [label.kind.value for label in wanted],
        "label_names": [label.name for label in wanted],
    }
    rows = await (await connection.execute(LABELS_SQL, given)).fetchall()
    return {Label(owner_id=row[0], kind=LabelKind(row[1]), name=row[2]): frozenset(row[3]) for row in rows}


def _place(
    store_id: uuid.UUID | None,
    merchant_id: uuid.UUID | None,
    property_id: uuid.UUID | None,
    category: str = "",
) -> Place:
    return Place(
        store_id=StoreId(store_id) if store_id else None,
        merchant_id=MerchantId(merchant_id) if merchant_id else None,
        property_id=property_id,
        category=category,
    )
