"""The shell in Debian's Chromium: no violation of the policy, no request elsewhere, and a fence drawn with the mouse."""

import json
import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import segno
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, ViewportSize, sync_playwright
from playwright.sync_api import Request as Sent

from district.web import templating
from tests.district.web.mvt import tile
from tests.district.web.shell_app import NOW, SHELL, make_app

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK: ViewportSize = {"width": 1280, "height": 900}
HAND: ViewportSize = {"width": 390, "height": 844}
LON, LAT = 24.9425, 60.1692
EDITOR = """{% extends "layouts/merchant.html" %}{% import "layouts/map_parts.html" as maps %}
{% block styles %}{{ maps.styles() }}{% endblock %}
{% block content %}<form>{{ maps.fence_editor("fence", shell, 24.9425, 60.1692) }}{{ maps.scanner("#code") }}<input id="code">
<div id="chart" class="chart"></div></form>{% endblock %}
{% block scripts %}{{ maps.start_editor(nonce, "fence") }}{{ maps.chart_script() }}
<script type="module" nonce="{{ nonce }}">import { drawChart } from "/static/app/chart.js";
drawChart(document.getElementById("chart"), {xAxis: {type: "category", data: ["a"]}, yAxis: {}, series: [{type: "bar", data: [3]}]});</script>
{% endblock %}"""

LIVE = """{% extends "layouts/operator.html" %}{% block content %}<div data-live-stream="/live">
{{ parts.kpi("members", "0", live="members") }}<time id="as-of" data-as-of></time></div>{% endblock %}"""


