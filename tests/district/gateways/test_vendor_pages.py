"""Every vendor through the real application: its redirect, the sign-in page, and what lets the browser in."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from district.clock import FixedClock
from district.database import make_sessions
from district.districts.models import District
from district.gateways.models import WifiSession
from district.gateways.vendors.coovachilli import chap_response
from district.radius.models import RadiusToken
from district.settings import Settings
from tests.conftest import refresh
from tests.district.gateways.redirect_makers import (
    CHALLENGE,
    FIELDS,
    MAC,
    SECRET,
    VENDORS,
    chilli_query,
    query,
    register,
    slug_of,
)
from tests.factories import Makers

PROGRAM = Path(__file__).with_name("portal2_controller.py")
CLICK = {"method": "click"}
FRESH = "00112233445566778899aabbccddeeff"
GRANT_ORIGINS: Mapping[str, str] = {
    "opennds": "http://10.2.0.1:2050",
    "coovachilli": "http://10.1.0.1:3990",
    "meraki": "https://n143.network-auth.com",
    "mist": "https://portal.mist.com",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"controller_allow_loopback": True})


@pytest.fixture
async def district(app: FastAPI, committed: Makers, clock: FixedClock) -> District:
    row = committed.district()
    for form in VENDORS:
        if form != "portal2":
            register(committed.session, committed.info(row), form, slug_of(form, row), clock)
    committed.session.commit()
    await refresh(app)
    return row


def address(form: str, district: District, clock: FixedClock, **changed: str) -> str:
    slug = slug_of(form, district)
    return f"/portal/{slug}?{query(form, slug, clock.machine_now(), changed)}"


def token_of(engine: Engine, district: District) -> RadiusToken:
    with make_sessions(engine)() as session:
        found = select(RadiusToken).where(RadiusToken.district_id == district.id)
        return session.scalars(found.order_by(RadiusToken.created_at.desc())).first()  # type: ignore[return-value]


def sessions_of(engine: Engine, district: District) -> list[WifiSession]:
    with make_sessions(engine)() as session:
        found = select(WifiSession).where(WifiSession.district_id == district.id)
        return list(session.scalars(found.order_by(WifiSession.id)))


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """Where the hand-over's form goes, and what it sends."""
    action = re.search(r'<form class="card" method="post" action="([^"]*)" id="on">', page)
    assert action is not None, page
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return unescape(action[1]), {unescape(name): unescape(value) for name, value in hidden}


@pytest.mark.parametrize("form", [form for form in VENDORS if form != "portal2"])
async def test_the_page_lets_its_form_lead_to_the_gateway(
    client: httpx.AsyncClient, district: District, clock: FixedClock, form: str
) -> None:
    page = await client.get(address(form, district, clock))
    assert page.status_code == 200
    assert 'name="method" value="click"' in page.text
    assert len(page.content) <= 14 * 1024
    policy = page.headers["content-security-policy"]
    assert GRANT_ORIGINS.get(form, "'self'") in policy.partition("form-action ")[2].split()


async def test_chilli_gets_the_answer_to_its_challenge(
    client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine
) -> None:
    answer = await client.post(address("coovachilli", district, clock), data=CLICK)
    token = token_of(engine, district)
    assert answer.status_code == 303
    expected = chap_response(CHALLENGE, SECRET, token.password)
    assert answer.headers["location"] == (
        f"http://10.1.0.1:3990/logon?username={token.username}&response={expected}"
    )
    assert token.mac == MAC.replace(":", "")
    row = sessions_of(engine, district)[0]
    assert (row.confirmed_by, row.grant["address"]) == ("signature", "10.1.0.1:3990")


async def test_the_language_switch_of_a_signed_page_leads_back_to_it(
    client: httpx.AsyncClient, district: District, clock: FixedClock
) -> None:
    page = await client.get(address("coovachilli", district, clock))
    switch = re.search(r'href="(/portal/[^"]*lang=zh)"', page.text)
    assert switch is not None
    other = await client.get(unescape(switch[1]))
    assert (other.status_code, other.headers["content-language"]) == (200, "zh-Hans")
    switch = re.search(r'href="(/portal/[^"]*lang=en)"', other.text)
    assert switch is not None
    assert unescape(switch[1]).count("lang=") == 1
    assert (await client.get(unescape(switch[1]))).status_code == 200


async def late(client: httpx.AsyncClient, district: District, clock: FixedClock) -> httpx.Response:
    """A page that was opened, left alone for eleven minutes, and used."""
    first = address("coovachilli", district, clock)
    assert (await client.get(first)).status_code == 200
    clock.advance(timedelta(minutes=11))
    return await client.post(first, data=CLICK)


