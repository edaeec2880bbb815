"""Providers that throttle, break, hang up, drip, lead elsewhere or pour: they are left alone, and harm nobody else.

What a liar took is never given to anybody again, but for events to a merchant's system, which knows a repeat by its id; a
worker's memory stays small; messages by another channel arrive as if nothing were the matter.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from push.consent import Channel
from push.delivery import RetryPolicy
from tests.benchmarks.measures import resident_bytes
from tests.chaos.test_delivery_kills import SECRET, WAYS, Way, settings_of
from tests.product import NOON, wait_for
from tests.sink.accounts import Register, receiver, tell
from tests.sink.book import hash_of
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.script import Fault, Rule
from tests.sink.web import ELSEWHERE
from tests.sink.workers import Nursery

LIED_TO, HONEST, FIRST = 60, 200, 20
EVENTS = 16
"""To a merchant's system: as many as are under way at once, as each is tried until the last of its tries ends."""
MOST_GROWTH_BYTES = 200 << 20
WITHIN_S, OVER_WITHIN_S = 120.0, 300.0
POLICY = {"in_flight": 16, "lease_rows": 64, "deadline_s": 6.0, "lease_s": 20.0, "first_delay_s": 0.2}
"""The deadline is longer than a busy machine holds up an honest answer: five cut off would have that provider rest, too."""
MOST_TRIES = RetryPolicy().max_attempts
WEBHOOK = "webhook"
WAITS = {
    "huge": "9" * 12,
    "negative": "-60",
    "garbage": "soon",
    "no_date": "Mon, 01 Jan 99999999999999 00:00:00 GMT",
}
"""What stands in Retry-After."""


@dataclass(frozen=True, kw_only=True)
class Lie:
    """How one of them misbehaves."""

    way: str
    fault: Fault
    wait: str = ""
    is_inward: bool = False
    """Leads to an address of this machine, instead of another path."""

    @property
    def name(self) -> str:
        end = f"-{self.wait}" if self.wait else "-inward" if self.is_inward else ""
        return f"{self.way}-{self.fault.value}{end}"

    @property
    def channel(self) -> Channel:
        return Channel.WEBHOOK if self.way == WEBHOOK else WAYS[Way(self.way)][0]

    @property
    def honest(self) -> Channel:
        """The channel beside it that is to go on."""
        return Channel.SMS if self.way == Way.WEB_PUSH else Channel.WEB_PUSH

    def rule(self, sink: Sink) -> Rule:
        """For every message."""
        to = sink.url.replace("127.0.0.1", "localhost") + ELSEWHERE if self.is_inward else ""
        wait = WAITS.get(self.wait, "")
        return Rule(fault=self.fault, channel=self.channel.value, seconds=60, wait=wait, to=to)

    @property
    def is_perhaps(self) -> bool:
        """Nobody knows whether these took the message."""
        doubtful = {Fault.RESET, Fault.CUT, Fault.DRIP, Fault.HOLE, Fault.HEADERS}
        if self.way in WEB:
            doubtful |= {Fault.BROKEN}
        if self.way == Way.SMTP:
            doubtful |= {Fault.FLOOD}
        return self.fault in doubtful

    @property
    def is_refusal(self) -> bool:
        """These say no to each message, for good."""
        return self.fault is Fault.ELSEWHERE or (self.way == Way.SMTP and self.fault is Fault.BROKEN)

    @property
    def is_not_now(self) -> bool:
        """These want to be asked later."""
        is_full = self.way == Way.SMPP and self.fault is Fault.BROKEN
        return is_full or self.fault in {Fault.THROTTLED, Fault.BUSY}


WEB = (Way.RELAY, Way.WEB_PUSH, WEBHOOK)
HTTP = [one for one in Fault if one not in {Fault.ERROR_BODY, Fault.SLOW}]
MAIL = [one for one in HTTP if one not in {Fault.BOMB, Fault.HEADERS, Fault.ENDLESS}]
TEXTS = [one for one in MAIL if one not in {Fault.DRIP, Fault.FLOOD}]
"""What each protocol has a way to do."""
FAULTS: dict[str, Sequence[Fault]] = {**dict.fromkeys(WEB, HTTP), Way.SMTP: MAIL, Way.SMPP: TEXTS}
LIES = [
    *(Lie(way=way, fault=fault) for way, faults in FAULTS.items() for fault in faults),
    *(Lie(way=way, fault=Fault.THROTTLED, wait=wait) for way in WEB for wait in WAITS),
    *(Lie(way=way, fault=Fault.ELSEWHERE, is_inward=True) for way in WEB),
]
SHORT = {"relay-reset", "relay-bomb", "web_push-headers"}
"""What the suite tries; `make chaos` tries all."""
PAUSES = "SELECT count(*) FROM channel_provider WHERE district_id = %s AND paused_until > clock_timestamp()"


