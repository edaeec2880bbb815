"""Reading the access log: by operators alone, and never without a trace in the log itself."""

import csv
import io
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy.orm import Session

from district.accesslog import queries, service
from district.accesslog.chain import FIELDS, AccessEvent, Chained, NewRecord, instant
from district.accesslog.schemas import Answer, Holder, LogState, Question
from district.clock import Clock
from district.database import new_id
from district.settings import Settings

MOST_HOLDERS = 200
MOST_BEHIND = 100
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
COLUMNS = ("number", *FIELDS, "previous_hash", "hash")


class ExportForm(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


def note(
    session: Session, district_id: uuid.UUID, *, who: str, what: str, asked: dict[str, Any], clock: Clock
) -> None:
    """Write into the log that it is read: by whom, and what was asked."""
    record = NewRecord(
        at=clock.now(),
        event=AccessEvent.READ,
        session=str(new_id()),
        identity=who,
        method=what,
        detail=json.dumps(asked, ensure_ascii=False, sort_keys=True, default=str)[:2_000],
    )
    service.append(session, district_id, [record])


def state(session: Session, district_id: uuid.UUID, settings: Settings) -> LogState:
    """Where the log stands; that tells of nobody, and is not noted."""
    found = service.state(session, district_id)
    return LogState(
        last_number=found.last_number,
        last_hash=found.last_hash.hex(),
        first_kept_number=found.first_kept_number,
        kept_days=settings.access_log_kept.days,
    )


def search(session: Session, district_id: uuid.UUID, question: Question, *, who: str, clock: Clock) -> Answer:
    """Who it was. The question is written into the log before it is answered."""
    asked = question.model_dump(mode="json", exclude_none=True)
    holders = _holders(session, district_id, question)
    note(session, district_id, who=who, what="search", asked=asked, clock=clock)
    return Answer(holders=holders[:MOST_HOLDERS], is_whole=len(holders) <= MOST_HOLDERS)


def _holders(session: Session, district_id: uuid.UUID, question: Question) -> list[Holder]:
    values = {"district_id": district_id, "limit": MOST_HOLDERS + 1}
    connection = session.connection()
    if question.address is None:
        values |= {
            "since": question.since,
            "until": question.until,
            "mac": question.mac or "",
            "identity": question.identity or "",
        }
        return [_holder(row, "record") for row in connection.exec_driver_sql(queries.SESSIONS_SQL, values)]
    values |= {
        "address": question.address,
        "at": question.at,
        "port": question.port,
        "protocol": question.protocol,
        "addresses": [question.address],
    }
    direct = [*connection.exec_driver_sql(queries.INNER_SQL, values)]
    behind = connection.exec_driver_sql(queries.BEHIND_SQL, values | {"limit": MOST_BEHIND}).all()
    # Where a NAT log says which inner address it was, everybody else behind that outer address is not meant.
    direct += [] if behind else connection.exec_driver_sql(queries.OUTER_SQL, values)
    inner = values | {"addresses": [row[0] for row in behind]}
    translated = connection.exec_driver_sql(queries.INNER_SQL, inner) if behind else ()
    found = [_holder(row, "record") for row in direct]
    found += [_holder(row, "address_translation") for row in translated]
    return _matching(found, question)


def _matching(found: Sequence[Holder], question: Question) -> list[Holder]:
    once = {one.session: one for one in reversed(found)}
    return [
        one
        for one in sorted(once.values(), key=lambda holder: holder.since, reverse=True)
        if (question.mac is None or one.mac == question.mac)
        and (question.identity is None or one.identity == question.identity)
    ]


def _holder(row: Sequence[Any], found_by: Literal["record", "address_translation"]) -> Holder:
    names = (
        "session",
        "member_id",
        "identity",
        "method",
        "mac",
        "inner_address",
        "outer_address",
        "nas",
        "access_point_mac",
        "since",
        "until",
    )
    return Holder(**dict(zip(names, row, strict=True)), found_by=found_by)


def export(
    session: Session, district_id: uuid.UUID, form: ExportForm, *, since: datetime, until: datetime
) -> Iterator[str]:
    """The records of a time, line by line, in order of their numbers; call ``note`` and commit first."""
    values = {"district_id": district_id, "since": since, "until": until}
    first, last = session.connection().exec_driver_sql(queries.RANGE_SQL, values).one()
    if form is ExportForm.CSV:
        yield _csv_line(COLUMNS)
    if first is None:
        return
    for one in service.read(session, district_id, after=first - 1, until=last):
        if since <= one.values[0] < until:
            yield _csv_line(_shown(one)) if form is ExportForm.CSV else _json_line(one)


def _shown(one: Chained) -> list[str]:
    texts = [instant(value) if isinstance(value, datetime) else str(value or "") for value in one.values]
    return [str(one.number), *map(_safe, texts), one.previous_hash.hex(), one.hash.hex()]


def _safe(text: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _json_line(one: Chained) -> str:
    values = {
        name: instant(value) if isinstance(value, datetime) else str(value or "")
        for name, value in zip(FIELDS, one.values, strict=True)
    }
    record = {
        "number": one.number,
        **values,
        "previous_hash": one.previous_hash.hex(),
        "hash": one.hash.hex(),
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
