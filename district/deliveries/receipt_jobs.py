"""Receipts that came before the answer that names their message, and what providers were good for, looked at by workers."""

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy.exc
import structlog
from sqlalchemy import text, update
from sqlalchemy.orm import Session, sessionmaker

from district.channels.kinds.kind import ReceiptKind
from district.clock import Clock
from district.database import Pool, make_engine, make_sessions, new_id
from district.deliveries import queries, receipts
from district.deliveries.models import DeliveryReceipt
from district.districts.service import DistrictInfo
from district.members.alarms import SOUND_SQL, AlarmKind
from district.outbox.models import OutboxMessage
from district.settings import Settings
from district.tasks import in_thread

log = structlog.get_logger()
FOLD_EVERY_S: Final = 3.0
MOST_AT_ONCE: Final = 500
LOOK_BACK: Final = timedelta(days=1)
"""An answer that names a message comes within seconds of the call: older receipts wait in vain."""
JUDGED_BY: Final = timedelta(days=30)
MOST_FORGOTTEN: Final = 20_000
STUCK_AFTER_S: Final = 60


def fold(session: Session, district: DistrictInfo, *, clock: Clock) -> int:
    """Carry out receipts whose message is known by now, at most MOST_AT_ONCE of them; how many there were.

    Workers that fold at once take different receipts.
    """
    values = {
        "district_id": district.id,
        "since": clock.machine_now() - LOOK_BACK,
        "limit": MOST_AT_ONCE,
    }
    found = session.execute(text(queries.LATE_RECEIPTS_SQL), values).all()
    for provider_id, event_key, kind, received_at, delivery_id, detail, address_hash in found:
        session.execute(
            update(DeliveryReceipt)
            .where(
                DeliveryReceipt.district_id == district.id,
                DeliveryReceipt.provider_id == provider_id,
                DeliveryReceipt.event_key == event_key,
            )
            .values(delivery_id=delivery_id)
        )
        message = session.get(OutboxMessage, (district.id, delivery_id))
        if message is not None and kind in set(ReceiptKind):
            told = receipts.Told(
                kind=ReceiptKind(kind),
                at=received_at,
                detail=detail,
                address_hash=None if address_hash is None else bytes(address_hash),
            )
            receipts.carry_out(session, district, message, told, clock=clock)
    return len(found)


@dataclass(frozen=True, kw_only=True)
class Folding:
    """One worker's share of them. Any number of workers may run."""

    sessions: sessionmaker[Session]
    districts: Callable[[], Sequence[DistrictInfo]]
    clock: Clock

    async def run(self) -> None:
        """Fold every few seconds until cancelled; a database that is away is waited for."""
        while True:
            for district in self.districts():
                try:
                    while await in_thread(self._fold, district) == MOST_AT_ONCE:
                        pass
                except sqlalchemy.exc.SQLAlchemyError as error:
                    log.warning("receipts.database_away", error=type(error).__name__)
            await asyncio.sleep(FOLD_EVERY_S)

    def _fold(self, district: DistrictInfo) -> int:
        with self.sessions.begin() as session:
            folded = fold(session, district, clock=self.clock)
        if folded:
            log.info("receipts.folded", district=district.slug, receipts=folded)
        return folded


async def run(settings: Settings, districts: Callable[[], Sequence[DistrictInfo]], clock: Clock) -> None:
    """Fold receipts until cancelled."""
    assert settings.database_url is not None  # noqa: S101 the role started with it
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        await Folding(sessions=make_sessions(engine), districts=districts, clock=clock).run()
    finally:
        engine.dispose()


async def judge(pool: Pool, district_id: uuid.UUID, *, machine_now: datetime) -> None:
    """Keep of each provider the share of the last month's attempts that it took."""
    values = {"district_id": district_id, "since": machine_now - JUDGED_BY}
    async with pool.connection() as connection:
        await connection.execute(queries.JUDGE_SQL, values)


async def forget(pool: Pool, district_id: uuid.UUID, *, machine_now: datetime, kept: timedelta) -> None:
    """Retention of attempts and receipts, a bounded number at a time."""
    values = {"district_id": district_id, "before": machine_now - kept, "limit": MOST_FORGOTTEN}
    async with pool.connection() as connection:
        await connection.execute(queries.FORGET_ATTEMPTS_SQL, values)
        await connection.execute(queries.FORGET_RECEIPTS_SQL, values)


async def watch(pool: Pool, district_id: uuid.UUID, *, now: datetime) -> None:
    """An alarm for each channel on which a call has lasted longer than a lease can."""
    values = {"district_id": district_id, "now": now}
    async with pool.connection() as connection:
        rows = await (await connection.execute(queries.WAITING_SQL, values)).fetchall()
        for channel, _, _, sending, oldest_s in rows:
            if oldest_s > STUCK_AFTER_S:
                detail = {"channel": channel, "sending": sending, "oldest_s": round(float(oldest_s))}
                alarm = {
                    "district_id": district_id,
                    "id": new_id(),
                    "kind": AlarmKind.DELIVERIES_STUCK.value,
                    "subject": channel,
                    "detail": json.dumps(detail),
                    "at": now,
                }
                await connection.execute(SOUND_SQL, alarm)
