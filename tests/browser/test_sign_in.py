"""The sign-in page in Chromium without scripts: every way through it, the policy held, and no word out of its place."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from district.app import create_app
from district.clock import system
from district.database import new_id
from district.gateways import service as gateways
from district.gateways.schemas import NewGateway
from district.gateways.vendors.click import redirect_query
from district.portal.models import OidcProvider
from district.settings import Settings
from district.vouchers import service as vouchers
from district.vouchers.schemas import NewBatch
from tests.browser.conftest import PATIENCE_MS
from tests.district.portal.provider import CLIENT_ID, CLIENT_SECRET, Provider, app_of
from tests.factories import Makers
from tests.serving import running

pytestmark = pytest.mark.browser
SECRET = "a-secret-of-the-gateway"
NARROW, WIDE = 390, 1440


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    with running(app_of(made)) as address:
        made.issuer = address
        yield made


@pytest.fixture
def code(committed: Makers, provider: Provider) -> str:
    """An access code of a district whose gateway offers every way in."""
    district = committed.district(country="FI", name_zh="赫尔辛基商圈")
    committed.session.add(
        OidcProvider(
            district_id=district.id,
            id=new_id(),
            slug="mine",
            name="My Account",
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            created_at=system.now(),
        )
    )
    info = committed.info(district)
    new = NewGateway.model_validate(
        {
            "slug": f"gw-{district.slug}",
            "vendor": "click",
            "secret": SECRET,
            "methods": ["click", "phone", "email", "voucher", "oidc:mine"],
            "sign_in": {"least_age": 14},
        }
    )
    gateways.create(committed.session, info, new, clock=system)
    until = (system.now() + timedelta(days=1)).isoformat()
    batch = NewBatch.model_validate({"name": "x", "count": 1, "valid_until": until})
    made = vouchers.create(committed.session, info, batch, clock=system)
    row = vouchers.vouchers_of(committed.session, info.id, made.id)[0]
    committed.done()
    return f"{district.slug} {row.code}"


@pytest.fixture
def address(code: str, settings: Settings) -> Iterator[Callable[[str], str]]:
    """Where the gateway sends a browser, each time as a new device."""
    slug = code.partition(" ")[0]
    with running(create_app(settings.model_copy(update={"demo_console_codes": True}))) as base:

        def of(language: str) -> str:
            mac = f"02:aa:22:{uuid.uuid4().hex[:2]}:{uuid.uuid4().hex[:2]}:{uuid.uuid4().hex[:2]}"
            query = redirect_query(
                SECRET,
                mac=mac,
                ap="00:18:0a:13:dd:b0",
                url="http://example.com/",
                machine_now=system.machine_now(),
            )
            return f"{base}/portal/gw-{slug}?{query}&lang={language}"

        yield of


@pytest.fixture(params=[(NARROW, "light", "zh"), (WIDE, "dark", "en")], ids=["narrow", "wide"])
def sheet(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[BrowserContext, str]]:
    """A captive browser that runs no scripts."""
    width, scheme, language = request.param
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context, language
    context.close()


def page_of(sheet: tuple[BrowserContext, str], address: Callable[[str], str]) -> tuple[Page, list[str]]:
    """The sign-in page, and every host that it asks."""
    context, language = sheet
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.goto(address(language))
    return page, asked


def test_an_account_of_a_provider_signs_in_and_the_policy_lets_the_way_there_and_back_pass(
    sheet: tuple[BrowserContext, str], address: Callable[[str], str], provider: Provider
) -> None:
    page, asked = page_of(sheet, address)
    assert len(set(asked)) == 1
    page.locator("details", has_text="My Account").locator("summary").click()
    form = page.locator("form", has=page.locator('[value="oidc:mine"]'))
    form.locator('[name="age"][value="yes"]').check()
    form.locator("button").click()
    page.wait_for_url("**/welcome?*")
    assert set(asked) == {urlsplit(page.url).netloc, urlsplit(provider.issuer).netloc}
    expect(page.locator('a[href*="/o/"]')).to_have_count(1)


def test_an_access_code_signs_in_and_a_wrong_one_is_said_where_it_was_typed(
    sheet: tuple[BrowserContext, str], address: Callable[[str], str], code: str
) -> None:
    page, _asked = page_of(sheet, address)
    form = page.locator("form", has=page.locator('[value="voucher"]'))
    page.locator("details", has=page.locator("#voucher")).locator("summary").click()
    page.fill("#voucher", "AAA-AAA-AAA")
    form.locator('[name="age"][value="yes"]').check()
    form.locator("button").click()
    expect(page.locator("details[open] [role=alert]")).to_be_visible()
    page.fill("#voucher", code.partition(" ")[2].lower())
    form.locator("button").click()
    page.wait_for_url("**/welcome?*")


def test_the_link_of_the_welcome_page_opens_the_member_s_page_in_another_browser(
    sheet: tuple[BrowserContext, str],
    address: Callable[[str], str],
    chromium: Browser,
) -> None:
    page, _asked = page_of(sheet, address)
    first = page.locator("form").first
    first.locator('[name="age"][value="no"]').check()
    first.locator("button").click()
    page.wait_for_url("**/welcome?*")
    link = page.locator('a[href*="/o/"]').get_attribute("href")
    assert link is not None
    own = chromium.new_context(java_script_enabled=False)
    own.set_default_timeout(PATIENCE_MS)
    there = own.new_page()
    there.goto(link)
    there.locator("main button").click()
    there.wait_for_url("**/inbox")
    own.close()


def test_nothing_is_wider_than_the_screen_and_everything_to_tap_is_large_enough(
    sheet: tuple[BrowserContext, str], address: Callable[[str], str]
) -> None:
    page, _asked = page_of(sheet, address)
    for summary in page.locator("summary").all():
        summary.click()
    width = page.viewport_size["width"] if page.viewport_size else 0
    boxes = [one.bounding_box() for one in page.locator("button, summary, .tick, input:visible").all()]
    for box in boxes:
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    taps = [one.bounding_box() for one in page.locator("button, summary, .tick, .lang").all()]
    assert min(box["height"] for box in taps if box is not None) >= 44
