"""Members' pages in Debian's Chromium: an offer that arrives shows by itself, a coupon fits a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from district.app import create_app
from district.auth.models import Role
from district.auth.principals import COOKIE
from district.database import notify
from district.deliveries.queue import INBOX_CHANNEL
from district.settings import Settings
from push.coupon import code_from
from tests.district.web_member.conftest import arrive
from tests.factories import Makers
from tests.serving import running

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


def phone(chromium: Browser, address: str, token: str, *, is_scripted: bool = True) -> Page:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=is_scripted)
    context.set_default_timeout(120_000)
    context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    return context.new_page()


def test_an_offer_that_arrives_shows_by_itself_and_opens_with_its_code(
    settings: Settings, committed: Makers, chromium: Browser
) -> None:
    district = committed.district()
    merchant = committed.merchant(district)
    store = committed.store(district, merchant_id=merchant.id)
    campaign = committed.campaign(district, merchant, [store])
    member = committed.member(district)
    token = committed.token(district, Role.SHOPPER, subject_id=member.id)
    wrongs: list[str] = []
    with running(create_app(settings, committed.clock)) as address:
        page = phone(chromium, address, token)
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        page.on("console", lambda said: wrongs.append(said.text) if said.type == "error" else None)
        with page.expect_response("**/v1/me/inbox/stream**"):
            page.goto(f"{address}/d/{district.slug}/inbox?lang=en")
        page.get_by_text("Nothing has come yet").wait_for()
        arrive(committed, committed.offer(campaign, member, code=code_from(b"c" * 16)), store)
        notify(committed.session, INBOX_CHANNEL, f"{district.id}:{member.id}")
        committed.done()
        page.get_by_text("20 % off").click()
        page.get_by_role("img", name="QR code of the coupon").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("span[data-left]").inner_text().startswith(("2:00:00", "1:5"))
        page.context.close()
    assert wrongs == []


def test_without_a_script_a_consent_is_given_and_withdrawn_in_one_tap_each(
    settings: Settings, committed: Makers, chromium: Browser
) -> None:
    district = committed.district()
    member = committed.member(district)
    token = committed.token(district, Role.SHOPPER, subject_id=member.id)
    with running(create_app(settings, committed.clock)) as address:
        page = phone(chromium, address, token, is_scripted=False)
        page.goto(f"{address}/d/{district.slug}/privacy?lang=zh")
        switch = page.get_by_role("switch", name="在消息页接收优惠")
        assert switch.get_attribute("aria-checked") == "false"
        switch.click()
        page.wait_for_url("**saved=consents")
        assert switch.get_attribute("aria-checked") == "true"
        switch.click()
        page.get_by_text("起未同意").wait_for()
        assert switch.get_attribute("aria-checked") == "false"
        page.context.close()