@pytest.mark.parametrize(
    "lie",
    [pytest.param(one, marks=() if one.name in SHORT else pytest.mark.chaos, id=one.name) for one in LIES],
)
def test_a_liar_harms_no_other_channel(lie: Lie, engine: Engine, database_url: str) -> None:
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        sink.misbehave(lie.rule(sink))
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        queue = liar(lie, mailing)
        honest = lie.honest
        mailing.relay() if honest is Channel.SMS else mailing.push_service()
        rows = Rows(url=database_url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(database_url), policy=POLICY) as nursery:
            pid = nursery.start()
            mailing.queue(FIRST, honest)
            arrive(sink, honest, FIRST)
            before = resident_bytes(pid)
            queue()
            mailing.queue(HONEST, honest)
            arrive(sink, honest, FIRST + HONEST)
            wait_for(
                "the liar has been dealt with", lambda: is_over(lie, sink, rows), timeout_s=OVER_WITHIN_S
            )
            assert peak_bytes(pid) - before < MOST_GROWTH_BYTES
        check(lie, sink, rows)
        rows.end()


def liar(lie: Lie, mailing: Mailing) -> Callable[[], object]:
    """Set it up; what queues messages for it."""
    if lie.way == WEBHOOK:
        endpoint = receiver(mailing)
        return lambda: tell(mailing, endpoint, EVENTS)
    channel, make_liar = WAYS[Way(lie.way)]
    make_liar(mailing)
    return lambda: mailing.queue(LIED_TO, channel)


def arrive(sink: Sink, channel: Channel, messages: int) -> None:
    """Wait for so many of a channel."""
    wait_for(
        "the other channel's messages are there",
        lambda: len(sink.taken(channel.value)) == messages,
        timeout_s=WITHIN_S,
    )


def is_over(lie: Lie, sink: Sink, rows: Rows) -> bool:
    """Whether nothing more comes of it for a while: every message is final, or its provider is left alone."""
    if lie.way == WEBHOOK and lie.is_not_now:
        return bool(told_by(lie, sink, Register(rows))) and set(webhook_states(rows)) == {"queued"}
    if lie.way != WEBHOOK and (lie.is_perhaps or lie.is_not_now):
        return rows.run(PAUSES, rows.district_id) == [(1,)]
    return rows.active() == 0


def webhook_states(rows: Rows) -> Sequence[str]:
    """Of events to the merchant's system."""
    asked = "SELECT DISTINCT state FROM outbox_message WHERE district_id = %s AND channel = 'webhook'"
    return [row[0] for row in rows.run(asked, rows.district_id)]


def told_by(lie: Lie, sink: Sink, register: Register) -> set[str]:
    """Whose messages the liar has seen."""
    return {register.name(line) for line in sink.lines() if line.channel == lie.channel.value}


def check(lie: Lie, sink: Sink, rows: Rows) -> None:
    """Nobody was asked twice after a perhaps; nothing followed the redirection; the rest waits."""
    states, register = rows.states(), Register(rows)
    got = Counter(register.name(line) for line in sink.taken())
    told = told_by(lie, sink, register)
    assert told, "nobody lied to anybody"
    assert told <= set(states), "what came has the name of a message"
    most = {name: MOST_TRIES if lie.way == WEBHOOK and name in told else 1 for name in got}
    assert not [name for name, times in got.items() if times > most[name]]
    assert {states[name] for name in told} <= wanted(lie)
    if lie.is_refusal or lie.is_not_now:
        assert not sink.taken(lie.channel.value)
    followed = [line for line in sink.lines() if line.address_hash == hash_of(ELSEWHERE)]
    assert not followed, "the redirection was followed"


def wanted(lie: Lie) -> set[str]:
    """How messages that it was told may stand. Events are repeated: after so many tries they are given up."""
    if lie.is_perhaps:
        return {"dead"} if lie.way == WEBHOOK else {"unknown", "sending"}
    if lie.is_not_now:
        return {"queued", "leased", "sending"}
    return {"failed"} if lie.is_refusal else {"accepted"}


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever held (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) * 1024
