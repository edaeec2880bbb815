"""The whole site in a real server, with a district in which every page has something to show, and Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.app import create_app
from district.auth.principals import COOKIE
from district.clock import FixedClock
from district.settings import Settings
from tests.browser.scene import Scene, Words, build
from tests.conftest import NOON
from tests.serving import running

CHROMIUM = "/usr/bin/chromium"
# The longest that a step waits for the product; only what will never come takes so long.
PATIENCE_MS = 120_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def words() -> Words:
    """What stands in the scene; a module may say something else."""
    return Words()


@pytest.fixture(scope="module")
def site_clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture(scope="module")
def scene(engine: Engine, site_clock: FixedClock, words: Words) -> Scene:
    with Session(engine, expire_on_commit=False) as session:
        return build(session, site_clock, words)


@pytest.fixture(scope="module")
def site(
    scene: Scene,
    site_clock: FixedClock,
    database_url: str,
    nats_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The site's address; what it is to know is there before it starts."""
    assert scene.slug
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("site"),
        database_url=database_url,
        nats_url=nats_url,
        demo_console_codes=True,
        database_pool_size=4,
    )
    with running(create_app(settings, site_clock)) as address:
        yield address


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_MS)
    yield browser
    browser.close()


def logged_in(browser: Browser, site: str, scene: Scene, role: str, **options: object) -> BrowserContext:
    """A browser of somebody with this role; "" is nobody."""
    context = browser.new_context(**options)  # type: ignore[arg-type]  # Playwright's own options
    context.set_default_timeout(PATIENCE_MS)
    if role:
        context.add_cookies([{"name": COOKIE, "value": scene.tokens[role], "url": site}])
    return context
