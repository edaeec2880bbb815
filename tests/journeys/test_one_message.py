"""A member of the demo and the messages that reach him: by notification, by text, and none after STOP.

The demo runs as a person starts it, with its shops and its campaigns. The member is a real Firefox; a push service and a
message centre of the tests' own stand for a browser maker's and for a telephone company's.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from district.clock import system
from district.database import psycopg_dsn
from district.embedded.postgres import Cluster
from district.gateways.vendors.click import redirect_query
from tests.channels.texts.centre import Centre, centre
from tests.channels.web_push.firefox import Firefox, firefox
from tests.channels.web_push.push_service import PushService, push_service
from tests.journeys.people import GATEWAY_SECRET, Desk, stamp
from tests.product import NeverHappened, wait_for
from tests.running_demo import running_demo

MAC = "02:aa:22:33:44:66"
PHONE = "+358401234567"
GATEWAY = "quay"
AWAY_DEGREES = 0.006
WORDS = {"title": "Ninety off", "text": "Today only"}
REASONS_SQL = "SELECT reason FROM refusal WHERE campaign_id = %s"
POLICY = {
    "offers_per_day": 10,
    "merchant_per_day": 10,
    "offers_per_7d": 10,
    "gap_min": 0,
    "control_pct": 0,
    "holdout_pct": 0,
    "explore_pct": 0,
}
"""A day's walks in a minute: who is told is not left to chance, and three offers are not too many."""


@dataclass(kw_only=True)
class World:
    """The demo, the member's Firefox, and who stands for the providers."""

    data_dir: Path
    info: dict[str, Any]
    http: httpx.Client
    browser: Firefox
    pushes: PushService
    texts: Centre
    store: dict[str, Any] = field(default_factory=dict)
    _sent: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def base_url(self) -> str:
        return str(self.info["base_url"])

    def desk(self, role: str) -> Desk:
        """A log-in of the demo's."""
        user = next(one for one in self.info["users"] if one["role"] == role)
        answer = self.http.post("/v1/tokens", json={name: user[name] for name in ("username", "password")})
        assert answer.status_code == 200, answer.text
        return Desk(http=self.http, token=answer.json()["token"], slug=self.info["district"])

    def page(self, path: str) -> str:
        return f"{self.base_url}/d/{self.info['district']}{path}?lang=en"

    def set_up(self) -> None:
        """What an operator adds to the demo: two ways to send, a gateway, and a freer policy."""
        self.operator, self.merchant = self.desk("operator"), self.desk("merchant")
        self.antenna = Desk(http=self.http, token=self.info["keys"]["feed"], slug=self.info["district"])
        here = self.operator.here
        host = self.pushes.address.removeprefix("http://")
        options = here("GET", "/channel-providers/browsers")["options"]
        here("PATCH", "/channel-providers/browsers", {"options": options | {"hosts": [host]}})
        account = {
            "host": "127.0.0.1",
            "port": self.texts.port,
            "tls": False,
            "system_id": "district",
            "source": "17123",
        }
        texts = {"slug": "texts", "kind": "smpp", "name": "Texts", "options": account}
        here("POST", "/channel-providers", texts | {"secrets": {"password": "secret"}}, expect=201)
        gateway = {"slug": GATEWAY, "vendor": "click", "secret": GATEWAY_SECRET, "methods": ["phone"]}
        here("POST", "/gateways", gateway, expect=201)
        version = here("GET", "/marketing-policy")["version"]
        here("PATCH", "/marketing-policy", POLICY | {"version": version})
        self.store = self.merchant.here("GET", "/stores")["items"][0]

    def approve(self, title: str) -> str:
        """A campaign for whoever comes to the store, worth more than any other around."""
        place = {"lon": self.store["lon"], "lat": self.store["lat"], "radius_m": 60}
        body = {
            "name": title,
            "store_ids": [self.store["id"]],
            "rule": {
                "v": 1,
                "trigger": {"any": [{"on": "fence.enter"}]},
                "where": {"within": {"circle": place}},
                "holdout": {"pct": 0},
            },
            "offer": {
                "kind": "coupon",
                "value": {"type": "amount", "minor_units": 9_000},
                "title": {"zh": title, "en": title},
                "text": {"zh": "今天有效", "en": "Today only"},
            },
            "stock": 5,
        }
        made = self.merchant.here("POST", "/campaigns", body, expect=201)
        self.merchant.here("POST", f"/campaigns/{made['id']}/submit")
        assert self.operator.here("POST", f"/campaigns/{made['id']}/approve")["state"] == "live"
        return str(made["id"])

    def walk(self, *, until: Callable[[], Any], what: str) -> Any:
        """The member's telephone comes in from outside, again and again, until it is so.

        A campaign that has just been approved is watched a little later: until then those of the demo are told, or none.
        """

        def come() -> Any:
            self._see(AWAY_DEGREES)
            self._see(0.0)
            try:
                return wait_for(what, until, timeout_s=6)
            except NeverHappened:
                return None

        return wait_for(what, come, timeout_s=150)

    def _see(self, away: float) -> None:
        now = datetime.fromisoformat(self.http.get("/healthz").json()["now"])
        rows = [
            {
                "id": str(next(self._sent)),
                "mac": MAC,
                "lon": self.store["lon"] + away,
                "lat": self.store["lat"],
                "accuracy_m": 5,
                "at": stamp(now - timedelta(seconds=ago_s)),
            }
            for ago_s in (2, 1, 0)
        ]
        self.antenna.here("POST", "/sightings", {"sightings": rows}, expect=202)

    def reasons(self, campaign_id: str) -> list[str] | None:
        """Why nobody was told of a campaign."""
        with psycopg.connect(psycopg_dsn(Cluster(self.data_dir).url), autocommit=True) as connection:
            return [row[0] for row in connection.execute(REASONS_SQL, (campaign_id,)).fetchall()] or None

    def delivery(self, campaign_id: str, channel: str) -> dict[str, Any] | None:
        """The newest message of a campaign by a channel, as operators see it."""
        query = f"/deliveries?campaign={campaign_id}&channel={channel}"
        items: list[dict[str, Any]] = self.operator.here("GET", query)["items"]
        return items[0] if items else None


