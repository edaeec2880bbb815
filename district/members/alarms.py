"""Things that an operator should look at: one open alarm for one trouble, however often it comes."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.database import new_id
from district.members.models import Alarm
from district.problems import NotFound

FASTEST_M_S: Final = 4.0
"""Who runs through a crowd; a tram is faster, and rarely keeps its Wi-Fi."""
REACH_M: Final = 200.0
"""Two access points that hear the same device need not be near it."""
AT_ONCE: Final = timedelta(seconds=10)
"""How near in time two gateways are that no one can walk between, when nobody said where they stand."""


SOUND_SQL: Final = """
INSERT INTO alarm AS open (district_id, id, kind, subject, detail, at, last_at)
VALUES (%(district_id)s, %(id)s, %(kind)s, %(subject)s, %(detail)s, %(at)s, %(at)s)
ON CONFLICT (district_id, kind, subject) WHERE seen_at IS NULL DO UPDATE SET
    times = open.times + 1, detail = EXCLUDED.detail, last_at = greatest(open.last_at, EXCLUDED.last_at)
"""


class AlarmKind(StrEnum):
    """What is wrong."""

    TWO_PLACES = "device_at_two_places"
    TWO_ADDRESSES = "device_at_two_addresses"
    NAS_CLOCK = "nas_clock_wrong"
    FOREIGN_POLLER = "gateway_polled_from_elsewhere"
    ENDINGS_WAIT = "session_endings_wait"
    DELIVERIES_STUCK = "deliveries_stuck"


def is_impossible(distance_m: float | None, apart: timedelta) -> bool:
    """Whether no person can have been at both places; ``distance_m`` is None between gateways nobody has placed."""
    if distance_m is None:
        return apart < AT_ONCE
    return distance_m - REACH_M > FASTEST_M_S * abs(apart.total_seconds())


def sound(
    session: Session,
    district_id: uuid.UUID,
    *,
    kind: str,
    subject: str,
    detail: Mapping[str, Any],
    at: datetime,
) -> None:
    """Open an alarm, or count once more the one that is open for the same subject."""
    values = {
        "district_id": district_id,
        "id": new_id(),
        "kind": kind,
        "subject": subject,
        "detail": json.dumps(dict(detail)),
        "at": at,
    }
    session.connection().exec_driver_sql(SOUND_SQL, values)


def listed(district_id: uuid.UUID, *, is_open: bool) -> Select[Alarm]:
    """The alarms of a district, or those that nobody has looked at."""
    found = select(Alarm).where(Alarm.district_id == district_id)
    return found.where(Alarm.seen_at.is_(None)) if is_open else found


def see(session: Session, district_id: uuid.UUID, alarm_id: uuid.UUID, *, now: datetime) -> Alarm:
    """Say that somebody has looked at it; the next trouble of the kind opens a new one. Raises: NotFound."""
    row = session.get(Alarm, (district_id, alarm_id), with_for_update=True)
    if row is None:
        raise NotFound("No such alarm.")
    row.seen_at = row.seen_at or now
    session.flush()
    return row
