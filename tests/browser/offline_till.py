"""A till page whose line and whose server a test can break: the scene's shop, its coupons, and a web role of its own."""

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
from playwright.sync_api import Browser, BrowserContext, Page, expect
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

SECRET = "an-installation's-own-words-7f3a9c"
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
