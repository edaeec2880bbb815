"""What is typed in the campaign editor, in Chromium: it outlives a closed tab and a lost line, and replaces nobody's newer version."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from tests.district.web_merchant.conftest import Business
from tests.district.web_merchant.test_browser import Counter, address, business, chromium, counter
from tests.factories import Makers

__all__ = ["address", "business", "chromium", "counter"]
pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
TYPED = re.compile(r"You have unsaved changes of [^.]*\d\d:\d\d")
SENT = re.compile(r"What you sent at [^.]*\d\d:\d\d[^.]* got no answer")
"""With the day before, once midnight has passed between the typing and the looking."""


@pytest.fixture(autouse=True)
def draft(business: Business, committed: Makers) -> None:
    """The campaign is one that a save changes at once."""
    committed.session.query(Campaign).filter_by(id=business.campaign.id).update({"state": "draft"})
    committed.done()


def edit(counter: Counter) -> str:
    return f"{counter.address}/merchant/campaigns/{counter.business.campaign.id}/edit?lang=en"


def opened(counter: Counter, address: str, page: Page | None = None) -> Page:
    """The editor with its map, after which nothing but hands change its fields."""
    page = page or counter.page
    page.set_default_timeout(120_000)
    page.goto(address, wait_until="domcontentloaded")
    page.evaluate("async () => { await window.fenceEditor; }")
    return page


def typed(page: Page) -> None:
    """A name of one's own, and a row that the server adds."""
    page.get_by_label("Name of the campaign").fill("Late lunch")
    page.get_by_role("button", name="Or something else that brings it").click()
    page.get_by_role("group", name="What brings the offer").nth(1).get_by_label("What happens").select_option(
        "wifi.join"
    )
    expect(page.locator("[data-kept-told]")).to_contain_text("Kept in this browser at")
    page.wait_for_function(
        "() => Object.keys(localStorage).some((key) => (localStorage[key] ?? '').includes('wifi.join'))"
    )


def state(counter: Counter, engine: Engine) -> tuple[str, int]:
    with Session(engine) as session:
        campaign = counter.business.campaign
        row = session.get_one(Campaign, (campaign.district_id, campaign.id))
        return row.name, row.version


def another_saves(counter: Counter, engine: Engine, name: str) -> None:
    with Session(engine) as session, session.begin():
        campaign = counter.business.campaign
        row = session.get_one(Campaign, (campaign.district_id, campaign.id))
        row.name, row.version = name, row.version + 1


def is_kept(page: Page) -> bool:
    return bool(
        page.evaluate("() => Object.keys(localStorage).some((key) => key.startsWith('district-typed:'))")
    )


def test_a_closed_tab_loses_nothing_and_what_is_saved_is_offered_no_more(
    counter: Counter, engine: Engine
) -> None:
    first = opened(counter, edit(counter))
    expect(first.locator("#kept")).to_be_hidden()
    typed(first)
    first.close(run_before_unload=False)
    page = opened(counter, edit(counter), first.context.new_page())
    expect(page.locator("#kept")).to_contain_text(TYPED)
    expect(page.get_by_label("Name of the campaign")).to_have_value("Lunch")
    page.get_by_role("button", name="Bring them back").click()
    expect(page.get_by_label("Name of the campaign")).to_have_value("Late lunch")
    expect(page.locator("#trigger-1-on")).to_have_value("wifi.join")
    expect(page.locator("#kept")).to_be_hidden()
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**?said=saved")
    page.wait_for_function(
        "() => !Object.keys(localStorage).some((key) => key.startsWith('district-typed:'))"
    )
    opened(counter, edit(counter), page)
    expect(page.locator("#kept")).to_be_hidden()
    assert counter.wrongs == []


def test_what_somebody_else_saved_meanwhile_stays_until_it_is_replaced_knowingly(
    counter: Counter, engine: Engine
) -> None:
    page = opened(counter, edit(counter))
    page.get_by_label("Name of the campaign").fill("Mine")
    expect(page.locator("[data-kept-told]")).to_contain_text("Kept in this browser at")
    another_saves(counter, engine, "Theirs")
    page.on("dialog", lambda dialog: dialog.accept())
    opened(counter, edit(counter), page)
    expect(page.locator("#kept")).to_contain_text("The campaign was changed since")
    page.get_by_role("button", name="Bring them back").click()
    expect(page.locator("#stale")).to_contain_text("Nothing is saved over that")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/edit")
    expect(page.locator("#stale")).to_contain_text("Nothing is saved over that")
    expect(page.get_by_label("Name of the campaign")).to_have_value("Mine")
    assert state(counter, engine)[0] == "Theirs"
    page.get_by_role("button", name="Save mine in its place").click()
    page.wait_for_url("**?said=saved")
    assert state(counter, engine)[0] == "Mine"


def test_a_save_without_a_line_is_offered_again_and_can_be_discarded(
    counter: Counter, engine: Engine
) -> None:
    page = opened(counter, edit(counter))
    page.get_by_label("Name of the campaign").fill("Without a line")
    page.context.set_offline(True)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/edit")):
        page.get_by_role("button", name="Save draft").click(no_wait_after=True)
    page.context.set_offline(False)
    opened(counter, edit(counter), page)
    expect(page.locator("#kept")).to_contain_text(SENT)
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#kept")).to_be_hidden()
    assert not is_kept(page)
    assert state(counter, engine)[0] == "Lunch"


def test_a_new_campaign_is_kept_too_for_its_writer_alone_until_he_logs_out(counter: Counter) -> None:
    new = f"{counter.address}/merchant/campaigns/new?lang=en"
    page = opened(counter, new)
    page.get_by_label("Name of the campaign").fill("Not done yet")
    expect(page.locator("[data-kept-told]")).to_contain_text("Kept in this browser at")
    page.on("dialog", lambda dialog: dialog.accept())
    for _ in range(2):
        opened(counter, new, page)
        expect(page.locator("#kept")).to_contain_text(TYPED)
        page.evaluate("() => document.querySelector('#campaign').dispatchEvent(new Event('change'))")
    assert page.evaluate("(token) => !JSON.stringify({ ...localStorage }).includes(token)", token_of(page))
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login**")
    assert not is_kept(page)


def test_who_logs_out_right_after_typing_leaves_nothing(counter: Counter) -> None:
    page = opened(counter, f"{counter.address}/merchant/campaigns/new?lang=en")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Name of the campaign").fill("Typed and gone")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login**")
    assert not is_kept(page)


def token_of(page: Page) -> Any:
    return page.locator('input[name="form_token"]').first.input_value()
