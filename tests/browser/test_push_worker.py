"""Chromium's service worker shows what a push service brings: its subscription needs a vendor, so the message comes by CDP."""

import json
from typing import Any

from playwright.sync_api import Browser

from tests.browser.conftest import logged_in
from tests.browser.scene import Scene

REGISTER = """async (slug) => {
  await navigator.serviceWorker.register(`/d/${slug}/push_worker.js`, { scope: `/d/${slug}/` });
  await navigator.serviceWorker.ready;
}"""
SHOWN = """async (slug) => {
  const worker = await navigator.serviceWorker.getRegistration(`/d/${slug}/`);
  const until = Date.now() + 120_000;
  let shown = await worker.getNotifications();
  while (shown.length < 2 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    shown = await worker.getNotifications();
  }
  return shown.map(({ title, body, tag, lang }) => [title, body, tag, lang]);
}"""
MESSAGE = {"id": "0199-first", "lang": "zh", "title": "八折", "body": "今天有效 <b>", "link": "", "stop": ""}


def test_messages_are_shown_once_each_and_one_that_cannot_be_read_still_shows_something(
    chromium: Browser, site: str, scene: Scene
) -> None:
    with logged_in(chromium, site, scene, "shopper", permissions=["notifications"]) as context:
        page = context.new_page()
        page.goto(f"{site}/d/{scene.slug}/inbox")
        wire = context.new_cdp_session(page)
        ids: list[str] = []
        wire.on("ServiceWorker.workerRegistrationUpdated", lambda told: ids.extend(_ids(told, scene.slug)))
        wire.send("ServiceWorker.enable")
        page.evaluate(REGISTER, scene.slug)
        page.wait_for_function("navigator.serviceWorker.controller !== null")
        while not ids:
            page.wait_for_timeout(50)  # the driver hears of it in its own time
        for data in (json.dumps(MESSAGE), json.dumps(MESSAGE), "not JSON"):
            push = {"origin": site, "registrationId": ids[-1], "data": data}
            wire.send("ServiceWorker.deliverPushMessage", push)
        shown = {tuple(one) for one in page.evaluate(SHOWN, scene.slug)}
    assert shown == {
        ("八折", "今天有效 <b>", "0199-first", "zh"),
        ("You have a new message", "", "message", "en"),
    }


def _ids(told: dict[str, Any], slug: str) -> list[str]:
    return [one["registrationId"] for one in told["registrations"] if one["scopeURL"].endswith(f"/d/{slug}/")]
