"""A coupon's page in a browser: the next code comes by itself, an old one says that it is old, and nothing needs a script."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import logged_in
from tests.browser.scene import Scene

pytestmark = pytest.mark.browser
TELEPHONE = {"width": 390, "height": 844}


def opened(page: Page, site: str, scene: Scene) -> Page:
    page.clock.install()
    page.goto(f"{site}/d/{scene.slug}/offers/{scene.coupon.id}?lang=en")
    expect(page.locator("svg.segno")).to_be_visible()
    return page


def test_the_next_code_comes_when_the_time_of_the_last_is_over(
    chromium: Browser, site: str, scene: Scene
) -> None:
    context = logged_in(chromium, site, scene, "shopper", viewport=TELEPHONE)
    page = opened(context.new_page(), site, scene)
    before = page.locator("svg.segno").inner_html()
    with page.expect_response(re.compile(r"/offers/[^/]+/code$")) as fetched:
        page.clock.run_for(31_000)
    assert fetched.value.status == 200
    page.wait_for_function("before => document.querySelector('svg.segno').innerHTML !== before", arg=before)
    context.close()


def test_without_a_line_the_code_says_how_old_it_is_and_recovers(
    chromium: Browser, site: str, scene: Scene
) -> None:
    context = logged_in(chromium, site, scene, "shopper", viewport=TELEPHONE)
    page = opened(context.new_page(), site, scene)
    context.set_offline(True)
    page.clock.run_for(45_000)
    old = page.get_by_text(re.compile(r"No connection: this code is \d+ seconds old"))
    expect(old).to_be_visible()
    context.set_offline(False)
    with page.expect_response(re.compile(r"/offers/[^/]+/code$")) as fetched:
        page.clock.run_for(4_000)
    fetched.value.finished()
    page.clock.run_for(500)
    expect(old).to_be_hidden()
    context.close()


def test_without_a_script_the_page_comes_again_and_types(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "shopper", viewport=TELEPHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/d/{scene.slug}/offers/{scene.coupon.id}?lang=en")
    expect(page.get_by_role("link", name="Show a new code")).to_be_visible()
    page.get_by_label("Number that the till shows").fill("000000")
    page.get_by_role("button", name="Get a code for this till").click()
    expect(page.get_by_text("No till of this offer shows this number now.")).to_be_visible()
    context.close()