async def test_who_took_long_fetches_a_fresh_challenge_and_goes_straight_on(
    client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine
) -> None:
    answer = await late(client, district, clock)
    assert answer.status_code == 303
    wanted = quote("http://example.com/wanted", safe="")
    assert answer.headers["location"] == f"http://10.1.0.1:3990/prelogin?userurl={wanted}"
    clock.advance(timedelta(seconds=1))
    back = await client.get(address("coovachilli", district, clock, challenge=FRESH))
    token = token_of(engine, district)
    assert back.status_code == 303
    asked = parse_qs(urlsplit(back.headers["location"]).query)
    assert asked == {
        "username": [token.username],
        "response": [chap_response(FRESH, SECRET, token.password)],
    }
    rows = sessions_of(engine, district)
    assert [row.grant["challenge"] for row in rows] == [FRESH]
    assert "waiting_hash" not in rows[0].grant


async def test_a_fresh_redirect_that_repeats_the_old_challenge_is_answered_and_not_fetched_again(
    client: httpx.AsyncClient, district: District, clock: FixedClock
) -> None:
    await late(client, district, clock)
    back = await client.get(address("coovachilli", district, clock, userurl="http://example.com/2"))
    assert urlsplit(back.headers["location"]).path == "/logon"


async def test_the_waiting_login_is_one_browser_s_one_device_s_and_good_once(
    app: FastAPI, client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine
) -> None:
    await late(client, district, clock)
    held = client.cookies["wifi_waits"]
    fresh = address("coovachilli", district, clock, challenge=FRESH)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as other:
        assert (await other.get(fresh)).status_code == 200
        for forged in (held[:-1], held.partition(".")[0], "x", "0" * 32 + "." + "A" * 32, "é"):
            page = await other.get(fresh, headers={b"cookie": f"wifi_waits={forged}".encode()})
            assert page.status_code == 200
    elsewhere = address("coovachilli", district, clock, challenge=FRESH, mac="02-bb-22-33-44-66")
    assert (await client.get(elsewhere)).status_code == 200
    client.cookies.set("wifi_waits", held)
    assert (await client.get(fresh)).status_code == 303
    client.cookies.set("wifi_waits", held)
    again = address("coovachilli", district, clock, challenge="11" * 16)
    assert (await client.get(again)).status_code == 200
    assert len(sessions_of(engine, district)) == 1


async def test_the_waiting_login_does_not_wait_for_ever(
    client: httpx.AsyncClient, district: District, clock: FixedClock
) -> None:
    await late(client, district, clock)
    clock.advance(timedelta(seconds=121))
    fresh = await client.get(address("coovachilli", district, clock, challenge=FRESH))
    assert fresh.status_code == 200


async def test_a_used_redirect_offers_a_fresh_one(
    app: FastAPI, client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine
) -> None:
    first = address("coovachilli", district, clock)
    assert (await client.post(first, data=CLICK)).status_code == 303
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as other:
        refused = await other.post(first, data=CLICK)
    assert refused.status_code == 400
    assert 'href="http://10.1.0.1:3990/prelogin?userurl=' in refused.text
    assert len(sessions_of(engine, district)) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"res": "logoff"}, "You are off line"),
        ({"res": "failed", "reason": "reject", "reply": "<b>bad</b>"}, "&lt;b&gt;bad&lt;/b&gt;"),
        ({"res": "failed", "reason": "timeout"}, "waited too long"),
    ],
    ids=str,
)
async def test_what_chilli_tells_is_a_page_with_a_way_on(  # noqa: PLR0917 pytest gives them by name
    client: httpx.AsyncClient,
    district: District,
    clock: FixedClock,
    engine: Engine,
    changed: dict[str, str],
    words: str,
) -> None:
    place = address("coovachilli", district, clock, **changed)
    for answer in (await client.get(place), await client.post(place, data=CLICK)):
        assert answer.status_code == 200
        assert words in answer.text
        assert 'href="http://10.1.0.1:3990/prelogin?userurl=' in answer.text
    assert sessions_of(engine, district) == []
    in_chinese = await client.get(place + "&lang=zh")
    assert in_chinese.headers["content-language"] == "zh-Hans"
    assert "连接" in in_chinese.text


@pytest.mark.parametrize(
    ("form", "changed"), [("coovachilli", {"res": "success"}), ("cisco", {"statusCode": "1"})]
)
async def test_who_is_on_line_sees_the_welcome_page(
    client: httpx.AsyncClient, district: District, clock: FixedClock, form: str, changed: dict[str, str]
) -> None:
    answer = await client.get(address(form, district, clock, **changed))
    assert answer.status_code == 303
    place = urlsplit(answer.headers["location"])
    assert (place.netloc, place.path) == ("", f"/portal/{slug_of(form, district)}/welcome")
    assert parse_qs(place.query)["to"] == ["http://example.com/wanted"]
    assert (await client.get(answer.headers["location"])).status_code == 200


async def test_meraki_s_click_through_goes_to_meraki(
    client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine
) -> None:
    answer = await client.post(address("meraki", district, clock), data=CLICK)
    assert answer.status_code == 303
    place = urlsplit(answer.headers["location"])
    asked = parse_qs(place.query)
    assert (place.netloc, place.path) == ("n143.network-auth.com", "/splash/grant")
    assert asked["duration"] == ["28800"]
    assert urlsplit(asked["continue_url"][0]).path == f"/portal/{slug_of('meraki', district)}/welcome"
    assert sessions_of(engine, district)[0].confirmed_at is None


