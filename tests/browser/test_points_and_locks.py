"""The operator sets the points rule and lifts a lock, in Chromium."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import logged_in
from tests.browser.scene import Scene

pytestmark = pytest.mark.browser


def test_the_operator_reads_what_a_rule_means_before_saving_it_and_takes_it_back(
    chromium: Browser, site: str, scene: Scene
) -> None:
    context = logged_in(chromium, site, scene, "operator", locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/operator/points")
    expect(page.get_by_text("at the tills of 1 merchant")).to_be_visible()
    page.locator("#f-per_visit").fill("20")
    expect(page.get_by_text("A visit to the district brings 20 points")).to_be_visible()
    page.get_by_text("Of every merchant", exact=True).click()
    expect(page.get_by_text("at the tills of every merchant.")).to_be_visible()
    expect(page.locator("#merchant-choice")).to_be_hidden()
    page.locator("#f-value_minor").fill("0.03")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#h-value_minor")).to_contain_text("Members hold 172,830 points")
    page.locator("#f-value_minor").fill("0.01")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#f-per_visit")).to_have_value("10")
    expect(page.get_by_text("at the tills of 1 merchant")).to_be_visible()
    context.close()


def test_merchants_are_searched_for_and_ticked(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "operator", locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/operator/points")
    choice = page.locator("#merchant-choice")
    expect(choice.locator("label")).to_have_count(1)
    page.get_by_label("Find a merchant").fill("nobody is called so")
    expect(choice.get_by_role("checkbox")).to_be_checked()
    choice.get_by_text("Zio").click()
    page.get_by_label("Find a merchant").fill("nobody at all")
    expect(choice.get_by_text("No merchant of this name")).to_be_visible()
    page.get_by_label("Find a merchant").fill("zi")
    expect(choice.get_by_role("checkbox")).not_to_be_checked()
    context.close()


def test_a_lock_is_lifted_and_set_again(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "operator", locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/operator/locks")
    expect(page.get_by_role("button", name="Lift")).to_have_count(4)
    page.get_by_role("button", name="Lift Cash desks").click()
    expect(page.get_by_role("status")).to_contain_text("Open again.")
    expect(page.get_by_role("button", name="Lift")).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Locked again")
    expect(page.get_by_role("button", name="Lift")).to_have_count(4)
    context.close()
