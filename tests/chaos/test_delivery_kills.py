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
from enum import StrEnum

import pytest
from sqlalchemy.orm import Session

from district.database import make_engine
from push.consent import Channel
from tests.product import NOON, Product, wait_for
from tests.sink.accounts import Register, mail_server, text_gateway
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.workers import Nursery

SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 30))
SECRET = "7c1f0e4b9a6d4f22b1a8c3d5e7f90a1b"
IN_FLIGHT = 4
FINAL_WITHIN_S = 60.0


class Way(StrEnum):
    """How messages reach the sink."""

    RELAY = "relay"
    WEB_PUSH = "web_push"
    SMTP = "smtp"
    SMPP = "smpp"


WAYS: dict[Way, tuple[Channel, Callable[[Mailing], object]]] = {
    Way.RELAY: (Channel.SMS, Mailing.relay),
    Way.WEB_PUSH: (Channel.WEB_PUSH, Mailing.push_service),
    Way.SMTP: (Channel.EMAIL, mail_server),
    Way.SMPP: (Channel.SMS, text_gateway),
}
FEW = {Way.RELAY: 1_000, Way.SMTP: 300, Way.SMPP: 500}
"""What the suite sends; each is enough for several kills."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the sink and the rows say in the end."""

    kills: int
    sent: int
    states: Counter[str]
    missing: int
    took_s: float


def settings_of(url: str) -> dict[str, object]:
    """Of a worker whose providers are on this machine."""
    return {
        "database_url": url,
        "secret": SECRET,
        "provider_allow_loopback": True,
        "webhook_allow_private": True,
    }


def run(
    url: str,
    way: Way,
    *,
    messages: int,
    policy: dict[str, float],
    kills: range,
    arrivals: int | None = None,
) -> Outcome:
    """Queue, kill as long as something is under way, wait, compare.

    A machine that is done before enough were killed gets as many messages again. ``arrivals`` are what brings on the
    next kill, time if None.
    """
    chance = random.Random(SEED)
    channel, make_provider = WAYS[way]
    engine = make_engine(url, pool_size=2)
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        make_provider(mailing)
        rows = Rows(url=url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(url), policy={"in_flight": IN_FLIGHT, **policy}) as nursery:
            started_s, killed = time.monotonic(), 0
            wait = by_time(chance) if arrivals is None else by_arrivals(chance, sink, rows, most=arrivals)
            pids = [nursery.start(), nursery.start()]
            while killed < kills.start:
                mailing.queue(messages, channel)
                most = kills.stop - killed
                killed += harass(nursery, pids, chance, wait, lambda: rows.active() > 0, most=most)
            wait_for("every row is final", lambda: rows.active() == 0, timeout_s=FINAL_WITHIN_S)
            took_s = time.monotonic() - started_s
        outcome = compare(rows, sink, kills=killed, took_s=took_s)
    engine.dispose()
    return outcome


def by_time(chance: random.Random) -> Callable[[], None]:
    """0.3 to 1 s from one kill to the next."""
    # Not a condition: where the kill falls is left to chance.
    return lambda: time.sleep(chance.uniform(0.3, 1.0))


def by_arrivals(chance: random.Random, sink: Sink, rows: Rows, *, most: int) -> Callable[[], None]:
    """From one kill to the next the sink takes 1 to `most` messages, however quick the machine is."""

    def wait() -> None:
        enough = len(sink.taken()) + chance.randint(1, most)
        wait_for(
            "more messages arrive, or all are final",
            lambda: len(sink.taken()) >= enough or rows.active() == 0,
            timeout_s=FINAL_WITHIN_S,
        )

    return wait


def harass(
    nursery: Nursery,
    pids: list[int],
    chance: random.Random,
    wait: Callable[[], None],
    goes_on: Callable[[], bool],
    *,
    most: int,
) -> int:
    """After each wait one of the dispatchers is killed and replaced; how many were."""
    kills = 0
    while kills < most and goes_on():
        wait()
        victim = chance.randrange(len(pids))
        nursery.kill(pids[victim])
        pids[victim] = nursery.start()
        kills += 1
    return kills


def compare(rows: Rows, sink: Sink, *, kills: int, took_s: float) -> Outcome:
    """Raises AssertionError where something arrived twice, or is missing without a word."""
    register, states = Register(rows), rows.states()
    got = Counter(register.name(line) for line in sink.taken())
    twice = {id_: times for id_, times in got.items() if times > 1}
    assert not twice, f"{len(twice)} messages arrived more than once; seed {SEED}"
    assert set(got) <= set(states), "something arrived that nobody sent"
    missing = set(states) - set(got)
    silent = {id_: states[id_] for id_ in missing if states[id_] != "unknown"}
    assert not silent, f"{len(silent)} are missing without a word: {Counter(silent.values())}; seed {SEED}"
    assert len(missing) <= IN_FLIGHT * kills, f"{len(missing)} of {len(states)} missing after {kills} kills"
    count = Counter(states.values())
    assert set(count) <= {"accepted", "unknown"}, count
    assert count["unknown"] <= IN_FLIGHT * kills
    return Outcome(kills=kills, sent=len(got), states=count, missing=len(missing), took_s=took_s)


@pytest.mark.parametrize(
    "way", [Way.RELAY, Way.SMTP, pytest.param(Way.SMPP, marks=pytest.mark.chaos)], ids=str
)
def test_a_few_kills_lose_no_more_than_was_in_flight_and_repeat_nothing(way: Way, database_url: str) -> None:
    print("seed", SEED)  # noqa: T201 shown when it fails
    outcome = run(
        database_url,
        way,
        messages=FEW[way],
        policy={"lease_s": 5.0, "deadline_s": 2.0},
        kills=range(3, 10),
        arrivals=FEW[way] // 20,
    )
    print(outcome)  # noqa: T201
    assert outcome.kills >= 3


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", list(Way), ids=str)
def test_ten_thousand_messages_under_kills_are_told_once_or_say_that_nobody_knows(way: Way) -> None:
    print("seed", SEED)  # noqa: T201
    with Product() as product:
        outcome = run(product.cluster.url, way, messages=10_000, policy={}, kills=range(10, 1_000))
    print(outcome)  # noqa: T201
    assert outcome.kills >= 10
