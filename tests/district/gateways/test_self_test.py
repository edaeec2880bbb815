"""What a gateway's self-test keeps of redirects, and what it concludes."""

import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import FixedClock
from district.database import new_id
from district.districts.models import District
from district.gateways import redirect_events, self_test, service
from district.gateways.causes import Cause
from district.gateways.models import Gateway, RedirectEvent
from district.gateways.redirect_events import KEPT, Outcome
from district.gateways.schemas import NewGateway
from district.gateways.self_test import Facts, State, checks
from district.gateways.self_test_words import Said, words
from tests.conftest import refresh
from tests.factories import Makers

SECRET = "a-secret-of-the-gateway"
MAC = "02:aa:22:33:44:66"


@pytest.fixture
async def district(committed: Makers, app: FastAPI) -> District:
    made = committed.district()
    await refresh(app)
    return made


async def registered(committed: Makers, district: District, app: FastAPI, **values: object) -> Gateway:
    new = NewGateway.model_validate(
        {"slug": f"gw-{district.slug}", "vendor": "click", "secret": SECRET} | values
    )
    row = service.create(committed.session, committed.info(district), new, clock=committed.clock)
    committed.done()
    await refresh(app)
    return row


def headers(committed: Makers, district: District) -> dict[str, str]:
    return {"Authorization": f"Bearer {committed.token(district, Role.OPERATOR)}"}


def redirect(clock: FixedClock, *, secret: str = SECRET, late_s: int = 0, **more: str) -> str:
    at = str(int(clock.machine_now().timestamp()) - late_s)
    url = "http://shop.example/private?who=me"
    signed = hmac.new(secret.encode(), f"{MAC}||{at}|{url}".encode(), hashlib.sha256).hexdigest()
    return urlencode({"mac": MAC, "ap": "", "url": url, "t": at, "sig": signed} | more)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"mac=02:aa:22:33:44:66&ssid=Mall%20Wi-Fi", "mac=02…\nssid=Mall Wi-Fi"),
        (b"mac=02-aa-22-33-44-66", "mac=02…"),
        (b"client_mac=02AA22334466", "client_mac=02…"),
        (b"client_mac=02aa.2233.4466", "client_mac=02…"),
        (b"sessionid=02-aa-22-33-44-66-17", "sessionid=02…-… (20)"),
        (b"md=0123456789ABCDEF", "md=0123… (16)"),
        (b"fas=" + b"QUJD" * 90, "fas=QUJD… (360)"),
        (b"unknown=" + b"x" * 60, "unknown=xxxx… (60)"),
        (
            b"login_url=https://n1.meraki.com/splash/login?mauth=TOPSECRET",
            "login_url=https://n1.meraki.com/…",
        ),
        (b"url=http://shop.example/", "url=http://shop.example"),
        (b"userurl=http://02aa22334466.example/x", "userurl=http://02….example/…"),
        (b"02:aa:22:33:44:66=1", "02…=1"),
        (b"tok=ab", "tok=…"),
        (b"name=%00%0a%1b", "name=���"),
        (b"flag", "flag="),
        (b"", ""),
    ],
)
def test_what_is_kept_of_a_redirect_holds_no_secret_and_no_device(raw: bytes, shown: str) -> None:
    assert redirect_events.shown_fields(raw) == shown


def test_a_redirect_of_many_or_endless_fields_is_cut() -> None:
    lines = redirect_events.shown_fields(b"&".join(b"f%d=1" % number for number in range(500))).split("\n")
    assert (len(lines), lines[-1]) == (31, "…")
    assert len(redirect_events.shown_fields(b"n" * 9_000 + b"=" + b"a b " * 9_000)) < 200


async def test_the_self_test_tells_of_what_came_and_what_became_of_it(
    client: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI, clock: FixedClock
) -> None:
    row = await registered(committed, district, app)
    path = f"/portal/{row.slug}"
    assert (await client.get(f"{path}?{redirect(clock)}")).status_code == 200
    assert (await client.get(f"{path}?{redirect(clock, secret='another-secret')}")).status_code == 400
    assert (await client.get(f"{path}?{redirect(clock, late_s=-600)}")).status_code == 400
    answer = await client.get(
        f"/v1/districts/{district.slug}/gateways/{row.slug}/self-test", headers=headers(committed, district)
    )
    assert answer.status_code == 200
    body = answer.json()
    assert [one["outcome"] for one in body["redirects"]] == ["refused", "refused", "shown"]
    assert MAC not in answer.text
    assert "who=me" not in answer.text
    states = {one["code"]: one["state"] for one in body["checks"]}
    assert states == {
        "redirects": "ok",
        "clock": "problem",
        "signature": "problem",
        "allow_lists": "ok",
        "https": "warning",
    }
    assert all(one["detail"] and one["detail_zh"] for one in body["checks"])


