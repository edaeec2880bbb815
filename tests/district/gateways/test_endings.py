"""Sessions end when somebody says so: by one worker, at once, again until the gateway answers, and never silently in vain."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from district.clock import FixedClock
from district.database import make_pool, make_sessions
from district.gateways import endings, overstayed, sessions
from district.gateways.models import SessionEnding, WifiSession
from district.members.models import Alarm
from district.radius import coa, ending
from district.radius.ending_jobs import Endings, carry_out
from district.radius.models import RadiusToken
from district.settings import Settings
from tests.controllers import unifi
from tests.district.radius.nas import SimulatedNas
from tests.district.radius.on_line import (
    MAC,
    OnLine,
    gateway_row,
    nas_of,
    on_line,
    told_by_accounting,
    wifi_row,
)
from tests.factories import Makers
from tests.serving import running


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"controller_allow_loopback": True})


@pytest.fixture
def factory(engine: Engine) -> sessionmaker[Session]:
    return make_sessions(engine)


@pytest.fixture
def nas() -> Iterator[SimulatedNas]:
    with SimulatedNas().listening() as nas:
        yield nas


@pytest.fixture
def guest(committed: Makers, clock: FixedClock, nas: SimulatedNas) -> OnLine:
    guest = on_line(committed, clock, port=nas.port)
    nas.sessions.add(guest.session_id)
    return guest


def ask(committed: Makers, guest: OnLine, clock: FixedClock, *, reason: str = "operator") -> None:
    sessions.ask_to_end(
        committed.session, guest.district.id, reason=reason, clock=clock, wifi_session_id=guest.wifi.id
    )
    committed.session.commit()


@pytest.fixture
def attempt(
    factory: sessionmaker[Session], settings: Settings, clock: FixedClock
) -> Callable[[Any], list[endings.Outcome]]:
    """One worker's round over a district, as the worker does it."""

    def once(district_id: Any) -> list[endings.Outcome]:
        with factory.begin() as session:
            claimed = endings.claim(session, district_id, machine_now=clock.machine_now(), most=16)
        return [carry_out(factory, one, settings=settings, clock=clock) for one in claimed]

    return once


def stored(factory: sessionmaker[Session], guest: OnLine) -> tuple[WifiSession, SessionEnding]:
    with factory() as session:
        wifi = session.get_one(WifiSession, (guest.district.id, guest.wifi.id))
        row = session.scalars(
            select(SessionEnding).where(SessionEnding.district_id == guest.district.id)
        ).one()
        return wifi, row


def alarms_of(factory: sessionmaker[Session], guest: OnLine) -> list[Alarm]:
    with factory() as session:
        return list(session.scalars(select(Alarm).where(Alarm.district_id == guest.district.id)))


def test_the_nas_is_told_and_the_session_closed(  # noqa: PLR0917 pytest calls by name
    committed: Makers, clock: FixedClock, nas: SimulatedNas, guest: OnLine, attempt: Any, factory: Any
) -> None:
    ask(committed, guest, clock)
    (outcome,) = attempt(guest.district.id)
    wifi, row = stored(factory, guest)
    assert outcome.is_done
    assert nas.sessions == set()
    assert (wifi.ended_because, wifi.device_mac, wifi.grant) == ("operator", "", {})
    assert (row.done_at, row.attempts, row.answer) == (clock.machine_now(), 1, "The NAS has done it.")


def test_a_refusal_is_kept_and_tried_again_ever_more_rarely(  # noqa: PLR0917 pytest calls by name
    committed: Makers, clock: FixedClock, nas: SimulatedNas, guest: OnLine, attempt: Any, factory: Any
) -> None:
    nas.refuses_with = 506
    ask(committed, guest, clock)
    for pause_s in (1, 2, 4):
        assert len(attempt(guest.district.id)) == 1
        wifi, row = stored(factory, guest)
        assert row.retry_at - clock.machine_now() == timedelta(seconds=pause_s)
        assert "it lacks resources (506)" in row.answer
        assert wifi.ended_at is None
        clock.advance(timedelta(seconds=pause_s - 0.1))
        assert attempt(guest.district.id) == []
        clock.advance(timedelta(seconds=0.1))
    nas.refuses_with = None
    assert attempt(guest.district.id)[0].is_done
    assert stored(factory, guest)[0].ended_because == "operator"