def square(lon: float, lat: float, half_degrees: float, **properties: object) -> dict[str, Any]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [[lon + 2 * half_degrees * x, lat + half_degrees * y] for x, y in corners]
    return {"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}


def make_site() -> FastAPI:
    app = make_app()
    buildings = [square(LON + 0.002, LAT, 0.0003, id="way/77")]

    @app.get("/v1/tiles/helsinki/{z}/{x}/{y}.mvt")
    def tiles(z: int, x: int, y: int) -> Response:
        return Response(
            tile({"buildings": buildings}, z, x, y), media_type="application/vnd.mapbox-vector-tile"
        )

    @app.get("/editor")
    def editor(request: Request) -> HTMLResponse:
        return templating.render(request, "test/editor.html", shell=SHELL, now=NOW)

    @app.get("/live")
    def live() -> StreamingResponse:
        message = {"as_of": NOW.isoformat(), "values": {"members": "1,284"}}
        return StreamingResponse(iter([f"data: {json.dumps(message)}\n\n"]), media_type="text/event-stream")

    @app.get("/operator")
    def operator(request: Request) -> HTMLResponse:
        return templating.render(request, "test/live.html", shell=SHELL, now=NOW)

    return app


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a running site with an editor page."""
    environment = templating.environment()
    own_loader = environment.loader
    assert own_loader is not None
    environment.loader = ChoiceLoader(
        [own_loader, DictLoader({"test/editor.html": EDITOR, "test/live.html": LIVE})]
    )
    server = uvicorn.Server(uvicorn.Config(make_site(), port=0, log_config=None, lifespan="off"))
    started = threading.Event()
    thread = threading.Thread(target=run, args=(server, started), daemon=True)
    thread.start()
    assert started.wait(150)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
    environment.loader = own_loader


def run(server: uvicorn.Server, started: threading.Event) -> None:
    """Run the server and tell when it listens."""
    startup = server.startup

    async def tell(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = tell  # type: ignore[method-assign]  # uvicorn has no hook for this
    server.run()


class Watched:
    """A page together with everything it should not have done."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.wrongs: list[str] = []
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on(
            "console", lambda message: self.wrongs.append(message.text) if message.type == "error" else None
        )
        page.on("dialog", self._refuse)
        page.on("request", self._see)
        self._allowed = (site, "data:", f"blob:{site}")

    def _refuse(self, dialog: Dialog) -> None:
        self.wrongs.append(dialog.message)
        dialog.dismiss()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrongs.append(message.text)

    def _see(self, sent: Sent) -> None:
        if not sent.url.startswith(self._allowed):
            self.wrongs.append(sent.url)

    def fence(self) -> Any:
        value = self.page.locator("input[data-fence]").input_value()
        return json.loads(value) if value else None


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def watched(site: str, chromium: Browser) -> Iterator[Watched]:
    context = chromium.new_context(viewport=DESK)
    context.set_default_timeout(120_000)
    yield Watched(context.new_page(), site)
    context.close()


def open_editor(watched: Watched, site: str) -> tuple[float, float]:
    """Open the page, wait for its editor, and return the middle of the map in pixels."""
    watched.page.goto(f"{site}/editor?lang=zh")
    watched.page.evaluate("async () => { await window.fenceEditor; }")
    box = watched.page.locator("#fence canvas.maplibregl-canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize(
    "path",
    ["/", "/?lang=zh", "/pages/merchant", "/pages/operator", "/pages/shopper", "/pages/portal", "/editor"],
)
@pytest.mark.parametrize("viewport", [DESK, HAND], ids=["desk", "hand"])
def test_pages_obey_the_policy_and_fit_the_screen(
    watched: Watched, site: str, path: str, viewport: ViewportSize
) -> None:
    watched.page.set_viewport_size(viewport)
    watched.page.goto(site + path, wait_until="load")
    if path == "/editor":
        watched.page.evaluate("async () => { await window.fenceEditor; }")
    assert watched.wrongs == []
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_polygon_is_drawn_undone_and_redone(watched: Watched, site: str) -> None:
    x, y = open_editor(watched, site)
    mouse = watched.page.mouse
    watched.page.get_by_role("button", name="多边形").click()
    for across, down in ((-100, -80), (100, -80), (100, 80), (-100, 80), (-100, -80)):
        mouse.move(x + across, y + down)
        mouse.click(x + across, y + down)
    watched.page.wait_for_function("document.querySelector('[data-fence]').value !== ''")
    fence = watched.fence()
    assert fence["type"] == "Polygon"
    assert len(fence["coordinates"][0]) == 5
    assert all(abs(lon - LON) < 0.01 and abs(lat - LAT) < 0.01 for lon, lat in fence["coordinates"][0])
    watched.page.get_by_role("button", name="撤销").click()
    assert watched.fence() is None
    watched.page.get_by_role("button", name="重做").click()
    assert watched.fence() == fence
    assert watched.wrongs == []


def test_a_circle_replaces_what_was_there_and_tells_its_radius(watched: Watched, site: str) -> None:
    x, y = open_editor(watched, site)
    mouse = watched.page.mouse
    watched.page.get_by_role("button", name="圆形").click()
    mouse.move(x, y)
    mouse.click(x, y)
    mouse.move(x + 60, y)
    mouse.move(x + 120, y)
    mouse.click(x + 120, y)
    watched.page.wait_for_function("document.querySelector('[data-fence]').value !== ''")
    circle = watched.fence()["circle"]
    metres_per_pixel = 2 * math.pi * 6378137 * math.cos(math.radians(LAT)) / (512 * 2**16)
    assert circle["radius_m"] == pytest.approx(120 * metres_per_pixel, rel=0.02)
    assert (circle["lon"], circle["lat"]) == (pytest.approx(LON, abs=1e-4), pytest.approx(LAT, abs=1e-4))
    assert watched.wrongs == []


def test_a_building_is_picked_with_its_margin(watched: Watched, site: str) -> None:
    x, y = open_editor(watched, site)
    watched.page.evaluate(
        "async () => { const editor = await window.fenceEditor; await editor.shown.idle(); }"
    )
    watched.page.get_by_role("button", name="选择建筑").click()
    pixels = 0.002 * 512 * 2**16 / 360
    watched.page.mouse.click(x + pixels, y)
    watched.page.wait_for_function("document.querySelector('[data-fence]').value !== ''")
    assert watched.fence() == {"building": "way/77", "buffer_m": 10}
    watched.page.locator("details.fence-typed summary").click()
    watched.page.get_by_label("建筑外扩（米）").fill("25")
    watched.page.get_by_label("建筑外扩（米）").blur()
    assert watched.fence() == {"building": "way/77", "buffer_m": 25}


def test_a_fence_is_given_with_the_keyboard_alone(watched: Watched, site: str) -> None:
    open_editor(watched, site)
    watched.page.locator("details.fence-typed summary").press("Enter")
    for label, value in (("经度", "24.941"), ("纬度", "60.17"), ("半径（米）", "75")):
        watched.page.get_by_label(label).fill(value)
        watched.page.get_by_label(label).press("Tab")
    assert watched.fence() == {"circle": {"lon": 24.941, "lat": 60.17, "radius_m": 75}}
    shapes = watched.page.evaluate("async () => (await window.fenceEditor).shapes().length")
    assert shapes == 1


def test_dark_is_one_attribute_and_is_remembered(watched: Watched, site: str) -> None:
    watched.page.goto(f"{site}/pages/merchant?lang=zh")
    watched.page.locator("#content").press("d")
    assert watched.page.locator("html").get_attribute("data-bs-theme") == "dark"
    watched.page.reload()
    assert watched.page.locator("html").get_attribute("data-bs-theme") == "dark"
    watched.page.locator("#content").press("?")
    watched.page.get_by_role("dialog").get_by_text("键盘快捷键").wait_for()
    assert watched.wrongs == []


def test_live_numbers_arrive_and_a_broken_stream_says_so(watched: Watched, site: str) -> None:
    watched.page.goto(f"{site}/operator?lang=en")
    watched.page.get_by_text("1,284").wait_for()
    assert watched.page.locator("#as-of").inner_text() == "12:00:00"
    watched.page.get_by_text("The live connection is interrupted").wait_for()
    assert "12:00:00" in watched.page.locator("[data-stale]").inner_text()


def test_a_coupons_code_is_read_within_the_policy(watched: Watched, site: str) -> None:
    watched.page.goto(f"{site}/editor?lang=zh")
    picture = segno.make("https://shop.test/r/7K3P-9QXM", error="m").png_data_uri(scale=6, border=4)
    read = """async (picture) => {
        const [{ default: QrScanner }, { codeOf }] = await Promise.all([import("qr-scanner"), import("/static/app/scan.js")]);
        const image = new Image(); image.src = picture; await image.decode();
        const found = await QrScanner.scanImage(image, { returnDetailedScanResult: true });
        return [codeOf(found.data), codeOf("  7K3P-9QXM "), codeOf("x".repeat(5000)).length];
    }"""
    assert watched.page.evaluate(read, picture) == ["7K3P-9QXM", "7K3P-9QXM", 512]
    assert watched.wrongs == []
