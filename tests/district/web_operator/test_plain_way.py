"""Forms that go the plain way, because htmx is not there yet or never comes: they say the same, and lose nothing."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI

from district.auth.models import Role
from district.campaigns.models import Campaign
from district.channels.models import ChannelProvider
from district.database import new_id
from district.districts.models import District
from district.web.templating import TEMPLATES
from tests.conftest import refresh
from tests.district.web_operator.conftest import browser_of
from tests.district.web_operator.test_property_pages import property_of
from tests.factories import Makers

HTMX = {"hx-request": "true"}


def said(page: str) -> set[str]:
    """Every text that a reader sees, piece by piece."""
    seen = re.sub(r"(?s)<(script|style|title|template)\b.*?</\1>", "", page)
    return {html.unescape(text).strip() for text in re.split(r"<[^>]*>", seen)} - {""}


def ways(page: str, campaign: Campaign) -> set[str]:
    """What can be done with a campaign from here."""
    return set(re.findall(rf'action="/operator/approvals/{campaign.id}/(\w+)"', page))


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step that the operator takes, and what it finds."""

    action: str
    state: str
    sent: Mapping[str, str] = field(default_factory=dict)
    leads_to: str
    way_back: str = ""
    status: int = 200
    is_unfiled: bool = False
    """Text messages go only as filed texts, and none is on file."""
    lang: str = "en"


STEPS = {
    "approve": Step(action="approve", state="in_review", leads_to="live", way_back="pause"),
    "reject": Step(
        action="reject",
        state="in_review",
        sent={"reason": "Too loud & <b>"},
        leads_to="draft",
        way_back="submit",
        lang="zh",
    ),
    "pause": Step(action="pause", state="live", leads_to="paused", way_back="resume", lang="zh"),
    "resume": Step(action="resume", state="paused", leads_to="live", way_back="pause"),
    "put back": Step(action="submit", state="draft", leads_to="in_review", way_back="approve"),
    "stale": Step(
        action="approve", state="in_review", sent={"version": "2"}, leads_to="in_review", status=409
    ),
    "stale with a reason": Step(
        action="reject",
        state="in_review",
        sent={"version": "2", "reason": "Too loud & <b>"},
        leads_to="in_review",
        status=409,
        lang="zh",
    ),
    "unfiled": Step(action="approve", state="in_review", is_unfiled=True, leads_to="in_review", status=409),
    "not from here": Step(
        action="reject", state="live", sent={"reason": "Too late"}, leads_to="live", status=409
    ),
}


def needs_filing(makers: Makers, district: District) -> None:
    """A provider of text messages that sends filed texts only."""
    at = makers.clock.now()
    row = ChannelProvider(
        district_id=district.id,
        id=new_id(),
        slug="cn",
        channel="sms",
        kind="aliyun_sms",
        name="短信",
        options={},
        sealed=b"",
        cost_micro=45_000,
        created_at=at,
        changed_at=at,
    )
    makers.session.add(row)
    makers.done()


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
async def test_a_decision_says_the_same_with_htmx_and_without(
    operator: httpx.AsyncClient, committed: Makers, district: District, step: Step
) -> None:
    merchant = committed.merchant(district)
    fast, plain = (committed.campaign(district, merchant, [], state=step.state, version=3) for _ in range(2))
    operator.cookies.set("lang", step.lang)
    if step.is_unfiled:
        needs_filing(committed, district)

    async def take(campaign: Campaign, headers: Mapping[str, str]) -> httpx.Response:
        path = f"/operator/approvals/{campaign.id}/{step.action}"
        return await operator.post(path, data=dict(step.sent), headers=dict(headers))

    card = await take(fast, HTMX)
    answer = await take(plain, {})
    page = answer
    if step.status == 200:
        assert answer.status_code == 303
        page = await operator.get(answer.headers["location"])
    assert page.status_code == step.status
    assert said(card.text) <= said(page.text)
    assert ways(card.text, fast) <= ways(page.text, plain)
    assert step.way_back in {*ways(page.text, plain), ""}
    if reason := step.sent.get("reason", "") if step.status != 200 else "":
        assert f'value="{html.escape(reason)}"' in card.text
        assert f'value="{html.escape(reason)}"' in page.text
    committed.session.refresh(plain)
    assert plain.state == step.leads_to


