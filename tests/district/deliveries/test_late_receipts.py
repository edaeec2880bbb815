"""Receipts that overtake the answer, what providers were good for, and how long all of it is kept."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import Pool, make_engine, make_sessions
from district.deliveries import receipt_jobs
from district.settings import Settings
from tests.district.deliveries.relays import Desk, Relay, send, told
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)
ARRIVAL = (
    "SELECT delivered_at IS NOT NULL, opened_at IS NOT NULL FROM outbox_message WHERE district_id = %(d)s"
)
UNKNOWN = "SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s AND delivery_id IS NULL"

MORE_ATTEMPTS = """
INSERT INTO delivery_attempt (district_id, id, delivery_id, channel, provider_id, outcome, at)
SELECT district_id, gen_random_uuid(), delivery_id, channel, provider_id, more.outcome, at - more.age
FROM delivery_attempt, (VALUES ('failed', interval '1 day'), ('queued', interval '2 days'),
                               ('unknown', interval '3 days'), ('failed', interval '31 days')) AS more (outcome, age)
WHERE district_id = %(d)s
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    return settings.model_copy(update={"secret": SecretStr(SECRET), "provider_allow_loopback": True})


@pytest.fixture
def sessions(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url, pool_size=1)
    with make_sessions(engine)() as session:
        yield session
    engine.dispose()


def fold(session: Session, ground: Ground, clock: FixedClock) -> int:
    with session.begin():
        return receipt_jobs.fold(session, ground.info, clock=clock)


async def test_a_receipt_that_overtakes_the_answer_is_carried_out_once_the_message_is_known(
    *,
    desk: Desk,
    relay: Relay,
    ground: Ground,
    settings: Settings,
    pool: Pool,
    sessions: Session,
    clock: FixedClock,
) -> None:
    await desk.make(relay)
    early = [{"id": "relay-1", "kind": "opened"}, {"id": "nobody", "kind": "delivered"}]
    assert (await told(desk, relay, ground, early)).status_code == 204
    assert fold(sessions, ground, clock) == 0
    await send(ground, settings, pool)
    assert await ground.rows(ARRIVAL) == [(False, False)]
    assert fold(sessions, ground, clock) == 1
    assert await ground.rows(ARRIVAL) == [(True, True)]
    assert await ground.number(UNKNOWN) == 1
    assert fold(sessions, ground, clock) == 0


async def test_the_share_that_a_provider_took_is_kept_with_it_and_shown(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool, clock: FixedClock
) -> None:
    await desk.make(relay)
    assert (await desk.ask("GET", "channel-providers/relay")).json()["success"] is None
    await send(ground, settings, pool)
    async with pool.connection() as connection:
        await connection.execute(MORE_ATTEMPTS, {"d": ground.info.id})
    await receipt_jobs.judge(pool, ground.info.id, machine_now=await machine_now(ground))
    assert (await desk.ask("GET", "channel-providers/relay")).json()["success"] == 0.25


async def machine_now(ground: Ground) -> datetime:
    """The database's time, by which attempts are written."""
    told: datetime = (await ground.rows("SELECT clock_timestamp(), %(d)s"))[0][0]
    return told


async def test_attempts_and_receipts_are_forgotten_after_their_time(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool, clock: FixedClock
) -> None:
    await desk.make(relay)
    await send(ground, settings, pool)
    await told(desk, relay, ground, [{"id": "relay-1", "kind": "delivered"}])
    kept = "SELECT (SELECT count(*) FROM delivery_attempt WHERE district_id = %(d)s), (SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s)"
    at = clock.machine_now()
    async with pool.connection() as connection:  # attempts are written by the database's time
        await connection.execute(
            "UPDATE delivery_attempt SET at = %s WHERE district_id = %s", (at, ground.info.id)
        )
    days = timedelta(days=40)
    just_before = at + days - timedelta(seconds=1)
    await receipt_jobs.forget(pool, ground.info.id, machine_now=just_before, kept=days)
    assert await ground.rows(kept) == [(1, 1)]
    await receipt_jobs.forget(pool, ground.info.id, machine_now=at + days, kept=days)
    assert await ground.rows(kept) == [(0, 0)]


@pytest.mark.parametrize(("lease_ends_in_s", "alarms"), [(-40, 1), (-1, 0)], ids=["70 s", "31 s"])
async def test_a_call_that_lasts_longer_than_a_minute_is_an_alarm(
    *, ground: Ground, pool: Pool, clock: FixedClock, lease_ends_in_s: int, alarms: int
) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            """INSERT INTO outbox_message (district_id, id, channel, purpose, payload, state, due_at, retry_at,
                                           created_at, lease_until)
               VALUES (%s, gen_random_uuid(), 'sms', 'service', '{}', 'sending', %s, now(), now(),
                       clock_timestamp() + %s)""",
            (ground.info.id, clock.now(), timedelta(seconds=lease_ends_in_s)),
        )
    for _ in range(2):
        await receipt_jobs.watch(pool, ground.info.id, now=clock.now())
    found = "SELECT kind, subject, times FROM alarm WHERE district_id = %(d)s"
    assert await ground.rows(found) == [("deliveries_stuck", "sms", 2)] * alarms
