"""From the member's own page to a real Firefox and back: subscribe, walk into a fence, see it, click it, stop it.

The whole product runs, and a push service of our own stands for Mozilla's.
"""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from district.clock import system
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.message import MessagePurpose
from tests.channels.web_push.firefox import Firefox, firefox
from tests.channels.web_push.push_service import PushService, push_service
from tests.factories import HELSINKI, square
from tests.journeys.people import GATEWAY_SECRET, Desk, add_staff, join, logged_in, stamp
from tests.product import Product, wait_for

SLUG = "ringing"
MAC = "02:aa:22:33:44:66"
OUTLINE = {"type": "Polygon", "coordinates": [[list(corner) for corner in square().exterior.coords]]}
OUTSIDE = (HELSINKI.lon + 0.006, HELSINKI.lat)
INSIDE = (HELSINKI.lon, HELSINKI.lat)
ROWS = "SELECT state, delivered_at IS NOT NULL, opened_at IS NOT NULL FROM outbox_message WHERE channel = 'web_push' ORDER BY id"
ENDPOINTS = "SELECT state FROM member_endpoint WHERE channel = 'web_push' ORDER BY created_at"
SAID = "SELECT granted, action FROM consent WHERE channel = 'web_push' ORDER BY id"


@dataclass
class World:
    """A district that is set up, a member with a Firefox, and the push service between them."""

    product: Product
    service: PushService
    browser: Firefox
    operator: Desk
    merchant: Desk
    http: httpx.Client
    member: httpx.Client
    store_id: str
    feed: dict[str, Any]

    @property
    def page(self) -> str:
        return f"{self.product.base_url}/d/{SLUG}/notifications?lang=en"

    def state(self) -> str:
        """What the card says."""
        found: str = self.browser.script("return document.querySelector('[data-push]')?.dataset.state || ''")
        return found

    def turn_on(self) -> None:
        self.browser.open(self.page)
        self.browser.until("the card offers it", lambda: self.state() == "off")
        self.browser.click("[data-push-state=off] [data-push-act=on]")
        self.browser.until("the card says that it is on", lambda: self.state() == "on", timeout_s=120)

    def approve(self, name: str) -> str:
        """A campaign that greets whoever enters the fence."""
        body = campaign_body(self.store_id, name)
        campaign = self.merchant.here("POST", "/campaigns", body, expect=201)
        self.merchant.here("POST", f"/campaigns/{campaign['id']}/submit")
        self.operator.here("POST", f"/campaigns/{campaign['id']}/approve")
        return str(campaign["id"])

    def walk_in(self) -> None:
        """The member's telephone is seen on its way into the fence."""
        now = self.product.now()
        past = [(170, OUTSIDE), (160, INSIDE), (100, INSIDE), (40, INSIDE), (5, INSIDE)]
        locations = [
            {"lng": lon, "lat": lat, "variance": 3.0, "time": stamp(now - timedelta(seconds=ago_s))}
            for ago_s, (lon, lat) in past
        ]
        latest = {
            "time": stamp(now - timedelta(seconds=5)),
            "nearestApMac": "00:18:0a:13:dd:b0",
            "nearestApRssi": -50,
        }
        observation = {"clientMac": MAC, "latestRecord": latest, "locations": locations}
        body = {
            "version": "3.0",
            "secret": self.feed["secret"],
            "type": "WiFi",
            "data": {"networkId": "N_1", "observations": [observation]},
        }
        answer = self.http.post(f"/v1/feeds/meraki/{self.feed['slug']}", json=body)
        assert answer.status_code == 202, answer.text

    def tell(self, title: str) -> float:
        """Queue a word of the district's own to the member, and wait until Firefox has shown it; seconds."""
        with self.product.makers() as makers:
            district_id, member_id = self.product.row(
                "SELECT district_id, id FROM member WHERE state = 'active'"
            )
            message = NewMessage(
                channel=Channel.WEB_PUSH,
                purpose=MessagePurpose.SERVICE,
                member_id=member_id,
                payload={"title": title, "body": "…", "language": "en"},
                due_at=self.product.now(),
            )
            id_ = outbox.enqueue(makers.session, district_id, message, machine_now=system.machine_now())
        began_at = time.monotonic()
        done = "SELECT delivered_at IS NOT NULL OR state NOT IN ('queued', 'leased', 'sending', 'accepted') FROM outbox_message WHERE id = %s"
        wait_for(f"{title} is at its end", lambda: self.product.row(done, id_)[0], timeout_s=120)
        return time.monotonic() - began_at


