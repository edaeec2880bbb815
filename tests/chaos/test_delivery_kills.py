"""kill -9 of dispatchers, two of which always run, over thousands of messages: what the sink got is the truth.

Nothing arrives twice; what is missing is no more than what was in flight at a kill, and says so (``unknown``); all the
rest arrives. DISTRICT_CHAOS_SEED repeats the times and victims of a run that printed it.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session

from district.database import make_engine
from push.consent import Channel
from tests.product import NOON, Product, wait_for
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.workers import Nursery

SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))
SECRET = "7c1f0e4b9a6d4f22b1a8c3d5e7f90a1b"
IN_FLIGHT = 4
FINAL_WITHIN_S = 60.0
PROVIDERS: dict[Channel, Callable[[Mailing], object]] = {
    Channel.SMS: Mailing.relay,
    Channel.WEB_PUSH: Mailing.push_service,
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the sink and the rows say in the end."""

    kills: int
    sent: int
    states: Counter[str]
    missing: int


def settings_of(url: str) -> dict[str, object]:
    """Of a worker whose providers are on this machine."""
    return {
        "database_url": url,
        "secret": SECRET,
        "provider_allow_loopback": True,
        "webhook_allow_private": True,
    }


def run(url: str, channel: Channel, *, messages: int, policy: dict[str, float], kills: int) -> Outcome:
    """Queue, kill as long as something is under way, wait, compare."""
    chance = random.Random(SEED)
    engine = make_engine(url, pool_size=2)
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        PROVIDERS[channel](mailing)
        ids = {str(one) for one in mailing.queue(messages, channel)}
        rows = Rows(url=url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(url), policy={"in_flight": IN_FLIGHT, **policy}) as nursery:
            killed = harass(nursery, chance, lambda: rows.active() > 0, most=kills)
            wait_for("every row is final", lambda: rows.active() == 0, timeout_s=FINAL_WITHIN_S)
        outcome = compare(ids, rows.states(), sink, killed)
    engine.dispose()
    return outcome


def harass(nursery: Nursery, chance: random.Random, goes_on: Callable[[], bool], *, most: int) -> int:
    """Two dispatchers at any time, one of which is killed every 0.3 to 1 s; how many were. Two are left."""
    pids, kills = [nursery.start(), nursery.start()], 0
    while kills < most and goes_on():
        time.sleep(chance.uniform(0.3, 1.0))  # not a condition: where the kill falls is left to chance
        victim = chance.randrange(len(pids))
        nursery.kill(pids[victim])
        pids[victim] = nursery.start()
        kills += 1
    return kills


def compare(ids: set[str], states: dict[str, str], sink: Sink, kills: int) -> Outcome:
    """Raises AssertionError where something arrived twice, or is missing without a word."""
    got = Counter(line.delivery_id for line in sink.taken())
    twice = {id_: times for id_, times in got.items() if times > 1}
    assert not twice, f"{len(twice)} messages arrived more than once; seed {SEED}"
    assert set(got) <= ids
    missing = ids - set(got)
    silent = {id_: states[id_] for id_ in missing if states[id_] != "unknown"}
    assert not silent, f"{len(silent)} are missing without a word: {Counter(silent.values())}; seed {SEED}"
    assert len(missing) <= IN_FLIGHT * kills, f"{len(missing)} of {len(ids)} missing after {kills} kills"
    count = Counter(states.values())
    assert set(count) <= {"accepted", "unknown"}, count
    assert count["unknown"] <= IN_FLIGHT * kills
    return Outcome(kills=kills, sent=len(got), states=count, missing=len(missing))


def test_a_few_kills_lose_no_more_than_was_in_flight_and_repeat_nothing(database_url: str) -> None:
    print("seed", SEED)  # noqa: T201 shown when it fails
    outcome = run(
        database_url,
        Channel.SMS,
        messages=1_000,
        policy={"lease_s": 3.0, "deadline_s": 1.0},
        kills=10,
    )
    print(outcome)  # noqa: T201
    assert outcome.kills >= 3


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("channel", sorted(PROVIDERS), ids=str)
def test_ten_thousand_messages_under_kills_are_told_once_or_say_that_nobody_knows(channel: Channel) -> None:
    print("seed", SEED)  # noqa: T201
    with Product() as product:
        outcome = run(product.cluster.url, channel, messages=10_000, policy={}, kills=1_000)
    print(outcome)  # noqa: T201
    assert outcome.kills >= 10
