"""Campaigns that end by themselves: looked at every few seconds, by whichever worker comes first."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy.exc
import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from district.campaigns import life
from district.campaigns.models import Campaign, CampaignLook
from district.campaigns.service import CHANNEL
from district.clock import Clock, monotonic
from district.database import make_engine, make_sessions, notify
from district.districts.service import DistrictInfo
from district.footfall.metrics import published
from district.reports import queries, rows
from district.reports.effects import Comparison
from district.reports.schemas import Outcome, Window
from district.settings import Settings
from district.tasks import in_thread
from push import early_stop
from push.campaign_document import parse_rule
from push.campaign_life import CampaignState
from push.early_stop import Draw, Judged, Look
from push.errors import PushError
from push.holdout import Arm
from push.lift import Group
from push.rule import StopWhen
from push.wording import Language

EVERY: Final = timedelta(seconds=20)
LONGEST: Final = timedelta(minutes=10)
REST: Final = 20
"""A look is followed by a rest so many times as long as it took, so that large campaigns take a twentieth of a worker."""
AFTER_FAILURE: Final = timedelta(minutes=1)
"""When a look that failed is tried again."""
LOOKED_WITHIN_S: Final = 60
"""What one statement of a look may take: nobody waits for its answer."""
WITHIN: Final = Window.DAY
"""For so long after he was told, what a member does counts."""
STOPPABLE: Final = (CampaignState.LIVE, CampaignState.PAUSED, CampaignState.EXHAUSTED)
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """One worker's share of the looks. Any number of workers may run."""

    sessions: sessionmaker[Session]
    districts: Callable[[], Sequence[DistrictInfo]]
    clock: Clock

    async def run(self) -> None:
        """Look until cancelled; a database that is away is waited for."""
        while True:
            for district in self.districts():
                try:
                    await in_thread(self.look_at_due, district)
                except sqlalchemy.exc.SQLAlchemyError as error:
                    log.warning("early_stop.failed", district=district.slug, error=type(error).__name__)
            await asyncio.sleep(EVERY.total_seconds())

    def look_at_due(self, district: DistrictInfo) -> int:
        """Look at every campaign whose time has come; how many ended."""
        with self.sessions.begin() as session:
            values = {"district_id": district.id, "now": self.clock.machine_now()}
            session.execute(text(queries.KNOW_LOOKS_SQL), values)
        stopped = 0
        while True:
            with self.sessions.begin() as session:
                due = claim(session, district.id, self.clock.machine_now())
                if due is None:
                    return stopped
                stopped += self._looked(session, district, due)

    def _looked(self, session: Session, district: DistrictInfo, due: CampaignLook) -> bool:
        began, campaign_id = monotonic(), due.campaign_id
        try:
            with session.begin_nested():
                session.execute(text(f"SET LOCAL statement_timeout = '{LOOKED_WITHIN_S}s'"))
                stopped = look(session, district, due, clock=self.clock)
        except (sqlalchemy.exc.DBAPIError, PushError) as error:
            if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
                raise
            log.warning("early_stop.failed", campaign=str(campaign_id), error=type(error).__name__)
            stopped, rest = False, AFTER_FAILURE
        else:
            rest = timedelta(seconds=REST * (monotonic() - began))
        due.next_at = self.clock.machine_now() + min(max(rest, EVERY), LONGEST)
        return stopped


async def run(settings: Settings, districts: Callable[[], Sequence[DistrictInfo]], clock: Clock) -> None:
    """End campaigns that are to end by themselves, until cancelled."""
    assert settings.database_url is not None  # noqa: S101 the role started with it
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        await Stopping(sessions=make_sessions(engine), districts=districts, clock=clock).run()
    finally:
        engine.dispose()


