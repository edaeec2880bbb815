"""Campaigns that end by themselves: at the first look that finds a reason, once, with the reason in their history."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select, text

from district.auth.models import Role
from district.auth.principals import COOKIE
from district.campaigns.live import live_campaigns
from district.campaigns.models import Campaign, CampaignEvent, CampaignLook
from district.clock import FixedClock
from district.database import make_engine, make_sessions, new_id
from district.members.models import Consent
from district.members.mutes import MemberMute
from district.offers.arbitration_models import Exposure
from district.offers.models import Offer
from district.reports.stopping import EVERY, Stopping
from tests.conftest import dsn, refresh
from tests.district.reports.conftest import HOURS, Trial

MINUTE = timedelta(minutes=1)
WAITS_SQL = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url, pool_size=4)
    yield made
    made.dispose()


@pytest.fixture
def worker(engine: Engine, clock: FixedClock) -> Stopping:
    return Stopping(sessions=make_sessions(engine), districts=tuple, clock=clock)


def stops(trial: Trial, **when: Any) -> None:
    trial.campaign.rule = {**trial.campaign.rule, "stop_when": when}


def look(trial: Trial, worker: Stopping) -> Campaign:
    """What a worker makes of it once the next look is due."""
    trial.makers.session.commit()
    trial.clock.advance(MINUTE)
    worker.look_at_due(trial.makers.info(trial.district))
    trial.makers.session.expire_all()
    return trial.campaign


def ends(trial: Trial) -> list[CampaignEvent]:
    wanted = select(CampaignEvent).where(
        CampaignEvent.campaign_id == trial.campaign.id, CampaignEvent.what == "end"
    )
    return list(trial.makers.session.scalars(wanted))


def seen(trial: Trial) -> CampaignLook | None:
    """What the last look kept."""
    return trial.makers.session.get(CampaignLook, (trial.district.id, trial.campaign.id))


def used(trial: Trial, *, taken_back: bool = False) -> None:
    """A member got an offer and redeemed it."""
    member_id = trial.exposed("treated")
    trial.makers.session.flush()
    offer = trial.makers.session.scalars(select(Offer).where(Offer.member_id == member_id)).one()
    trial.redeem(offer, trial.clock.now(), 100, taken_back=taken_back)


def drawn(trial: Trial, percent: float) -> None:
    """All that are exposed were drawn while this share was held out."""
    trial.makers.session.flush()
    for row in trial.makers.session.scalars(
        select(Exposure).where(Exposure.district_id == trial.district.id)
    ):
        row.holdout_pct = percent


def arms(trial: Trial, *, treated: int, came: int, control: int, base: int) -> None:
    for arm, people, visitors in (("treated", treated, came), ("control", control, base)):
        for number in range(people):
            member_id = trial.exposed(arm)
            if number < visitors:
                trial.visit(member_id, trial.clock.now() + HOURS)
    drawn(trial, 20.0)


def says(trial: Trial, member_id: uuid.UUID, *, granted: bool, after: timedelta) -> None:
    trial.add(
        Consent(
            district_id=trial.district.id,
            id=new_id(),
            member_id=member_id,
            purpose="marketing",
            channel="inbox",
            granted=granted,
            action="button",
            at=trial.clock.now() + after,
        )
    )


async def test_it_ends_with_the_redemption_that_completes_its_number(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial, worker: Stopping, database_url: str
) -> None:
    stops(trial, redemptions=3)
    used(trial)
    used(trial)
    used(trial, taken_back=True)
    assert look(trial, worker).state == "live"
    used(trial)
    assert look(trial, worker).state == "ended"
    (event,) = ends(trial)
    assert (event.role, event.account_id, event.from_state) == ("clock", None, "live")
    assert event.detail == {"stopped_by": "redemptions"}
    assert "3" in event.reason["zh"]
    assert "3" in event.reason["en"]
    headers = trial.headers()
    trial.makers.session.commit()
    await refresh(app)
    report = (await client.get(trial.path, headers=headers)).json()
    found = report["early_stop"]
    assert (found["redemptions_wanted"], found["redemptions"]) == (3, 3)
    assert (found["stopped_by"], found["stopped_text"]) == ("redemptions", event.reason["en"])
    in_csv = (await client.get(trial.path + ".csv", headers=headers)).text
    assert "early_stop,redemptions,3" in in_csv
    async with await psycopg.AsyncConnection.connect(dsn(database_url)) as connection:
        assert not await live_campaigns(connection, trial.makers.info(trial.district))


def test_a_look_is_due_again_within_half_a_minute_and_not_before(trial: Trial, worker: Stopping) -> None:
    stops(trial, redemptions=1)
    assert look(trial, worker).state == "live"
    used(trial)
    trial.makers.session.commit()
    info = trial.makers.info(trial.district)
    assert worker.look_at_due(info) == 0
    trial.clock.advance(EVERY + timedelta(seconds=10))
    assert worker.look_at_due(info) == 1


def test_of_many_workers_one_ends_it(trial: Trial, worker: Stopping) -> None:
    stops(trial, redemptions=1)
    used(trial)
    trial.makers.session.commit()
    info = trial.makers.info(trial.district)
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lambda _: worker.look_at_due(info), range(8))) == 1
    trial.makers.session.expire_all()
    assert len(ends(trial)) == 1


@pytest.mark.parametrize("state", ["paused", "exhausted"])
def test_what_is_paused_or_has_nothing_left_ends_too(trial: Trial, worker: Stopping, state: str) -> None:
    stops(trial, redemptions=1)
    trial.campaign.state = state
    used(trial)
    assert look(trial, worker).state == "ended"


@pytest.mark.parametrize("state", ["draft", "in_review", "scheduled", "cancelled"])
def test_what_is_not_under_way_is_left_alone(trial: Trial, worker: Stopping, state: str) -> None:
    stops(trial, redemptions=1)
    trial.campaign.state = state
    used(trial)
    assert look(trial, worker).state == state
    assert ends(trial) == []


def test_a_campaign_without_an_early_stop_is_never_looked_at(trial: Trial, worker: Stopping) -> None:
    used(trial)
    look(trial, worker)
    assert seen(trial) is None


def test_a_rule_that_changes_during_the_look_is_looked_at_anew(
    trial: Trial, worker: Stopping, engine: Engine
) -> None:
    """Another transaction holds the campaign until the worker, which has read the old rule, waits for it."""
    stops(trial, redemptions=1)
    used(trial)
    trial.makers.session.commit()
    stops(trial, redemptions=100)
    trial.makers.session.flush()
    with ThreadPoolExecutor(1) as threads, engine.connect() as watching:
        looked = threads.submit(worker.look_at_due, trial.makers.info(trial.district))
        deadline = time.monotonic() + 120
        while not watching.scalar(text(WAITS_SQL)):
            assert time.monotonic() < deadline
            watching.rollback()
        trial.makers.session.commit()
        assert looked.result() == 0
    trial.makers.session.expire_all()
    assert (trial.campaign.state, ends(trial)) == ("live", [])


def test_new_customers_end_it_from_ten_on(trial: Trial, worker: Stopping) -> None:
    stops(trial, new_customers=12)
    arms(trial, treated=40, came=11, control=20, base=10)
    assert look(trial, worker).state == "live"
    trial.visit(trial.exposed("treated"), trial.clock.now() + HOURS)
    drawn(trial, 20.0)
    assert look(trial, worker).state == "ended"
    assert ends(trial)[0].detail == {"stopped_by": "new_customers"}


def test_who_came_before_is_no_new_customer(trial: Trial, worker: Stopping) -> None:
    stops(trial, new_customers=10)
    for _ in range(30):
        member_id = trial.exposed("treated")
        trial.visit(member_id, trial.clock.now() - 100 * HOURS)
        trial.visit(member_id, trial.clock.now() + HOURS)
    assert look(trial, worker).state == "live"


def test_members_who_stay_away_because_of_it_end_it(trial: Trial, worker: Stopping) -> None:
    stops(trial, harm=True)
    arms(trial, treated=200, came=20, control=50, base=30)
    assert look(trial, worker).state == "ended"
    assert ends(trial)[0].detail == {"stopped_by": "fewer_visits"}
    found = seen(trial)
    assert found is not None
    assert found.visits_p is not None
    assert found.visits_p <= 0.025


@pytest.mark.parametrize(
    ("came", "base", "control"),
    [
        pytest.param(100, 25, 50, id="as many"),
        pytest.param(160, 20, 50, id="more"),
        pytest.param(60, 20, 50, id="less, by what may be chance"),
        pytest.param(20, 60, 120, id="a split that is broken"),
        pytest.param(3, 30, 50, id="so few that none are counted out"),
    ],
)
def test_what_is_no_certain_harm_goes_on(
    trial: Trial, worker: Stopping, came: int, base: int, control: int
) -> None:
    stops(trial, harm=True)
    arms(trial, treated=200, came=came, control=control, base=base)
    assert look(trial, worker).state == "live"


def muted(trial: Trial, member_id: uuid.UUID) -> None:
    at = trial.clock.now() + HOURS
    row = MemberMute(district_id=trial.district.id, member_id=member_id, merchant_id=trial.merchant.id, at=at)
    trial.add(row)


def withdrawn(trial: Trial, member_id: uuid.UUID) -> None:
    says(trial, member_id, granted=True, after=-HOURS)
    says(trial, member_id, granted=False, after=HOURS)


def never_agreed(trial: Trial, member_id: uuid.UUID) -> None:
    says(trial, member_id, granted=False, after=-2 * HOURS)
    says(trial, member_id, granted=False, after=HOURS)


def long_after(trial: Trial, member_id: uuid.UUID) -> None:
    says(trial, member_id, granted=True, after=-HOURS)
    says(trial, member_id, granted=False, after=25 * HOURS)


def before_it(trial: Trial, member_id: uuid.UUID) -> None:
    says(trial, member_id, granted=True, after=-2 * HOURS)
    says(trial, member_id, granted=False, after=-HOURS)


@pytest.mark.parametrize(
    ("did", "people", "state"),
    [
        (muted, 15, "ended"),
        (withdrawn, 15, "ended"),
        (withdrawn, 9, "live"),
        (never_agreed, 15, "live"),
        (long_after, 15, "live"),
        (before_it, 15, "live"),
    ],
    ids=["mutes", "withdrawals", "fewer than ten", "a no after a no", "a day later", "before"],
)
def test_members_who_stop_messages_end_it(
    trial: Trial, worker: Stopping, did: Callable[[Trial, uuid.UUID], None], people: int, state: str
) -> None:
    stops(trial, opt_out_pct=2)
    for number in range(100):
        member_id = trial.exposed("treated")
        if number < people:
            trial.makers.session.flush()
            did(trial, member_id)
    assert look(trial, worker).state == state
    assert [one.detail["stopped_by"] for one in ends(trial)] == ["opt_outs"] * (state == "ended")


def test_a_rule_that_cannot_be_read_holds_up_no_other(trial: Trial, worker: Stopping) -> None:
    stops(trial, redemptions=1)
    used(trial)
    broken = trial.makers.campaign(trial.district, trial.merchant, [])
    broken.rule = {**broken.rule, "v": 9, "stop_when": {"redemptions": 1}}
    assert look(trial, worker).state == "ended"
    assert broken.state == "live"


async def test_the_page_says_how_far_it_is_and_why_it_ended(
    app: FastAPI, client: httpx.AsyncClient, trial: Trial, worker: Stopping
) -> None:
    stops(trial, redemptions=2, new_customers=50, harm=True, opt_out_pct=1.5)
    used(trial)
    look(trial, worker)
    trial.makers.session.commit()
    account = trial.makers.account(trial.district, Role.MERCHANT, scope_id=trial.merchant.id)
    token = trial.makers.token(
        trial.district, Role.MERCHANT, subject_id=account.id, scope_id=trial.merchant.id
    )
    trial.makers.session.commit()
    client.cookies.set(COOKIE, token)
    await refresh(app)
    address = f"/merchant/campaigns/{trial.campaign.id}"
    page = (await client.get(address, params={"lang": "zh"})).text
    assert "自动结束" in page
    assert "1 / 2" in page
    assert "退订超过 1.5%" in page
    used(trial)
    look(trial, worker)
    assert "It has brought the 2 redemptions" in (await client.get(address, params={"lang": "en"})).text
