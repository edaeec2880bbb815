"""axe-core over every page, in both languages, light and dark, on a telephone and on a desk: nothing serious."""

from importlib import resources
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.conftest import logged_in
from tests.browser.scene import Scene

pytestmark = pytest.mark.browser
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
DESK: ViewportSize = {"width": 1440, "height": 900}
HAND: ViewportSize = {"width": 390, "height": 844}
RUN = """async (only) => {
  const options = { resultTypes: ["violations"], iframes: false, ...(only ? { runOnly: only } : {}) };
  const { violations } = await axe.run(document, options);
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`));
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
"""What changes with the scheme; all the rest is the same in the dark."""
REPAINT = """(scheme) => new Promise((done) => {
  if (document.documentElement.dataset.bsTheme) document.documentElement.dataset.bsTheme = scheme;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""
"""As the consoles' own script sets it when it loads, and as the media query does on the other pages."""
CASES: tuple[tuple[Literal["light", "dark"], ViewportSize, list[str] | None], ...] = (
    ("light", DESK, None),
    ("light", HAND, None),
    ("dark", HAND, COLOURS),
    ("dark", DESK, COLOURS),
)


def faults(page: Page, where: str, only: list[str] | None = None) -> list[str]:
    found: list[Any] = page.evaluate(RUN, only)
    return [f"{where} {page.url}: {fault}" for fault in found]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("role", ["", "shopper", "merchant", "property", "operator"])
def test_no_page_keeps_anybody_out(chromium: Browser, site: str, scene: Scene, role: str, lang: str) -> None:
    locale = "zh-CN" if lang == "zh" else "en-GB"
    wrongs: list[str] = []
    context = logged_in(chromium, site, scene, role, locale=locale, viewport=DESK, reduced_motion="reduce")
    page = context.new_page()
    for path in scene.pages[role]:
        page.goto(site + path, wait_until="load")
        page.evaluate(AXE)
        # The Chinese page has the same elements: what its words change is the telephone's layout and the colours.
        for scheme, viewport, only in CASES if lang == "en" else CASES[1::2]:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(viewport)
            page.evaluate(REPAINT, scheme)
            wrongs += faults(page, f"{scheme}, {viewport['width']} px", only)
    context.close()
    assert wrongs == []


def test_the_check_finds_what_it_looks_for(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "", viewport=HAND)
    page = context.new_page()
    page.goto(f"{site}/d/{scene.slug}")
    page.evaluate(AXE)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<main><input><button></button></main>')")
    found = " ".join(faults(page, "broken"))
    assert "label:" in found
    assert "button-name:" in found
    context.close()
