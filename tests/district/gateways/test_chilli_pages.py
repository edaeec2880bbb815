"""CoovaChilli through the real application: challenges that are over, answers that are no sign-in, one browser each."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from district.clock import FixedClock
from district.districts.models import District
from district.gateways.vendors.coovachilli import chap_response
from tests.conftest import refresh
from tests.district.gateways.page_parts import CLICK, address, sessions_of, token_of
from tests.district.gateways.redirect_makers import (
    CHALLENGE,
    FIELDS,
    MAC,
    SECRET,
    chilli_query,
    register,
    slug_of,
)
from tests.factories import Makers

FRESH = "00112233445566778899aabbccddeeff"


@pytest.fixture
async def district(app: FastAPI, committed: Makers, clock: FixedClock) -> District:
    row = committed.district()
    register(committed.session, committed.info(row), "coovachilli", slug_of("coovachilli", row), clock)
    committed.session.commit()
    await refresh(app)
    return row


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
