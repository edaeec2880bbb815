"""Wall clocks are set while messages leave: the dispatchers', the database's, both; an hour on or an hour back.

The database's clock is the product's. Dispatchers whose own clock says something else go by it, so that nothing they do
changes; when it is set itself, everything goes by the new time soon, and nothing waits for the hour that is missing.
Nothing arrives twice. DISTRICT_CHAOS_SEED repeats a run.
"""

import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from district.clock import system
from push.channels import signing
from push.consent import Channel
from tests.chaos.stage import IN_FLIGHT, SEED, WORKERS, Stage, at_work, made
from tests.chaos.witness import Witness
from tests.product import wait_for
from tests.sink.script import Fault, Rule

FINAL_WITHIN_S = 60.0
GENEROUS_S = 150.0
HOUR = timedelta(hours=1)
HEARD_WITHIN = timedelta(seconds=10)
"""Until everybody has heard of it, and what was on its way has arrived."""
QUIET_FROM = datetime(2026, 5, 1, 18, 0, tzinfo=UTC)
"""Nine in the evening in Helsinki."""
# A call that is cut off by its deadline says so.
STOLEN = """
SELECT count(*) FROM outbox_message WHERE district_id = %s AND state = 'unknown' AND reason = ''
"""


@pytest.fixture(scope="module")
def made_once() -> Iterator[Stage]:
    """One for all tests here: it takes a while."""
    with made() as stage:
        yield stage


@pytest.fixture
def stage(made_once: Stage) -> Iterator[Stage]:
    """The same with its clocks right."""
    made_once.right()
    yield made_once
    made_once.right()


