"""The operator's campaign in Chromium: shops found and ticked by clicking, a building left out, submitted and approved."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from district.app import create_app
from district.auth.models import Role
from district.auth.principals import COOKIE
from district.campaigns.models import Campaign, CampaignStore
from district.districts.models import District
from district.settings import Settings
from tests.browser.test_accessibility import AXE, REPAINT, faults
from tests.district.web_merchant.test_browser import chromium
from tests.district.web_operator.test_property_pages import property_of
from tests.factories import Makers
from tests.serving import running

__all__ = ["chromium"]
pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def district(committed: Makers) -> District:
    """A district with a building that has not agreed, a café in it, and stalls around."""
    made = committed.district()
    place = property_of(committed, made, "Forum")
    committed.store(made, name="Café Forum", category="cafe", property_id=place.id)
    for number in range(3):
        committed.store(made, name=f"Stall {number}", category="gift")
    committed.done()
    return made


@pytest.fixture
def operator(
    settings: Settings, district: District, committed: Makers, chromium: Browser
) -> Iterator[BrowserContext]:
    """The operator's browser at a real server."""
    account = committed.account(district, Role.OPERATOR)
    token = committed.token(district, Role.OPERATOR, subject_id=account.id)
    with running(create_app(settings, committed.clock)) as address:
        context = chromium.new_context(
            viewport={"width": 1440, "height": 900}, base_url=address, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
        yield context
        context.close()


def opened(context: BrowserContext, wrongs: list[str]) -> Page:
    """The empty form, its map there."""
    page = context.new_page()
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("console", lambda said: wrongs.append(said.text) if said.type == "error" else None)
    page.goto("/operator/campaigns", wait_until="domcontentloaded")
    page.goto("/operator/campaigns/new?lang=en&idea=coupon", wait_until="domcontentloaded")
    page.evaluate("async () => { await window.fenceEditor; }")
    return page


def find_shops(page: Page) -> None:
    """By kind, which searches at once; then by name, by the Enter key."""
    chosen = page.locator("#store_ids")
    page.get_by_label("Kind of shop").first.select_option("gift")
    page.get_by_role("button", name="Tick all that were found").click()
    expect(chosen.locator("input:checked")).to_have_count(3)
    page.get_by_label("Kind of shop").first.select_option("")
    expect(page.get_by_role("group", name="Shops that were found")).to_contain_text("Café Forum")
    page.get_by_label("Name, brand or number").fill("no such shop")
    page.get_by_label("Name, brand or number").press("Enter")
    expect(page.locator("#find-shops")).to_contain_text("No open shop is like this")
    page.get_by_label("Name, brand or number").fill("café")
    page.get_by_label("Name, brand or number").press("Enter")
    page.get_by_role("group", name="Shops that were found").get_by_text("Café Forum").click()
    page.get_by_role("button", name="Untick all").click()
    expect(chosen.locator("input:checked")).to_have_count(0)
    chosen.get_by_role("button", name="Undo").click()
    expect(chosen.locator("input:checked")).to_have_count(4)


def leave_the_building_out(page: Page) -> None:
    """Around the shops, which reaches into the building in the middle."""
    page.get_by_text("Around the shops above", exact=True).click()
    with page.expect_response(_judges_250_metres):
        page.get_by_label("Radius", exact=True).fill("250")
    expect(page.locator("#check.htmx-swapping, #check.htmx-settling")).to_have_count(0)
    page.locator("#reached").get_by_role("button", name="Leave them out").click()
    expect(page.locator("#part-cut .editor-row")).to_have_count(1)
    expect(page.locator("#reached")).to_have_count(0)


def _judges_250_metres(answer: Response) -> bool:
    return urlsplit(answer.url).path.endswith("/check") and "near_m=250&" in (answer.request.post_data or "")


def test_a_campaign_of_the_district_is_made_by_clicking(
    operator: BrowserContext, district: District, engine: Engine
) -> None:
    wrongs: list[str] = []
    page = opened(operator, wrongs)
    find_shops(page)
    leave_the_building_out(page)
    page.get_by_label("What happens").select_option("fence.enter")
    expect(page.locator("#sentence")).to_contain_text("10% off in the district")
    page.evaluate(AXE)
    found = faults(page, "light")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(REPAINT, "dark")
    assert found + faults(page, "dark, by hand") == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Submit for approval").click()
    page.wait_for_url("**?said=submitted")
    page.get_by_role("link", name="Look at it there").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("body")).to_contain_text("Approved, and live now.")
    with Session(engine) as session:
        made = session.scalars(select(Campaign).where(Campaign.district_id == district.id)).one()
        held = session.scalars(select(CampaignStore).where(CampaignStore.campaign_id == made.id)).all()
    assert (made.owner_kind, made.state, len(held)) == ("operator", "live", 4)
    assert set(made.rule["where"]) == {"near_my_stores_m", "exclude"}
    assert wrongs == []


def test_what_was_typed_is_kept_and_offered_again(operator: BrowserContext) -> None:
    wrongs: list[str] = []
    page = opened(operator, wrongs)
    page.get_by_label("Name of the campaign").fill("Half done")
    expect(page.locator("[data-kept-told]")).to_contain_text("Kept in this browser")
    page.close()
    again = opened(operator, wrongs)
    again.get_by_role("button", name="Bring them back").click()
    expect(again.get_by_label("Name of the campaign")).to_have_value("Half done")
    assert wrongs == []