@pytest.mark.parametrize(("reason", "is_closed"), [("operator", False), ("erased", True)])
def test_after_the_last_attempt_the_operator_is_alarmed(  # noqa: PLR0917 pytest calls by name
    committed: Makers,
    clock: FixedClock,
    nas: SimulatedNas,
    guest: OnLine,
    attempt: Any,
    factory: Any,
    reason: str,
    is_closed: bool,
) -> None:
    nas.refuses_with = 501
    ask(committed, guest, clock, reason=reason)
    for _ in range(endings.MOST_ATTEMPTS):
        assert len(attempt(guest.district.id)) == 1
        clock.advance(endings.LONGEST_PAUSE)
    assert attempt(guest.district.id) == []
    wifi, row = stored(factory, guest)
    assert row.done_at is not None
    assert (wifi.ended_at is not None, wifi.device_mac == "") == (is_closed, is_closed)
    (alarm,) = alarms_of(factory, guest)
    assert (alarm.kind, alarm.subject) == ("session_not_ended", str(guest.wifi.id))
    assert "administrator does not allow it" in alarm.detail["answer"]


def test_an_alarm_that_is_open_counts_the_same_trouble(  # noqa: PLR0917 pytest calls by name
    committed: Makers, clock: FixedClock, nas: SimulatedNas, guest: OnLine, attempt: Any, factory: Any
) -> None:
    nas.refuses_with = 501
    for _ in range(2):
        ask(committed, guest, clock)
        for _ in range(endings.MOST_ATTEMPTS):
            attempt(guest.district.id)
            clock.advance(endings.LONGEST_PAUSE)
    (alarm,) = alarms_of(factory, guest)
    assert alarm.times == 2


def test_two_workers_never_take_the_same(
    committed: Makers, clock: FixedClock, guest: OnLine, factory: sessionmaker[Session]
) -> None:
    ask(committed, guest, clock)
    now = clock.machine_now()
    with factory.begin() as one, factory.begin() as other:
        first = endings.claim(one, guest.district.id, machine_now=now, most=16)
        second = endings.claim(other, guest.district.id, machine_now=now, most=16)
    assert (len(first), len(second)) == (1, 0)


def test_a_worker_that_died_is_followed_and_heard_no_more(
    committed: Makers, clock: FixedClock, guest: OnLine, factory: sessionmaker[Session]
) -> None:
    ask(committed, guest, clock)
    with factory.begin() as session:
        (first,) = endings.claim(session, guest.district.id, machine_now=clock.machine_now(), most=1)
    clock.advance(endings.LEASE)
    with factory.begin() as session:
        (second,) = endings.claim(session, guest.district.id, machine_now=clock.machine_now(), most=1)
    assert (first.attempt, second.attempt) == (1, 2)
    with factory.begin() as session:
        endings.record(session, first, endings.Outcome(is_done=True, words="late"), clock=clock)
    assert stored(factory, guest)[1].done_at is None


def test_a_session_that_ended_meanwhile_needs_nobody_told(  # noqa: PLR0917 pytest calls by name
    committed: Makers, clock: FixedClock, nas: SimulatedNas, guest: OnLine, attempt: Any, factory: Any
) -> None:
    sessions.finish(guest.wifi, "User-Request", at=clock.now())
    ask(committed, guest, clock)
    assert attempt(guest.district.id)[0].is_done
    assert nas.heard == []
    assert stored(factory, guest)[0].ended_because == "User-Request"


