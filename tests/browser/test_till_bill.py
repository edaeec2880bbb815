"""A bill at the counter by keyboard alone: Enter moves on, the sum is shown before anything is used, and parts are undone."""

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.offers.models import Offer
from tests.browser.conftest import logged_in
from tests.browser.scene import Scene
from tests.browser.test_accessibility import AXE, HAND, faults

pytestmark = pytest.mark.browser


def state(engine: Engine, offer: Offer) -> str:
    with Session(engine) as session:
        return str(session.get_one(Offer, (offer.district_id, offer.id)).state)


def test_a_bill_is_settled_and_undone_by_keyboard(
    chromium: Browser, site: str, scene: Scene, engine: Engine
) -> None:
    context = logged_in(chromium, site, scene, "merchant", locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    wrongs: list[str] = []
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.goto(f"{site}/merchant/redeem?lang=en")
    bill, code, go = page.locator("#bill"), page.locator("#code"), page.locator("#till-go")
    expect(code).to_be_focused()
    expect(go).to_have_text("Redeem")
    bill.focus()
    page.keyboard.type("45")
    expect(go).to_have_text("Work out the sum")
    page.keyboard.press("Enter")
    expect(code).to_be_focused()
    page.keyboard.type(scene.coupon.code)
    page.keyboard.press("Enter")
    page.locator('[data-due="3600"]').wait_for()
    assert state(engine, scene.coupon) == "issued"
    expect(code).to_be_focused()
    page.set_viewport_size(HAND)
    page.evaluate(AXE)
    assert faults(page, "sum") == []
    page.keyboard.press("Enter")
    expect(page.locator("#till-settle")).to_be_focused()
    page.keyboard.press("Enter")
    outcome = page.locator('[data-outcome="settled"]')
    expect(outcome).to_contain_text("To pay: €36.00")
    assert state(engine, scene.coupon) == "redeemed"
    expect(code).to_be_focused()
    expect(bill).to_have_value("")
    expect(page.locator("#till-sum")).to_have_text("")
    assert faults(page, "settled") == []
    outcome.get_by_role("button", name="Undo").click()
    page.locator('[data-outcome="undone"]').wait_for()
    assert state(engine, scene.coupon) == "issued"
    assert wrongs == []
    context.close()


def test_without_script_the_same_form_takes_two_steps(
    chromium: Browser, site: str, scene: Scene, engine: Engine
) -> None:
    context = logged_in(chromium, site, scene, "merchant", locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/merchant/redeem?lang=en")
    page.locator("#bill").fill("45")
    page.locator("#code").fill(scene.coupon.code)
    page.keyboard.press("Enter")
    page.locator('[data-due="3600"]').wait_for()
    assert state(engine, scene.coupon) == "issued"
    page.locator("#till-settle").click()
    page.locator('[data-outcome="settled"]').wait_for()
    assert state(engine, scene.coupon) == "redeemed"
    page.locator('[data-outcome="settled"]').get_by_role("button", name="Undo").click()
    page.locator('[data-outcome="undone"]').wait_for()
    context.close()
