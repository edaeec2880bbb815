"""An operator ends a provider's pause, and workers that run on use it again at once: their own word does not count."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.channels import service
from district.channels.schemas import ProviderChange
from district.outbox.models import OutboxMessage
from push.consent import Channel
from tests.chaos.test_delivery_kills import SECRET, settings_of
from tests.product import NOON, wait_for
from tests.sink.mailing import Mailing, Rows
from tests.sink.running import Sink
from tests.sink.script import Fault, Rule
from tests.sink.workers import Nursery

PAUSE_S = 1_800
"""Far longer than a test lasts: what arrives within it was let out."""
PUT_OFF_S = 290
"""Hardly shorter than the longest that a message waits for its own sake."""
WITHIN_S = 120.0
MESSAGES = 120
HELD = """
SELECT count(*) FROM outbox_message
WHERE district_id = %s AND state = 'queued' AND retry_at > clock_timestamp() + interval '10 min'
"""
PAUSED = "SELECT count(*) FROM channel_provider WHERE district_id = %s AND paused_until > clock_timestamp()"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="as-it-is"),
        pytest.param({"weight": 2}, id="with-another-share", marks=pytest.mark.chaos),
    ],
)
def test_what_waits_for_a_provider_leaves_once_an_operator_ends_its_pause(
    change: dict[str, int], engine: Engine, database_url: str
) -> None:
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        sink.misbehave(Rule(fault=Fault.THROTTLED, seconds=PAUSE_S))
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        provider_id = mailing.relay()
        rows = Rows(url=database_url, district_id=mailing.district.id)
        with Nursery(settings=settings_of(database_url), policy={}) as nursery:
            nursery.start()
            nursery.start()
            mailing.queue(MESSAGES, Channel.SMS)
            wait_for(
                "the provider rests", lambda: rows.run(PAUSED, rows.district_id) == [(1,)], timeout_s=WITHIN_S
            )
            wait_for(
                "all wait for it",
                lambda: rows.run(HELD, rows.district_id) == [(MESSAGES,)],
                timeout_s=WITHIN_S,
            )
            assert not sink.taken()
            sink.misbehave()
            row = service.find(session, mailing.district.id, f"p-{provider_id.hex[-12:]}")
            service.change(
                session, row, ProviderChange.model_validate(change), secret=SECRET, clock=mailing.clock()
            )
            session.commit()
            wait_for("all arrive", lambda: len(sink.taken()) == MESSAGES, timeout_s=WITHIN_S)
            wait_for("all are final", lambda: rows.active() == 0, timeout_s=WITHIN_S)
        assert set(rows.states().values()) == {"accepted"}


def test_what_is_put_off_for_its_own_sake_is_not_brought_forward(engine: Engine, database_url: str) -> None:
    with Sink() as sink, Session(engine, expire_on_commit=False) as session:
        mailing = Mailing.begun(session, sink, business_now=NOON, secret=SECRET)
        provider_id = mailing.relay()
        rows = Rows(url=database_url, district_id=mailing.district.id)
        put_off, held = mailing.queue(2, Channel.SMS)
        for id_, wait_s in ((put_off, PUT_OFF_S), (held, PAUSE_S)):
            row = session.get_one(OutboxMessage, (mailing.district.id, id_))
            row.retry_at += timedelta(seconds=wait_s)
        session.get_one(OutboxMessage, (mailing.district.id, put_off)).attempts = 1
        session.get_one(OutboxMessage, (mailing.district.id, put_off)).reason = "RCPT 451 4.7.1"
        session.commit()
        provider = service.find(session, mailing.district.id, f"p-{provider_id.hex[-12:]}")
        provider.paused_until = mailing.clock().machine_now() + timedelta(seconds=PAUSE_S)
        session.commit()
        with Nursery(settings=settings_of(database_url), policy={}) as nursery:
            nursery.start()
            mailing.queue(1, Channel.SMS)
            wait_for("one more waits", lambda: rows.run(HELD, rows.district_id) == [(2,)], timeout_s=WITHIN_S)
            service.change(session, provider, ProviderChange(), secret=SECRET, clock=mailing.clock())
            session.commit()
            wait_for(
                "what was held arrives", lambda: rows.states()[str(held)] == "accepted", timeout_s=WITHIN_S
            )
            wait_for("the new one, too", lambda: len(sink.taken()) == 2, timeout_s=WITHIN_S)
            wait_for("the other one waits", lambda: rows.active() == 1, timeout_s=WITHIN_S)
        states = rows.states()
        rows.end()
        assert states[str(put_off)] == "queued"
