"""What strangers write stays text: names of networks, shops and offers through every page, in Chromium."""

from http import HTTPStatus
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import logged_in
from tests.browser.scene import Scene, Words

pytestmark = pytest.mark.browser
SSIDS = (
    "<svg onload=alert(1)>",
    "<svg/onload=window.pwned=1>",
    "ZZ{{7*7}}ZZ{%print 7*7%}",
    '"><img src=x onerror=alert(1)>',
    "'><script>alert(1)</script>",
    "</script><script>alert(1)//",
    "</style><svg onload=alert(1)>",
    "javascript:alert(1)//",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover='alert(1)' x='",
    "\u202egnitfil\u202c \u2066abc\u2069",
    "a\u200bb\ufeffc\u200e",
    "\ufffd\ufffd\ufffd \x01\x1b[31m",
    "${alert(1)}`${7*7}`",
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "&lt;svg onload=alert(1)&gt;",
    "%3Csvg%20onload=alert(1)%3E",
    "\\u003csvg onload=alert(1)\\u003e",
    "<a href=//evil.example>x</a>",
    "<base href=//evil.example>",
    "<form action=//evil.example>",
    '商店"><svg onload=alert(1)>',
)
"""At most 32 octets of UTF-8 most of them, as a network's name may have."""
LONG = "<svg onload=alert(1)>\"'><img src=x onerror=alert(2)></script><script>alert(3)</script>ZZ{{7*7}}ZZ"
REPORTS = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (event) => window.reports.push(event.violatedDirective + " " + event.blockedURI));
"""
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(
        merchant=LONG,
        store=LONG,
        campaign=LONG,
        title=LONG,
        title_zh=LONG,
        text=LONG,
        access_point=LONG,
        zone=LONG,
        till=LONG,
        wanted="http://evil.example/" + quote(LONG),
        more=SSIDS,
    )


class Watched:
    """A page together with everything that it should not have done."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        context.add_init_script(REPORTS)
        self.page: Page = context.new_page()
        self.wrongs: list[str] = []
        self._own = (site, "data:", f"blob:{site}")
        self.page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        self.page.on("dialog", self._refuse)
        self.page.on("console", self._hear)
        self.page.on("request", lambda sent: self._see(sent.url))

    def _refuse(self, dialog: object) -> None:
        self.wrongs.append(f"dialog {dialog}")
        dialog.dismiss()  # type: ignore[attr-defined]  # Playwright's Dialog

    def _hear(self, message: object) -> None:
        text = str(getattr(message, "text", message))
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.wrongs.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith(self._own):
            self.wrongs.append(url)

    def look(self, address: str) -> None:
        """Open a page and everything that is folded on it, and gather what went wrong."""
        answer = self.page.goto(address, wait_until="load")
        assert answer is not None
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.wrongs.append(f"{address}: {answer.status}")
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = self.page.evaluate("[window.reports, window.pwned ?? 0, document.body.innerText]")
        self.wrongs += [f"{address}: {report}" for report in found[0]]
        if found[1]:
            self.wrongs.append(f"{address}: script ran")
        if "ZZ49ZZ" in found[2]:
            self.wrongs.append(f"{address}: a template in a name was filled in")
        if any(mark in found[2] for mark in BIDI):
            self.wrongs.append(f"{address}: a name turns the text around")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("role", ["", "shopper", "merchant", "property", "operator"])
def test_hostile_words_stay_text_on_every_page(
    chromium: Browser, site: str, scene: Scene, role: str, lang: str
) -> None:
    context = logged_in(chromium, site, scene, role, locale="zh-CN" if lang == "zh" else "en-GB")
    watched = Watched(context, site)
    for path in scene.pages[role]:
        watched.look(f"{site}{path}")
        assert not role or watched.page.url == site + path  # not led to a log-in
    context.close()
    assert watched.wrongs == []


def test_hostile_words_in_addresses_stay_text(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "merchant", user_agent=LONG)
    watched = Watched(context, site)
    for word in (LONG, SSIDS[4], SSIDS[7]):
        for path in (
            f"/d/{scene.slug}/nearest?q={{}}&category={{}}&floor={{}}&brand={{}}",
            f"/d/{scene.slug}/nearest?from={{}}&ap={{}}",
            f"/portal/gw-{scene.slug}/welcome?to={{}}&ap={{}}",
            "/login?role={}&next={}",
            "/merchant/redeem?till={}",
            "/?district={}&lang={}",
        ):
            watched.look(site + path.replace("{}", quote(word, safe="")))
    context.close()
    assert watched.wrongs == []


def test_the_watch_sees_what_it_watches_for(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "")
    watched = Watched(context, site)
    watched.page.goto(f"{site}/d/{scene.slug}")
    with watched.page.expect_event("dialog"):
        watched.page.evaluate(
            "document.body.innerHTML += '<img src=x onerror=alert(1)>'; setTimeout(() => alert(2))"
        )
    watched.page.wait_for_function("window.reports.length > 0")
    watched.page.evaluate("document.body.innerHTML += 'ZZ49ZZ \u202e'")
    assert any("script-src" in report for report in watched.page.evaluate("window.reports"))
    assert any(wrong.startswith("dialog") for wrong in watched.wrongs)
    context.close()
