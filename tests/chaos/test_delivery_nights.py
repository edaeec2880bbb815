"""The nights in which a zone's clocks are changed, by databases and dispatchers whose own clocks show those nights.

Business time is real here. A time that is left out is the first after the gap, of one that comes twice the first counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from district.clock import FixedClock
from district.districts import service as districts
from push.consent import Channel
from tests.chaos.stage import WORKERS, Stage, at_work, made
from tests.factories import Makers
from tests.product import wait_for

WITHIN_S = 120.0
MESSAGES = 200
# Who puts messages into the queue goes by the database's clock, but this test does not.
BY_THE_DATABASE = """
UPDATE outbox_message SET retry_at = clock_timestamp() WHERE district_id = %s AND state = 'queued' RETURNING id
"""
SOON = timedelta(seconds=8)


@dataclass(frozen=True, kw_only=True)
class Night:
    """Clocks are changed at ``at``; it is quiet from nine until a minute of the day, which is ``rings_at``."""

    zone: str
    at: datetime
    quiet_until: int
    rings_at: datetime


NIGHTS = {
    # Three to four is left out: half past three is four.
    "helsinki-spring": Night(
        zone="Europe/Helsinki",
        at=datetime(2027, 3, 28, 1, tzinfo=UTC),
        quiet_until=3 * 60 + 30,
        rings_at=datetime(2027, 3, 28, 1, tzinfo=UTC),
    ),
    # Three to four comes twice: the first half past three ends it.
    "helsinki-autumn": Night(
        zone="Europe/Helsinki",
        at=datetime(2026, 10, 25, 1, tzinfo=UTC),
        quiet_until=3 * 60 + 30,
        rings_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ),
    # Two to half past two is left out.
    "lord-howe-spring": Night(
        zone="Australia/Lord_Howe",
        at=datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        quiet_until=2 * 60 + 15,
        rings_at=datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    ),
    # Half past one to two comes twice.
    "lord-howe-autumn": Night(
        zone="Australia/Lord_Howe",
        at=datetime(2027, 4, 3, 15, tzinfo=UTC),
        quiet_until=60 + 45,
        rings_at=datetime(2027, 4, 3, 14, 45, tzinfo=UTC),
    ),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One for all nights: each sets its clocks."""
    with made() as stage:
        yield stage


@pytest.mark.chaos
@pytest.mark.parametrize("night", NIGHTS.values(), ids=NIGHTS.keys())
def test_a_night_in_which_the_clocks_change_is_quiet_to_its_end_and_not_again(
    stage: Stage, night: Night
) -> None:
    begins = night.rings_at - timedelta(minutes=30)
    with at_work(stage, business_now=begins) as (mailing, nursery, sink, rows):
        stage.show(begins)
        mailing.district.zone = night.zone
        Makers(mailing.session, FixedClock(begins), commit=True).policy(
            mailing.district, quiet_from=21 * 60, quiet_until=night.quiet_until
        )
        districts.end_simulation(mailing.session)
        mailing.session.commit()
        mailing.queue(MESSAGES, Channel.SMS)
        for _ in range(WORKERS):
            nursery.start()
        due = "SELECT DISTINCT state, reason, due_at FROM outbox_message WHERE district_id = %s"
        wait_for(
            "all wait for the end of the quiet hours",
            lambda: rows.run(due, rows.district_id) == [("queued", "quiet_hours", night.rings_at)],
            timeout_s=WITHIN_S,
        )
        assert not sink.taken()
        stage.show(night.rings_at - SOON)
        wait_for("all are final", lambda: rows.active() == 0, timeout_s=WITHIN_S)
        assert set(rows.states().values()) <= {"accepted", "unknown"}, rows.states()
        assert len(sink.taken()) > MESSAGES / 2
        assert min(stage.database.showed(line.at) for line in sink.taken()) >= night.rings_at
        stage.show(night.at + timedelta(minutes=10))
        mailing.queue(MESSAGES, Channel.SMS, due_at=lambda _: night.at)
        rows.run(BY_THE_DATABASE, rows.district_id)
        wait_for("it is quiet no second time", lambda: rows.active() == 0, timeout_s=WITHIN_S)
        assert set(rows.states().values()) <= {"accepted", "unknown"}, rows.states()