def harass(stage: Stage, who: str, by: timedelta, *, messages: int, is_killed: bool, within_s: float) -> None:
    """Set the clock in the middle of it all: some wait for a provider that rests, some are leased, some are leaving."""
    chance = random.Random(SEED)
    with at_work(stage, is_short=is_killed) as (mailing, nursery, sink, rows):
        ids = {str(one) for one in mailing.queue(messages, Channel.SMS)}
        pids = [nursery.start() for _ in range(WORKERS)]
        wait_for("it has begun", lambda: len(sink.taken()) > messages // 10, timeout_s=120)
        sink.misbehave(Rule(fault=Fault.THROTTLED, seconds=2, times=3))
        time.sleep(chance.uniform(0.1, 0.6))  # not a condition: where the step falls
        if is_killed:
            nursery.kill(pids[0])
        stage.step(who, by)
        began = time.monotonic()
        wait_for("all are final", lambda: rows.active() == 0, timeout_s=within_s)
        print(who, by, "all final after", round(time.monotonic() - began, 1), "s")  # noqa: T201
        states = rows.states()
        stolen = sum(row[0] for row in rows.run(STOLEN, rows.district_id))
        got = Counter(line.delivery_id for line in sink.taken())
    assert not [one for one, times in got.items() if times > 1], f"seed {SEED}"
    count = Counter(states.values())
    assert {states[one] for one in ids - set(got)} <= {"unknown"}, count
    assert set(count) <= {"accepted", "unknown"}, count
    assert stolen <= (IN_FLIGHT if is_killed else 0), f"{stolen} of {count}; seed {SEED}"


@pytest.mark.chaos
@pytest.mark.parametrize("is_killed", [False, True], ids=["alive", "killed"])
@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
@pytest.mark.parametrize("who", ["dispatchers", "database", "both"])
def test_a_clock_that_is_set_makes_nothing_arrive_twice_and_nothing_wait(
    stage: Stage, who: str, by: timedelta, is_killed: bool
) -> None:
    harass(stage, who, by, messages=1_000, is_killed=is_killed, within_s=FINAL_WITHIN_S)


def test_a_database_whose_clock_is_set_back_keeps_nobody_waiting(stage: Stage) -> None:
    harass(stage, "database", -HOUR, messages=200, is_killed=False, within_s=GENEROUS_S)


@pytest.mark.chaos
@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
def test_dispatchers_with_a_wrong_clock_keep_windows_by_the_databases(stage: Stage, by: timedelta) -> None:
    """The windows of some are over while their provider rests, those of the others are long."""
    with at_work(stage) as (mailing, nursery, sink, rows):
        now = mailing.now()
        ends = [now + (timedelta(seconds=12) if number % 2 else HOUR / 2) for number in range(300)]
        sink.misbehave(Rule(fault=Fault.THROTTLED, seconds=20))
        ids = mailing.queue(len(ends), Channel.SMS, send_before=lambda number: ends[number])
        stage.step("dispatchers", by)
        for _ in range(WORKERS):
            nursery.start()
        paused = "SELECT count(*) FROM channel_provider WHERE district_id = %s AND paused_until IS NOT NULL"
        wait_for("the provider rests", lambda: rows.run(paused, rows.district_id) == [(1,)], timeout_s=120)
        wait_for("the short windows are over", lambda: mailing.now() > max(ends[1::2]) or None, timeout_s=30)
        sink.misbehave()
        wait_for("all are final", lambda: rows.active() == 0, timeout_s=120)
        states = rows.states()
        assert {states[str(one)] for one in ids[1::2]} == {"expired"}, f"seed {SEED}"
        assert {states[str(one)] for one in ids[0::2]} <= {"accepted", "unknown"}, f"seed {SEED}"
        assert {line.delivery_id for line in sink.taken()} <= {str(one) for one in ids[0::2]}


@pytest.mark.chaos
@pytest.mark.parametrize("who", ["database", "both"])
def test_a_clock_that_is_set_on_ends_windows_and_begins_quiet_hours(stage: Stage, who: str) -> None:
    """It is eight in the evening and then nine: whoever was to be rung waits, unless his offer is over by the morning."""
    with at_work(stage) as (mailing, nursery, sink, rows):
        mailing.begin_anew(QUIET_FROM - HOUR / 2)
        over, later = QUIET_FROM + HOUR / 4, QUIET_FROM + timedelta(days=1)
        mailing.queue(
            1_500,
            Channel.SMS,
            due_at=lambda _: QUIET_FROM - HOUR,
            send_before=lambda number: over if number % 2 else later,
        )
        for _ in range(WORKERS):
            nursery.start()
        wait_for("it has begun", lambda: len(sink.taken()) > 50, timeout_s=120)
        stage.step(who, HOUR)
        set_at = system.machine_now()
        due = (
            "SELECT count(*) FROM outbox_message WHERE district_id = %s AND state <> ALL(%s) AND due_at < %s"
        )
        done = ["accepted", "unknown", "expired", "suppressed"]
        wait_for(
            "the rest is over or waits for the morning",
            lambda: rows.run(due, rows.district_id, done, QUIET_FROM + HOUR) == [(0,)],
            timeout_s=120,
        )
        late = [line for line in sink.taken() if line.at > set_at + HEARD_WITHIN]
        assert not late, f"{len(late)} rang in quiet hours; seed {SEED}"
        states = Counter(rows.states().values())
        assert states["expired"] + states["suppressed"] > 100, states
        assert states["queued"] > 100, states


@pytest.mark.chaos
@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["on", "back"])
def test_what_dispatchers_with_a_wrong_clock_sign_is_signed_now(stage: Stage, by: timedelta) -> None:
    with at_work(stage) as (mailing, nursery, _, rows), Witness() as witness:
        key = signing.secret_from(secrets.token_bytes(32))
        options = {"url": witness.url}
        mailing.provider("relay_email", Channel.EMAIL, options, {"secret": key})
        stage.step("dispatchers", by)
        mailing.queue(20, Channel.EMAIL)
        nursery.start()
        wait_for("all are final", lambda: rows.active() == 0, timeout_s=120)
        assert len(witness.calls) == 20
        for call in witness.calls:
            signing.verify(call.headers, call.body, secrets=[key], now=call.at)
