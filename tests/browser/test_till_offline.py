"""A till whose line breaks: in a real browser it goes on, loses nothing, and brings in once what it took."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from district.stores.models import Till
from tests.browser.conftest import logged_in
from tests.browser.offline_till import (
    Server,
    Shop,
    cashier,
    entries,
    opened,
    running,
    server,
    shop,
    site,
    site_clock,
    type_code,
)
from tests.browser.scene import Scene

__all__ = ["cashier", "running", "server", "shop", "site", "site_clock"]
pytestmark = pytest.mark.browser


def test_a_coupon_taken_off_line_survives_a_reload_and_is_brought_in_once(
    cashier: BrowserContext, site: str, shop: Shop
) -> None:
    offer = shop.coupon()
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    type_code(page, shop.shows(offer))
    page.locator('[data-outcome="taken"]').wait_for()
    expect(page.locator("#till-state")).to_contain_text("19 of 20")
    assert entries(page) == ["waiting"]
    page.reload()
    page.locator('#till-state[data-line="down"]').wait_for()
    expect(page.locator("#till-state")).to_contain_text("1 waiting")
    assert entries(page) == ["waiting"]
    assert shop.redemptions(offer) == 0
    page.close()
    again = cashier.new_page()
    again.goto(f"{site}/merchant/redeem")
    expect(again.locator("#till-state")).to_contain_text("1 waiting")
    cashier.set_offline(False)
    again.locator('#till-entries tr[data-state="redeemed"]').wait_for()
    assert shop.redemptions(offer) == 1
    assert shop.outcome(offer) == "redeemed"
    expect(again.locator("#till-state")).to_contain_text("0 waiting")


def test_the_page_goes_on_while_the_server_is_dead(
    cashier: BrowserContext, running: Server, shop: Shop
) -> None:
    offer = shop.coupon()
    page = opened(cashier, running.address)
    code = shop.shows(offer)
    running.kill()
    type_code(page, code)
    page.locator('[data-outcome="taken"]').wait_for()
    page.reload()
    expect(page.locator("#till-state")).to_contain_text("1 waiting")
    running.start()
    page.locator('#till-entries tr[data-state="redeemed"]').wait_for()
    assert (shop.redemptions(offer), shop.outcome(offer)) == (1, "redeemed")


def test_the_second_till_is_shown_its_conflict(
    cashier: BrowserContext, chromium: Browser, running: Server, scene: Scene, shop: Shop
) -> None:
    till = shop.till
    other = Till(
        district_id=till.district_id, store_id=till.store_id, name="Counter 2", created_at=till.created_at
    )
    shop.makers.session.add(other)
    shop.makers.done()
    offer = shop.coupon()
    first = opened(cashier, running.address)
    elsewhere = logged_in(chromium, running.address, scene, "merchant")
    second = elsewhere.new_page()
    second.goto(f"{running.address}/merchant/redeem?lang=en&till={other.id}")
    expect(second.locator("#till-state")).to_contain_text("20 of 20")
    for context in (cashier, elsewhere):
        context.set_offline(True)
    code = shop.shows(offer)
    for page in (first, second):
        page.locator('#till-state[data-line="down"]').wait_for()
        type_code(page, code)
        page.locator('[data-outcome="taken"]').wait_for()
    cashier.set_offline(False)
    first.locator('#till-entries tr[data-state="redeemed"]').wait_for()
    elsewhere.set_offline(False)
    row = second.locator('#till-entries tr[data-state="conflict"]')
    row.wait_for()
    expect(row).to_contain_text("Used first at")
    expect(row).to_contain_text("The shop bears the discount.")
    assert shop.redemptions(offer) == 1
    assert sorted(shop.outcome(offer).split(",")) == ["conflict", "redeemed"]
    elsewhere.close()
    shop.makers.session.delete(other)
    shop.makers.done()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("online-only", {"offline_store_id": None}),
        ("bill-small", {"value": {"type": "amount", "minor_units": 500, "min_spend_minor": 2_000}}),
    ],
)
def test_what_may_not_be_taken_off_line_is_refused_by_name(
    cashier: BrowserContext, site: str, shop: Shop, kind: str, values: dict[str, Any]
) -> None:
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    page.locator("#bill").fill("19.99")
    type_code(page, shop.shows(shop.coupon(**values)))
    page.locator(f'[data-outcome="{kind}"]').wait_for()
    assert entries(page) == []


def test_forged_and_lasting_codes_are_not_taken_off_line_nor_one_coupon_twice(
    cashier: BrowserContext, site: str, shop: Shop
) -> None:
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    offer = shop.coupon()
    code = shop.shows(offer)
    changed = code[:20] + ("A" if code[20] != "A" else "B") + code[21:]
    type_code(page, changed)
    page.locator('[data-outcome="forged"]').wait_for()
    type_code(page, offer.code)
    page.locator('[data-outcome="unsigned"]').wait_for()
    type_code(page, code.lower())
    page.locator('[data-outcome="taken"]').wait_for()
    type_code(page, code)
    page.locator('[data-outcome="used"]').wait_for()
    assert entries(page) == ["waiting"]


def test_a_coupon_that_was_used_before_the_line_broke_is_refused_off_line(
    cashier: BrowserContext, site: str, shop: Shop
) -> None:
    offer = shop.coupon()
    code = shop.shows(offer)
    with Session(shop.engine) as session, session.begin():
        session.execute(text("UPDATE offer SET state = 'void' WHERE id = :id"), {"id": offer.id})
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    type_code(page, code)
    page.locator('[data-outcome="used"]').wait_for()


def test_log_out_clears_the_kit_but_not_what_waits(
    cashier: BrowserContext, site: str, scene: Scene, shop: Shop
) -> None:
    offer = shop.coupon()
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    type_code(page, shop.shows(offer))
    page.locator('[data-outcome="taken"]').wait_for()
    kept = """(store) => new Promise((resolve) => {
      const opening = indexedDB.open("district-till");
      opening.onsuccess = () => {
        const asked = opening.result.transaction([store]).objectStore(store).count();
        asked.onsuccess = () => resolve(asked.result);
      };
    })"""
    assert page.evaluate(kept, "kits") == 1
    # The button's work before the session ends: the journey of a cashier who leaves while there is no line.
    page.evaluate("import('/static/app/till_store.js').then((store) => store.leave())")
    assert (page.evaluate(kept, "kits"), page.evaluate(kept, "entries")) == (0, 1)
    type_code(page, shop.shows(shop.coupon()))
    page.locator('[data-outcome="no-kit"]').wait_for()
    cashier.set_offline(False)
    page.locator('#till-entries tr[data-state="redeemed"]').wait_for()
    assert shop.redemptions(offer) == 1


def test_a_line_that_returns_while_its_loss_is_being_noted_is_used_at_once(
    cashier: BrowserContext, site: str, shop: Shop
) -> None:
    # Long waits never end here, so that what waits comes in by the line's return or not at all.
    cashier.add_init_script(
        """const soon = window.setTimeout;
        window.setTimeout = (work, ms, ...given) => (ms >= 10_000 ? 0 : soon(work, ms, ...given));
        const [own, found] = [window.fetch, document.getElementById];
        let isNoted = true;
        window.fetch = (...given) => {
          if (!given[0].includes("/offline?") || !window.isBack || window.returns) return own(...given);
          isNoted = false;
          return Promise.reject(new TypeError("no line"));
        };
        document.getElementById = function (name) {
          if (name === "till-entries" && !isNoted) {
            isNoted = true;
            window.returns = 1;
            dispatchEvent(new Event("online"));
          }
          return found.call(this, name);
        };"""
    )
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    offer = shop.coupon()
    type_code(page, shop.shows(offer))
    page.locator('[data-outcome="taken"]').wait_for()
    page.evaluate("window.isBack = true")
    cashier.set_offline(False)
    page.locator('#till-entries tr[data-state="redeemed"]').wait_for()
    assert page.evaluate("window.returns") == 1
    assert shop.redemptions(offer) == 1


@pytest.mark.usefixtures("shop")
def test_who_is_logged_out_gets_no_worker_and_keeps_the_one_that_works(
    cashier: BrowserContext, site: str
) -> None:
    page = opened(cashier, site)
    cashier.clear_cookies()
    answer = page.evaluate(
        "fetch('/merchant/redeem/worker.js', { redirect: 'manual' }).then((answer) => answer.type)"
    )
    assert answer == "opaqueredirect"
    refused = """navigator.serviceWorker.getRegistration("/merchant/redeem").then((worker) => worker.update())
      .then(() => "renewed", (error) => error.name)"""
    assert page.evaluate(refused) == "TypeError"
    kept = 'navigator.serviceWorker.getRegistration("/merchant/redeem").then((worker) => worker.active.state)'
    assert page.evaluate(kept) == "activated"


def test_a_browser_that_does_not_know_the_signature_checks_it_all_the_same(
    cashier: BrowserContext, site: str, shop: Shop
) -> None:
    cashier.add_init_script(
        """for (const name of ["importKey", "verify"]) {
          const own = SubtleCrypto.prototype[name];
          SubtleCrypto.prototype[name] = function (...given) {
            if (given.includes("Ed25519")) {
              window.refusals = (window.refusals ?? 0) + 1;
              return Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
            }
            return own.apply(this, given);
          };
        }"""
    )
    page = opened(cashier, site)
    cashier.set_offline(True)
    page.locator('#till-state[data-line="down"]').wait_for()
    code = shop.shows(shop.coupon())
    type_code(page, code[:20] + ("A" if code[20] != "A" else "B") + code[21:])
    page.locator('[data-outcome="forged"]').wait_for()
    type_code(page, code)
    page.locator('[data-outcome="taken"]').wait_for()
    assert page.evaluate("window.refusals") == 2


def test_a_sum_waits_for_the_line_and_one_coupon_alone_is_taken(
    cashier: BrowserContext, site: str, shop: Shop
) -> None:
    page = opened(cashier, site)
    summed, alone = shop.coupon(), shop.coupon()
    assert page.locator("#till-alone").is_hidden()
    page.locator("#bill").fill("20")
    type_code(page, shop.shows(summed))
    page.locator('[data-due="1500"]').wait_for()
    cashier.set_offline(True)
    page.locator("#till-alone").wait_for()
    page.locator("#till-settle").click()
    page.locator('[data-outcome="one-only"]').wait_for()
    cashier.set_offline(False)
    page.locator('#till-state[data-line="up"]').wait_for()
    page.locator("#till-settle").click()
    page.locator('[data-outcome="settled"]').wait_for()
    assert shop.redemptions(summed) == 1
    cashier.set_offline(True)
    page.locator("#till-alone").wait_for()
    type_code(page, shop.shows(alone))
    page.locator('[data-outcome="taken"]').wait_for()


def test_a_settlement_whose_answer_is_lost_is_pressed_again_and_counts_once(
    cashier: BrowserContext, running: Server, shop: Shop
) -> None:
    page = opened(cashier, running.address)
    offer = shop.coupon()
    page.locator("#bill").fill("20")
    type_code(page, shop.shows(offer))
    page.locator('[data-due="1500"]').wait_for()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/merchant/redeem", lose)
    page.locator("#till-settle").click()
    page.locator('[data-outcome="settle-lost"]').wait_for()
    assert shop.redemptions(offer) == 1
    page.unroute("**/merchant/redeem")
    page.locator('#till-state[data-line="up"]').wait_for()
    page.locator("#till-settle").click()
    page.locator('[data-outcome="settled"]').wait_for()
    assert shop.redemptions(offer) == 1
