"""Providers that throttle, break, hang up, drip, lead elsewhere or pour: they are left alone, and harm nobody else.

What a liar took is never given to anybody again; a worker's memory stays small; messages by another channel arrive as if
nothing were the matter.
"""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from push.consent import Channel
from tests.benchmarks.measures import resident_bytes
from tests.chaos.test_delivery_kills import SECRET, settings_of
from tests.product import NOON, wait_for
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.script import REFUSES, Fault, Rule
from tests.sink.workers import Nursery

LIED_TO, HONEST = 60, 200
MOST_GROWTH_BYTES = 200 << 20
HONEST_WITHIN_S = 60.0
POLICY = {"in_flight": 16, "lease_rows": 64, "deadline_s": 2.0, "lease_s": 8.0, "first_delay_s": 0.2}
SHORT = {Fault.RESET, Fault.BOMB}
"""What the suite tries; `make chaos` tries all."""
LIES = [one for one in Fault if one not in {Fault.ERROR_BODY, Fault.SLOW}]
UNKNOWN_AFTER = {Fault.BROKEN, Fault.RESET, Fault.CUT, Fault.DRIP, Fault.HOLE}
PAUSES = "SELECT count(*) FROM channel_provider WHERE district_id = %s AND paused_until > clock_timestamp()"
BY_CHANNEL = """
SELECT channel, count(*) FROM outbox_message WHERE district_id = %s AND state IN ('queued', 'leased', 'sending')
GROUP BY 1
"""


@pytest.mark.parametrize(
    "lie", [one if one in SHORT else pytest.param(one, marks=pytest.mark.chaos) for one in LIES], ids=str
)
def test_a_liar_harms_no_other_channel(lie: Fault, engine: Engine, database_url: str) -> None:
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        sink.misbehave(Rule(fault=lie, channel="sms", seconds=60))
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        mailing.relay()
        mailing.push_service()
        rows = Rows(url=database_url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(database_url), policy=POLICY) as nursery:
            pid = nursery.start()
            mailing.queue(20, Channel.WEB_PUSH)
            wait_for("the worker works", lambda: len(sink.taken("web_push")) == 20, timeout_s=60)
            before = resident_bytes(pid)
            mailing.queue(LIED_TO, Channel.SMS)
            mailing.queue(HONEST, Channel.WEB_PUSH)
            wait_for(
                "the other channel's messages are there",
                lambda: len(sink.taken("web_push")) == 20 + HONEST,
                timeout_s=HONEST_WITHIN_S,
            )
            if lie in UNKNOWN_AFTER or lie in {Fault.THROTTLED, Fault.BUSY}:
                wait_for(
                    "the liar is left alone",
                    lambda: rows.run(PAUSES, rows.district_id) == [(1,)],
                    timeout_s=20,
                )
            else:
                wait_for("all are final", lambda: rows.active() == 0, timeout_s=60)
            assert peak_bytes(pid) - before < MOST_GROWTH_BYTES
        states = rows.states()
        rows.end()
        check(lie, sink, states)


def check(lie: Fault, sink: Sink, states: dict[str, str]) -> None:
    """Nobody was asked twice after a perhaps; nothing followed the redirection; the rest waits."""
    got = Counter(line.delivery_id for line in sink.taken())
    assert not [one for one, times in got.items() if times > 1]
    texts = {line.delivery_id for line in sink.lines() if line.channel == "sms"}
    if lie in UNKNOWN_AFTER:
        assert {states[one] for one in texts} <= {"unknown", "sending"}
    if lie in REFUSES:
        assert not sink.taken("sms")
        assert not [line for line in sink.lines() if line.channel == "webhook"], (
            "the redirection was followed"
        )
    if lie in {Fault.BOMB, Fault.FLOOD}:
        assert {states[one] for one in texts} == {"accepted"}


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever held (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024