async def test_mist_gets_a_signed_authorization(
    client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine
) -> None:
    answer = await client.post(address("mist", district, clock), data=CLICK)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://portal.mist.com/authorize?signature=")
    assert sessions_of(engine, district)[0].confirmed_at is None


POSTED: Mapping[str, tuple[str, str, str]] = {
    "meraki_sign_on": (FIELDS["meraki_sign_on"]["login_url"], "username", "success_url"),
    "aruba": ("https://securelogin.arubanetworks.com/cgi-bin/login", "user", "url"),
    "aruba_on": ("https://captive.arubainstanton.com/cgi-bin/login", "user", "url"),
    "cisco": ("https://192.0.2.1/login.html", "username", "redirect_url"),
}


@pytest.mark.parametrize("form", POSTED)
async def test_the_gateway_is_handed_a_one_time_login(
    client: httpx.AsyncClient, district: District, clock: FixedClock, engine: Engine, form: str
) -> None:
    answer = await client.post(address(form, district, clock), data=CLICK)
    assert answer.status_code == 200
    url, name, landing = POSTED[form]
    action, fields = form_of(answer.text)
    token = token_of(engine, district)
    assert action == url
    assert (fields[name], fields["password"]) == (token.username, token.password)
    assert urlsplit(fields[landing]).path == f"/portal/{slug_of(form, district)}/welcome"
    parts = urlsplit(url)
    policy = answer.headers["content-security-policy"]
    assert f"{parts.scheme}://{parts.netloc}" in policy.partition("form-action ")[2].split()
    row = sessions_of(engine, district)[0]
    assert row.confirmed_at is None
    assert token.wifi_session_id == row.id


@pytest.mark.parametrize(
    ("form", "changed"),
    [
        ("meraki_sign_on", {"error_message": "Access denied"}),
        ("aruba", {"errmsg": "Access denied"}),
        ("cisco", {"statusCode": "5"}),
    ],
)
async def test_a_refused_login_is_tried_again_by_one_tap(
    client: httpx.AsyncClient, district: District, clock: FixedClock, form: str, changed: dict[str, str]
) -> None:
    place = address(form, district, clock, **changed)
    page = await client.get(place)
    assert page.status_code == 200
    again = re.search(r'<a class="button" href="(\?[^"]*)"', page.text)
    assert again is not None
    sign_in = await client.get(place.partition("?")[0] + unescape(again[1]))
    assert sign_in.status_code == 200
    assert 'name="method" value="click"' in sign_in.text


@contextmanager
def access_controller(**wanted: Any) -> Iterator[int]:
    """The port of a simulated access controller."""
    given = json.dumps({"secret": SECRET, **wanted})
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
        process.kill()


async def portal2_at(
    app: FastAPI, committed: Makers, district: District, clock: FixedClock, port: int
) -> str:
    register(
        committed.session,
        committed.info(district),
        "portal2",
        slug_of("portal2", district),
        clock,
        options={"controller_url": f"udp://127.0.0.1:{port}"},
    )
    committed.session.commit()
    await refresh(app)
    return address("portal2", district, clock)


async def test_an_access_controller_lets_the_user_in_and_confirms_the_device(  # noqa: PLR0917 pytest gives them by name
    app: FastAPI,
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    clock: FixedClock,
    engine: Engine,
) -> None:
    with access_controller() as port:
        place = await portal2_at(app, committed, district, clock, port)
        assert (await client.get(place)).status_code == 200
        answer = await client.post(place, data=CLICK)
    assert answer.status_code == 303
    assert urlsplit(answer.headers["location"]).path.endswith("/welcome")
    row = sessions_of(engine, district)[0]
    assert (row.confirmed_by, row.grant) == ("controller", {"user_ip": "10.0.0.5"})


async def test_an_access_controller_that_refuses_leaves_the_page_with_its_button(  # noqa: PLR0917 pytest gives them by name
    app: FastAPI,
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    clock: FixedClock,
    engine: Engine,
) -> None:
    with access_controller(answers={"auth": 1}) as port:
        place = await portal2_at(app, committed, district, clock, port)
        answer = await client.post(place, data=CLICK)
    assert answer.status_code == 503
    assert "text/html" in answer.headers["content-type"]
    assert 'name="method" value="click"' in answer.text
    assert [row.confirmed_at for row in sessions_of(engine, district)] == [None]


async def test_uamhomepage_s_wrapping_leads_to_the_same_page(
    client: httpx.AsyncClient, district: District
) -> None:
    slug = slug_of("coovachilli", district)
    inner = f"http://testserver/portal/{slug}?" + chilli_query(
        f"http://testserver/portal/{slug}", FIELDS["coovachilli"]
    )
    place = f"/portal/{slug}?loginurl={quote(inner, safe='')}"
    assert (await client.get(place)).status_code == 200
    answer = await client.post(place, data=CLICK)
    assert answer.headers["location"].startswith("http://10.1.0.1:3990/logon?username=")
