"""A backup that is restored brings nobody back who has left since it was made."""

import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from nats.js import JetStreamContext
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from district import events
from district.cli import app as command_line
from district.clock import FixedClock
from district.database import make_engine, make_sessions
from district.districts.service import DistrictInfo
from district.embedded.programs import find_postgres
from district.members.models import Erasure, Member
from district.privacy import replaying, service, tombstones
from district.radius import marks, sessions
from district.radius.accounting import told
from district.radius.marks import Mark, MarkKind
from district.radius.models import RadiusSession
from district.radius.packets import AccountingRequest, Status
from district.settings import Settings, get_settings
from district.sightings.queries import RECORD_SQL, STAGE_SQL
from tests.conftest import admin_url, dsn, with_database
from tests.factories import Makers


@pytest.fixture
async def stream(settings: Settings) -> AsyncIterator[JetStreamContext]:
    client = await events.connect(settings, name="test")
    yield client.jetstream()
    await client.close()


def run(program: str, *arguments: str) -> None:
    programs = find_postgres()
    subprocess.run(
        [programs.bin / program, *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, **programs.environment},
    )


@pytest.fixture
def restored(addresses: dict[str, str]) -> Iterator[str]:
    """An empty database to restore into."""
    name = f"restored_{uuid.uuid4().hex}"
    with psycopg.connect(admin_url(addresses["database"]), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield with_database(dsn(addresses["database"]), name)
    with psycopg.connect(admin_url(addresses["database"]), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def found_in(session: Session, canary: str) -> list[str]:
    """The tables in which a word stands somewhere."""
    names = session.scalars(
        text(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        )
    ).all()
    sql = " UNION ALL ".join(
        f"SELECT '{name}', count(*) FROM {name} t WHERE t::text LIKE :word" for name in names
    )
    return [name for name, count in session.execute(text(sql), {"word": f"%{canary}%"}) if count]


async def test_a_restored_backup_loses_again_whoever_left_after_it(
    committed: Makers, restored: str, stream: JetStreamContext, settings: Settings, tmp_path: Path
) -> None:
    clock, database_url = committed.clock, settings.database_url or ""
    info = committed.info(committed.district())
    canary = f"canary-{uuid.uuid4().hex}@example.com"
    district = committed.session.get_one(type(committed.district()), info.id)
    leaver, stayer = committed.member(district, email=canary), committed.member(district)
    dump = str(tmp_path / "district.dump")
    run("pg_dump", "--format=custom", f"--file={dump}", database_url)

    service.erase(committed.session, info, leaver, clock=clock)
    committed.session.commit()
    here = make_engine(database_url, pool_size=1)
    await tombstones.ensure_stream(stream, settings)
    assert await replaying.copy(stream, make_sessions(here), info, clock=clock) == 1
    assert await replaying.copy(stream, make_sessions(here), info, clock=clock) == 0
    assert found_in(committed.session, canary) == []
    here.dispose()

    run("pg_restore", f"--dbname={restored}", dump)
    engine = make_engine(restored, pool_size=1)
    with make_sessions(engine)() as session:
        assert "member" in found_in(session, canary)
    again = await replaying.replay(stream, make_sessions(engine), info, settings=settings, clock=clock)
    assert (again.known, again.missing, again.erased) == (1, 1, (leaver.id,))
    with make_sessions(engine)() as session:
        assert found_in(session, canary) == []
        assert session.get_one(Member, (info.id, leaver.id)).state == "erased"
        assert session.get_one(Member, (info.id, stayer.id)).state == "active"
    once_more = await replaying.replay(stream, make_sessions(engine), info, settings=settings, clock=clock)
    assert (once_more.known, once_more.missing, once_more.erased) == (1, 0, ())
    engine.dispose()


def test_the_command_closes_them_again_in_every_district(
    committed: Makers, settings: Settings, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = committed.district()
    monkeypatch.setenv("DISTRICT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("DISTRICT_NATS_URL", settings.nats_url or "")
    monkeypatch.setenv("DISTRICT_SECRET", "s" * 43)
    get_settings.cache_clear()
    try:
        said = CliRunner().invoke(command_line, ["privacy", "replay-erasures"])
    finally:
        get_settings.cache_clear()
    assert said.exit_code == 0, said.output
    assert f"{district.slug}: 0 closed since they are kept, 0 closed again" in said.output


def test_an_erasure_leaves_a_hash_that_names_nobody(
    session: Session, makers: Makers, info: DistrictInfo, clock: FixedClock
) -> None:
    member = makers.member(makers.session.get_one(type(makers.district()), info.id))
    other = makers.info(makers.district())
    service.erase(session, info, member, clock=clock)
    service.erase(session, info, member, clock=clock)
    (row,) = session.scalars(select(Erasure).where(Erasure.district_id == info.id)).all()
    assert row.member_hash == tombstones.hash_of(info, member.id)
    assert row.member_hash != tombstones.hash_of(other, member.id)
    assert member.id.bytes not in row.member_hash


@pytest.fixture
def info(makers: Makers) -> DistrictInfo:
    return makers.info(makers.district())


def test_late_positions_of_a_closed_membership_are_not_stored(
    session: Session, makers: Makers, info: DistrictInfo, clock: FixedClock
) -> None:
    district = makers.session.get_one(type(makers.district()), info.id)
    gone, here = makers.member(district), makers.member(district)
    feed = makers.feed(district)
    service.erase(session, info, gone, clock=clock)
    connection = session.connection()
    connection.exec_driver_sql(STAGE_SQL)
    for member in (gone, here):
        connection.exec_driver_sql(
            "INSERT INTO stage_sighting VALUES (%s, %s, %s, %s, %s, 24.9, 60.1, 5, '', NULL, 'NaN', %s, false, %s)",
            (
                info.id,
                feed.id,
                clock.now(),
                b"d",
                member.id,
                clock.now() + timedelta(seconds=1),
                str(member.id),
            ),
        )
    connection.exec_driver_sql(RECORD_SQL)
    stored = session.execute(
        text("SELECT member_id FROM raw_sighting WHERE district_id = :d"), {"d": info.id}
    ).scalars()
    assert list(stored) == [here.id]
    assert session.scalar(select(func.count()).select_from(Member).where(Member.id == gone.id)) == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_late_accounting_of_a_closed_membership_is_nobody_s(
    session: Session, makers: Makers, info: DistrictInfo, clock: FixedClock, is_gone: bool
) -> None:
    member = makers.member(makers.session.get_one(type(makers.district()), info.id))
    mark = marks.written(info, Mark(kind=MarkKind.MEMBER, id=member.id))
    if is_gone:
        service.erase(session, info, member, clock=clock)
    late = AccountingRequest(status=Status.INTERIM, unique_id="late", session_s=60, mark=mark)
    packet = told(late, now=clock.now(), machine_now=clock.machine_now())
    sessions.record(session, info, [packet], interim=timedelta(minutes=5), clock=clock)
    row = session.get_one(RadiusSession, (info.id, "late"))
    assert row.member_id == (None if is_gone else member.id)
    if not is_gone:
        row.username = "m1@realm"
        service.erase(session, info, member, clock=clock)
        session.expire_all()
        assert (row.member_id, row.alias, row.username) == (None, None, "m1@realm"), "its end needs the name"
