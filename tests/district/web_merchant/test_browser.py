"""The merchants' console in Debian's Chromium: a fence drawn and saved, a code typed and redeemed."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.app import create_app
from district.auth.principals import COOKIE
from district.campaigns.models import Campaign
from district.offers.models import Offer
from district.settings import Settings
from push.coupon import CouponCode, code_from, grouped
from tests.district.web_merchant.conftest import Business, open_business
from tests.factories import Makers
from tests.serving import running

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A running site, a merchant in it, and his browser."""

    address: str
    business: Business
    page: Page
    wrongs: list[str]


@pytest.fixture
def business(committed: Makers) -> Business:
    """Without the application of other tests: this one runs in a server of its own."""
    return open_business(committed, committed.district())


@pytest.fixture
def address(settings: Settings, business: Business, committed: Makers) -> Iterator[str]:
    """A real server on the module's database; what it is to know is there before it starts."""
    assert business.token
    with running(create_app(settings, committed.clock)) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def counter(address: str, business: Business, chromium: Browser) -> Iterator[Counter]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    context.add_cookies([{"name": COOKIE, "value": business.token, "url": address}])
    page = context.new_page()
    wrongs: list[str] = []
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("console", lambda message: wrongs.append(message.text) if message.type == "error" else None)
    yield Counter(address=address, business=business, page=page, wrongs=wrongs)
    context.close()


def test_typing_another_radius_judges_the_ground_anew(counter: Counter) -> None:
    page = counter.page
    page.goto(f"{counter.address}/merchant/campaigns/new?lang=zh&idea=lunch")
    page.locator("#check").get_by_text("120 米").wait_for()
    page.get_by_label("半径", exact=True).fill("10")
    page.locator("#check").get_by_text(re.compile(r"(?<!\d)20 米")).wait_for()
    assert page.locator('input[name="ground"][value="shops"]').is_checked()


def test_only_the_fields_that_a_choice_needs_are_shown(counter: Counter) -> None:
    page = counter.page
    page.goto(f"{counter.address}/merchant/campaigns/new?lang=en")
    assert page.get_by_label("for at least").is_hidden()
    page.get_by_label("What happens").select_option("fence.dwell")
    page.get_by_label("for at least").wait_for(state="visible")
    page.get_by_text("Message only").click()
    page.get_by_label("Percent", exact=True).wait_for(state="hidden")


def test_a_typed_code_is_redeemed_once(counter: Counter, committed: Makers, engine: Engine) -> None:
    code = code_from(uuid.uuid4().bytes)
    campaign = counter.business.campaign
    offer = committed.offer(campaign, committed.member(counter.business.district), code=code)
    page = counter.page
    page.goto(f"{counter.address}/merchant/redeem?lang=en")
    page.get_by_label("Coupon code").fill(grouped(CouponCode(code)).lower())
    page.keyboard.press("Enter")
    page.locator('[data-outcome="redeemed"]').wait_for()
    with Session(engine) as session:
        assert session.get_one(Offer, (campaign.district_id, offer.id)).state == "redeemed"
    assert counter.wrongs == []
    page.get_by_label("Coupon code").fill(code)
    page.keyboard.press("Enter")
    page.locator('[data-outcome="used"]').wait_for()
    page.goto(f"{counter.address}/merchant/redeem?lang=en")
    page.get_by_role("button", name="Undo").first.click()
    page.locator('[data-outcome="undone"]').wait_for()


def test_ending_a_campaign_asks_first(counter: Counter, engine: Engine) -> None:
    page = counter.page
    asked: list[str] = []

    def refuse(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(f"{counter.address}/merchant/campaigns?lang=en")
    page.get_by_role("button", name="End", exact=True).click()
    with Session(engine) as session:
        campaign = counter.business.campaign
        state = session.get_one(Campaign, (campaign.district_id, campaign.id)).state
    assert asked == ["End it for good? Coupons already sent stay valid."]
    assert state == "live"
