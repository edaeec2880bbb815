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
from tests.chaos.test_delivery_kills import SECRET, WAYS, Way, settings_of
from tests.product import NOON, wait_for
from tests.sink.accounts import Register
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.script import Fault, Rule
from tests.sink.workers import Nursery

LIED_TO, HONEST = 60, 200
MOST_GROWTH_BYTES = 200 << 20
HONEST_WITHIN_S = 120.0
POLICY = {"in_flight": 16, "lease_rows": 64, "deadline_s": 6.0, "lease_s": 20.0, "first_delay_s": 0.2}
"""The deadline is longer than a busy machine holds up an honest answer: five cut off would have that provider rest, too."""
HTTP = [one for one in Fault if one not in {Fault.ERROR_BODY, Fault.SLOW}]
MAIL = [one for one in HTTP if one is not Fault.BOMB]
TEXTS = [one for one in MAIL if one not in {Fault.DRIP, Fault.FLOOD}]
"""What each protocol has a way to do."""
LIES = [(way, lie) for way, lies in ((Way.RELAY, HTTP), (Way.SMTP, MAIL), (Way.SMPP, TEXTS)) for lie in lies]
SHORT = {(Way.RELAY, Fault.RESET), (Way.RELAY, Fault.BOMB)}
"""What the suite tries; `make chaos` tries all."""
PERHAPS = {(way, lie) for way, lie in LIES if lie in {Fault.RESET, Fault.CUT, Fault.DRIP, Fault.HOLE}} | {
    (Way.RELAY, Fault.BROKEN),
    (Way.SMTP, Fault.FLOOD),
}
"""Nobody knows whether these took the message."""
REFUSED = {(way, Fault.ELSEWHERE) for way in (Way.RELAY, Way.SMTP, Way.SMPP)} | {(Way.SMTP, Fault.BROKEN)}
"""These say no to each message, for good."""
NOT_NOW = {(way, lie) for way, lie in LIES if lie in {Fault.THROTTLED, Fault.BUSY}} | {
    (Way.SMPP, Fault.BROKEN)
}
"""These want to be asked later."""
PAUSES = "SELECT count(*) FROM channel_provider WHERE district_id = %s AND paused_until > clock_timestamp()"
BY_CHANNEL = """
SELECT channel, count(*) FROM outbox_message WHERE district_id = %s AND state IN ('queued', 'leased', 'sending')
GROUP BY 1
"""


@pytest.mark.parametrize(
    ("way", "lie"),
    [pytest.param(*one, marks=() if one in SHORT else pytest.mark.chaos, id="-".join(one)) for one in LIES],
)
def test_a_liar_harms_no_other_channel(way: Way, lie: Fault, engine: Engine, database_url: str) -> None:
    channel, make_liar = WAYS[way]
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        sink.misbehave(Rule(fault=lie, channel=channel.value, seconds=60))
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        make_liar(mailing)
        mailing.push_service()
        rows = Rows(url=database_url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(database_url), policy=POLICY) as nursery:
            pid = nursery.start()
            mailing.queue(20, Channel.WEB_PUSH)
            wait_for("the worker works", lambda: len(sink.taken("web_push")) == 20, timeout_s=60)
            before = resident_bytes(pid)
            mailing.queue(LIED_TO, channel)
            mailing.queue(HONEST, Channel.WEB_PUSH)
            wait_for(
                "the other channel's messages are there",
                lambda: len(sink.taken("web_push")) == 20 + HONEST,
                timeout_s=HONEST_WITHIN_S,
            )
            if (way, lie) in PERHAPS | NOT_NOW:
                wait_for(
                    "the liar is left alone",
                    lambda: rows.run(PAUSES, rows.district_id) == [(1,)],
                    timeout_s=60,
                )
            else:
                wait_for("all are final", lambda: rows.active() == 0, timeout_s=60)
            assert peak_bytes(pid) - before < MOST_GROWTH_BYTES
        check(way, lie, sink, rows)
        rows.end()


def check(way: Way, lie: Fault, sink: Sink, rows: Rows) -> None:
    """Nobody was asked twice after a perhaps; nothing followed the redirection; the rest waits."""
    states, register = rows.states(), Register(rows)
    got = Counter(register.name(line) for line in sink.taken())
    assert not [one for one, times in got.items() if times > 1]
    channel = WAYS[way][0].value
    told = {register.name(line) for line in sink.lines() if line.channel == channel}
    assert told, "nobody lied to anybody"
    if (way, lie) in PERHAPS:
        assert {states[one] for one in told} <= {"unknown", "sending"}
    elif (way, lie) in REFUSED | NOT_NOW:
        assert not sink.taken(channel)
        followed = [line for line in sink.lines() if line.channel == "webhook"]
        assert not followed, "the redirection was followed"
        is_final = (way, lie) in REFUSED
        assert {states[one] for one in told} <= ({"failed"} if is_final else {"queued", "leased", "sending"})
    else:
        assert {states[one] for one in told} == {"accepted"}


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever held (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024