@pytest.fixture
async def world() -> AsyncIterator[World]:
    loopback = {"DISTRICT_PROVIDER_ALLOW_LOOPBACK": "true"}
    with (
        push_service() as pushes,
        running_demo("--no-walkers", "--start", "Fri 12:00", environment=loopback) as (data_dir, info),
        httpx.Client(base_url=info["base_url"], timeout=90, trust_env=False) as http,
        firefox(pushes.socket_address) as browser,
    ):
        async with centre(password="secret") as texts:
            made = World(data_dir=data_dir, info=info, http=http, browser=browser, pushes=pushes, texts=texts)
            await asyncio.to_thread(made.set_up)
            yield made


async def sign_in(world: World) -> None:
    """By the code of a text message, in the browser."""
    query = redirect_query(
        GATEWAY_SECRET,
        mac=MAC,
        ap="00:18:0a:13:dd:b0",
        url="http://example.com/",
        machine_now=system.machine_now(),
    )
    browser = world.browser
    browser.open(f"{world.base_url}/portal/{GATEWAY}?{query}&lang=en")
    browser.write("#phone", PHONE)
    browser.click("form button")
    await world.texts.until(lambda one: len(one.taken) == 1)
    code = "".join(letter for letter in world.texts.taken[0]["text"] if letter.isdigit())[:6]
    browser.write("#code", code)
    for purpose in ("marketing", "location"):
        browser.click(f"[name={purpose}]")
    browser.click("form button")
    browser.until("the member is welcome", lambda: "/welcome" in browser.address)


def allow(world: World) -> None:
    """Offers by text message, and by this browser's notifications."""
    browser = world.browser
    browser.open(world.page("/privacy"))
    browser.click("[aria-labelledby=marketingsms]")
    browser.until("texts are on", lambda: browser.script(SWITCH) == "true")
    browser.open(world.page("/notifications"))
    browser.until("the card offers it", lambda: browser.script(CARD) == "off")
    browser.click("[data-push-state=off] [data-push-act=on]")
    browser.until("notifications are on", lambda: browser.script(CARD) == "on", timeout_s=120)


SWITCH = "return document.querySelector('[aria-labelledby=marketingsms]')?.getAttribute('aria-checked')"
CARD = "return document.querySelector('[data-push]')?.dataset.state || ''"


def text_of(world: World, title: str) -> str:
    """An offer as a text message: it has no title of its own."""
    return f"{world.store['name']}: {title}. Today only"


def explained(world: World, delivery: dict[str, Any]) -> str:
    """What the operator's page says of a message."""
    browser = world.browser
    browser.open(f"{world.base_url}/operator/deliveries/{delivery['id']}?lang=en")
    if "/login" in browser.address:
        user = next(one for one in world.info["users"] if one["role"] == "operator")
        browser.write("#username", user["username"])
        browser.write("#password", user["password"])
        browser.click("form button")
        browser.until("the operator is in", lambda: "/operator/deliveries/" in browser.address)
    text: str = browser.script("return document.querySelector('main').innerText")
    return text


async def test_a_member_of_the_demo_is_notified_texts_stop_and_the_operator_sees_why(world: World) -> None:
    browser = world.browser
    await sign_in(world)
    allow(world)

    first = world.approve("Ninety off")
    world.walk(what="Firefox shows it", until=lambda: WORDS in (browser.notifications() or ()))
    rang = world.delivery(first, "web_push")
    assert rang is not None
    assert (rang["state"], rang["provider"]) == ("accepted", "browsers")
    assert world.delivery(first, "sms") is None, "one channel rings, never two"

    browser.open(world.page("/notifications"))
    browser.until("the card says that it is on", lambda: browser.script(CARD) == "on")
    browser.click("[data-push-state=on] [data-push-act=off]")
    browser.until("notifications are off", lambda: browser.script(CARD) == "off")
    second = world.approve("Eighty off")
    texted = await asyncio.to_thread(
        world.walk, what="it is sent as a text", until=lambda: world.delivery(second, "sms")
    )
    await world.texts.until(
        lambda one: any(text_of(world, "Eighty off") in said["text"] for said in one.taken)
    )

    await world.texts.hand_on(sender=PHONE.removeprefix("+"), text="STOP")
    await world.texts.until(lambda one: any("heard" in said for said in one.said))
    third = world.approve("Seventy off")
    refused = await asyncio.to_thread(
        world.walk,
        what="the member is not told",
        until=lambda: world.reasons(third) or world.delivery(third, "sms"),
    )
    assert refused == ["no_consent"]
    assert not any("Seventy off" in said["text"] for said in world.texts.taken)

    said = explained(world, rang)
    for words in ("Ninety off", "browsers", "Taken"):
        assert words in said, said
    told = explained(world, texted)
    for words in ("Eighty off", "texts", "The provider told: arrived"):
        assert words in told, told
