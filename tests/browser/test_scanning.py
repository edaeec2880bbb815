"""The camera at the counter: the coupon as a phone shows it is read from a video and redeemed; without a camera one types."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from district.offers.models import Offer
from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE_MS, logged_in
from tests.browser.scene import Scene

pytestmark = pytest.mark.browser
FRAMES = 20
PICTURE = {"width": 640, "height": 480}


@pytest.fixture(scope="module")
def video(chromium: Browser, site: str, scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera sees: the member's telephone with the coupon's own page, as motion JPEG."""
    context = logged_in(chromium, site, scene, "shopper", viewport=PICTURE)
    page = context.new_page()
    page.goto(f"{site}/d/{scene.slug}/offers/{scene.coupon.id}?lang=en")
    code = page.get_by_role("img", name="QR code of the coupon")
    code.evaluate("code => code.scrollIntoView({ block: 'center', behavior: 'instant' })")
    frame = page.screenshot(type="jpeg", quality=90)
    context.close()
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    path.write_bytes(frame * FRAMES)
    return path


@pytest.fixture(scope="module")
def with_camera(playwright: Playwright, video: Path) -> Iterator[Browser]:
    flags = [
        *FLAGS,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
        "--host-resolver-rules=MAP till.example 127.0.0.1",
    ]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags, timeout=PATIENCE_MS)
    yield browser
    browser.close()


def test_a_coupon_before_the_camera_is_redeemed(
    with_camera: Browser, site: str, scene: Scene, engine: Engine
) -> None:
    context = logged_in(with_camera, site, scene, "merchant")
    page = context.new_page()
    wrongs: list[str] = []
    page.on("pageerror", lambda error: wrongs.append(str(error)))
    page.on("console", lambda said: wrongs.append(said.text) if said.type == "error" else None)
    page.goto(f"{site}/merchant/redeem?lang=en")
    assert page.get_by_label("Coupon code").is_visible()
    page.get_by_role("button", name="Scan with the camera").click()
    page.locator('[data-outcome="redeemed"]').wait_for()
    with Session(engine) as session:
        state = session.get_one(Offer, (scene.coupon.district_id, scene.coupon.id)).state
    assert state == "redeemed"
    assert wrongs == []
    context.close()


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [("en", "The camera works over https only"), ("zh", "只有通过 https 打开本页才能使用摄像头")],
)
def test_without_a_secure_connection_the_page_says_why_and_takes_the_typed_code(
    with_camera: Browser, site: str, scene: Scene, lang: str, sentence: str
) -> None:
    elsewhere = site.replace("127.0.0.1", "till.example")
    context = logged_in(with_camera, elsewhere, scene, "merchant")
    page = context.new_page()
    page.goto(f"{elsewhere}/merchant/redeem?lang={lang}")
    page.get_by_text(sentence).wait_for()
    assert page.locator("[data-scan-start]").is_disabled()
    page.locator("#code").fill("WRONG-CODE")
    page.keyboard.press("Enter")
    page.locator('[data-outcome="unknown"]').wait_for()
    context.close()


def test_a_camera_that_is_refused_leaves_the_typed_code(chromium: Browser, site: str, scene: Scene) -> None:
    context = logged_in(chromium, site, scene, "merchant")
    page = context.new_page()
    page.goto(f"{site}/merchant/redeem?lang=en")
    page.get_by_role("button", name="Scan with the camera").click()
    page.get_by_text("No camera here, or it was refused").wait_for()
    assert page.locator("#code").evaluate("code => code === document.activeElement")
    context.close()
