"""A demo's past campaigns: both arms, uses, purchases and statements by the product's own services, and people to preview."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.auth.service import Principal
from district.campaigns.live import live_campaigns
from district.clock import FixedClock
from district.database import make_pool
from district.demo import footsteps, history, past, past_campaigns
from district.demo.shops import StoreSpot
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.offers import preview_people
from district.reports import service as reports
from district.reports.schemas import Outcome
from district.stores.models import Till
from geo.coordinates import LonLat
from tests.conftest import NOON
from tests.factories import HELSINKI, Makers

SOME = {"members": 1_400, "passers_by": 400}
"""Enough for some fifteen visits or more of those who were held out: a report that has fewer than ten says nothing."""
ROWS_SQL = """
SELECT 'exposure', count(*) FROM exposure WHERE district_id = :d
UNION ALL SELECT 'offer', count(*) FROM offer WHERE district_id = :d
UNION ALL SELECT 'inbox_item', count(*) FROM inbox_item WHERE district_id = :d
UNION ALL SELECT 'redemption', count(*) FROM redemption WHERE district_id = :d
UNION ALL SELECT 'reversal', count(*) FROM reversal WHERE district_id = :d
UNION ALL SELECT 'purchase', count(*) FROM purchase WHERE district_id = :d
UNION ALL SELECT 'ledger_posting', count(*) FROM ledger_posting WHERE district_id = :d
UNION ALL SELECT 'statement', count(*) FROM statement WHERE district_id = :d
UNION ALL SELECT 'visit', count(*) FROM visit WHERE district_id = :d
"""


class Demo:
    """A small district with two merchants and the past of a demo."""

    def __init__(self, makers: Makers, database_url: str) -> None:
        self.makers, self.url = makers, database_url
        self.row: District = makers.district(label="demo")
        self.info: DistrictInfo = makers.info(self.row)
        self.stores = [self._store(number) for number in range(2)]
        self.feed = makers.feed(self.row)
        self._walk()
        past_campaigns.make(makers.session, self.info, clock=makers.clock)
        makers.done()

    def _store(self, number: int) -> Any:
        at = LonLat(lon=HELSINKI.lon + number * 0.002, lat=HELSINKI.lat)
        merchant = self.makers.merchant(self.row)
        store = self.makers.store(self.row, merchant_id=merchant.id, at=at)
        till = Till(
            district_id=self.row.id,
            id=uuid.uuid4(),
            store_id=store.id,
            name="1",
            created_at=self.makers.clock.now(),
        )
        self.makers.session.add(till)
        return store

    def _walk(self) -> None:
        others = [self.makers.store(self.row) for _ in range(18)]
        spots = [
            StoreSpot(id=str(one.id), name="Zio", category="clothes", position=HELSINKI)
            for one in (*self.stores, *others)
        ]
        session, clock = self.makers.session, self.makers.clock
        zones = [self.makers.zone(self.row).id]
        history.make(session, self.info, zone_ids=zones, stores=spots, clock=clock, **SOME)
        yesterday = self.info.trading_day(clock.now()) - timedelta(days=1)
        assert footsteps.add(session, self.info, self.feed.id, yesterday) > 1_000

    def live(self) -> None:
        """What a start of the demo does, as often as it is started."""
        session = self.makers.session
        session.expire_all()
        _, ran = past.unfinished(session, self.row.slug)
        session.commit()
        past.live_through(self.url, self.info, ran, clock=self.makers.clock)

    def counts(self) -> dict[str, int]:
        rows = self.makers.session.execute(text(ROWS_SQL), {"d": self.row.id}).all()
        self.makers.session.commit()
        return {name: int(count) for name, count in rows}


@pytest.fixture(scope="module")
def now() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture(scope="module")
def demo(engine: Engine, database_url: str, now: FixedClock) -> Iterator[Demo]:
    """One past for all tests here: it takes seconds."""
    with Session(engine, expire_on_commit=False) as session:
        made = Demo(Makers(session, now, commit=True), database_url)
        made.live()
        yield made


def operator(district: DistrictInfo) -> Principal:
    return Principal(
        role=Role.OPERATOR,
        district_id=district.id,
        district_slug=district.slug,
        subject_id=uuid.uuid4(),
        scope_id=None,
        merchant_id=None,
    )


def test_the_report_of_a_past_campaign_finds_what_was_planted(demo: Demo, now: FixedClock) -> None:
    session = demo.makers.session
    ran = past_campaigns.find(session, demo.info)
    assert {one.plan.key for one in ran} == {"back", "window", "afternoon"}
    read = [
        (
            one.plan,
            reports.report(session, demo.info, operator(demo.info), one.id, reports.Asked(now=now.now())),
        )
        for one in ran
    ]
    # Chance alone spoils a split in a thousand, and leaves a report too few visits as seldom; that it spoils both of the
    # campaigns that caused something is not seen in a lifetime.
    plan, report, visits = next(
        (plan, report, one)
        for plan, report in read
        for one in report.effects
        if report.sample_ratio.is_trusted and one.outcome is Outcome.VISIT and one.difference is not None
    )
    assert report.funnel.control is not None
    assert report.funnel.treated > report.funnel.control * 2
    assert visits.difference is not None
    assert visits.control.share is not None
    # Of those who would not have come on that outing anyhow, the planted share comes.
    planted = plan.caused_share * (1 - visits.control.share.estimate) / (1 - plan.anyway_share)
    error = (visits.difference.high - visits.difference.low) / (2 * 1.96)
    assert abs(visits.difference.estimate - planted) < 6 * error
    assert report.money.cost_minor > 0
    assert report.credited.redemptions > 0


def test_past_campaigns_have_ended_and_their_days_are_closed(demo: Demo, now: FixedClock) -> None:
    today = demo.info.trading_day(now.now())
    values = {"d": demo.row.id}

    def one(sql: str) -> Any:
        return demo.makers.session.scalar(text(sql), values)

    assert one("SELECT count(*) FROM campaign WHERE district_id = :d AND state = 'ended'") == 3
    assert one("SELECT max(trading_day) FROM statement_day WHERE district_id = :d") == today - timedelta(
        days=1
    )
    assert one("SELECT sum(net_minor) FROM statement WHERE district_id = :d") == 0
    assert one("SELECT count(DISTINCT party) FROM statement WHERE district_id = :d") >= 2
    assert one("SELECT count(*) FROM visit WHERE district_id = :d AND NOT is_demo") == 0
    assert one("SELECT max(at) FROM inbox_item WHERE district_id = :d") < now.now()


def test_a_start_that_was_cut_short_ends_with_the_same_rows(demo: Demo) -> None:
    """The days are lived through twice, as after a kill before the campaigns had ended."""
    before = demo.counts()
    assert min(before.values()) > 0, before
    session = demo.makers.session
    ran = past_campaigns.find(session, demo.info)
    session.commit()
    past.live_through(demo.url, demo.info, ran, clock=demo.makers.clock)
    assert demo.counts() == before


def test_a_finished_past_is_left_alone(demo: Demo) -> None:
    _, ran = past.unfinished(demo.makers.session, demo.row.slug)
    assert ran == ()


async def test_yesterdays_positions_reach_people_in_a_dry_run(demo: Demo, now: FixedClock) -> None:
    campaign = demo.makers.campaign(demo.row, demo.makers.merchant(demo.row), [demo.stores[0]])
    async with make_pool(demo.url, size=1) as pool, pool.connection() as connection:
        (live,) = await live_campaigns(connection, demo.info, only=[campaign.id])
        found = await preview_people.walkers(connection, demo.info, live, live.fence, now=now.now())
    assert len(found.members or ()) >= 10
