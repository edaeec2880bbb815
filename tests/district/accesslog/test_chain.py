"""What was written stays as it was written, or the log says which record was touched."""

import hashlib
import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.accesslog import jobs, queries, service
from district.accesslog.chain import GENESIS, AccessEvent, NewRecord, chained
from district.clock import FixedClock
from district.database import Pool, make_engine, make_sessions
from district.districts.models import District
from tests.factories import Makers

Log = Callable[[], Session]


def record(at: datetime, name: str = "s") -> NewRecord:
    return NewRecord(at=at, event=AccessEvent.ON, session=name, mac="02aa22334466")


def test_a_hash_covers_what_the_documentation_says_byte_for_byte() -> None:
    district_id = uuid.UUID("0198c5d2-0000-7000-8000-000000000001")
    at = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
    [made] = chained(
        [NewRecord(at=at, event=AccessEvent.ON, session="s", identity="李", inner_address="10.0.0.7")],
        district_id,
        number=0,
        last_hash=GENESIS,
    )
    fields = ["2026-05-01T09:00:00.000000Z", "on", "s", "", "李", "", "", "10.0.0.7", "", "", "", "", ""]
    line = json.dumps([str(district_id), 1, *fields], separators=(",", ":")).encode()
    assert made.hash == hashlib.sha256(bytes(32) + line).digest()


def test_an_untouched_log_is_as_written(log_of_five: Log, district: District) -> None:
    verdict = service.verify(log_of_five(), district.id)
    assert (verdict.checked, verdict.fault) == (5, None)


@pytest.mark.parametrize(
    ("statement", "number", "what"),
    [
        pytest.param(
            "UPDATE access_record SET mac = 'ffffffffffff' WHERE number = 3", 3, "changed", id="changed"
        ),
        pytest.param(
            "UPDATE access_record SET at = at + interval '1 s' WHERE number = 1", 1, "changed", id="time"
        ),
        pytest.param("UPDATE access_record SET detail = 'x' WHERE number = 5", 5, "changed", id="last"),
        pytest.param("UPDATE access_record SET hash = sha256('x') WHERE number = 2", 2, "changed", id="hash"),
        pytest.param(
            "UPDATE access_record SET hash = sha256('x'), mac = '' WHERE number = 5",
            5,
            "changed",
            id="last-hash",
        ),
        pytest.param("DELETE FROM access_record WHERE number = 1", 1, "missing", id="first-deleted"),
        pytest.param("DELETE FROM access_record WHERE number = 4", 4, "missing", id="deleted"),
        pytest.param("DELETE FROM access_record WHERE number = 5", 5, "missing", id="last-deleted"),
        pytest.param("DELETE FROM access_record WHERE number > 0", 1, "missing", id="all-deleted"),
        pytest.param(
            "INSERT INTO access_record (district_id, number, at, event, session, previous_hash, hash) "
            "SELECT district_id, 6, at, 'on', 'x', hash, sha256('y') FROM access_record WHERE number = 5",
            6,
            "changed",
            id="appended",
        ),
        pytest.param(
            "INSERT INTO access_record (district_id, number, at, event, session, previous_hash, hash) "
            "SELECT district_id, 0, at, 'on', 'x', hash, hash FROM access_record WHERE number = 1",
            0,
            "inserted",
            id="before-the-first",
        ),
    ],
)
def test_a_touched_record_is_named(
    log_of_five: Log, district: District, statement: str, number: int, what: str
) -> None:
    session = log_of_five()
    scope = "AND district_id = :d" if "WHERE number" in statement else ""
    session.execute(text(f"{statement} {scope}"), {"d": district.id})
    fault = service.verify(session, district.id).fault
    session.rollback()
    assert fault is not None
    assert (fault.number, fault.what) == (number, what)