async def test_a_decision_is_said_once_where_what_it_led_to_stands_in_the_list(
    operator: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    campaign = committed.campaign(district, committed.merchant(district), [], state="in_review")
    page = await operator.get("/operator/approvals", params={"done": str(campaign.id), "step": "submit"})
    assert "It waits for approval again." in page.text
    assert page.text.count(f'id="name-{campaign.id}"') == 1
    assert page.text.count(f"/operator/approvals/{campaign.id}/approve") == 2  # one form, for both ways


async def test_what_another_district_decided_is_not_shown(
    operator: httpx.AsyncClient, stranger: httpx.AsyncClient, committed: Makers, district: District
) -> None:
    campaign = committed.campaign(district, committed.merchant(district), [], name="Ours")
    query = {"done": str(campaign.id), "step": "approve"}
    assert "Ours" in (await operator.get("/operator/approvals", params=query)).text
    assert "Ours" not in (await stranger.get("/operator/approvals", params=query)).text
    assert (await operator.get("/operator/approvals", params={"done": str(campaign.id)})).status_code == 200


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A button that changes nothing: it answers with a part of the page, or with the page."""

    address: str
    sent: Mapping[str, str]
    part: str
    kept: Sequence[str]
    """Fields of which the page still has what was typed."""


ASKING = {
    "stores of an incentive": Asking(
        address="/operator/incentives/stores",
        sent={"name": "Not saved <yet>", "store_words": "forum", "kind": "coupon", "value": "percent"},
        part="Forum Café",
        kept=("name", "store_words"),
    ),
    "merchants of the points rule": Asking(
        address="/operator/points/merchants",
        sent={"per_visit": "ten <and>", "merchant_words": "zio", "whose": "named"},
        part="Zio",
        kept=("per_visit", "merchant_words"),
    ),
    "a row of a campaign": Asking(
        address="/operator/campaigns/arrange?part=triggers",
        sent={
            "name": "Not saved <yet>",
            "do": "add:trigger",
            "trigger": "0",
            "trigger-0-on": "fence.dwell",
            "trigger-0-min": "2,5",
            "trigger-0-min_unit": "min",
        },
        part="Or something else that brings it",
        kept=("name", "trigger-0-min"),
    ),
}


@pytest.fixture
async def places(app: FastAPI, committed: Makers, district: District) -> None:
    """Something to find."""
    merchant = committed.merchant(district, name="Zio")
    committed.store(district, merchant_id=merchant.id, name="Forum Café")
    await refresh(app)


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("asking", ASKING.values(), ids=ASKING)
async def test_what_is_asked_for_comes_in_the_page_that_keeps_all_that_was_typed(
    operator: httpx.AsyncClient, asking: Asking
) -> None:
    part = await operator.post(asking.address, data=dict(asking.sent), headers=HTMX)
    page = await operator.post(asking.address, data=dict(asking.sent))
    assert (part.status_code, page.status_code) == (200, 200)
    assert asking.part in said(part.text)
    assert said(part.text) <= said(page.text)
    assert "<html" in page.text
    for name in asking.kept:
        field = re.search(rf'<input[^>]* name="{name}"[^>]*>', page.text)
        assert field is not None
        assert f'value="{html.escape(asking.sent[name])}"' in field[0]
    back = await operator.get(asking.address)
    assert back.status_code == 303
    assert (await operator.get(back.headers["location"])).status_code == 200


async def test_people_are_counted_in_the_page_that_keeps_all_that_was_typed(
    app: FastAPI, committed: Makers, district: District
) -> None:
    place = property_of(committed, district, "Forum")
    account = committed.account(district, Role.PROPERTY, scope_id=place.id)
    await refresh(app)
    token = committed.token(district, Role.PROPERTY, subject_id=account.id, scope_id=place.id)
    sent = {"title": "Not saved <yet>", "joint": "all", "language.is": "must", "language.value": "zh"}
    wrong = sent | {"visits.is": "must", "visits.n": "many", "visits.op": ">=", "visits.scope": "district"}
    async for browser in browser_of(app, token):
        made = await browser.post("/property/audience/segments/new", data=sent | {"kind": "live"})
        kept = made.headers["location"].partition("?")[0]
        for address in ("count", f"count?segment={kept.rpartition('/')[2]}"):
            for form in (sent | {"version": "7"}, wrong | {"version": "7"}):
                path = f"/property/audience/segments/{address}"
                part = await browser.post(path, data=form, headers=HTMX)
                page = await browser.post(path, data=form)
                assert (part.status_code, page.status_code) == (200, 200)
                assert said(part.text)
                assert said(part.text) <= said(page.text)
                assert 'value="Not saved &lt;yet&gt;"' in page.text or "Not saved &lt;yet&gt;" in page.text
                # What the form was made of goes on with it: a change by somebody else is not written over.
                assert ('name="version" value="7"' in page.text) == ("segment=" in address)
        back = await browser.get(f"/property/audience/segments/{address}")
        assert back.headers["location"] == kept


ASKED = re.compile(r"hx-(?:get|post|put|patch|delete)=")
BY_THEMSELVES = {
    "operator/sessions.html": "refreshed every few seconds; the page itself is the plain way",
    "operator/gateways.html": "refreshed every few seconds; the page itself is the plain way",
    "operator/feeds.html": "refreshed every few seconds; the page itself is the plain way",
    "operator/live.html": "refreshed every minute; the page itself is the plain way",
    "operator/codes.html": "refreshed every few seconds; the page itself is the plain way",
    "operator/self_test.html": "refreshed every few seconds; the page itself is the plain way",
    "operator/points.html": "says while one types what the form means; a save says it too, with the way back",
    "merchant/editor.html": "judges while one types what the form means; a save says what is wrong with it",
    "staff/campaigns.html": "fills a cell in which a link to the campaign's own page stands",
    "staff/preview.html": "reckons; without script a link leads to the page with the figures",
}
"""What HTMX asks for without anybody pressing anything, and what stands there without it."""
PRESSED = {
    "operator/approval_card.html": "a decision",
    "operator/wifi_parts.html": "what is asked for",
    "merchant/editor/fields.html": "what is asked for",
    "audience/segment.html": "people are counted",
}
"""What somebody presses: each has an address of its own, and a test above that it says the same."""


def test_nothing_needs_htmx_that_is_not_named_here() -> None:
    texts = {str(path.relative_to(TEMPLATES)): path.read_text() for path in TEMPLATES.rglob("*.html")}
    assert {name for name, text in texts.items() if ASKED.search(text)} == {*BY_THEMSELVES, *PRESSED}
    for name, text in texts.items():
        buttons = re.findall(r"<(?:form|button)\b(?:[^{>]|{[{%].*?[}%]})*>", text)
        asking = [tag for tag in buttons if ASKED.search(tag)]
        assert bool(asking) == (name in PRESSED)
        assert all("action=" in tag for tag in asking), name