@pytest.fixture
def fresh(committed: Makers, clock: FixedClock, nas: SimulatedNas) -> OnLine:
    """Let in, and not yet told of by accounting."""
    district = committed.district()
    gateway = gateway_row(committed, district, clock)
    nas_of(committed, district, gateway, port=nas.port, clock=clock)
    member = committed.member(district)
    wifi = wifi_row(committed, district, gateway, member, clock)
    return OnLine(district=district, gateway=gateway, member=member, wifi=wifi, session_id="")


def test_accounting_that_is_late_is_waited_for(  # noqa: PLR0917 pytest calls by name
    committed: Makers, clock: FixedClock, nas: SimulatedNas, fresh: OnLine, attempt: Any, factory: Any
) -> None:
    ask(committed, fresh, clock)
    assert not attempt(fresh.district.id)[0].is_done
    told_by_accounting(
        committed, fresh.district, clock, session_id="s1", wifi=fresh.wifi, gateway=fresh.gateway
    )
    nas.sessions.add("s1")
    clock.advance(timedelta(seconds=1))
    assert attempt(fresh.district.id)[0].is_done
    assert nas.sessions == set()


def test_a_session_of_which_accounting_never_tells_is_over(
    committed: Makers, clock: FixedClock, fresh: OnLine, attempt: Any, factory: Any
) -> None:
    ask(committed, fresh, clock)
    outcomes = []
    for _ in range(ending.PATIENCE):
        outcomes += attempt(fresh.district.id)
        clock.advance(timedelta(minutes=1))
    assert [outcome.is_done for outcome in outcomes] == [False] * (ending.PATIENCE - 1) + [True]
    assert stored(factory, fresh)[0].ended_because == "operator"


def test_before_accounting_a_login_is_named_by_its_one_time_user(
    committed: Makers, clock: FixedClock, nas: SimulatedNas, fresh: OnLine, attempt: Any
) -> None:
    committed.session.add(
        RadiusToken(
            district_id=fresh.district.id,
            username="w-one-time",
            password="p",
            gateway_id=fresh.gateway.id,
            mac=MAC,
            member_id=fresh.member.id,
            wifi_session_id=fresh.wifi.id,
            created_at=clock.machine_now(),
            expires_at=clock.machine_now() + timedelta(seconds=120),
            used_at=clock.machine_now(),
        )
    )
    ask(committed, fresh, clock)
    attempt(fresh.district.id)
    assert nas.heard[0].attributes[1] == b"w-one-time"
    assert nas.heard[0].attributes[31] == b"02-AA-22-33-44-66"


def test_a_gateway_that_takes_no_orders_is_said_to(
    committed: Makers, clock: FixedClock, attempt: Any, factory: Any
) -> None:
    district = committed.district()
    gateway = gateway_row(committed, district, clock, vendor="click")
    member = committed.member(district)
    wifi = wifi_row(committed, district, gateway, member, clock)
    guest = OnLine(district=district, gateway=gateway, member=member, wifi=wifi, session_id="")
    ask(committed, guest, clock)
    (outcome,) = attempt(district.id)
    assert outcome.is_done
    assert "takes no such order" in outcome.words


def test_a_session_that_only_radius_knows_ends_with_its_member(
    committed: Makers, clock: FixedClock, nas: SimulatedNas, fresh: OnLine, attempt: Any
) -> None:
    told_by_accounting(
        committed, fresh.district, clock, session_id="eap1", member=fresh.member, gateway=fresh.gateway
    )
    sessions.finish(fresh.wifi, "stopped", at=clock.now())
    nas.sessions.add("eap1")
    count = ending.end_all(
        committed.session, fresh.district.id, reason="withdrawn", clock=clock, member_id=fresh.member.id
    )
    committed.session.commit()
    assert count == 1
    assert attempt(fresh.district.id)[0].is_done
    assert nas.sessions == set()