def campaign_body(store_id: str, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "store_ids": [store_id],
        "rule": {
            "v": 1,
            "trigger": {"any": [{"on": "fence.enter"}]},
            "where": {"within": OUTLINE},
            "holdout": {"pct": 0},
        },
        "offer": {
            "kind": "coupon",
            "value": {"type": "amount", "minor_units": 300},
            "title": {"zh": "减三欧", "en": "3 euros off"},
            "text": {"zh": "今天有效", "en": "Today only"},
        },
        "stock": 5,
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Everything stands; the member has joined the Wi-Fi and is logged in, and has turned nothing on yet."""
    with (
        push_service() as service,
        Product(environment={"DISTRICT_PROVIDER_ALLOW_LOOPBACK": "true"}) as product,
    ):
        with product.makers() as makers:
            makers.district(slug=SLUG, country="FI")
        add_staff(product, Role.OPERATOR, slug=SLUG)
        product.start()
        with (
            httpx.Client(base_url=product.base_url, timeout=90) as http,
            httpx.Client(base_url=product.base_url, timeout=90) as member,
            firefox(service.socket_address) as browser,
        ):
            yield furnished(product, service, browser, http, member)


def furnished(
    product: Product, service: PushService, browser: Firefox, http: httpx.Client, member: httpx.Client
) -> World:
    operator = logged_in(http, "operator", slug=SLUG)
    feed = operator.here("POST", "/feeds", {"slug": "ringing-meraki", "vendor": "meraki"}, expect=201)
    gateway = {"slug": "ringing-gw", "vendor": "click", "secret": GATEWAY_SECRET, "methods": ["click"]}
    operator.here("POST", "/gateways", gateway, expect=201)
    merchant_id = operator.here("POST", "/merchants", {"name": "Zio"}, expect=201)["id"]
    new_store = {"name": "Zio", "category": "clothes", "lon": INSIDE[0], "lat": INSIDE[1]}
    store = operator.here("POST", "/stores", new_store | {"merchant_id": merchant_id}, expect=201)
    add_staff(product, Role.MERCHANT, slug=SLUG, scope_id=merchant_id)
    provider = {
        "slug": "browsers",
        "kind": "web_push",
        "name": "Browsers",
        "options": {
            "contact": "mailto:push@district.example",
            "hosts": [service.address.removeprefix("http://")],
        },
    }
    operator.here("POST", "/channel-providers", provider, expect=201)
    join(member, "ringing-gw", MAC)
    browser.open(f"{product.base_url}/healthz")
    for name, value in member.cookies.items():
        browser.cookie(name, value)
    return World(
        product=product,
        service=service,
        browser=browser,
        operator=operator,
        merchant=logged_in(http, "merchant", slug=SLUG),
        http=http,
        member=member,
        store_id=store["id"],
        feed=feed,
    )


def has_plan(product: Product, *, fences: int) -> bool:
    return any(
        "engine.plan_changed" in line and f"fences={fences}" in line
        for line in product.last_lines(400).splitlines()
    )


def test_a_member_turns_it_on_walks_into_a_fence_sees_the_offer_clicks_it_and_stops(world: World) -> None:
    world.turn_on()
    assert world.product.rows(ENDPOINTS) == [("active",)]
    assert world.product.rows(SAID) == [(True, "button")]

    world.approve("Lunch")
    wait_for("the engine watches the fence", lambda: has_plan(world.product, fences=1), timeout_s=120)
    began_at = time.monotonic()
    world.walk_in()
    shown = world.browser.until("Firefox shows it", world.browser.notifications)
    took_s = time.monotonic() - began_at
    assert [(one["title"], one["text"]) for one in shown] == [("3 euros off", "Today only")]
    print(f"shown after {took_s:.1f} s")  # noqa: T201 the measurement

    request = world.service.requests[-1]
    assert request.status == 201
    assert b"3 euros off" not in request.body
    delivery_id = world.product.row("SELECT id FROM outbox_message WHERE channel = 'web_push'")[0]
    assert len(request.headers["topic"]) <= 32
    assert 0 < int(request.headers["ttl"]) <= 86_400 * 28
    wait_for("shown is told", lambda: world.product.rows(ROWS) == [("accepted", True, False)], timeout_s=120)

    world.browser.click_notification()
    offer_id = world.product.row("SELECT offer_id FROM outbox_message WHERE id = %s", delivery_id)[0]
    page = f"/d/{SLUG}/offers/{offer_id}"
    world.browser.until("the offer opens", lambda: any(page in one for one in world.browser.addresses()))
    wait_for(
        "the click is told", lambda: world.product.rows(ROWS) == [("accepted", True, True)], timeout_s=120
    )


def test_every_message_is_shown(world: World) -> None:
    took_s = [world.tell(f"Word {number}") for number in range(11)]
    states = world.product.rows(
        "SELECT DISTINCT state, delivered_at IS NOT NULL FROM outbox_message WHERE purpose = 'service'"
    )
    assert states == [("accepted", True)]
    print(f"shown after {statistics.median(took_s):.2f} s in the middle")  # noqa: T201 the measurement


UNSUBSCRIBE = f"""
const done = arguments[arguments.length - 1];
navigator.serviceWorker.getRegistration("/d/{SLUG}/")
  .then((one) => one.pushManager.getSubscription()).then((one) => one.unsubscribe()).then(done);
"""


def test_an_address_that_the_browser_gave_up_is_gone_and_the_page_makes_a_new_one(world: World) -> None:
    world.browser.open(world.page)
    world.browser.until("the card says that it is on", lambda: world.state() == "on")
    assert world.browser.script_later(UNSUBSCRIBE) is True
    world.tell("Nobody hears this")
    assert world.service.requests[-1].status == 410
    assert world.product.rows(ENDPOINTS) == [("gone",)]
    world.browser.open(world.page)
    world.browser.until("the card says that it is on", lambda: world.state() == "on")
    assert world.product.rows(ENDPOINTS) == [("gone",), ("active",)]
    world.tell("Heard again")
    assert world.service.requests[-1].status == 201


def test_turned_off_nothing_is_sent_and_the_consent_is_taken_back(world: World) -> None:
    world.browser.open(world.page)
    world.browser.until("the card says that it is on", lambda: world.state() == "on")
    world.browser.click("[data-push-state=on] [data-push-act=off]")
    world.browser.until("the card offers it again", lambda: world.state() == "off")
    assert world.product.rows(ENDPOINTS) == [("gone",)]
    assert world.product.rows(SAID) == [(True, "button"), (False, "api")]
    assert not any(one.is_live for one in world.service.channels.values())
