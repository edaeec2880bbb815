"""Dispatchers that stand still (SIGSTOP) while an offer's time ends, quiet hours begin, or members say no.

They go on as if nothing had been: no line in the sink's book may be later than what holds by then allows. Messages come
due all the time, so that a stop falls into every step of the way. DISTRICT_CHAOS_SEED repeats a run.
"""

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.clock import system
from district.database import new_id
from district.members.models import Consent
from push.consent import Channel, Purpose
from tests.chaos.test_delivery_kills import SECRET, settings_of
from tests.product import NOON, wait_for
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.workers import Nursery

SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))
POLICY = {"in_flight": 8, "lease_rows": 20}
QUIET_FROM = datetime(2026, 5, 1, 18, 0, tzinfo=UTC)
"""Nine in the evening in Helsinki."""
LIFE = timedelta(seconds=4)
LATE = timedelta(seconds=2)
LATE_AT_NINE = timedelta(seconds=3)
"""Less than they stand still, and more than what left just before needs on a busy machine."""
ON_THEIR_WAY = 1
"""A worker does one thing at a time: of one message it may have asked the time, and not have written it yet."""
LATE_AFTER_NO = timedelta(seconds=10)
MEMBERS = "SELECT id, member_id FROM outbox_message WHERE district_id = %s"


@contextmanager
def at_work(engine: Engine, url: str) -> Iterator[tuple[Mailing, Nursery, Sink, Rows]]:
    """Two dispatchers and a mailing by text messages."""
    print("seed", SEED)  # noqa: T201 shown when it fails
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        mailing.relay()
        rows = Rows(url=url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(url), policy=POLICY) as nursery:
            yield mailing, nursery, sink, rows
        rows.end()


def stand_still(
    nursery: Nursery, *, times: int, seconds: tuple[float, float], between: Callable[[], None] = lambda: None
) -> None:
    """Stop both dispatchers again and again, each at a moment of its own."""
    chance = random.Random(SEED)
    pids = [nursery.start(), nursery.start()]
    time.sleep(1.0)  # they connect; how far they are at a stop is left to chance
    for _ in range(times):
        between()
        for pid in pids:
            time.sleep(chance.uniform(0.0, 0.08))
            nursery.stop(pid)
        time.sleep(chance.uniform(*seconds))
        for pid in pids:
            nursery.go_on(pid)
        time.sleep(chance.uniform(0.2, 0.9))


@pytest.mark.chaos
def test_nothing_leaves_after_its_window_though_its_worker_stood_still(
    engine: Engine, database_url: str
) -> None:
    with at_work(engine, database_url) as (mailing, nursery, sink, rows):
        start = NOON + timedelta(hours=1)
        due = [start + timedelta(milliseconds=20 * number) for number in range(1_000)]
        ids = mailing.queue(
            len(due),
            Channel.SMS,
            due_at=lambda number: due[number],
            send_before=lambda number: due[number] + LIFE,
        )
        offset = mailing.begin_anew(start)
        stand_still(nursery, times=4, seconds=(4.5, 7.0))
        wait_for("all are final", lambda: rows.active() == 0, timeout_s=120)
        end_of = {str(id_): at + LIFE for id_, at in zip(ids, due, strict=True)}
        late = [line for line in sink.taken() if line.at + offset > end_of[line.delivery_id] + LATE]
        assert len(sink.taken()) > 20, "too few left at all"
        assert not late, f"{len(late)} left late; seed {SEED}"
        assert "expired" in set(rows.states().values())


def test_nothing_rings_in_quiet_hours_though_its_worker_stood_still(
    engine: Engine, database_url: str
) -> None:
    # Of a busy machine they may have begun so late that hardly any left: then once more, with more time before it is nine.
    assert any(left_before_nine(engine, database_url, ahead_s=ahead_s) > 20 for ahead_s in (6.0, 20.0, 60.0))


def left_before_nine(engine: Engine, database_url: str, *, ahead_s: float) -> int:
    """Both stand still as it becomes nine, so long after they were begun; how many left. None rings in quiet hours."""
    with at_work(engine, database_url) as (mailing, nursery, sink, rows):
        start = QUIET_FROM - timedelta(seconds=ahead_s)
        first = QUIET_FROM - timedelta(seconds=6)
        mailing.queue(900, Channel.SMS, due_at=lambda number: first + timedelta(milliseconds=10 * number))
        offset, chance = mailing.begin_anew(start), random.Random(SEED)
        pids = [nursery.start(), nursery.start()]
        left_s = (QUIET_FROM - offset - system.machine_now()).total_seconds() - chance.uniform(0.05, 0.4)
        time.sleep(max(0.0, left_s))  # not a condition: the moment of the stop
        for pid in pids:
            nursery.stop(pid)
            time.sleep(chance.uniform(0.0, 0.05))
        time.sleep(4.0)
        for pid in pids:
            nursery.go_on(pid)
        due = (
            "SELECT count(*) FROM outbox_message WHERE district_id = %s AND state = 'queued' AND due_at < %s"
        )
        wait_for(
            "the rest waits for the morning",
            lambda: rows.run(due, rows.district_id, QUIET_FROM + timedelta(hours=6)) == [(0,)],
            timeout_s=120,
        )
        late = [line for line in sink.taken() if line.at + offset > QUIET_FROM + LATE_AT_NINE]
        assert len(late) <= ON_THEIR_WAY * len(pids), f"{len(late)} rang in quiet hours; seed {SEED}"
        return len(sink.taken())


@pytest.mark.chaos
def test_nothing_goes_to_who_said_no_though_the_worker_stood_still(engine: Engine, database_url: str) -> None:
    with at_work(engine, database_url) as (mailing, nursery, sink, rows):
        start = mailing.now() + timedelta(seconds=1)
        ids = mailing.queue(
            1_500, Channel.SMS, due_at=lambda number: start + timedelta(milliseconds=20 * number)
        )
        member_of = {str(row[0]): row[1] for row in rows.run(MEMBERS, rows.district_id)}
        said_no: dict[str, datetime] = {}
        chance = random.Random(SEED)

        def some_say_no() -> None:
            chosen = chance.sample([str(id_) for id_ in ids if str(id_) not in said_no], 150)
            mailing.session.add_all(refusal(mailing, member_of[id_]) for id_ in chosen)
            mailing.session.commit()
            said_no.update(dict.fromkeys(chosen, system.machine_now()))

        stand_still(nursery, times=2, seconds=(11.0, 12.0), between=some_say_no)
        wait_for("all are final", lambda: rows.active() == 0, timeout_s=120)
        late = [
            line
            for line in sink.taken()
            if line.delivery_id in said_no and line.at > said_no[line.delivery_id] + LATE_AFTER_NO
        ]
        assert len(said_no) == 300
        assert not late, f"{len(late)} went to members who had said no; seed {SEED}"
        assert "suppressed" in set(rows.states().values())


def refusal(mailing: Mailing, member_id: uuid.UUID) -> Consent:
    """A member's stop."""
    return Consent(
        district_id=mailing.district.id,
        id=new_id(),
        member_id=member_id,
        purpose=Purpose.MARKETING,
        granted=False,
        action="keyword",
        at=mailing.now(),
    )
