"""The camera of a till without a line: it reads what the member's page shows, and the coupon is brought in later."""

from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Playwright

from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE_MS, logged_in
from tests.browser.offline_till import (
    Server,
    Shop,
    entries,
    opened,
    running,
    server,
    shop,
    site,
    site_clock,
)
from tests.browser.scene import Scene

__all__ = ["running", "server", "shop", "site", "site_clock"]
pytestmark = pytest.mark.browser


def test_the_camera_reads_the_members_code_without_a_line(  # noqa: PLR0917 pytest calls by name
    playwright: Playwright, chromium: Browser, running: Server, scene: Scene, shop: Shop, tmp_path: Path
) -> None:
    video = tmp_path / "camera.mjpeg"
    video.write_bytes(seen(chromium, "nothing yet"))
    flags = [
        *FLAGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
    ]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags, timeout=PATIENCE_MS)
    context = logged_in(browser, running.address, scene, "merchant")
    page = opened(context, running.address)
    context.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    offer = shop.coupon()
    # The browser opens the file when the camera starts: what the member's page shows at this moment.
    video.write_bytes(seen(chromium, shop.shows(offer)))
    page.locator("[data-scan-start]").click()
    page.locator('[data-outcome="taken"]').wait_for()
    assert entries(page) == ["waiting"]
    context.set_offline(False)
    page.locator('#till-entries tr[data-state="redeemed"]').wait_for()
    assert shop.redemptions(offer) == 1
    browser.close()


def seen(chromium: Browser, code: str) -> bytes:
    """What a camera sees of a code, as motion JPEG."""
    page = chromium.new_page(viewport={"width": 640, "height": 480})
    drawn = segno.make_qr(code, error="m").svg_inline(border=4, scale=5, dark="#000", light="#fff")
    # In the middle, where the scanner looks.
    page.set_content(
        f'<body style="margin:0;height:100vh;display:grid;place-items:center;background:#fff">{drawn}</body>'
    )
    frame = page.screenshot(type="jpeg", quality=90)
    page.close()
    return frame * 20
