"""A changed plan reaches whoever is on line under it: the whole set of limits, told to the NAS by a worker."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import FixedClock
from district.database import make_sessions, new_id
from district.districts.models import District
from district.gateways import plan_changes
from district.gateways.models import Plan, SessionChange, WifiSession
from district.radius.changing import Changes
from tests.conftest import refresh
from tests.district.radius.nas import COA, SimulatedNas
from tests.district.radius.on_line import gateway_row, nas_of, told_by_accounting, wifi_row
from tests.factories import Makers

SESSION_TIMEOUT, IDLE_TIMEOUT, INTERIM = 27, 28, 85
DOWN, OCTETS = (14122, 8), (14559, 3)


@pytest.fixture
def nas() -> Iterator[SimulatedNas]:
    with SimulatedNas().listening() as nas:
        yield nas


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district()


@pytest.fixture
def plan(committed: Makers, district: District, clock: FixedClock) -> Plan:
    row = Plan(
        district_id=district.id, id=new_id(), slug="guest", session_s=3600, idle_s=600, down_kbps=5_000,
        created_at=clock.now(),
    )  # fmt: skip
    committed.session.add(row)
    committed.done()
    return row


@pytest.fixture
def guest(
    committed: Makers, district: District, plan: Plan, nas: SimulatedNas, clock: FixedClock
) -> WifiSession:
    gateway = gateway_row(committed, district, clock)
    nas_of(committed, district, gateway, port=nas.port, clock=clock)
    wifi = wifi_row(committed, district, gateway, committed.member(district), clock, plan_id=plan.id)
    told_by_accounting(committed, district, clock, session_id="s1", wifi=wifi, gateway=gateway)
    nas.sessions.add("s1")
    return wifi


@pytest.fixture
def changes(engine: Engine, committed: Makers, district: District, clock: FixedClock) -> Changes:
    info = committed.info(district)
    return Changes(
        sessions=make_sessions(engine),
        districts=lambda: {info.id: info},
        clock=clock,
        interim=timedelta(minutes=5),
    )


Asked = Callable[[], SessionChange]


@pytest.fixture
def asked(engine: Engine, guest: WifiSession) -> Asked:
    def of() -> SessionChange:
        with Session(engine) as session:
            return session.scalars(
                select(SessionChange).where(SessionChange.wifi_session_id == guest.id)
            ).one()

    return of


def change(committed: Makers, plan: Plan, **values: Any) -> int:
    told = plan_changes.apply(committed.session, plan, values, clock=committed.clock)
    committed.done()
    return told


def number(value: bytes) -> int:
    return int.from_bytes(value)


async def test_every_limit_is_told_again_with_the_one_that_changed(  # noqa: PLR0917 pytest calls by name
    committed: Makers, plan: Plan, guest: WifiSession, nas: SimulatedNas, changes: Changes, asked: Asked
) -> None:
    assert change(committed, plan, session_s=7200, volume_kib=1024) == 1
    assert await changes.look() == 1
    (heard,) = nas.heard
    assert heard.code == COA
    said = {key: number(heard.attributes[key]) for key in (SESSION_TIMEOUT, IDLE_TIMEOUT, INTERIM)}
    assert said == {SESSION_TIMEOUT: 7200, IDLE_TIMEOUT: 600, INTERIM: 300}
    assert {key: number(heard.vendor[key]) for key in (DOWN, OCTETS)} == {DOWN: 5_000_000, OCTETS: 1 << 20}
    assert (asked().done_at is not None, asked().answer) == (True, "The NAS has done it.")
    committed.session.refresh(guest)
    assert guest.expires_at == guest.granted_at + timedelta(hours=2)
    assert await changes.look() == 0


async def test_a_nas_that_refuses_is_asked_again_and_its_reason_kept(  # noqa: PLR0917 pytest calls by name
    committed: Makers, plan: Plan, nas: SimulatedNas, changes: Changes, asked: Asked, clock: FixedClock
) -> None:
    nas.refuses_with = 506
    change(committed, plan, down_kbps=1_000)
    assert await changes.look() == 1
    assert (asked().done_at, asked().attempts) == (None, 1)
    assert "resources" in asked().answer
    assert await changes.look() == 0, "not before its pause is over"
    nas.refuses_with = None
    clock.advance(timedelta(seconds=3))
    assert await changes.look() == 1
    assert asked().done_at is not None


async def test_who_never_answers_is_given_up_after_some_tries(  # noqa: PLR0917 pytest calls by name
    committed: Makers, plan: Plan, nas: SimulatedNas, changes: Changes, asked: Asked, clock: FixedClock
) -> None:
    nas.refuses_with = 501
    change(committed, plan, down_kbps=1_000)
    for _ in range(plan_changes.MOST_ATTEMPTS):
        assert await changes.look() == 1
        clock.advance(timedelta(minutes=5))
    assert await changes.look() == 0
    assert asked().attempts == plan_changes.MOST_ATTEMPTS
    change(committed, plan, down_kbps=2_000)
    assert (asked().attempts, asked().done_at) == (0, None), "another change asks anew"


@pytest.mark.parametrize("values", [{"name": "Guests"}, {"devices": 3}, {"session_s": 3600}])
async def test_what_no_nas_is_told_of_asks_nobody(
    committed: Makers, plan: Plan, guest: WifiSession, changes: Changes, values: dict[str, Any]
) -> None:
    assert change(committed, plan, **values) == 0
    assert await changes.look() == 0


async def test_a_days_quota_leaves_what_was_not_used_of_it(  # noqa: PLR0917 pytest calls by name
    committed: Makers,
    plan: Plan,
    guest: WifiSession,
    nas: SimulatedNas,
    changes: Changes,
    district: District,
    clock: FixedClock,
) -> None:
    before = told_by_accounting(committed, district, clock, session_id="s0")
    before.member_id, before.session_s, before.stopped_at = guest.member_id, 1_000, clock.now()
    committed.done()
    change(committed, plan, daily_s=1_800)
    await changes.look()
    assert number(nas.heard[-1].attributes[SESSION_TIMEOUT]) == 800


async def test_the_interface_tells_running_sessions(  # noqa: PLR0917 pytest calls by name
    client: Any, committed: Makers, plan: Plan, guest: WifiSession, district: District, asked: Asked
) -> None:
    await refresh(client._transport.app)
    headers = {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}
    answer = await client.patch(
        f"/v1/districts/{district.slug}/plans/guest", json={"session_s": 60}, headers=headers
    )
    assert answer.status_code == 200
    assert asked().done_at is None
