"""Gateways on the operator's pages: every vendor's form, errors at their fields, changes, and the self-test."""

import re
import uuid
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from district.clock import FixedClock
from district.districts.models import District
from district.gateways import redirect_events, service
from district.gateways.causes import Cause
from district.gateways.dialect import BadRedirect
from district.gateways.models import Gateway, Plan
from district.gateways.redirect_events import Outcome
from district.gateways.schemas import NewGateway
from district.gateways.self_test import State
from district.portal.models import SignInVisit
from district.web import operator_vendors
from district.web.language import Language, Tongue, speaking
from district.web.operator_forms import said
from district.web.operator_redirect_words import redirect_words
from tests.conftest import refresh
from tests.factories import Makers

CONTROLLER = "https://192.168.1.2:8043"
NEEDED: dict[str, dict[str, str]] = {
    "omada": {
        "option.controller_url": CONTROLLER,
        "option.controller_id": "abcdef0123456789",
        "option.username": "op",
        "option.password": "pass-word",
    },
    "portal2": {"option.controller_url": "udp://10.0.0.1:2000"},
    "ruckus": {"option.controller_url": CONTROLLER, "option.password": "pass-word"},
    "unifi": {
        "option.controller_url": CONTROLLER,
        "option.username": "op",
        "option.password": "pass-word",
        "option.is_unifi_os": "on",
    },
    "opennds": {"option.level": "3", "option.portal_ip": "192.0.2.10"},
}


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send from the page's form, untouched."""
    body = page[page.index('class="gateway-form"') :]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", body):
        name, kind = re.search(r'name="([^"]+)"', tag), re.search(r'type="([^"]+)"', tag)
        if not name or (kind and kind[1] in {"checkbox", "radio"} and " checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        found.setdefault(name[1], []).append(value[1] if value else "")
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found[name] = [chosen[1] if chosen else ""]
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', body, re.DOTALL):
        found[name] = [text]
    return found


async def test_all_vendors_are_offered(operator: httpx.AsyncClient) -> None:
    page = (await operator.get("/operator/new-gateway")).text
    assert set(re.findall(r"\?vendor=([a-z0-9]+)", page)) == set(service.DIALECTS)


@pytest.mark.parametrize("vendor", sorted(service.DIALECTS))
async def test_every_vendors_form_can_be_filled_saved_and_saved_again(
    operator: httpx.AsyncClient, committed: Makers, district: District, vendor: str
) -> None:
    page = (await operator.get("/operator/new-gateway", params={"vendor": vendor})).text
    for option in operator_vendors.options_of(vendor):
        assert f'name="{option.field}"' in page
        assert option.label(vendor) != option.name
    slug = f"gw-{uuid.uuid4().hex[:8]}"
    form = form_of(page) | {"slug": slug, "name": "East <gate>"} | NEEDED.get(vendor, {})
    made = await operator.post("/operator/gateways", data=form)
    assert made.headers["location"] == f"/operator/gateways/{slug}?made=1"
    shown = (await operator.get(made.headers["location"])).text
    assert "East &lt;gate&gt;" in shown
    assert f"/portal/{slug}" in shown
    before = committed.session.scalars(select(Gateway).where(Gateway.slug == slug)).one()
    secret, options = before.secret, dict(before.options)
    edit = (await operator.get(f"/operator/gateways/{slug}/edit")).text
    assert secret not in edit
    assert "pass-word" not in edit
    again = await operator.post(f"/operator/gateways/{slug}/edit", data=form_of(edit) | {"name": "West"})
    assert again.status_code == 303
    committed.session.expire_all()
    after = committed.session.scalars(select(Gateway).where(Gateway.slug == slug)).one()
    assert (after.name, after.secret, after.options) == ("West", secret, options)


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        ({"slug": "Not A Slug"}, "f-slug", "not in the form"),
        ({"secret": "short"}, "f-secret", "too short"),
        ({"option.controller_url": "http://192.168.1.2"}, "f-option.controller_url", "Must be https"),
        ({"option.controller_url": ""}, "f-option.controller_url", "This is needed."),
        ({"option.ca_certificate": "nonsense"}, "f-option.ca_certificate", "PEM"),
        ({"networks": "10.0.0.0/8 elsewhere"}, "f-networks", "not a network"),
        ({"hosts": "bad_host!"}, "f-hosts", "not in the form"),
        ({"public_url": "javascript:alert(1)"}, "f-public_url", "not in the form"),
        ({"least_age": "90"}, "f-least_age", "too large"),
        ({"plan": "unheard-of"}, "f-plan", "No plan"),
    ],
)
async def test_errors_stand_at_their_fields(
    operator: httpx.AsyncClient, wrong: dict[str, str], place: str, words: str
) -> None:
    form = {"slug": f"gw-{uuid.uuid4().hex[:8]}", "vendor": "unifi", "name": "kept"} | NEEDED["unifi"] | wrong
    answer = await operator.post("/operator/gateways", data=form)
    assert answer.status_code == 422
    assert "alert-danger" in answer.text
    at = answer.text.index(f'id="{place}"')
    own = answer.text[at : at + 900]
    error = re.search(r'class="field-error">([^<]*)<', own)
    assert error is not None
    assert words in error[1].replace("&#39;", "'")
    assert 'value="kept"' in answer.text
    assert "pass-word" not in answer.text


