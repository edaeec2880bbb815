"""Writing the access log, and knowing whether anybody touched it."""

import hmac
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from district.accesslog import queries
from district.accesslog.chain import FIELDS, GENESIS, AccessEvent, Chained, Fault, NewRecord, chained, faults

READ_AT_ONCE = 2_000


@dataclass(frozen=True, kw_only=True)
class ChainState:
    """Where a district's log stands."""

    last_number: int = 0
    last_hash: bytes = GENESIS
    first_kept_number: int = 1
    hash_before_first: bytes = GENESIS


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a look at the whole log found."""

    checked: int
    """Records in order before the first fault, or all."""
    fault: Fault | None
    state: ChainState


@dataclass(frozen=True, kw_only=True)
class SessionOn:
    """A session that begins; addresses and device in clear, for this log alone."""

    session_id: uuid.UUID
    at: datetime
    member_id: uuid.UUID
    method: str
    mac: str
    nas: str
    access_point_mac: str = ""
    identity: str = ""
    inner_address: str = ""
    outer_address: str = ""
    detail: str = ""


def begin(session: Session, district_id: uuid.UUID, on: SessionOn) -> None:
    """Write that a session is on, in the transaction that lets the person in. Its end is followed by a job.

    Locks the district's chain until the commit: call it late.
    """
    values = {name: getattr(on, name) for name in FIELDS if hasattr(on, name)}
    append(session, district_id, [NewRecord(event=AccessEvent.ON, session=str(on.session_id), **values)])
    del values["detail"]
    session.connection().exec_driver_sql(
        queries.OPEN_SQL, {"district_id": district_id, "session": on.session_id, **values}
    )


def append(session: Session, district_id: uuid.UUID, records: Iterable[NewRecord]) -> int:
    """Write records after the last one; the number of the last. Locks the district's chain until the commit."""
    connection = session.connection()
    state = _locked(session, district_id)
    made = chained(records, district_id, number=state.last_number, last_hash=state.last_hash)
    if not made:
        return state.last_number
    connection.exec_driver_sql(queries.INSERT_SQL, [values_of(district_id, one) for one in made])
    connection.exec_driver_sql(queries.ADVANCE_SQL, advance_of(district_id, made))
    return made[-1].number


def _locked(session: Session, district_id: uuid.UUID) -> ChainState:
    connection = session.connection()
    row = connection.exec_driver_sql(queries.LOCK_SQL, {"district_id": district_id}).one_or_none()
    if row is None:
        connection.exec_driver_sql(queries.START_SQL, {"district_id": district_id, "genesis": GENESIS})
        row = connection.exec_driver_sql(queries.LOCK_SQL, {"district_id": district_id}).one()
    return state_of(row)


def state_of(row: Sequence[Any]) -> ChainState:
    """A row of the chain's table as a value."""
    return ChainState(
        last_number=row[0], last_hash=bytes(row[1]), first_kept_number=row[2], hash_before_first=bytes(row[3])
    )


def values_of(district_id: uuid.UUID, one: Chained) -> dict[str, Any]:
    """A record as its statement takes it."""
    return {
        "district_id": district_id,
        "number": one.number,
        "previous_hash": one.previous_hash,
        "hash": one.hash,
        **dict(zip(FIELDS, one.values, strict=True)),
    }


def advance_of(district_id: uuid.UUID, made: Sequence[Chained]) -> dict[str, Any]:
    """Where the chain stands after these records, as its statement takes it."""
    return {"district_id": district_id, "number": made[-1].number, "hash": made[-1].hash}


def state(session: Session, district_id: uuid.UUID) -> ChainState:
    """Where the log stands; an empty one before its first record."""
    row = session.connection().exec_driver_sql(queries.CHAIN_SQL, {"district_id": district_id}).one_or_none()
    return ChainState() if row is None else state_of(row)


def read(
    session: Session, district_id: uuid.UUID, *, after: int, until: int | None = None
) -> Iterator[Chained]:
    """Records by number, in portions: however many there are, few are in memory."""
    while True:
        values = {"district_id": district_id, "after": after, "limit": READ_AT_ONCE}
        rows = session.connection().exec_driver_sql(queries.READ_SQL, values).all()
        for row in rows:
            if until is not None and row[0] > until:
                return
            yield _chained(row)
        if len(rows) < READ_AT_ONCE:
            return
        after = rows[-1][0]


def _chained(row: Sequence[Any]) -> Chained:
    values, (previous, own) = tuple(row[1:-2]), row[-2:]
    return Chained(number=row[0], values=values, previous_hash=bytes(previous), hash=bytes(own))


def verify(session: Session, district_id: uuid.UUID, *, expected: tuple[int, bytes] | None = None) -> Verdict:
    """Walk the whole log. ``expected`` is a number and hash that were noted elsewhere: they must still be there.

    Whoever can write every row could make a whole new chain; a noted hash is what shows that.
    """
    found = state(session, district_id)
    checked, last = 0, found.hash_before_first
    rows = read(session, district_id, after=-1)
    for one in faults(rows, district_id, first=found.first_kept_number, before=found.hash_before_first):
        if isinstance(one, Fault):
            return Verdict(checked=checked, fault=one, state=found)
        if one.number > found.last_number:
            fault = Fault(number=one.number, what="inserted")
            return Verdict(checked=checked, fault=fault, state=found)
        if (
            expected is not None
            and expected[0] == one.number
            and not hmac.compare_digest(expected[1], one.hash)
        ):
            fault = Fault(number=one.number, what="has another hash than was noted")
            return Verdict(checked=checked, fault=fault, state=found)
        checked, last = checked + 1, one.hash
    return Verdict(checked=checked, fault=_end(found, checked, last, expected), state=found)


def _end(found: ChainState, checked: int, last: bytes, expected: tuple[int, bytes] | None) -> Fault | None:
    reached = found.first_kept_number + checked - 1
    if reached < found.last_number:
        return Fault(number=reached + 1, what="missing")
    if last != found.last_hash:
        return Fault(number=reached, what="changed, with its hash")
    if expected is not None and expected[0] > reached:
        return Fault(number=reached + 1, what="missing: a later number was noted")
    return None