async def test_signing_in_is_noted_as_let_in(
    client: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI, clock: FixedClock
) -> None:
    row = await registered(committed, district, app, allow_hosts=["*"])
    answer = await client.post(f"/portal/{row.slug}?{redirect(clock)}", data={"method": "click"})
    assert answer.status_code == 303
    found = redirect_events.last(committed.session, row)
    assert [one.outcome for one in found] == ["let_in"]


async def test_signing_in_does_not_need_the_note(
    client: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI, clock: FixedClock
) -> None:
    row = await registered(committed, district, app)
    committed.session.execute(text("ALTER TABLE redirect_event RENAME TO elsewhere"))
    committed.session.commit()
    try:
        query = redirect(clock)
        shown = await client.get(f"/portal/{row.slug}?{query}")
        signed_in = await client.post(f"/portal/{row.slug}?{query}", data={"method": "click"})
        refused = await client.get(f"/portal/{row.slug}?mac=1")
    finally:
        committed.session.execute(text("ALTER TABLE elsewhere RENAME TO redirect_event"))
        committed.session.commit()
    assert (shown.status_code, signed_in.status_code, refused.status_code) == (200, 303, 400)


async def test_the_last_fifty_are_kept(
    committed: Makers, district: District, app: FastAPI, clock: FixedClock
) -> None:
    row = await registered(committed, district, app)
    for number in range(KEPT + 7):
        redirect_events.note(committed.session, row, Outcome.SHOWN, clock=clock, raw_query=b"n=%d" % number)
        redirect_events.note_poll(committed.session, row, clock=clock)
    committed.session.commit()
    found = redirect_events.last(committed.session, row, most=KEPT * 2)
    assert [one.shown for one in found] == [f"n={number}" for number in range(KEPT + 6, 6, -1)]
    polls = committed.session.query(RedirectEvent).filter_by(gateway_id=row.id, outcome="polled")
    assert polls.count() == 1
    clock.advance(timedelta(minutes=2))
    redirect_events.note_poll(committed.session, row, clock=clock)
    assert polls.count() == 1
    assert redirect_events.last_poll(committed.session, row) == clock.machine_now()


async def test_strangers_see_no_self_test(
    client: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI
) -> None:
    row = await registered(committed, district, app)
    path = f"/v1/districts/{district.slug}/gateways"
    elsewhere = committed.district()
    await refresh(app)
    assert (await client.get(f"{path}/{row.slug}/self-test")).status_code == 401
    foreign = headers(committed, elsewhere)
    assert (await client.get(f"{path}/{row.slug}/self-test", headers=foreign)).status_code in {403, 404}
    own = headers(committed, district)
    assert (await client.get(f"{path}/gw-unheard-of/self-test", headers=own)).status_code == 404


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ({"late_s": -600}, Cause.AHEAD),
        ({"late_s": 301}, Cause.OLD),
        ({"secret": "another-secret"}, Cause.SIGNATURE),
        ({"mac": "02:aa:22:33:44:77"}, Cause.SIGNATURE),
        ({}, Cause.OTHER),
    ],
    ids=["ahead", "old", "foreign-secret", "altered", "form"],
)
async def test_a_refusal_is_kept_with_its_cause(  # noqa: PLR0917 pytest calls by name
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    app: FastAPI,
    query: dict[str, Any],
    cause: Cause,
) -> None:
    row = await registered(committed, district, app)
    given = redirect(committed.clock, **query) + ("&mac=1" if cause is Cause.OTHER else "")
    assert (await client.get(f"/portal/{row.slug}?{given}")).status_code == 400
    committed.session.rollback()
    (kept,) = redirect_events.last(committed.session, row)
    assert (kept.outcome, kept.cause) == (Outcome.REFUSED, cause)