def test_an_address_that_only_a_packet_names_is_not_called(
    committed: Makers, clock: FixedClock, nas: SimulatedNas, fresh: OnLine, factory: Any
) -> None:
    row = told_by_accounting(
        committed, fresh.district, clock, session_id="s1", wifi=fresh.wifi, gateway=fresh.gateway
    )
    row.nas_address = "203.0.113.9"
    ask(committed, fresh, clock)
    with factory.begin() as session:
        (claimed,) = endings.claim(session, fresh.district.id, machine_now=clock.machine_now(), most=1)
        told = ending.told_of(session, claimed)
    assert told is not None
    assert [one.target.address for one in told] == ["127.0.0.1"]


def test_a_controller_is_told_and_asked_again_after_an_outage(
    committed: Makers, clock: FixedClock, attempt: Any, factory: Any
) -> None:
    console = unifi.Console()
    console.guests["02:aa:22:33:44:66"] = {}
    with running(unifi.app_of(console)) as address:
        district = committed.district()
        options = {
            "controller_url": address,
            "site": console.site,
            "username": console.username,
            "password": console.password,
        }
        gateway = gateway_row(committed, district, clock, vendor="unifi", options=options)
        member = committed.member(district)
        wifi = wifi_row(committed, district, gateway, member, clock, grant={"ap": ""})
        guest = OnLine(district=district, gateway=gateway, member=member, wifi=wifi, session_id="")
        ask(committed, guest, clock)
        console.is_broken = True
        assert not attempt(district.id)[0].is_done
        assert "UniFi" in stored(factory, guest)[1].answer
        console.is_broken = False
        clock.advance(timedelta(seconds=1))
        assert attempt(district.id)[0].is_done
    assert console.guests == {}
    assert stored(factory, guest)[0].ended_because == "operator"


class Busy(SimulatedNas):
    """A NAS that answers nobody until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def _answer(self, raw: bytes) -> bytes | None:
        self.let_go.wait()
        return super()._answer(raw)


async def test_a_silent_nas_does_not_hold_up_the_others(  # noqa: PLR0917 pytest gives them by name
    committed: Makers,
    clock: FixedClock,
    settings: Settings,
    nas: SimulatedNas,
    factory: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coa, "WAITS_S", (60.0, 60.0, 60.0))
    with Busy().listening() as silent:
        slow = on_line(committed, clock, port=silent.port)
        quick = on_line(committed, clock, port=nas.port)
        nas.sessions.add(quick.session_id)
        ask(committed, slow, clock)
        ask(committed, quick, clock)
        worker = Endings(sessions=factory, settings=settings, clock=clock)
        assert await worker.look() == 2
        try:
            async with asyncio.timeout(90):
                while stored(factory, quick)[1].done_at is None:  # noqa: ASYNC110 the NAS lives in a thread
                    await asyncio.sleep(0.01)
            assert nas.sessions == set()
            assert stored(factory, slow)[1].done_at is None
        finally:
            silent.let_go.set()
        await worker.settle()


async def test_sessions_long_past_their_time_are_closed(
    committed: Makers, clock: FixedClock, fresh: OnLine, settings: Settings, factory: Any
) -> None:
    assert settings.database_url is not None
    pool = make_pool(settings.database_url, size=1)
    await pool.open()
    try:
        ends_at = fresh.wifi.expires_at
        assert ends_at is not None
        just_before = ends_at + overstayed.SLACK - timedelta(seconds=1)
        assert await overstayed.end(pool, fresh.district.id, now=just_before) == 0
        assert await overstayed.end(pool, fresh.district.id, now=ends_at + overstayed.SLACK) == 1
    finally:
        await pool.close()
    with factory() as session:
        row = session.get_one(WifiSession, (fresh.district.id, fresh.wifi.id))
        assert (row.ended_at, row.ended_because, row.device_mac) == (ends_at, "expired", "")
