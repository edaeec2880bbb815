"""A till whose line breaks: in a real browser it goes on, loses nothing, and brings in once what it took."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from psycopg import AsyncConnection
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.clock import FixedClock, SystemClock, system
from district.districts.models import District
from district.embedded.nats import free_port
from district.offers import shown_codes
from district.offers.models import Offer
from district.redemptions.models import Redemption
from district.redemptions.offline_models import OfflineEntry
from district.stores.models import Till
from tests.browser.conftest import logged_in
from tests.browser.scene import Scene, Words
from tests.conftest import dsn
from tests.factories import Makers
from tests.product import wait_for

pytestmark = pytest.mark.browser
SECRET = "an-installation's-own-words-7f3a9c"
PATIENCE_MS = 30_000
STARTS_WITHIN_S = 150.0


@pytest.fixture(scope="module")
def site_clock() -> FixedClock:
    """The browser's clock is the machine's, and so is this site's."""
    return FixedClock(system.machine_now())


@dataclass(kw_only=True)
class Server:
    """The web role as a process of its own, always at the same address."""

    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        own = {"DISTRICT_PORT": str(self.port), "DISTRICT_HOST": "127.0.0.1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "district", "web"],
            env=os.environ | self.environment | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for("the server answers", self._answers, timeout_s=STARTS_WITHIN_S)
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """As the kernel does it when memory is short."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def server(
    scene: Scene, database_url: str, nats_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    assert scene.slug
    one = Server(
        environment={
            "DISTRICT_DATABASE_URL": database_url,
            "DISTRICT_NATS_URL": nats_url,
            "DISTRICT_DATA_DIR": str(tmp_path_factory.mktemp("till-site")),
            "DISTRICT_SECRET": SECRET,
        }
    )
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="module")
def site(server: Server) -> str:
    return server.address


@pytest.fixture
def running(server: Server) -> Server:
    """The server, up at the start of the test whatever another did."""
    if server.process is None:
        server.start()
    return server


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The scene's shop, its coupons, and what members' pages show of them."""

    scene: Scene
    makers: Makers
    engine: Engine
    url: str

    @property
    def district_id(self) -> uuid.UUID:
        return self.scene.coupon.district_id

    @property
    def till(self) -> Till:
        found = select(Till).where(Till.district_id == self.district_id, Till.name == Words().till)
        return self.makers.session.scalars(found).one()

    def coupon(self, **values: Any) -> Offer:
        """A coupon for this shop's tills, also without a line."""
        member = self.makers.member(self._district())
        now = system.machine_now()
        given: dict[str, Any] = {
            "value": {"type": "amount", "minor_units": 500},
            "offline_store_id": self.till.store_id,
            "valid_from": now - timedelta(minutes=1),
            "valid_until": now + timedelta(hours=2),
        }
        return self.makers.offer(self._campaign(), member, **(given | values))

    def _campaign(self) -> Campaign:
        return self.makers.session.get_one(Campaign, (self.district_id, self.scene.campaign_id))

    def _district(self) -> District:
        return self.makers.session.get_one(District, self.district_id)

    def shows(self, offer: Offer) -> str:
        """The code that the member's page shows now."""

        async def ask() -> str:
            async with await AsyncConnection.connect(dsn(self.url), autocommit=True) as connection:
                found = await shown_codes.shown(
                    connection,
                    offer.district_id,
                    offer.member_id,
                    offer.id,
                    secret=SECRET,
                    clock=SystemClock(),
                )
            assert found is not None
            return found.text

        # In a thread of its own: the browser's driver has an event loop in this one.
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, ask()).result()

    def redemptions(self, offer: Offer) -> int:
        with Session(self.engine) as session:
            rows = select(Redemption).where(
                Redemption.district_id == offer.district_id, Redemption.offer_id == offer.id
            )
            return len(session.scalars(rows).all())

    def outcome(self, offer: Offer) -> str:
        with Session(self.engine) as session:
            rows = select(OfflineEntry.outcome).where(
                OfflineEntry.district_id == offer.district_id, OfflineEntry.offer_id == offer.id
            )
            return ",".join(session.scalars(rows))

    def free_quota(self) -> None:
        """Devices of other tests give back what they held."""
        with Session(self.engine) as session, session.begin():
            session.execute(text("UPDATE offline_journal SET closed_at = synced_at"))


@pytest.fixture
def shop(scene: Scene, engine: Engine, database_url: str, site_clock: FixedClock) -> Iterator[Shop]:
    with Session(engine, expire_on_commit=False) as session:
        makers = Makers(session, site_clock, commit=True)
        one = Shop(scene=scene, makers=makers, engine=engine, url=database_url)
        one.free_quota()
        yield one


@pytest.fixture
def cashier(chromium: Browser, running: Server, scene: Scene) -> Iterator[BrowserContext]:
    context = logged_in(chromium, running.address, scene, "merchant")
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


def opened(context: BrowserContext, site: str, *, lang: str = "en") -> Page:
    """The till page, once its worker rules it and its kit is there."""
    page = context.new_page()
    page.goto(f"{site}/merchant/redeem?lang={lang}")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.wait_for_function("caches.match('/merchant/redeem/shell').then((found) => found !== undefined)")
    expect(page.locator("#till-state")).to_contain_text("20 of 20" if lang == "en" else "20")
    return page


def type_code(page: Page, code: str) -> None:
    page.locator("#code").fill(code)
    page.keyboard.press("Enter")


def entries(page: Page) -> list[str]:
    """What the page says of each coupon that it took."""
    rows = page.locator("#till-entries tbody tr")
    states: list[str] = rows.evaluate_all("rows => rows.map((row) => row.dataset.state)")
    return states


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
    elsewhere.set_default_timeout(PATIENCE_MS)
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