@pytest.mark.parametrize("vendor", ["meraki", "coovachilli", "opennds"])
async def test_what_is_not_allowed_is_kept_as_such(
    client: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI, vendor: str
) -> None:
    row = await registered(committed, district, app, vendor=vendor, secret="s" * 16)
    query = {
        "meraki": "base_grant_url=https://evil.example/x&user_continue_url=http://a.example&client_mac=02:aa:22:33:44:66"
        "&node_mac=00:18:0a:13:dd:b0&client_ip=10.0.0.1",
        "coovachilli": "res=notyet&uamip=10.1.0.1&uamport=3990",
        "opennds": "fas=%21%21%21",
    }[vendor]
    assert (await client.get(f"/portal/{row.slug}?{query}")).status_code == 400
    committed.session.rollback()
    (kept,) = redirect_events.last(committed.session, row)
    assert kept.cause == (Cause.ALLOW_LIST if vendor == "meraki" else Cause.SIGNATURE)


def event(clock: FixedClock, outcome: Outcome, detail: str = "", *, minutes: int = 1) -> RedirectEvent:
    at = clock.machine_now() - timedelta(minutes=minutes)
    return RedirectEvent(id=new_id(), at=at, outcome=outcome.value, detail=detail, shown="")


def stands(clock: FixedClock, code: str, **values: Any) -> State:
    usual: dict[str, Any] = {"vendor": "click", "level": 0, "portal_url": "https://a.example", "events": []}
    found = checks(Facts(**(usual | values)), machine_now=clock.machine_now())
    return {one.code: one.state for one in found}[code]


def test_each_check_knows_good_from_bad(clock: FixedClock) -> None:
    shown = [event(clock, Outcome.SHOWN)]
    now = clock.machine_now()
    assert stands(clock, "redirects") is State.UNKNOWN
    assert stands(clock, "redirects", events=[event(clock, Outcome.SHOWN, minutes=90)]) is State.WARNING
    assert stands(clock, "redirects", events=shown) is State.OK
    assert stands(clock, "https", portal_url="http://a.example") is State.WARNING
    assert stands(clock, "https") is State.OK
    failed = [event(clock, Outcome.FAILED, "wrong password"), event(clock, Outcome.LET_IN)]
    unifi = {"vendor": "unifi"}
    assert stands(clock, "controller", **unifi) is State.UNKNOWN
    assert stands(clock, "controller", **unifi, events=failed) is State.PROBLEM
    assert stands(clock, "controller", **unifi, events=failed[::-1]) is State.OK
    chilli = {"vendor": "coovachilli"}
    assert stands(clock, "radius", **chilli) is State.PROBLEM
    assert stands(clock, "radius", **chilli, radius_clients=1) is State.UNKNOWN
    assert stands(clock, "radius", **chilli, radius_clients=1, radius_heard_at=now) is State.OK
    long_ago = now - timedelta(hours=5)
    assert stands(clock, "radius", **chilli, radius_clients=1, radius_heard_at=long_ago) is State.WARNING
    nds = {"vendor": "opennds", "level": 3}
    assert stands(clock, "polling", **nds) is State.PROBLEM
    assert stands(clock, "polling", **nds, polled_at=now - timedelta(minutes=10)) is State.PROBLEM
    assert stands(clock, "polling", **nds, polled_at=now - timedelta(seconds=70)) is State.OK
    grant = event(clock, Outcome.REFUSED, "The grant host a.example is not allowed: add it to allow_hosts.")
    grant.cause = Cause.ALLOW_LIST
    assert stands(clock, "allow_lists", events=[grant]) is State.PROBLEM
    grant.at = now - timedelta(hours=2)
    assert stands(clock, "allow_lists", events=[grant]) is State.OK


def test_the_page_of_words_is_complete_and_has_no_empty_place() -> None:
    for said in Said:
        for language in words(said, count=3, detail="x", age=timedelta(hours=3)):
            assert language
            assert not re.search(r"[{}]", language)


async def test_facts_are_read_from_what_radius_left(
    session: Session, makers: Makers, clock: FixedClock
) -> None:
    district = makers.district()
    new = NewGateway(slug=f"gw-{district.slug}", vendor="coovachilli", secret=SECRET)
    row = service.create(session, makers.info(district), new, clock=clock)
    facts = self_test.facts_of(session, row, portal_url="http://a.example")
    assert (facts.radius_clients, facts.radius_heard_at, facts.level) == (0, None, 0)
