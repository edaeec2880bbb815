"""Happenings that may bring an offer: queued in the transaction in which they happen, decided by a worker.

Any slice above campaigns may queue one; slices below are given a callback that does. A happening that is told
twice is one, by its key; what no live campaign waits for is not kept.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session

from district.campaigns.trigger_queries import ENQUEUE_SQL
from district.database import new_id

FRESH_FOR = timedelta(minutes=15)
"""How long after it happened a happening may still bring an offer, unless its teller says otherwise."""
MAX_KEY = 200


class Happening(StrEnum):
    """What may be queued, in the words of the rule language."""

    WIFI_JOIN = "wifi.join"
    STORE_VISIT = "store.visit"
    PURCHASE = "purchase"
    BIRTHDAY = "member.birthday"
    NTH_VISIT = "member.visits"
    LAPSED = "member.lapsed"


@dataclass(frozen=True, kw_only=True)
class NewTrigger:
    """One happening. ``occurrence_key`` names it: a visit's id, a receipt's number, a birthday's date.

    ``facts`` are what a trigger may ask beyond its kind, such as {"is_first": true} of a sign-in.
    """

    kind: Happening
    member_id: uuid.UUID
    occurrence_key: str
    at: datetime
    """Business time at which it happened."""
    due_at: datetime | None = None
    """Before which it is not decided; None: at once."""
    expires_at: datetime | None = None
    """From which it is too late; None: a quarter of an hour after it is due."""
    campaign_id: uuid.UUID | None = None
    """None: for every live campaign that waits for this kind."""
    subject_id: uuid.UUID | None = None
    """The store where it happened, if it happened at one."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: uuid.UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        if not 0 < len(self.occurrence_key) <= MAX_KEY:
            raise ValueError(f"An occurrence key has 1 to {MAX_KEY} characters.")

    @property
    def is_due_at(self) -> datetime:
        """When it may be decided."""
        return self.due_at or self.at

    @property
    def ends_at(self) -> datetime:
        """When it is too late."""
        return self.expires_at or self.is_due_at + FRESH_FOR


def enqueue(session: Session, district_id: uuid.UUID, trigger: NewTrigger) -> None:
    """Queue one happening when the session commits; told again, it changes nothing."""
    session.flush()
    session.connection().exec_driver_sql(ENQUEUE_SQL, _values(district_id, [trigger]))


async def enqueue_all(
    connection: AsyncConnection[TupleRow], district_id: uuid.UUID, triggers: Sequence[NewTrigger]
) -> int:
    """Queue happenings when the caller's transaction commits; how many are new and waited for."""
    if not triggers:
        return 0
    cursor = await connection.execute(ENQUEUE_SQL, _values(district_id, triggers))
    return cursor.rowcount


def _values(district_id: uuid.UUID, triggers: Sequence[NewTrigger]) -> dict[str, Any]:
    return {
        "district_id": district_id,
        "ids": [one.id for one in triggers],
        "kinds": [one.kind.value for one in triggers],
        "members": [one.member_id for one in triggers],
        "campaigns": [one.campaign_id for one in triggers],
        "subjects": [one.subject_id for one in triggers],
        "keys": [one.occurrence_key for one in triggers],
        "ats": [one.at for one in triggers],
        "dues": [one.is_due_at for one in triggers],
        "expires": [one.ends_at for one in triggers],
        "facts": [Jsonb(dict(one.facts)) for one in triggers],
    }
