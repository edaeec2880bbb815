"""The preview on the merchant's page: at once the question, then figures of the planner, never of fewer than ten."""

import uuid
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from district.members.models import Consent, Member
from district.sightings.models import RawSighting
from push.consent import Purpose
from tests.district.web_merchant.conftest import Business, browser
from tests.factories import HELSINKI, Makers

AJAX = {"HX-Request": "true"}


def walkers(makers: Makers, business: Business, count: int, *, agree: int) -> list[Member]:
    """Members who were in the fence yesterday; the first of them agreed to offers."""
    feed, at = makers.feed(business.district), makers.clock.now() - timedelta(days=1)
    found = []
    for number in range(count):
        member = makers.member(business.district)
        found.append(member)
        for purpose in (Purpose.MARKETING, Purpose.LOCATION) if number < agree else ():
            makers.session.add(
                Consent(
                    district_id=business.district.id,
                    member_id=member.id,
                    purpose=purpose,
                    granted=True,
                    action="box",
                    at=makers.clock.now(),
                )
            )
        makers.session.add(
            RawSighting(
                district_id=business.district.id,
                feed_id=feed.id,
                at=at,
                source_id=uuid.uuid4().hex,
                device=uuid.uuid4().bytes,
                member_id=member.id,
                lon=HELSINKI.lon,
                lat=HELSINKI.lat,
                accuracy_m=5.0,
                received_at=at,
            )
        )
    makers.done()
    return found


def address(business: Business, part: str = "") -> str:
    return f"/merchant/campaigns/{business.campaign.id}/preview{part}"


async def test_the_page_comes_at_once_and_asks_for_its_figures(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    page = await merchant.get(address(business))
    assert page.status_code == 200
    assert f'hx-get="{address(business, "/figures")}" hx-trigger="load"' in page.text
    assert "Planning for every member" in page.text


async def test_the_figures_are_the_planners_rounded_down_to_tens(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    walkers(committed, business, 47, agree=34)
    figures = (await merchant.get(address(business, "/figures"), headers=AJAX)).text
    assert "<html" not in figures
    assert "of 40 looked at" in figures
    assert "<b>30</b>" in figures
    assert "no consent to offers" in figures
    assert ">34<" not in figures
    assert figures.count('class="phone-note sample"') == 10


async def test_fewer_than_ten_are_said_so_in_both_languages(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    walkers(committed, business, 13, agree=9)
    english = (await merchant.get(address(business, "/figures"), headers=AJAX)).text
    chinese = (await merchant.get(address(business, "/figures?lang=zh"), headers=AJAX)).text
    assert "<b>&lt;10</b>" in english
    assert "Fewer than ten people." in english
    assert "<b>&lt;10</b>" in chinese
    assert "不足 10 人" in chinese


async def test_nothing_of_it_is_kept(
    merchant: httpx.AsyncClient, business: Business, committed: Makers, engine: Engine
) -> None:
    walkers(committed, business, 20, agree=20)
    assert "<b>20</b>" in (await merchant.get(address(business, "/figures"), headers=AJAX)).text
    with engine.connect() as connection:
        for table in ("offer", "exposure", "cap_slot", "outbox_message"):
            count = text(f"SELECT count(*) FROM {table} WHERE district_id = :district_id")
            assert connection.scalar(count, {"district_id": business.district.id}) == 0, table


async def test_without_script_the_figures_are_a_whole_page(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    walkers(committed, business, 20, agree=20)
    page = (await merchant.get(address(business, "/figures"))).text
    assert page.startswith("<!doctype html>") or "<html" in page
    assert "<b>20</b>" in page
    assert 'hx-trigger="load"' not in page


async def test_the_file_has_the_same_figures(
    merchant: httpx.AsyncClient, business: Business, committed: Makers
) -> None:
    walkers(committed, business, 47, agree=34)
    answer = await merchant.get(address(business, ".csv"))
    lines = answer.text.removeprefix("\ufeff").splitlines()
    assert answer.headers["content-type"].startswith("text/csv")
    assert "Would get it,inbox,30" in lines
    assert "Would get none,no consent to offers,10" in lines


async def test_after_sixty_previews_an_hour_it_says_to_wait(
    merchant: httpx.AsyncClient, business: Business
) -> None:
    for _ in range(60):
        assert (await merchant.get(address(business, "/figures"), headers=AJAX)).status_code == 200
    refused = await merchant.get(address(business, "/figures"), headers=AJAX)
    assert refused.status_code == 200
    assert "At most 60 previews an hour" in refused.text


@pytest.mark.parametrize("part", ["", "/figures", ".csv"])
async def test_a_rivals_campaign_is_not_previewed(
    app: FastAPI, business: Business, rival: Business, part: str
) -> None:
    async with browser(app, rival.token) as other:
        assert (await other.get(address(business, part))).status_code == 404


@pytest.mark.parametrize("part", ["", "/figures", ".csv"])
async def test_who_is_not_logged_in_is_led_to_the_log_in_page(
    app: FastAPI, business: Business, part: str
) -> None:
    async with browser(app) as stranger:
        assert (await stranger.get(address(business, part))).status_code == 303


async def test_the_campaigns_page_leads_to_it(merchant: httpx.AsyncClient, business: Business) -> None:
    page = await merchant.get(f"/merchant/campaigns/{business.campaign.id}?said=saved")
    assert page.text.count(f'href="{address(business)}"') == 2
