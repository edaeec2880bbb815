"""The operator sets the points rule, lifts a lock and decides, in Chromium: on a good line, on a broken one, without script."""

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import logged_in
from tests.browser.scene import Scene
from tests.browser.test_accessibility import HAND

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
    choice.evaluate("choice => { choice.firstElementChild.dataset.before = ''; }")
    page.get_by_label("Find a merchant").fill("nobody is called so")
    expect(choice.locator("[data-before]")).to_have_count(0)
    expect(choice.get_by_role("checkbox")).to_be_checked()
    choice.get_by_text("Zio").click()
    page.get_by_label("Find a merchant").fill("nobody at all")
    expect(choice.get_by_text("No merchant of this name")).to_be_visible()
    page.get_by_label("Find a merchant").fill("zi")
    expect(choice.get_by_role("checkbox")).not_to_be_checked()
    context.close()


def test_what_is_ticked_while_an_answer_is_on_its_way_stays_ticked(
    chromium: Browser, site: str, scene: Scene
) -> None:
    context = logged_in(chromium, site, scene, "operator", locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/operator/points")
    choice = page.locator("#merchant-choice")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/operator/points/merchants", hold_the_first)
    page.get_by_label("Find a merchant").fill("nobody is called so")
    expect(page.locator("input[data-finds].htmx-request")).to_have_count(1)
    while not held:
        page.wait_for_timeout(20)  # the driver hears of it in its own time
    choice.get_by_text("Zio").click()
    expect(choice.get_by_text("No merchant of this name")).to_be_visible()
    context.close()


def test_enter_in_the_search_searches_and_saves_nothing(chromium: Browser, site: str, scene: Scene) -> None:
    for is_scripted in (True, False):
        context = logged_in(
            chromium, site, scene, "operator", locale="en-GB", java_script_enabled=is_scripted
        )
        page = context.new_page()
        page.goto(f"{site}/operator/points")
        page.locator("#f-per_visit").fill("33")
        page.locator("#merchant-choice").get_by_text("Zio").click()
        page.get_by_label("Find a merchant").fill("nobody is called so")
        if is_scripted:
            page.keyboard.press("Enter")
        else:
            page.get_by_role("button", name="Find").click()
        expect(page.get_by_text("No merchant of this name")).to_be_visible()
        expect(page.locator("#f-per_visit")).to_have_value("33")
        expect(page.get_by_text("Saved.")).to_have_count(0)
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


def test_a_decision_whose_answer_is_lost_says_so_and_is_taken_again(
    chromium: Browser, site: str, scene: Scene
) -> None:
    context = logged_in(chromium, site, scene, "operator", locale="en-GB")
    page = context.new_page()
    page.goto(f"{site}/operator/approvals")
    page.route("**/operator/approvals/*/approve", lambda route: route.abort())
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_contain_text("No answer came to what you did last")
    page.unroute("**/operator/approvals/*/approve")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved, and live now.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Undo: pause it").click()
    expect(page.get_by_text("Paused. Nothing more is sent.")).to_be_visible()
    context.close()


def test_without_script_a_decision_is_said_and_taken_back(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(
        chromium, site, scene, "operator", locale="en-GB", java_script_enabled=False, viewport=HAND
    )
    page = context.new_page()
    page.goto(f"{site}/operator/approvals?done={scene.campaign_id}&step=approve")
    expect(page.get_by_role("status")).to_contain_text("Approved, and live now.")
    page.get_by_role("button", name="Undo: pause it").click()
    expect(page.get_by_role("status")).to_contain_text("Paused. Nothing more is sent.")
    page.get_by_role("button", name="Let it run").click()
    expect(page.get_by_role("status")).to_contain_text("Approved, and live now.")
    context.close()
