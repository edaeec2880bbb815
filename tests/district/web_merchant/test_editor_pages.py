"""The editor's page and its parts: with HTMX, without script, for a campaign that runs, and for who may not."""

import json
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.audiences.models import Tag
from district.campaigns.models import Campaign
from district.database import new_id
from tests.district.web_merchant.conftest import WITHIN, Business, form
from tests.district.web_merchant.test_campaign_pages import drafts
from tests.factories import Makers

ARRANGE = "/merchant/campaigns/arrange"
HTMX = {"HX-Request": "true"}


async def test_a_button_answers_with_its_part_alone(merchant: httpx.AsyncClient, business: Business) -> None:
    sent = form(business, do="add:trigger")
    answer = await merchant.post(f"{ARRANGE}?part=triggers&lang=en", data=sent, headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.count('name="trigger" value=') == 2
    assert "<html" not in answer.text
    assert 'id="trigger-1-on"' in answer.text
    assert "autofocus" in answer.text


async def test_without_script_a_button_answers_with_the_whole_form_as_it_was(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    sent = form(business, do="add:group", name="Mine", within=json.dumps(WITHIN))
    answer = await merchant.post(f"{ARRANGE}?part=who&lang=en", data=sent)
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert 'value="Mine"' in answer.text
    assert 'id="term-0-attr"' in answer.text
    assert 'action="/merchant/campaigns/new"' in answer.text
    assert drafts(engine, business) == []


async def test_a_button_keeps_the_campaign_that_is_edited(
    merchant: httpx.AsyncClient, business: Business, rival: Business
) -> None:
    own = await merchant.post(
        f"{ARRANGE}?campaign={business.campaign.id}", data=form(business, do="add:trigger")
    )
    other = await merchant.post(
        f"{ARRANGE}?campaign={rival.campaign.id}", data=form(business, do="add:trigger")
    )
    assert f"/merchant/campaigns/{business.campaign.id}/edit" in own.text
    assert f"{rival.campaign.id}/edit" not in other.text


async def test_the_other_language_of_an_arranged_page_leads_to_the_form(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    own = await merchant.get(f"{ARRANGE}?campaign={business.campaign.id}")
    new = await merchant.get(ARRANGE)
    assert own.headers["location"] == f"/merchant/campaigns/{business.campaign.id}/edit"
    assert new.headers["location"] == "/merchant/campaigns/new"


@pytest.mark.parametrize("part", ["triggers", "hours", "blackout", "cut", "who", "variants", "channels"])
async def test_every_part_speaks_both_languages(
    merchant: httpx.AsyncClient, business: Business, part: str
) -> None:
    for language in ("zh", "en"):
        answer = await merchant.post(
            f"{ARRANGE}?part={part}&lang={language}", data=form(business), headers=HTMX
        )
        assert answer.status_code == 200
        assert f'id="part-{part}"' in answer.text


async def test_a_part_that_does_not_exist_is_the_page(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    answer = await merchant.post(f"{ARRANGE}?part=../../layouts/console", data=form(business), headers=HTMX)
    assert answer.status_code == 200
    assert "data-editor" in answer.text


async def test_more_fields_than_any_form_has_are_refused(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    sent = form(business) | {f"x{number}": "1" for number in range(3_000)}
    assert (await merchant.post(ARRANGE, data=sent)).status_code in {400, 413, 422}


async def test_a_change_of_a_running_campaign_waits_as_a_new_version(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    address = f"/merchant/campaigns/{business.campaign.id}/edit"
    page = await merchant.get(f"{address}?lang=en")
    assert "goes on as it is" in page.text
    with Session(engine) as session:
        before = session.get_one(Campaign, (business.district.id, business.campaign.id))
        rule, version = dict(before.rule), before.version
    answer = await merchant.post(address, data=form(business, version=str(version)))
    assert answer.headers["location"].endswith("said=saved")
    with Session(engine) as session:
        after = session.get_one(Campaign, (business.district.id, business.campaign.id))
        assert (after.state, after.rule, after.pending_version) == ("live", rule, version + 1)
    again = await merchant.get(address)
    assert 'value="2.5"' in again.text


async def test_a_tag_that_is_no_name_is_said_at_its_question(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    asked = {"audience": "built", "group": ["0"], "group-0-joint": "all", "term": ["0", "1"]}
    rows = {
        "term-0-group": "0",
        "term-0-attr": "language",
        "term-0-language": "zh",
        "term-1-group": "0",
        "term-1-attr": "tag",
        "term-1-tag": "No Name",
    }
    answer = await merchant.post("/merchant/campaigns/new", data=form(business, **asked, **rows))
    assert answer.status_code == 422
    assert '<a href="#term-1-attr">' in answer.text


async def test_own_tags_are_offered_and_a_rivals_are_not(
    merchant: httpx.AsyncClient, business: Business, rival: Business, committed: Makers
) -> None:
    for owner, name in ((business, "vip"), (rival, "secret")):
        committed.session.add(
            Tag(
                district_id=business.district.id,
                id=new_id(),
                merchant_id=owner.merchant.id,
                name=name,
                title=name.title(),
                created_at=committed.clock.now() - timedelta(days=1),
            )
        )
    committed.done()
    answer = await merchant.post(f"{ARRANGE}?part=who", data=form(business, do="add:group"), headers=HTMX)
    assert '<option value="vip">Vip</option>' in answer.text
    assert "secret" not in answer.text


async def test_check_says_the_rule_and_the_next_dates(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    row = {"trigger": ["0", "1"], "trigger-1-on": "schedule", "trigger-1-repeat": "daily"}
    at = {"trigger-1-date": "2026-05-01", "trigger-1-time": "18:00", "trigger-1-stops": "never"}
    sent = form(business, visited="mine", visited_days="30", **row, **at)
    said = await merchant.post("/merchant/campaigns/check?lang=en", data=sent)
    dates = said.text.split('id="dates-trigger-1"')[1].split("</div>")[0]
    assert dates.count("18:00") == 5
    assert "Members (new to the merchant) get the coupon" in said.text
    unfinished = await merchant.post("/merchant/campaigns/check?lang=en", data=sent | {"trigger-1-date": ""})
    assert "No date comes of this yet." in unfinished.text
    assert "Write a date and a time." in unfinished.text


async def test_words_that_could_be_markup_stay_text(merchant: httpx.AsyncClient, business: Business) -> None:
    evil = '"><script>alert(1)</script>'
    sent = form(business, name=evil, title_en=evil, **{"trigger-0-on": evil, "audience": evil})
    for answer in (
        await merchant.post("/merchant/campaigns/new", data=sent),
        await merchant.post("/merchant/campaigns/check", data=sent),
        await merchant.post(ARRANGE, data=sent),
    ):
        assert "<script>alert(1)" not in answer.text
