"""The campaign editor in Chromium: a whole campaign made by clicking, rows taken out and put back, leaving with a warning."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from tests.browser.test_accessibility import AXE, REPAINT, faults
from tests.district.web_merchant.test_browser import Counter, address, business, chromium, counter

__all__ = ["address", "business", "chromium", "counter"]
pytestmark = pytest.mark.browser
expect.set_options(timeout=120_000)


def opened(counter: Counter, query: str = "lang=en") -> Page:
    """An empty editor whose map is there."""
    page = counter.page
    page.set_default_timeout(120_000)
    page.goto(f"{counter.address}/merchant/campaigns/new?{query}", wait_until="domcontentloaded")
    page.evaluate("async () => { await window.fenceEditor; }")
    return page


def made_of(counter: Counter, engine: Engine) -> Campaign:
    with Session(engine) as session:
        mine = select(Campaign).where(
            Campaign.merchant_id == counter.business.merchant.id, Campaign.id != counter.business.campaign.id
        )
        return session.scalars(mine).one()


def draw(page: Page, corners: tuple[tuple[int, int], ...]) -> None:
    """A polygon around the middle of the map."""
    canvas = page.locator("#fence-map canvas.maplibregl-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for across, down in (*corners, corners[0]):
        page.mouse.move(x + across, y + down)
        page.mouse.click(x + across, y + down)


def offer_of_ten_from_fifty(page: Page) -> None:
    page.get_by_label("Name of the campaign").fill("Fridays")
    page.get_by_text("Spend and save", exact=True).last.click()
    page.get_by_label("From a bill of").fill("50")
    page.get_by_label("Amount", exact=True).fill("10")
    page.get_by_label("Title in English").fill("Friday: ")
    page.get_by_role("button", name="the worth").click()
    page.get_by_label("Text in English").fill("At your table.")


def on_fridays(page: Page) -> None:
    page.get_by_role("button", name="Or something else that brings it").click()
    row = page.get_by_role("group", name="What brings the offer").nth(1)
    row.get_by_label("What happens").select_option("schedule")
    row.get_by_label("First on").fill("2026-05-08")
    row.get_by_label("at", exact=True).fill("11:30")
    row.get_by_text("Fri", exact=True).click()
    expect(page.locator("#dates-trigger-1")).to_contain_text("Fri 11:30, 15 May 2026")


def who_comes_often_but_no_staff(page: Page) -> None:
    page.get_by_text("I choose …").click()
    page.get_by_role("button", name="Add a question").click()
    first = page.locator("#term-0-attr")
    first.select_option("visits")
    page.locator("#term-0-value").fill("3")
    page.locator("#term-0-days").fill("30")
    page.get_by_role("button", name="Another question").click()
    page.locator("#term-1-attr").select_option("language")
    page.locator("#term-1-is").select_option("no")
    page.locator("#term-1-language").select_option("zh")


def also_recent_visitors(page: Page) -> None:
    """A schedule knows no place, so those who visited lately are let in as well."""
    page.get_by_text("More about the place").click()
    page.get_by_label("Also, wherever they are").select_option("mine")
    page.get_by_label("in the last", exact=True).fill("14")


def test_a_whole_campaign_is_made_by_clicking_and_submitted(counter: Counter, engine: Engine) -> None:
    page = opened(counter)
    offer_of_ten_from_fifty(page)
    page.get_by_role("button", name="Polygon").click()
    draw(page, ((-150, -90), (150, -90), (150, 90), (-150, 90)))
    expect(page.locator('input[name="ground"][value="drawn"]')).to_be_checked()
    also_recent_visitors(page)
    on_fridays(page)
    page.get_by_role("button", name="Lunch", exact=True).click()
    expect(page.get_by_label("until", exact=True)).to_have_value("14:00")
    who_comes_often_but_no_staff(page)
    sentence = page.locator("#sentence")
    expect(sentence).to_contain_text("at least 3 times in 30 days")
    expect(sentence).to_contain_text("not: reads Chinese")
    expect(sentence).to_contain_text("in the drawn area")
    expect(sentence).to_contain_text("Friday: €10.00 off from €50.00")
    page.get_by_role("button", name="Submit for approval").click()
    page.wait_for_url("**?said=submitted")
    made = made_of(counter, engine)
    within = made.rule["where"].pop("within")
    assert (within["type"], len(within["coordinates"][0])) == ("Polygon", 5)
    assert made.state == "in_review"
    assert made.rule == EXPECTED_RULE
    assert made.offer["value"] == {"type": "amount", "minor_units": 1_000, "min_spend_minor": 5_000}
    assert made.offer["title"] == {"en": "Friday: {value}"}
    assert counter.wrongs == []


EXPECTED_RULE: dict[str, Any] = {
    "v": 1,
    "trigger": {
        "any": [
            {"on": "fence.enter"},
            {
                "on": "schedule",
                "rrule": "DTSTART:20260508T113000\nRRULE:FREQ=WEEKLY;BYDAY=FR",
                "dst": {"gap": "shift", "fold": "first"},
            },
        ]
    },
    "when": {"opening_hours": "Mo-Fr 11:00-14:00", "tz": "district"},
    "where": {"or_visited": {"store": "mine", "days": 14}},
    "who": {
        "all": [
            {"attr": "visits", "op": ">=", "value": 3, "window_d": 30},
            {"not": {"attr": "language", "value": "zh"}},
        ]
    },
    "cap": {"campaign": {"n": 1, "per": "day"}},
    "ttl_s": 5_400,
}


def test_a_part_of_the_ground_is_drawn_to_be_left_out(counter: Counter, engine: Engine) -> None:
    page = opened(counter, "lang=en&idea=lunch")
    page.locator("#check").get_by_text("120 m").wait_for()
    page.get_by_text("More about the place").click()
    page.get_by_role("button", name="Draw what to leave out").click()
    draw(page, ((-40, -40), (40, -40), (40, 40), (-40, 40)))
    page.get_by_text("a drawn area with 4 corners").wait_for()
    expect(page.locator('input[name="ground"][value="shops"]')).to_be_checked()
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**?said=saved")
    where = made_of(counter, engine).rule["where"]
    assert where["near_my_stores_m"] == 60
    assert [one["type"] for one in where["exclude"]] == ["Polygon"]


def test_what_was_taken_out_comes_back_as_it_was(counter: Counter) -> None:
    page = opened(counter, "lang=en&idea=slow")
    minutes = page.get_by_label("for at least")
    minutes.fill("7")
    page.get_by_role("button", name="Take out").first.click()
    page.get_by_text("Taken out: stays in the fence").wait_for()
    expect(page.locator("#sentence")).to_contain_text("Say what brings the offer")
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(minutes).to_have_value("7")


def test_a_part_takes_nothing_until_its_answer_is_there(counter: Counter) -> None:
    page = opened(counter, "lang=en&idea=slow")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/campaigns/arrange?*", hold_the_first)
    page.get_by_role("button", name="Or something else that brings it").click()
    expect(page.locator("#part-triggers")).to_have_js_property("inert", True)
    expect(page.locator("#part-who")).to_have_js_property("inert", False)
    while not held:
        page.wait_for_timeout(20)  # the driver hears of it in its own time
    held[0].abort()
    expect(page.locator("#part-triggers")).to_have_js_property("inert", False)
    page.get_by_role("button", name="Or something else that brings it").click()
    page.locator("#trigger-1-on").wait_for()
    expect(page.locator("#part-triggers")).to_have_js_property("inert", False)


def test_a_mistake_leads_to_its_field_and_nothing_typed_is_lost(counter: Counter) -> None:
    page = opened(counter, "lang=en&idea=lunch")
    page.get_by_text("More limits").click()
    page.get_by_label("Budget a day").fill("ten")
    page.get_by_label("Title in English").fill("A title of mine")
    page.get_by_role("button", name="Save draft").click()
    page.locator("#problems").get_by_role("link", name="Write a number here.").click()
    expect(page.get_by_label("Budget a day")).to_be_focused()
    expect(page.get_by_label("Budget a day")).to_have_value("ten")
    expect(page.get_by_label("Title in English")).to_have_value("A title of mine")


def test_leaving_with_something_typed_is_asked_about(counter: Counter) -> None:
    page = opened(counter, "lang=en&idea=lunch")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", stay)
    page.get_by_label("Title in English").click()
    page.keyboard.type("More")
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url("**/merchant")
    assert asked == ["beforeunload"]


OPEN_ALL = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_part_opened_keeps_nobody_out_and_fits_a_telephone(counter: Counter, lang: str) -> None:
    counter.page.emulate_media(reduced_motion="reduce")  # no colour on its way to another
    page = opened(counter, f"lang={lang}&idea=threshold")
    page.evaluate(OPEN_ALL)
    for part, row in (("group", "term-0-attr"), ("trigger", "trigger-1-on"), ("cut", "cut-0-kind")):
        if part == "group":
            page.locator('label:has(input[name="audience"][value="built"])').click()
        page.locator(f"#add-{part}").click()
        page.locator(f"#{row}").wait_for()
    page.locator("#add-variant").click()
    page.locator("#variant-1-name").wait_for()
    page.locator("#trigger-1-on").select_option("schedule")
    page.locator('button[value="out:trigger-0"]').click()
    page.locator('button[value="back:trigger-0"]').wait_for()
    page.locator('label:has(input[name="hours"][value="grid"])').click()
    expect(page.locator('input[name="grid-su0-from"]')).to_have_value("10:00")
    page.evaluate(OPEN_ALL)
    page.evaluate(AXE)
    wrongs = faults(page, "light, desk")
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(REPAINT, "dark")
    wrongs += faults(page, "dark, telephone")
    assert wrongs == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
