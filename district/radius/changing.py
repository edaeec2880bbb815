"""A running session under a plan that was changed: its NAS gets the whole set of limits (CoA), less what was used of today."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeAlias

import sqlalchemy.exc
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from district.clock import Clock
from district.database import make_engine, make_sessions
from district.districts.service import DistrictInfo
from district.gateways import plan_changes, plans
from district.gateways.dialect import PlanInfo
from district.gateways.models import WifiSession
from district.gateways.plan_changes import Claimed
from district.radius import coa, ending
from district.radius.ending import Told
from district.radius.models import RadiusSession
from district.radius.queries import USAGE_SQL
from district.settings import Settings
from district.snapshot import notices
from district.tasks import ended, in_thread

log = structlog.get_logger()
KIB = 1024
TICK_S = 1.0
MOST_AT_ONCE = 16
Districts: TypeAlias = Callable[[], Mapping[uuid.UUID, DistrictInfo]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be told to which NAS; nothing of it is read again."""

    told: Sequence[Told]
    plan: PlanInfo


def change_of(session: Session, district: DistrictInfo, claimed: Claimed, *, clock: Clock) -> Change | None:
    """None: the session is over, or no NAS of ours has it."""
    wifi = session.get(WifiSession, (claimed.district_id, claimed.wifi_session_id))
    if wifi is None or wifi.ended_at is not None:
        return None
    rows = session.scalars(
        select(RadiusSession).where(
            RadiusSession.district_id == claimed.district_id,
            RadiusSession.wifi_session_id == wifi.id,
            RadiusSession.stopped_at.is_(None),
        )
    ).all()
    told = ending.told_to(session, claimed.district_id, rows)
    if not told:
        return None
    plan = plans.plan_of(session, district.id, wifi.plan_id)
    return Change(told=told, plan=_less_what_was_used(session, district, wifi, rows, plan, clock=clock))


def _less_what_was_used(
    session: Session,
    district: DistrictInfo,
    wifi: WifiSession,
    rows: Sequence[RadiusSession],
    plan: PlanInfo,
    *,
    clock: Clock,
) -> PlanInfo:
    """A NAS counts from the session's beginning, a day's quota from the day's: what this session may come to in all."""
    if plan.daily_s is None and plan.daily_kib is None:
        return plan
    now = clock.now()
    values = {
        "district_id": district.id,
        "member_id": wifi.member_id,
        "alias": wifi.alias,
        "mac": wifi.device_mac,
        "machine_now": clock.machine_now(),
        "day_start": district.day_starts_at(district.trading_day(now)),
    }
    _elsewhere, used_s, used_octets = session.connection().exec_driver_sql(USAGE_SQL, values).one()
    own_s = sum(row.session_s for row in rows)
    own_kib = sum(row.up_octets + row.down_octets for row in rows) // KIB
    if plan.daily_s is not None:
        plan = replace(plan, session_s=_least(plan.session_s, own_s + max(0, plan.daily_s - used_s)))
    if plan.daily_kib is not None:
        left_kib = max(0, plan.daily_kib - used_octets // KIB)
        plan = replace(plan, volume_kib=_least(plan.volume_kib, own_kib + left_kib))
    return plan


def _least(limit: int | None, other: int) -> int:
    return other if limit is None else min(limit, other)


@dataclass(kw_only=True)
class Changes:
    """One worker's share of the sessions that are to be told. Any number of workers may run."""

    sessions: sessionmaker[Session]
    districts: Districts
    clock: Clock
    interim: timedelta
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> int:
        """Tell what is due, several side by side; how many there were."""
        claimed = await in_thread(self._claim)
        await asyncio.gather(*(in_thread(self._carry_out, one) for one in claimed))
        return len(claimed)

    def _claim(self) -> list[Claimed]:
        now = self.clock.machine_now()
        with self.sessions() as session:
            districts = plan_changes.due_districts(session, machine_now=now)
        claimed: list[Claimed] = []
        for district_id in districts:
            with self.sessions.begin() as session:
                most = MOST_AT_ONCE - len(claimed)
                claimed += plan_changes.claim(session, district_id, machine_now=now, most=most)
            if len(claimed) >= MOST_AT_ONCE:
                break
        return claimed

    def _carry_out(self, claimed: Claimed) -> None:
        district = self.districts().get(claimed.district_id)
        if district is None:
            return
        with self.sessions.begin() as session:
            change = change_of(session, district, claimed, clock=self.clock)
        is_done, words = self._tell(change)
        with self.sessions.begin() as session:
            plan_changes.record(session, claimed, is_done=is_done, words=words, clock=self.clock)
        log.info("session.plan_told", district=district.slug, is_done=is_done, answer=words)

    def _tell(self, change: Change | None) -> tuple[bool, str]:
        """Outside any transaction."""
        if change is None:
            return True, "The session is over, or no RADIUS client of ours has it."
        interim_s = int(self.interim.total_seconds())
        replies = [
            coa.change(
                one.target, one.name, change.plan, interim_s=interim_s, machine_now=self.clock.machine_now()
            )
            for one in change.told
        ]
        worst = next((reply for reply in replies if not reply.is_over), replies[0])
        return all(reply.is_over for reply in replies), worst.words


async def run(settings: Settings, districts: Districts, clock: Clock) -> None:
    """Tell running sessions of changed plans until cancelled; a database that is away is waited for."""
    assert settings.database_url is not None  # noqa: S101 the role started with it
    engine = make_engine(settings.database_url, pool_size=2)
    changes = Changes(
        sessions=make_sessions(engine), districts=districts, clock=clock, interim=settings.radius_interim
    )
    listener = asyncio.create_task(_listen(settings.database_url, changes.woken))
    try:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await changes.woken.wait()
            changes.woken.clear()
            try:
                while await changes.look() == MOST_AT_ONCE:
                    pass
            except sqlalchemy.exc.SQLAlchemyError as error:
                log.warning("plan_changes.database_away", error=type(error).__name__)
    finally:
        await ended([listener])
        engine.dispose()


async def _listen(url: str, woken: asyncio.Event) -> None:
    async for _notice in notices(url, (plan_changes.CHANNEL,)):
        woken.set()
