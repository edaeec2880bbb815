"""Erasures in a worker and on the command line: into the event log, and back out of it after a backup was restored."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeAlias

import nats.errors
import sqlalchemy.exc
import structlog
from nats.js import JetStreamContext
from sqlalchemy.orm import Session, sessionmaker

from district.clock import Clock
from district.database import make_engine, make_sessions
from district.districts.service import DistrictInfo
from district.members.models import Erasure
from district.privacy import service, tombstones
from district.privacy.tombstones import Replayed, Tombstone
from district.settings import Settings
from district.tasks import in_thread

COPY_EVERY_S = 5.0
Districts: TypeAlias = Callable[[], Iterable[DistrictInfo]]
log = structlog.get_logger()


async def replay(
    stream: JetStreamContext,
    sessions: sessionmaker[Session],
    district: DistrictInfo,
    *,
    settings: Settings,
    clock: Clock,
) -> Replayed:
    """Close again whoever the event log says has left and this database does not know of."""
    await tombstones.ensure_stream(stream, settings)
    told = await tombstones.read(stream, district.id)
    return await in_thread(_erase_again, sessions, district, told, clock)


def _erase_again(
    sessions: sessionmaker[Session], district: DistrictInfo, told: list[Tombstone], clock: Clock
) -> Replayed:
    with sessions.begin() as session:
        missing, members = tombstones.come_back(session, district, told)
        erased = tuple(member.id for member in members)
        for member in members:
            service.erase(session, district, member, clock=clock)
    return Replayed(known=len(told), missing=missing, erased=erased)


async def copy(
    stream: JetStreamContext, sessions: sessionmaker[Session], district: DistrictInfo, *, clock: Clock
) -> int:
    """Put new erasures into the event log; how many."""
    rows = await in_thread(_waiting, sessions, district)
    taken = await tombstones.publish(stream, district.id, rows)
    if taken:
        await in_thread(_note, sessions, district, taken, clock)
    return len(taken)


def _waiting(sessions: sessionmaker[Session], district: DistrictInfo) -> list[Erasure]:
    with sessions() as session:
        return list(tombstones.waiting(session, district.id))


def _note(sessions: sessionmaker[Session], district: DistrictInfo, taken: list[bytes], clock: Clock) -> None:
    with sessions.begin() as session:
        tombstones.note_kept(session, district.id, taken, clock=clock)


async def keep(settings: Settings, stream: JetStreamContext, districts: Districts, clock: Clock) -> None:
    """A worker's share, until cancelled: once what a restored backup brought back, then what is new."""
    assert settings.database_url is not None  # noqa: S101 a role without one does not start
    engine = make_engine(settings.database_url, pool_size=1)
    sessions, replayed = make_sessions(engine), set[str]()
    try:
        while True:
            try:
                for district in districts():
                    if district.slug not in replayed:
                        _tell(
                            district, await replay(stream, sessions, district, settings=settings, clock=clock)
                        )
                        replayed.add(district.slug)
                    await copy(stream, sessions, district, clock=clock)
            except (nats.errors.Error, sqlalchemy.exc.SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("erasures.wait", error=type(error).__name__)
            await asyncio.sleep(COPY_EVERY_S)
    finally:
        engine.dispose()


def _tell(district: DistrictInfo, found: Replayed) -> None:
    if found.erased:
        log.warning("erasures.replayed", district=district.slug, members=len(found.erased))
