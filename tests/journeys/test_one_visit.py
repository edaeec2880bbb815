"""The main job from end to end: one Meraki post becomes a crossing, an offer, a message, a used coupon and a line of footfall.

Everything goes over HTTP to the roles of a running product; the database is filled only with what the command line would
make: the district and its staff's accounts.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from district.auth import service as auth
from district.auth.models import Role
from district.clock import system
from district.gateways.vendors.click import redirect_query
from tests.factories import HELSINKI, square
from tests.product import Product, wait_for

SLUG = "journey"
PASSWORD = "the staff's password"
GATEWAY_SECRET = "the-gateway-s-own-secret"
MEMBER_MAC = "02:aa:22:33:44:66"
OTHER_MACS = [f"02:bb:22:33:44:{number:02x}" for number in range(11)]
OUTLINE = {"type": "Polygon", "coordinates": [[list(corner) for corner in square().exterior.coords]]}
OUTSIDE = (HELSINKI.lon + 0.006, HELSINKI.lat)
INSIDE = (HELSINKI.lon, HELSINKI.lat)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One person's or device's way to the interface."""

    http: httpx.Client
    token: str

    def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The answer's value; anything else than the expected status fails the test with its words."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.request(method, f"/v1{path}", json=body, headers=headers)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def here(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """The same below the district's path."""
        return self.ask(method, f"/districts/{SLUG}{path}", body, expect=expect)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product with one district and an operator's account."""
    with Product() as product:
        with product.makers() as makers:
            district = makers.district(slug=SLUG, country="FI")
            auth.create_account(
                makers.session,
                username="operator",
                password=PASSWORD,
                role=Role.OPERATOR,
                district_id=district.id,
                scope_id=None,
                clock=makers.clock,
            )
        product.start()
        yield product


@pytest.fixture
def http(product: Product) -> Iterator[httpx.Client]:
    """A client without a log-in."""
    with httpx.Client(base_url=product.base_url, timeout=20) as client:
        yield client


def logged_in(http: httpx.Client, username: str) -> Desk:
    answer = http.post("/v1/tokens", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return Desk(http=http, token=answer.json()["token"])


def merchant_of(product: Product, http: httpx.Client, merchant_id: str) -> Desk:
    """The merchant's own account, as the command line would make it."""
    with product.makers() as makers:
        row = product.row("SELECT id FROM district WHERE slug = %s", SLUG)
        auth.create_account(
            makers.session,
            username="merchant",
            password=PASSWORD,
            role=Role.MERCHANT,
            district_id=row[0],
            scope_id=uuid.UUID(merchant_id),
            clock=makers.clock,
        )
    return logged_in(http, "merchant")


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


def join(browser: httpx.Client, gateway: str) -> None:
    """The sign-in page, with both boxes ticked."""
    query = redirect_query(
        GATEWAY_SECRET,
        mac=MEMBER_MAC,
        ap="00:18:0a:13:dd:b0",
        url="http://example.com/",
        machine_now=system.machine_now(),
    )
    address = f"/portal/{gateway}?{query}"
    assert browser.get(address).status_code == 200
    answer = browser.post(address, data={"method": "click", "marketing": "yes", "location": "yes"})
    assert answer.status_code == 303, answer.text


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    with httpx.Client(base_url=product.base_url, timeout=20) as client:
        yield client


def test_one_meraki_post_becomes_a_used_coupon_and_a_line_of_footfall(
    product: Product, http: httpx.Client, browser: httpx.Client
) -> None:
    operator = logged_in(http, "operator")
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

    join(browser, "journey-gw")
    merchant = merchant_of(product, http, merchant_id)
    campaign = merchant.here("POST", "/campaigns", campaign_body(store["id"]), expect=201)
    merchant.here("POST", f"/campaigns/{campaign['id']}/submit")
    live = operator.here("POST", f"/campaigns/{campaign['id']}/approve")
    assert live["state"] == "live"
    wait_for("the engine watches the fence", lambda: has_plan(product), timeout_s=15)

    sent_at = product.now()
    taken = http.post(f"/v1/feeds/meraki/{feed['slug']}", json=post_of(feed["secret"], sent_at))
    assert (taken.status_code, taken.json()["accepted"]) == (202, 60), taken.text

    items = wait_for("an offer is in the inbox", lambda: inbox(browser), timeout_s=10)
    assert [item["title"] for item in items] == ["3 euros off"]
    offer = browser.get(f"/v1/me/offers/{items[0]['offer_id']}").json()
    assert offer["campaign_id"] == campaign["id"]

    counter = Desk(http=http, token=key)
    use = {"code": offer["code"], "store_id": store["id"], "use_request_no": "1"}
    used = counter.here("POST", "/redemptions", use)
    assert (used["offer_id"], used["value"]["minor_units"]) == (offer["id"], 300)
    assert counter.here("POST", "/redemptions", use) == used
    counter.here("POST", "/redemptions", use | {"use_request_no": "2"}, expect=409)
    assert browser.get(f"/v1/me/offers/{offer['id']}").json()["state"] == "redeemed"

    line = wait_for("footfall has the visits", lambda: footfall(operator, zone["slug"]), timeout_s=60)
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