async def test_a_real_name_venue_takes_no_click_through(operator: httpx.AsyncClient) -> None:
    form = {"slug": "gw-real", "vendor": "click", "methods": ["click", "phone"], "is_real_name": "on"}
    answer = await operator.post("/operator/gateways", data=form)
    assert answer.status_code == 422
    assert "nobody may pass by click" in answer.text


async def test_zone_plan_allow_lists_and_the_fail_open_choice_are_kept(
    operator: httpx.AsyncClient, committed: Makers, district: District, clock: FixedClock
) -> None:
    zone = committed.zone(district)
    plan = Plan(district_id=district.id, slug="day", created_at=clock.now())
    committed.session.add(plan)
    committed.done()
    slug = f"gw-{uuid.uuid4().hex[:8]}"
    form = {
        "slug": slug,
        "vendor": "meraki",
        "zone_id": str(zone.id),
        "plan": "day",
        "hosts": "*.network-auth.com\nn1.meraki.com",
        "networks": "10.0.0.0/8, 192.168.0.0/16",
        "fail_open": "yes",
        "least_age": "14",
        "compares_variants": "on",
    }
    assert (await operator.post("/operator/gateways", data=form)).status_code == 303
    row = committed.session.scalars(select(Gateway).where(Gateway.slug == slug)).one()
    assert (row.zone_id, row.plan_id, row.fail_open) == (zone.id, plan.id, True)
    assert row.allow_hosts == ["*.network-auth.com", "n1.meraki.com"]
    assert row.allow_networks == ["10.0.0.0/8", "192.168.0.0/16"]
    assert row.sign_in == {
        "least_age": 14,
        "variant": "plain",
        "compares_variants": True,
        "shows_offers": False,
        "join_keyword": "",
    }


async def registered(committed: Makers, district: District, app: FastAPI) -> Gateway:
    new = NewGateway(slug=f"gw-{district.slug}", vendor="click")
    row = service.create(committed.session, committed.info(district), new, clock=committed.clock)
    committed.done()
    await refresh(app)
    return row


async def test_the_list_and_the_self_test_show_the_last_problem(
    operator: httpx.AsyncClient,
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    app: FastAPI,
) -> None:
    row = await registered(committed, district, app)
    assert (await client.get(f"/portal/{row.slug}?mac=02:aa:22:33:44:66&x=<b>")).status_code == 400
    listed = (await operator.get("/operator/gateways")).text
    assert "Last problem" in listed
    assert "exactly one" in listed
    tested = (await operator.get(f"/operator/gateways/{row.slug}/self-test")).text
    assert "Refused" in tested
    assert "&lt;b&gt;" in tested
    assert "33:44:66" not in tested
    chinese = (await operator.get(f"/operator/gateways/{row.slug}/self-test?lang=zh")).text
    assert "重定向" in chinese
    assert "exactly one" not in chinese


