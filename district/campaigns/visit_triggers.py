"""New visits to stores, told in the transaction that stores them: each visit once, however often it is made again."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.campaigns.trigger_queries import IS_WAITED_FOR_SQL, VISITS_TOLD_SQL
from district.campaigns.triggers import FRESH_FOR, Happening, NewTrigger, enqueue_all
from district.districts.service import DistrictInfo
from district.visits.making import PlaceKind, Stay, moment

KINDS = (Happening.STORE_VISIT, Happening.NTH_VISIT)


async def tell(
    connection: AsyncConnection[TupleRow], district: DistrictInfo, begun: Sequence[Stay], *, now: datetime
) -> int:
    """Queue the members' new visits to stores that are still going on or just over; how many are new."""
    fresh = [one for one in begun if _is_told(one, now)]
    if not fresh:
        return 0
    values: dict[str, Any] = {"district_id": district.id, "kinds": [kind.value for kind in KINDS]}
    row = await (await connection.execute(IS_WAITED_FOR_SQL, values)).fetchone()
    if row is None or not row[0]:
        return 0
    values |= {
        "members": sorted({one.person.member_id for one in fresh if one.person.member_id}),
        "since": min(moment(one.start_ms) for one in fresh),
    }
    told = await (await connection.execute(VISITS_TOLD_SQL, values)).fetchall()
    return await enqueue_all(connection, district.id, list(_triggers(fresh, told)))


def _is_told(stay: Stay, now: datetime) -> bool:
    is_members = stay.kind is PlaceKind.STORE and stay.person.member_id is not None
    return is_members and now - moment(stay.end_ms) < FRESH_FOR


def _triggers(fresh: Iterable[Stay], told: Iterable[TupleRow]) -> Iterable[NewTrigger]:
    """A visit that turns out to have begun earlier gets another id: what was told of it stays told."""
    known: dict[tuple[uuid.UUID, uuid.UUID], list[datetime]] = {}
    for member_id, store_id, at in told:
        known.setdefault((member_id, store_id), []).append(at)
    for stay in fresh:
        member_id, store_id = stay.person.member_id, stay.place_id
        if member_id is None or store_id is None:
            continue
        starts, ends = moment(stay.start_ms), moment(stay.end_ms)
        if any(starts <= at <= ends for at in known.get((member_id, store_id), ())):
            continue
        for kind in KINDS:
            yield NewTrigger(
                kind=kind,
                member_id=member_id,
                subject_id=store_id,
                occurrence_key=str(stay.id),
                at=ends,
            )
