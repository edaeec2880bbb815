"""The sign-in button pressed twice: the same form gets the same answer, anybody else is refused."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.districts.service import DistrictInfo
from district.gateways import service as gateways
from district.gateways.dialect import BadRedirect
from district.gateways.models import Gateway, WifiSession
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.members.models import Member
from district.outbox.models import OutboxMessage
from district.portal import service
from district.portal.service import Choice, SignedIn
from district.settings import Settings
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:77"
FORM = service.hash_of_form("a-token-of-24-characters", "click", "", "")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@pytest.fixture
def district(committed: Makers, clock: FixedClock) -> District:
    row = committed.district(country="FI")
    new = NewGateway(slug=f"gw-{row.slug}", vendor="click", secret=SECRET, methods=["click", "phone"])
    gateways.create(committed.session, committed.info(row), new, clock=clock)
    committed.session.commit()
    return row


@pytest.fixture
async def address(app: FastAPI, district: District, clock: FixedClock) -> str:
    await refresh(app)
    query = redirect_query(SECRET, mac=MAC, ap="00:18:0a:13:dd:b0", url="", machine_now=clock.machine_now())
    return f"/portal/gw-{district.slug}?{query}"


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Callable[[], httpx.AsyncClient]]:
    """Browsers that have thrown every earlier answer away, cookies and all."""
    opened: list[httpx.AsyncClient] = []

    def fresh() -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://testserver")
        opened.append(client)
        return client

    yield fresh
    for client in opened:
        await client.aclose()


Browser = Callable[[], httpx.AsyncClient]


def token_on(page: httpx.Response) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def counts(engine: Engine, district: District) -> tuple[int, int]:
    with Session(engine) as session:
        members = select(func.count()).select_from(Member).where(Member.district_id == district.id)
        logins = select(func.count()).select_from(WifiSession).where(WifiSession.district_id == district.id)
        return session.scalar(members) or 0, session.scalar(logins) or 0


async def test_presses_of_one_form_at_once_get_the_same_answer_and_one_member(
    browser: Browser, address: str, engine: Engine, district: District
) -> None:
    form = {"method": "click", "form_token": token_on(await browser().get(address))}
    pressing = [browser() for _ in range(6)]
    answers = await asyncio.gather(*(one.post(address, data=form) for one in pressing))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert counts(engine, district) == (1, 1)
    mine = [await one.get("/v1/me") for one in pressing]
    assert {answer.status_code for answer in mine} == {200}
    assert len({answer.json()["id"] for answer in mine}) == 1


async def test_the_form_of_another_page_is_refused(
    browser: Browser, address: str, engine: Engine, district: District
) -> None:
    first = token_on(await browser().get(address))
    stranger = browser()
    other = token_on(await stranger.get(address))
    await browser().post(address, data={"method": "click", "form_token": first})
    refused = [
        await stranger.post(address, data={"method": "click", "form_token": token})
        for token in (other, "", first[:-1], "x" * 32)
    ]
    assert {answer.status_code for answer in refused} == {400}
    assert all("set-cookie" not in answer.headers for answer in refused)
    assert counts(engine, district) == (1, 1)


async def test_a_form_is_answered_again_for_two_minutes_only(
    browser: Browser, address: str, clock: FixedClock
) -> None:
    form = {"method": "click", "form_token": token_on(await browser().get(address))}
    await browser().post(address, data=form)
    clock.advance(timedelta(seconds=119))
    in_time = await browser().post(address, data=form)
    clock.advance(timedelta(seconds=2))
    too_late = await browser().post(address, data=form)
    assert (in_time.status_code, too_late.status_code) == (303, 400)


async def test_a_code_sent_twice_lets_the_same_member_in_twice(
    browser: Browser, address: str, engine: Engine, district: District
) -> None:
    asked = await browser().post(address, data={"method": "phone", "phone": "+358401234567"})
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)
    assert ticket is not None
    with Session(engine) as session:
        payload = session.scalars(
            select(OutboxMessage.payload).where(OutboxMessage.district_id == district.id)
        ).one()
    form = {
        "method": "phone",
        "phone": "+358401234567",
        "ticket": ticket[1],
        "code": str(payload["code"]),
        "form_token": token_on(asked),
    }
    pressing = [browser() for _ in range(4)]
    answers = await asyncio.gather(*(one.post(address, data=form) for one in pressing))
    late = await browser().post(address, data=form)
    foreign = await browser().post(address, data=form | {"form_token": "y" * 32})
    assert {answer.status_code for answer in (*answers, late)} == {303}
    assert foreign.status_code == 401
    assert counts(engine, district) == (1, 1)
    me = await pressing[-1].get("/v1/me")
    assert me.json()["phone"] == "+358401234567"


class Press(threading.Thread):
    """One press in a transaction of its own."""

    def __init__(self, engine: Engine, place: "Place", form_hash: bytes | None) -> None:
        super().__init__(daemon=True)
        self.session = Session(engine, expire_on_commit=False)
        self.pid = self.session.scalar(text("SELECT pg_backend_pid()"))
        self.place, self.form_hash = place, form_hash
        self.answer: SignedIn | BadRedirect | None = None

    def run(self) -> None:
        try:
            self.answer = self.place.press(self.session, self.form_hash)
            self.session.commit()
        except BadRedirect as error:
            self.answer = error
        finally:
            self.session.close()


class Place:
    """A redirect that is about to be used twice."""

    def __init__(self, info: DistrictInfo, gateway: Gateway, query: str, clock: FixedClock) -> None:
        self.info, self.gateway, self.clock = info, gateway, clock
        self.arrival = service.arrive(gateway, query.encode(), clock=clock)

    def press(self, session: Session, form_hash: bytes | None) -> SignedIn:
        choice = Choice(language="en", consents={}, form_hash=form_hash)
        return service.sign_in(session, self.info, self.gateway, self.arrival, choice, clock=self.clock)


def waits(engine: Engine, pid: object) -> bool:
    with engine.connect() as connection:
        found = connection.scalar(
            text("SELECT wait_event_type FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}
        )
    return bool(found == "Lock")


@pytest.fixture
def place(committed: Makers, district: District, clock: FixedClock) -> Place:
    gateway = gateways.get(committed.session, district.id, f"gw-{district.slug}")
    query = redirect_query(SECRET, mac=MAC, ap="", url="", machine_now=clock.machine_now())
    return Place(committed.info(district), gateway, query, clock)


def press_during_another(
    engine: Engine, place: Place, form_hash: bytes, *, commits: bool
) -> tuple[Press, Member]:
    """The second press, and whom the first one let in, committed or not."""
    with make_sessions(engine)() as session:
        first = place.press(session, FORM)
        second = Press(engine, place, form_hash)
        second.start()
        deadline = time.monotonic() + 90
        while not waits(engine, second.pid) and second.is_alive() and time.monotonic() < deadline:
            pass
        assert second.answer is None
        if commits:
            session.commit()
        else:
            session.rollback()
    second.join(90)
    return second, first.member


def test_the_second_press_waits_for_the_first_and_gets_its_answer(engine: Engine, place: Place) -> None:
    second, member = press_during_another(engine, place, FORM or b"", commits=True)
    assert isinstance(second.answer, SignedIn)
    assert second.answer.member.id == member.id
    assert second.answer.token is not None


def test_the_second_press_lets_in_when_the_first_failed(engine: Engine, place: Place) -> None:
    second, member = press_during_another(engine, place, FORM or b"", commits=False)
    assert isinstance(second.answer, SignedIn)
    assert second.answer.is_new
    assert second.answer.member.id != member.id


def test_another_form_waits_and_is_refused(engine: Engine, place: Place) -> None:
    second, _member = press_during_another(engine, place, b"another form", commits=True)
    assert isinstance(second.answer, BadRedirect)