async def test_each_state_of_a_check_has_a_colour_and_words(
    operator: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI
) -> None:
    row = await registered(committed, district, app)
    future = BadRedirect("The redirect comes from the future: set the gateway's clock.", cause=Cause.AHEAD)
    redirect_events.note(
        committed.session, row, Outcome.REFUSED, clock=committed.clock, raw_query=b"mac=1", refused=future
    )
    committed.done()
    page = (await operator.get(f"/operator/gateways/{row.slug}/self-test")).text
    for tone in ("green", "yellow", "red"):
        assert f"bg-{tone}" in page
    assert State.PROBLEM.value in page


async def test_the_gateways_page_tells_its_rates_with_their_interval(
    operator: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI, clock: FixedClock
) -> None:
    row = await registered(committed, district, app)
    for number in range(10):
        committed.session.add(
            SignInVisit(
                district_id=district.id,
                gateway_id=row.id,
                day=committed.info(district).trading_day(clock.now()),
                device=bytes([number]) * 16,
                variant="plain",
                shown_at=clock.now(),
                let_in_at=clock.now() if number < 8 else None,
                is_new=number < 4,
                codes=4 if number == 0 else 0,
                cost=200 if number == 0 else 0,
            )
        )
    committed.done()
    page = (await operator.get(f"/operator/gateways/{row.slug}")).text
    assert "80.0%" in page
    assert "49.0% – 94.3%" in page
    assert "€0.50" in page


async def test_other_districts_gateways_are_not_found(
    operator: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    committed: Makers,
    district: District,
    app: FastAPI,
) -> None:
    row = await registered(committed, district, app)
    for path in ("", "/edit", "/self-test"):
        assert (await stranger.get(f"/operator/gateways/{row.slug}{path}")).status_code == 404
    form = {"vendor": "click", "name": "taken over"}
    assert (await stranger.post(f"/operator/gateways/{row.slug}/edit", data=form)).status_code == 404
    foreign = await operator.post(
        f"/operator/gateways/{row.slug}/edit", data=form, headers={"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 403


@pytest.mark.parametrize(
    "words",
    [
        "The redirect comes from the future: set the gateway's clock.",
        "The redirect needs exactly one mac.",
        "The grant host a.example is not allowed: add it to allow_hosts.",
        "The gateway address 10.1.1.1 is in none of the allowed networks: add it to allow_networks.",
        "The redirect's md does not match: chilli's uamsecret must be this gateway's secret, and its uamserver "
        "exactly https://a.example/portal/x",
        "The signature does not match: check that the gateway has this gateway's secret.",
    ],
)
def test_refusals_are_told_in_chinese_too(words: str) -> None:
    with speaking(Tongue(language=Language.ZH)):
        assert redirect_words(words) != words
    with speaking(Tongue(language=Language.EN)):
        assert redirect_words(words) == words


def test_a_vendors_own_check_is_told_in_chinese_too() -> None:
    with speaking(Tongue(language=Language.ZH)):
        assert not said("Value error, the integration API needs api_key").isascii()
        assert not said("Field required").isascii()


async def test_a_poster_holds_the_codes_and_bad_names_are_told(
    operator: httpx.AsyncClient, committed: Makers, district: District, app: FastAPI
) -> None:
    row = await registered(committed, district, app)
    path = f"/operator/gateways/{row.slug}/poster"
    assert (await operator.get(path)).status_code == 200
    made = await operator.post(path, data={"ssid": "Mall <Wi-Fi>", "password": "eight-or-more"})
    assert made.status_code == 200
    assert made.text.count("<svg") == 2
    assert "Mall &lt;Wi-Fi&gt;" in made.text
    assert "eight-or-more" in made.text
    assert f"/d/{district.slug}" in made.text
    for wrong in ({"ssid": ""}, {"ssid": "商" * 11}, {"ssid": "a", "password": "short"}):
        answer = await operator.post(path, data=wrong)
        assert answer.status_code == 422
        assert "field-error" in answer.text
