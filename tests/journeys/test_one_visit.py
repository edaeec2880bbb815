"""The main job from end to end: one Meraki post becomes a crossing, an offer, a message, a used coupon and a line of footfall.

Everything goes over HTTP to the roles of a running product; the database is filled only with what the command line would
make: the district and its staff's accounts.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from tests.factories import HELSINKI, square
from tests.journeys.people import GATEWAY_SECRET, Desk, add_staff, join, logged_in, stamp
from tests.product import Product, wait_for

SLUG = "journey"
MEMBER_MAC = "02:aa:22:33:44:66"
OTHER_MACS = [f"02:bb:22:33:44:{number:02x}" for number in range(11)]
OUTLINE = {"type": "Polygon", "coordinates": [[list(corner) for corner in square().exterior.coords]]}
OUTSIDE = (HELSINKI.lon + 0.006, HELSINKI.lat)
INSIDE = (HELSINKI.lon, HELSINKI.lat)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product with one district and an operator's account."""
    with Product() as product:
        with product.makers() as makers:
            makers.district(slug=SLUG, country="FI")
        add_staff(product, Role.OPERATOR, slug=SLUG)
        product.start()
        yield product


@pytest.fixture
def http(product: Product) -> Iterator[httpx.Client]:
    """A client without a log-in."""
    with httpx.Client(base_url=product.base_url, timeout=90) as client:
        yield client


def campaign_body(store_id: str) -> dict[str, Any]:
    return {
        "name": "Lunch",
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


def observation(mac: str, now: datetime) -> dict[str, Any]:
    """A client who came in from outside three minutes ago and has stayed since."""
    past = [(170, OUTSIDE), (160, INSIDE), (100, INSIDE), (40, INSIDE), (5, INSIDE)]
    return {
        "clientMac": mac,
        "latestRecord": {
            "time": stamp(now - timedelta(seconds=5)),
            "nearestApMac": "00:18:0a:13:dd:b0",
            "nearestApRssi": -50,
        },
        "locations": [
            {"lng": lon, "lat": lat, "variance": 3.0, "time": stamp(now - timedelta(seconds=ago_s))}
            for ago_s, (lon, lat) in past
        ],
    }


def post_of(secret: str, now: datetime) -> dict[str, Any]:
    observations = [observation(mac, now) for mac in [MEMBER_MAC, *OTHER_MACS]]
    return {
        "version": "3.0",
        "secret": secret,
        "type": "WiFi",
        "data": {"networkId": "N_1", "observations": observations},
    }


@pytest.fixture
def browser(product: Product) -> Iterator[httpx.Client]:
    """The shopper's browser, with cookies of its own."""
    with httpx.Client(base_url=product.base_url, timeout=90) as client:
        yield client


def test_one_meraki_post_becomes_a_used_coupon_and_a_line_of_footfall(
    product: Product, http: httpx.Client, browser: httpx.Client
) -> None:
    operator = logged_in(http, "operator", slug=SLUG)
    feed = operator.here("POST", "/feeds", {"slug": "journey-meraki", "vendor": "meraki"}, expect=201)
    gateway = {"slug": "journey-gw", "vendor": "click", "secret": GATEWAY_SECRET, "methods": ["click"]}
    operator.here("POST", "/gateways", gateway, expect=201)
    zone = operator.here(
        "POST", "/zones", {"slug": "square", "name": "Square", "geometry": OUTLINE}, expect=201
    )
    merchant_id = operator.here("POST", "/merchants", {"name": "Zio"}, expect=201)["id"]
    new_store = {"name": "Zio", "category": "clothes", "lon": INSIDE[0], "lat": INSIDE[1]}
    store = operator.here("POST", "/stores", new_store | {"merchant_id": merchant_id}, expect=201)
    till = operator.here("POST", "/tills", {"store_id": store["id"], "name": "1"}, expect=201)
    key = operator.here("POST", "/keys", {"role": "till", "scope_id": till["id"]}, expect=201)["key"]

    join(browser, "journey-gw", MEMBER_MAC)
    add_staff(product, Role.MERCHANT, slug=SLUG, scope_id=merchant_id)
    merchant = logged_in(http, "merchant", slug=SLUG)
    campaign = merchant.here("POST", "/campaigns", campaign_body(store["id"]), expect=201)
    merchant.here("POST", f"/campaigns/{campaign['id']}/submit")
    live = operator.here("POST", f"/campaigns/{campaign['id']}/approve")
    assert live["state"] == "live"
    wait_for("the engine watches the fence", lambda: has_plan(product), timeout_s=120)

    sent_at = product.now()
    taken = http.post(f"/v1/feeds/meraki/{feed['slug']}", json=post_of(feed["secret"], sent_at))
    assert (taken.status_code, taken.json()["accepted"]) == (202, 60), taken.text

    items = wait_for("an offer is in the inbox", lambda: inbox(browser), timeout_s=120)
    assert [item["title"] for item in items] == ["3 euros off"]
    offer = browser.get(f"/v1/me/offers/{items[0]['offer_id']}").json()
    assert offer["campaign_id"] == campaign["id"]

    counter = Desk(http=http, token=key, slug=SLUG)
    use = {"code": offer["code"], "store_id": store["id"], "use_request_no": "1"}
    used = counter.here("POST", "/redemptions", use)
    assert (used["offer_id"], used["value"]["minor_units"]) == (offer["id"], 300)
    assert counter.here("POST", "/redemptions", use) == used
    counter.here("POST", "/redemptions", use | {"use_request_no": "2"}, expect=409)
    assert browser.get(f"/v1/me/offers/{offer['id']}").json()["state"] == "redeemed"

    line = wait_for("footfall has the visits", lambda: footfall(operator, zone["slug"]), timeout_s=120)
    assert (line["value"], line["suppressed"]) == (len(OTHER_MACS) + 1, False)
    came_at = sent_at - timedelta(seconds=170)
    assert datetime.fromisoformat(line["start"]) == came_at.replace(minute=0, second=0, microsecond=0)
    assert product.row("SELECT count(*) FROM offer")[0] == 1


def has_plan(product: Product) -> bool:
    """Whether the engine says that it watches the zone and the campaign."""
    return any(
        "engine.plan_changed" in line and "fences=2" in line for line in product.last_lines(400).splitlines()
    )


def inbox(browser: httpx.Client) -> list[dict[str, Any]] | None:
    answer = browser.get("/v1/me/inbox", params={"lang": "en"})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found or None


def footfall(operator: Desk, zone: str) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = operator.here("GET", f"/footfall?zone={zone}&by=hour&metric=people")["rows"]
    return next((row for row in rows if row["value"]), None)
