"""Every vendor through the real application: its redirect, the sign-in page, and what lets the browser in."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from district.clock import FixedClock
from district.districts.models import District
from district.settings import Settings
from tests.conftest import refresh
from tests.district.gateways.page_parts import CLICK, address, sessions_of, token_of
from tests.district.gateways.redirect_makers import (
    FIELDS,
    SECRET,
    VENDORS,
    register,
    slug_of,
)
from tests.factories import Makers

PROGRAM = Path(__file__).with_name("portal2_controller.py")
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