def test_a_record_appended_with_a_right_hash_is_beyond_the_end(log_of_five: Log, district: District) -> None:
    session = log_of_five()
    found = service.state(session, district.id)
    [made] = chained(
        [record(datetime(2026, 5, 1, tzinfo=UTC))], district.id, number=5, last_hash=found.last_hash
    )
    session.connection().exec_driver_sql(queries.INSERT_SQL, service.values_of(district.id, made))
    fault = service.verify(session, district.id).fault
    session.rollback()
    assert fault is not None
    assert (fault.number, fault.what) == (6, "inserted")


def test_a_log_made_anew_differs_from_the_hash_that_was_noted(log_of_five: Log, district: District) -> None:
    session = log_of_five()
    noted = service.state(session, district.id)
    session.execute(text("DELETE FROM access_record WHERE district_id = :d"), {"d": district.id})
    session.execute(text("DELETE FROM access_chain WHERE district_id = :d"), {"d": district.id})
    service.append(session, district.id, [record(datetime(2026, 5, 1, tzinfo=UTC))] * 5)
    plain = service.verify(session, district.id)
    against = service.verify(session, district.id, expected=(noted.last_number, noted.last_hash))
    session.rollback()
    assert plain.fault is None
    assert against.fault is not None
    assert against.fault.number == 5


def test_sixteen_writers_at_once_leave_no_gap(
    database_url: str, committed: Makers, clock: FixedClock
) -> None:
    district = committed.district()
    engine = make_engine(database_url, pool_size=16)
    sessions, start = make_sessions(engine), threading.Barrier(16)

    def write(name: int) -> None:
        start.wait()
        for turn in range(10):
            with sessions.begin() as session:
                service.append(session, district.id, [record(clock.now(), f"{name}-{turn}")] * (1 + turn % 3))

    writers = [threading.Thread(target=write, args=(name,)) for name in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with sessions() as session:
        verdict = service.verify(session, district.id)
    engine.dispose()
    assert (verdict.fault, verdict.checked, verdict.state.last_number) == (None, 16 * 19, 16 * 19)


def test_what_is_rolled_back_leaves_no_gap(committed: Makers, district: District, clock: FixedClock) -> None:
    session = committed.session
    service.append(session, district.id, [record(clock.now())])
    session.commit()
    service.append(session, district.id, [record(clock.now())])
    session.rollback()
    service.append(session, district.id, [record(clock.now())])
    session.commit()
    verdict = service.verify(session, district.id)
    assert (verdict.fault, verdict.state.last_number) == (None, 2)


@pytest.mark.parametrize(
    ("age", "left"),
    [
        pytest.param(timedelta(days=179, hours=23), 4, id="before"),
        pytest.param(timedelta(days=180, seconds=1), 2, id="after"),
        pytest.param(timedelta(days=400), 0, id="long-after"),
    ],
)
async def test_records_go_by_age_and_the_rest_still_verifies(
    pool: Pool, committed: Makers, clock: FixedClock, age: timedelta, left: int
) -> None:
    district = committed.district()
    began = clock.now()
    young = began + timedelta(days=30)
    records = [record(began), record(began), record(young), record(young)]
    service.append(committed.session, district.id, records)
    committed.session.commit()
    gone = await jobs.forget(pool, district.id, now=began + age, kept=timedelta(days=180))
    service.append(committed.session, district.id, [record(began + age)])
    verdict = service.verify(committed.session, district.id)
    committed.session.commit()
    assert (gone, verdict.fault, verdict.checked) == (4 - left, None, left + 1)
    assert verdict.state.last_number == 5


async def test_an_old_record_behind_a_young_one_waits_for_it(
    pool: Pool, committed: Makers, clock: FixedClock
) -> None:
    district = committed.district()
    began = clock.now()
    late = record(began)
    service.append(committed.session, district.id, [record(began + timedelta(days=1)), late])
    committed.session.commit()
    now = began + timedelta(days=180, hours=1)
    assert await jobs.forget(pool, district.id, now=now, kept=timedelta(days=180)) == 0
    now += timedelta(days=1)
    assert await jobs.forget(pool, district.id, now=now, kept=timedelta(days=180)) == 2