def claim(session: Session, district_id: uuid.UUID, now: datetime) -> CampaignLook | None:
    """The campaign whose look is due the longest and that no other worker looks at; its row stays locked."""
    return session.scalar(
        select(CampaignLook)
        .join(
            Campaign,
            (Campaign.district_id == CampaignLook.district_id) & (Campaign.id == CampaignLook.campaign_id),
        )
        .where(
            CampaignLook.district_id == district_id,
            CampaignLook.next_at <= now,
            Campaign.state.in_(STOPPABLE),
            Campaign.rule.has_key("stop_when"),
        )
        .order_by(CampaignLook.next_at, CampaignLook.campaign_id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True, of=CampaignLook)
    )


def look(session: Session, district: DistrictInfo, due: CampaignLook, *, clock: Clock) -> bool:
    """Look at one campaign, keep what was seen, and end it if its rule says so; whether it ended."""
    row = session.get_one(Campaign, (district.id, due.campaign_id))
    wanted = parse_rule(row.rule).stop_when
    if wanted is None:
        return False
    seen = _seen(session, district.id, row.id, wanted, clock.now())
    judged = early_stop.judge(wanted, seen)
    _keep(due, seen, judged, clock.now())
    by = judged.stopped_by
    if by is None or not _is_as_it_was(session, row):
        return False
    life.stop(session, row, by, early_stop.words(by, wanted), clock=clock)
    due.stopped_by = by
    notify(session, CHANNEL, str(row.district_id))
    log.info("campaign.stopped", campaign=str(row.id), by=by.value)
    return True


def _is_as_it_was(session: Session, row: Campaign) -> bool:
    """Lock it: whether nobody has ended it, or changed its rule, while it was looked at."""
    said = row.rule
    # Offers that are being issued hold their campaign's key: this lock lets them.
    session.refresh(row, with_for_update={"key_share": True})
    return row.state in STOPPABLE and row.rule == said


def _keep(due: CampaignLook, seen: Look, judged: Judged, now: datetime) -> None:
    """What pages may show of it: nothing that would tell of fewer than ten people."""
    due.looked_at, due.redemptions, due.new_customers = now, seen.redemptions, seen.new_customers
    due.visits_p = judged.visits_p
    due.opt_outs = None if seen.opt_outs is None else seen.opt_outs.did
    due.opt_outs_p = judged.opt_outs_p


def _seen(
    session: Session, district_id: uuid.UUID, campaign_id: uuid.UUID, wanted: StopWhen, now: datetime
) -> Look:
    """Only what the rule asks for is read."""
    values = rows.values_of(session, district_id, campaign_id, within=WITHIN, now=now)
    redemptions = session.scalar(text(queries.REDEMPTIONS_SQL), values) or 0
    compared = None
    if wanted.new_customers is not None or wanted.is_harm_watched:
        compared = _compared(session, values)
    return Look(
        redemptions=redemptions,
        new_customers=None
        if compared is None
        else compared.shown_did(compared.treated, Outcome.NEW_CUSTOMER),
        visits=None if compared is None else _draws(compared),
        opt_outs=None if wanted.opt_out_share is None else _opt_outs(session, values),
    )


def _compared(session: Session, values: rows.Values) -> Comparison:
    arms = rows.arms(session, values)
    return Comparison(
        treated=arms[Arm.TREATED],
        control=arms[Arm.CONTROL],
        splits=rows.splits(session, values),
        language=Language.EN,
    )


def _draws(compared: Comparison) -> Sequence[Draw] | None:
    """Each draw whose share is known; None as long as a report would not compare the arms."""
    if compared.reason(Outcome.VISIT) is not None:
        return None
    shares = {*compared.treated.parts, *compared.control.parts}
    empty = rows.ArmRows()
    return [
        Draw(
            treated=compared.treated.parts.get(one, empty).visited,
            control=compared.control.parts.get(one, empty).visited,
            control_share=one[0] / 100,
        )
        for one in sorted(shares, key=str)
        if one[0] is not None
    ]


def _opt_outs(session: Session, values: rows.Values) -> Group | None:
    """None while fewer than ten stopped messages: an end would tell of single people."""
    people, did = session.execute(text(queries.OPT_OUTS_SQL), values).one()
    return Group(people=people, did=did) if did and published(did) is not None else None
