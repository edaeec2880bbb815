"""A NAS whose clock is wrong: what it tells happened when we heard of it, and somebody is told."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from district.clock import FixedClock
from district.members.models import Alarm
from district.radius import sessions
from district.radius.accounting import SKEW_ALLOWED, Told, told, unpack
from district.radius.models import NasClock, RadiusSession
from district.radius.packets import AccountingRequest, Nas, Status
from tests.factories import Makers

NAS = Nas(address="10.0.0.1", identifier="nas-1")
INTERIM = timedelta(minutes=5)
DAY = timedelta(days=1)


def packet(
    clock: FixedClock, status: Status, *, ahead: timedelta | None, session_s: int = 0, delay_s: int = 0
) -> Told:
    """What a NAS tells now; its clock is ahead of ours by so much."""
    now = clock.machine_now()
    request = AccountingRequest(
        status=status,
        unique_id="u",
        session_id="s",
        nas=NAS,
        session_s=session_s,
        delay_s=delay_s,
        event_at=None if ahead is None else now - timedelta(seconds=delay_s) + ahead,
    )
    return told(request, now=clock.now(), machine_now=now)


@pytest.mark.parametrize("ahead", [DAY, -DAY, SKEW_ALLOWED + timedelta(seconds=1), timedelta(days=-20_000)])
def test_a_wrong_clock_changes_no_time_of_a_session(
    makers: Makers, clock: FixedClock, ahead: timedelta
) -> None:
    district = makers.info(makers.district())
    began = clock.now()
    sessions.record(
        makers.session, district, [packet(clock, Status.START, ahead=ahead)], interim=INTERIM, clock=clock
    )
    clock.advance(timedelta(minutes=10))
    stop = packet(clock, Status.STOP, ahead=ahead, session_s=600)
    sessions.record(makers.session, district, [stop], interim=INTERIM, clock=clock)
    row = makers.session.scalars(select(RadiusSession).where(RadiusSession.district_id == district.id)).one()
    assert (row.started_at, row.stopped_at, row.session_s) == (began, clock.now(), 600)


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(seconds=119), timedelta(seconds=-119)])
def test_a_clock_within_two_minutes_is_believed_and_sounds_nothing(
    makers: Makers, clock: FixedClock, ahead: timedelta
) -> None:
    district = makers.info(makers.district())
    start = packet(clock, Status.START, ahead=ahead, delay_s=30)
    sessions.record(makers.session, district, [start], interim=INTERIM, clock=clock)
    assert start.at == clock.now() - max(timedelta(), timedelta(seconds=30) - ahead)
    row = makers.session.scalars(select(NasClock).where(NasClock.district_id == district.id)).one()
    assert (row.ahead_s, row.packets) == (ahead.total_seconds(), 0)
    assert makers.session.scalars(select(Alarm).where(Alarm.district_id == district.id)).all() == []


def test_wrong_packets_are_counted_and_one_alarm_stays_open(makers: Makers, clock: FixedClock) -> None:
    district = makers.info(makers.district())
    for _ in range(3):
        clock.advance(timedelta(minutes=5))
        told_ = [packet(clock, Status.INTERIM, ahead=DAY, session_s=300)]
        sessions.record(makers.session, district, told_, interim=INTERIM, clock=clock)
    row = makers.session.scalars(select(NasClock).where(NasClock.district_id == district.id)).one()
    assert (row.nas, row.ahead_s, row.packets) == ("10.0.0.1 nas-1", 86_400, 3)
    alarm = makers.session.scalars(select(Alarm).where(Alarm.district_id == district.id)).one()
    assert (alarm.kind, alarm.times, alarm.detail["ahead_s"]) == ("nas_clock_wrong", 3, 86_400)
    clock.advance(timedelta(minutes=5))
    right = [packet(clock, Status.INTERIM, ahead=timedelta(), session_s=600)]
    sessions.record(makers.session, district, right, interim=INTERIM, clock=clock)
    makers.session.expire_all()
    row = makers.session.scalars(select(NasClock).where(NasClock.district_id == district.id)).one()
    assert (row.ahead_s, row.packets) == (0, 3)


def test_who_says_no_time_is_not_judged(makers: Makers, clock: FixedClock) -> None:
    district = makers.info(makers.district())
    start = packet(clock, Status.START, ahead=None)
    sessions.record(makers.session, district, [start], interim=INTERIM, clock=clock)
    assert makers.session.scalars(select(NasClock).where(NasClock.district_id == district.id)).all() == []


def test_packets_that_were_stored_without_it_are_still_read(clock: FixedClock) -> None:
    whole = packet(clock, Status.START, ahead=DAY)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(whole))
    before = unpack(msgspec.msgpack.encode(stored[:-1]))
    assert (before.unique_id, before.ahead_s) == ("u", None)
