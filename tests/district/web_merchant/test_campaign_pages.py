"""The merchants' campaign pages: the form, its errors, the steps, the results."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.campaigns.models import Campaign, CampaignStock
from district.database import new_id
from tests.district.web_merchant.conftest import WITHIN, Business, browser, form
from tests.factories import Makers

GETS = (
    "/merchant",
    "/merchant/results.csv",
    "/merchant/campaigns",
    "/merchant/campaigns/new",
    "/merchant/campaigns/{campaign}",
    "/merchant/campaigns/{campaign}/edit",
    "/merchant/redeem",
    "/merchant/tills",
)
POSTS = (
    "/merchant/campaigns/new",
    "/merchant/campaigns/check",
    "/merchant/campaigns/arrange",
    "/merchant/campaigns/{campaign}/edit",
    "/merchant/campaigns/{campaign}/steps",
    "/merchant/campaigns/{campaign}/stock",
    "/merchant/redeem",
    "/merchant/tills",
)


def drafts(engine: Engine, business: Business) -> list[Campaign]:
    with Session(engine) as session:
        mine = select(Campaign).where(
            Campaign.merchant_id == business.merchant.id, Campaign.id != business.campaign.id
        )
        return list(session.scalars(mine.order_by(Campaign.id)))


@pytest.mark.parametrize("path", GETS)
async def test_who_is_not_logged_in_is_led_to_the_log_in_page(
    app: FastAPI, business: Business, path: str
) -> None:
    address = path.format(campaign=business.campaign.id)
    async with browser(app) as stranger:
        answer = await stranger.get(address)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?role=merchant&next=")


@pytest.mark.parametrize("path", POSTS)
async def test_nobody_else_and_no_other_site_sends_forms(
    app: FastAPI, business: Business, merchant: httpx.AsyncClient, path: str
) -> None:
    address = path.format(campaign=business.campaign.id)
    async with browser(app) as stranger:
        anonymous = await stranger.post(address, data=form(business))
    foreign = await merchant.post(address, data=form(business), headers={"Sec-Fetch-Site": "cross-site"})
    assert anonymous.status_code == 303
    assert foreign.status_code == 403


async def test_an_operator_is_no_merchant(app: FastAPI, business: Business, committed: Makers) -> None:
    async with browser(app, committed.token(business.district, Role.OPERATOR)) as operator:
        assert (await operator.get("/merchant")).status_code == 303


@pytest.mark.parametrize("path", GETS)
async def test_every_page_speaks_both_languages(
    merchant: httpx.AsyncClient, business: Business, path: str
) -> None:
    address = path.format(campaign=business.campaign.id)
    for language in ("zh", "en"):
        answer = await merchant.get(address, params={"lang": language}, follow_redirects=True)
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["", "/edit"])
async def test_a_rivals_campaign_is_not_found(
    merchant: httpx.AsyncClient, rival: Business, path: str
) -> None:
    address = f"/merchant/campaigns/{rival.campaign.id}"
    shown = await merchant.get(address + path)
    copied = await merchant.get("/merchant/campaigns/new", params={"copy": str(rival.campaign.id)})
    stepped = await merchant.post(f"{address}/steps", data={"action": "end"})
    stocked = await merchant.post(f"{address}/stock", data={"version": "1", "stock": "5"})
    saved = await merchant.post(f"{address}/edit", data=form(rival))
    assert {shown.status_code, stepped.status_code, stocked.status_code, copied.status_code} == {404}
    assert saved.status_code in {404, 422}
    assert "Rival" not in shown.text


async def test_a_form_becomes_the_draft_that_it_says(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    answer = await merchant.post("/merchant/campaigns/new", data=form(business))
    assert answer.status_code == 303
    (made,) = drafts(engine, business)
    assert made.state == "draft"
    assert made.rule == {
        "v": 1,
        "trigger": {"any": [{"on": "fence.dwell", "min_s": 150}]},
        "where": {"within": WITHIN},
        "when": {"opening_hours": "Mo-Tu,Fr 11:00-14:00", "tz": "district"},
        "who": "new",
        "cap": {"campaign": {"n": 2, "per": "7d"}},
        "ttl_s": 3600,
    }
    assert made.offer["value"] == {"type": "amount", "minor_units": 250}
    assert made.offer["title"] == {"en": "2.50 off", "zh": "立减 2.5 欧元"}
    assert made.ends_at is not None
    assert made.ends_at.isoformat() == "2026-05-31T17:00:00+00:00"
    with Session(engine) as session:
        assert session.get_one(CampaignStock, (business.district.id, made.id)).quota == 40


async def test_submitting_brings_it_to_the_operator(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    answer = await merchant.post("/merchant/campaigns/new", data=form(business, then="submit"))
    page = await merchant.get(answer.headers["location"])
    assert [one.state for one in drafts(engine, business)] == ["in_review"]
    assert "Waits for approval" in page.text


DRAWN = {
    "type": "Polygon",
    "coordinates": [[[24.94, 60.168], [24.942, 60.168], [24.942, 60.17], [24.94, 60.168]]],
}


async def test_a_drawn_fence_is_kept_and_shown_again(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    sent = form(business, ground="drawn", within=json.dumps(DRAWN))
    await merchant.post("/merchant/campaigns/new", data=sent)
    (made,) = drafts(engine, business)
    edit = await merchant.get(f"/merchant/campaigns/{made.id}/edit")
    assert made.rule["where"]["within"] == DRAWN
    assert "24.942" in edit.text
    assert 'value="2.5"' in edit.text


BOWTIE = {
    "type": "Polygon",
    "coordinates": [[[24.94, 60.168], [24.942, 60.17], [24.942, 60.168], [24.94, 60.17], [24.94, 60.168]]],
}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"store_ids": []}, "store_ids"),
        ({"ground": "shops", "near_m": "x"}, "near_m"),
        ({"ground": "shops", "near_m": "5000"}, "near_m"),
        ({"ground": "drawn", "within": ""}, "within"),
        ({"ground": "drawn", "within": "[" * 5000}, "within"),
        ({"ground": "drawn", "within": json.dumps(BOWTIE)}, "within"),
        ({"ground": "drawn", "within": json.dumps({"building": "none", "buffer_m": 5})}, "within"),
        ({"ground": "drawn", "within": '{"circle":{"lon":60,"lat":24,"radius_m":50}}'}, "within"),
        ({"ground": "drawn", "within": '{"circle":{"lon":NaN,"lat":60,"radius_m":50}}'}, "within"),
        ({"ground": "drawn", "within": '{"circle":{"lon":1e999,"lat":60,"radius_m":50}}'}, "within"),
        ({"ground": "drawn", "within": '{"type":"Polygon","coordinates":"everywhere"}'}, "within"),
        ({"ground": "drawn", "within": "{}"}, "within"),
        ({"store_ids": ["mine"]}, "store_ids"),
        ({"cap_per": "\x00"}, "cap_n"),
        ({"days": []}, "hours"),
        ({"opens": ""}, "hours"),
        ({"hours": "text", "opening_hours": "whenever"}, "opening_hours"),
        ({"trigger-0-min": "0"}, "trigger-0-min"),
        ({"trigger-0-min": "nan"}, "trigger-0-min"),
        ({"audience": "tall"}, "audience"),
        ({"cap_n": "99"}, "cap_n"),
        ({"cap_n": "1.5"}, "cap_n"),
        ({"ttl": "0"}, "ttl"),
        ({"amount": "2.505"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1e400"}, "amount"),
        ({"value": "percent", "percent": "150"}, "percent"),
        ({"value": "car"}, "value"),
        ({"title_en": "", "title_zh": ""}, "title_en"),
        ({"title_zh": "长" * 61}, "title_zh"),
        ({"stock": "-4"}, "stock"),
        ({"stock": "999999999999"}, "stock"),
        ({"starts": "tomorrow"}, "starts"),
        ({"starts": "2026-06-10T10:00"}, "ends"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    merchant: httpx.AsyncClient, business: Business, engine: Engine, changes: dict[str, Any], field: str
) -> None:
    answer = await merchant.post("/merchant/campaigns/new?lang=zh", data=form(business, **changes))
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    words = answer.text.split(f'id="error-{field}">')[1].split("<")[0]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in words), words
    assert drafts(engine, business) == []


async def test_a_rivals_shop_is_refused_at_the_shops(
    merchant: httpx.AsyncClient, business: Business, rival: Business, engine: Engine
) -> None:
    both = [str(business.store.id), str(rival.store.id)]
    answer = await merchant.post("/merchant/campaigns/new", data=form(business, store_ids=both))
    assert answer.status_code == 422
    assert 'id="error-store_ids"' in answer.text
    assert drafts(engine, business) == []


async def test_an_old_form_does_not_overwrite_a_newer_change(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    await merchant.post("/merchant/campaigns/new", data=form(business))
    (made,) = drafts(engine, business)
    address = f"/merchant/campaigns/{made.id}/edit"
    first = await merchant.post(address, data=form(business, name="First", version="1"))
    second = await merchant.post(address, data=form(business, name="Second", version="1"))
    assert (first.status_code, second.status_code) == (303, 409)
    assert [one.name for one in drafts(engine, business)] == ["First"]


async def test_a_live_campaign_is_paused_resumed_ended_and_not_edited(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    address = f"/merchant/campaigns/{business.campaign.id}"
    states = []
    for action in ("pause", "resume", "end"):
        answer = await merchant.post(f"{address}/steps", data={"action": action})
        assert answer.status_code == 303
        with Session(engine) as session:
            states.append(session.get_one(Campaign, (business.district.id, business.campaign.id)).state)
    again = await merchant.post(f"{address}/steps?lang=zh", data={"action": "pause"})
    edit = await merchant.get(f"{address}/edit")
    assert states == ["paused", "live", "ended"]
    assert again.status_code == 409
    assert "当前状态不允许" in again.text
    assert edit.headers["location"].endswith("?said=fixed")


@pytest.mark.parametrize("action", ["approve", "reject", "start"])
async def test_a_merchant_does_not_approve(
    merchant: httpx.AsyncClient, business: Business, action: str
) -> None:
    await merchant.post("/merchant/campaigns/new", data=form(business, then="submit"))
    answer = await merchant.post(f"/merchant/campaigns/{business.campaign.id}/steps", data={"action": action})
    assert answer.status_code == 404


async def test_stock_of_a_live_campaign_changes_but_never_below_what_is_issued(
    merchant: httpx.AsyncClient, business: Business, engine: Engine, committed: Makers
) -> None:
    stock = committed.session.get_one(CampaignStock, (business.district.id, business.campaign.id))
    stock.issued = 7
    committed.done()
    address = f"/merchant/campaigns/{business.campaign.id}/stock"
    low = await merchant.post(address, data={"version": "1", "stock": "3"})
    odd = await merchant.post(address, data={"version": "1", "stock": "many"})
    fine = await merchant.post(address, data={"version": "1", "stock": "9"})
    assert (low.status_code, odd.status_code, fine.status_code) == (422, 422, 303)
    assert "7 offers are issued already" in low.text
    with Session(engine) as session:
        assert session.get_one(CampaignStock, (business.district.id, business.campaign.id)).quota == 9


async def test_check_judges_the_fence_and_shows_the_offer(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    wide = await merchant.post("/merchant/campaigns/check", data=form(business))
    narrow = await merchant.post(
        "/merchant/campaigns/check",
        data=form(business, within=json.dumps({"circle": {**WITHIN["circle"], "radius_m": 5}})),
    )
    wrong = await merchant.post(
        "/merchant/campaigns/check?lang=zh", data=form(business, ground="drawn", within=json.dumps(BOWTIE))
    )
    assert "11,2" in wide.text
    assert "120 m" in wide.text
    assert "narrower" not in wide.text
    assert "narrower" in narrow.text
    assert "2.50 off" in wide.text
    assert "轮廓不能自相交" in wrong.text


async def test_a_copy_starts_from_the_campaign_without_its_dates(
    merchant: httpx.AsyncClient, business: Business, engine: Engine
) -> None:
    await merchant.post("/merchant/campaigns/new", data=form(business))
    (made,) = drafts(engine, business)
    answer = await merchant.get(f"/merchant/campaigns/new?copy={made.id}")
    assert 'value="Lunch (2)"' in answer.text
    assert "2026-05-31" not in answer.text


async def test_an_unknown_campaign_is_a_page_that_says_so(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    answer = await merchant.get(f"/merchant/campaigns/{new_id()}?lang=zh")
    assert answer.status_code == 404
    assert "您名下没有这个页面" in answer.text


async def test_a_campaign_without_ground_has_pages_that_say_what_brings_it(
    app: FastAPI, merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    rule = {"v": 1, "trigger": {"any": [{"on": "wifi.join", "first": True}]}, "per_day": 40}
    campaign = committed.campaign(
        business.district, business.merchant, [business.store], state="in_review", rule=rule
    )
    ground: dict[Any, Any] = {Campaign.fence: from_shape(MultiPolygon(), srid=4326)}
    committed.session.query(Campaign).filter_by(id=campaign.id).update(ground)
    committed.done()
    own = await merchant.get(f"/merchant/campaigns/{campaign.id}?lang=en")
    async with browser(app, committed.token(business.district, Role.OPERATOR)) as operator:
        waiting = await operator.get("/operator/approvals?lang=en")
        seen = await operator.get(f"/operator/campaigns/{campaign.id}?lang=en")
    for page in (own, waiting, seen):
        assert page.status_code == 200
        assert "joins the Wi-Fi for the first time" in page.text
        assert "40 a day" in page.text
    assert "Map of the fence" not in own.text
