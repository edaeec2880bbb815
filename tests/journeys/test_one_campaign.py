"""A campaign from its JSON rule to a report of which every number is made again from rows.

Everything goes over the public interface to the roles of a running product: rule, preview, approval, real sightings, a
second crossing that brings nothing, members who are held out, a till, a reversal, the closed day. Only the district and
its staff's accounts are made as the command line would, and business time is moved on as a demo does it.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from district.auth.models import Role
from district.clock import Simulation, system
from district.districts import service as districts
from tests.factories import HELSINKI
from tests.journeys.by_hand import ByHand, Tables
from tests.journeys.formulas import assert_same
from tests.journeys.people import GATEWAY_SECRET, Desk, add_staff, join, logged_in, stamp
from tests.product import Product, wait_for

SLUG = "whole-campaign"
GATEWAY = f"{SLUG}-gw"
MEMBERS, UNWILLING = 64, 11
HELD_OUT_PERCENT = 50
OFF_MINOR, BILL_MINOR = 300, 1_800
USES, CONTROL_COMING, CONTROL_BUYING, TREATED_BUYING = 12, 12, 11, 14
STORE = (HELSINKI.lon, HELSINKI.lat)
IN_FENCE = (HELSINKI.lon + 0.0008, HELSINKI.lat)
OUTSIDE = (HELSINKI.lon + 0.006, HELSINKI.lat)
WORDS = frozenset({"name", "definition", "reason_text", "campaign_id", "as_of"})
"""Parts of the answer that are no numbers."""


@dataclass(kw_only=True)
class Member:
    """One shopper: a telephone and its browser's cookies."""

    mac: str
    cookies: httpx.Cookies
    offer_id: str = ""


@dataclass(kw_only=True)
class World:
    """The running product and everybody in it."""

    product: Product
    http: httpx.Client
    members: list[Member] = field(default_factory=list)
    unwilling: list[Member] = field(default_factory=list)
    _sent: int = 0

    def set_up(self) -> None:
        """What an operator makes before a merchant's first campaign."""
        self.operator = logged_in(self.http, "operator", slug=SLUG)
        here = self.operator.here
        gateway = {"slug": GATEWAY, "vendor": "click", "secret": GATEWAY_SECRET, "methods": ["click"]}
        here("POST", "/gateways", gateway, expect=201)
        feed = here("POST", "/feeds", {"slug": f"{SLUG}-feed", "vendor": "sightings"}, expect=201)
        merchant_id = here("POST", "/merchants", {"name": "Zio"}, expect=201)["id"]
        new = {"name": "Zio", "category": "clothes", "lon": STORE[0], "lat": STORE[1]}
        self.store_id = here("POST", "/stores", new | {"merchant_id": merchant_id}, expect=201)["id"]
        till = here("POST", "/tills", {"store_id": self.store_id, "name": "1"}, expect=201)
        self.till = self._key("till", till["id"])
        self.antenna = self._key("feed", feed["id"])
        add_staff(self.product, Role.MERCHANT, slug=SLUG, scope_id=merchant_id)
        self.merchant = logged_in(self.http, "merchant", slug=SLUG)

    def _key(self, role: str, scope_id: str) -> Desk:
        made = self.operator.here("POST", "/keys", {"role": role, "scope_id": scope_id}, expect=201)
        return Desk(http=self.http, token=made["key"], slug=SLUG)

    def sign_in(self, number: int, *, agrees: bool) -> Member:
        mac = f"02:aa:22:33:{number // 256:02x}:{number % 256:02x}"
        with httpx.Client(base_url=self.product.base_url, timeout=90) as browser:
            join(browser, GATEWAY, mac, agrees=agrees)
            return Member(mac=mac, cookies=browser.cookies)

    def ask(self, member: Member, method: str, path: str) -> Any:
        """What a member's browser gets."""
        with httpx.Client(base_url=self.product.base_url, timeout=90, cookies=member.cookies) as browser:
            headers = {"Origin": self.product.base_url}
            answer = browser.request(method, f"/v1/me{path}", headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def see(self, members: Sequence[Member], way: Sequence[tuple[float, tuple[float, float]]]) -> None:
        """Tell where these were, so many seconds ago each."""
        now = self.product.now()
        rows = []
        for member in members:
            for ago_s, (lon, lat) in way:
                self._sent += 1
                at = stamp(now - timedelta(seconds=ago_s))
                fix = {
                    "id": str(self._sent),
                    "mac": member.mac,
                    "lon": lon,
                    "lat": lat,
                    "accuracy_m": 5,
                    "at": at,
                }
                rows.append(fix)
        taken = self.antenna.here("POST", "/sightings", {"sightings": rows}, expect=202)
        assert (taken["accepted"], taken["rejected"]) == (len(rows), [])

    def jump(self, to: datetime) -> None:
        """Business time goes on from here, as in a demo's morning."""
        with self.product.sessions.begin() as session:
            now = system.machine_now()
            districts.simulate(session, Simulation(machine_from=now, business_from=to))
        wait_for(
            "the web role has heard of it",
            lambda: datetime.fromisoformat(self.http.get("/healthz").json()["now"]) >= to,
            timeout_s=120,
        )

    def count(self, sql: str) -> int:
        return int(self.product.row(sql)[0])


@pytest.fixture
def world() -> Iterator[World]:
    with Product() as product:
        with product.makers() as makers:
            makers.district(slug=SLUG, country="FI")
        add_staff(product, Role.OPERATOR, slug=SLUG)
        product.start()
        with httpx.Client(base_url=product.base_url, timeout=90) as http:
            made = World(product=product, http=http)
            made.set_up()
            yield made


def body(store_id: str) -> dict[str, Any]:
    circle = {"lon": STORE[0], "lat": STORE[1], "radius_m": 80}
    return {
        "name": "Lunch",
        "store_ids": [store_id],
        "rule": {
            "v": 1,
            "trigger": {"any": [{"on": "fence.enter"}]},
            "where": {"within": {"circle": circle}},
            "cap": {"campaign": {"n": 1, "per": "day"}},
            "holdout": {"pct": HELD_OUT_PERCENT, "salt": "lunch"},
        },
        "offer": {
            "kind": "coupon",
            "value": {"type": "amount", "minor_units": OFF_MINOR},
            "title": {"zh": "减三欧", "en": "3 euros off"},
            "text": {"zh": "今天有效", "en": "Today only"},
        },
        "stock": 500,
    }


def test_every_number_of_a_campaigns_report_can_be_made_again_from_rows(world: World) -> None:
    world.members = [world.sign_in(number, agrees=True) for number in range(MEMBERS)]
    world.unwilling = [world.sign_in(MEMBERS + number, agrees=False) for number in range(UNWILLING)]
    wait_for("yesterday is recorded", lambda: walked_yesterday(world), timeout_s=120)

    campaign_id = approved(world)
    treated, control = triggered(world)
    shopped(world, treated, control)
    capped(world, treated)
    used(world, treated, campaign_id)
    bought(world, treated[:TREATED_BUYING] + control[:CONTROL_BUYING])

    tomorrow = world.product.now() + timedelta(hours=25)
    world.jump(tomorrow)
    # Of a split that chance has spoiled, as of one in two thousand, fewer figures are shown: by hand as well.
    assert reported(world, campaign_id) > 25
    settled(world)


def walked_yesterday(world: World) -> bool:
    """What came before the recorder had heard of a member is nobody's for good: it is told until it is somebody's."""
    world.see(world.members, [(22 * 3600, IN_FENCE)])
    known = "SELECT count(DISTINCT member_id) FROM raw_sighting"
    return world.count(known) == MEMBERS


def approved(world: World) -> str:
    """Written by the merchant, previewed, sent, and approved by the operator."""
    made = world.merchant.here("POST", "/campaigns", body(world.store_id), expect=201)
    path = f"/campaigns/{made['id']}"
    preview = world.merchant.here("POST", f"{path}/preview")
    assert preview["audience"] == MEMBERS // 10 * 10, preview
    assert min(preview["reach"], preview["control"]) >= 10, preview
    assert world.merchant.here("POST", f"{path}/submit")["state"] == "in_review"
    world.merchant.here("POST", f"{path}/approve", expect=403)
    assert world.operator.here("POST", f"{path}/approve")["state"] == "live"
    wait_for(
        "the engine watches the fence",
        lambda: any(
            "engine.plan_changed" in line and "fences=1" in line
            for line in world.product.last_lines(400).splitlines()
        ),
        timeout_s=120,
    )
    return str(made["id"])


def triggered(world: World) -> tuple[list[Member], list[Member]]:
    """Everybody comes in from outside; who has an offer in his inbox then, and who was held out."""
    world.see(
        [*world.members, *world.unwilling], [(150, OUTSIDE), (120, IN_FENCE), (60, IN_FENCE), (5, IN_FENCE)]
    )
    wait_for(
        "everybody was decided about",
        lambda: world.count("SELECT count(*) FROM exposure") == MEMBERS,
        timeout_s=120,
    )
    offers = world.count("SELECT count(*) FROM offer")
    wait_for(
        "offers have arrived", lambda: world.count("SELECT count(*) FROM inbox_item") == offers, timeout_s=120
    )
    for member in world.members:
        items = world.ask(member, "GET", "/inbox?lang=en")["items"]
        assert [item["title"] for item in items] in ([], ["3 euros off"])
        member.offer_id = items[0]["offer_id"] if items else ""
    treated = [one for one in world.members if one.offer_id]
    control = [one for one in world.members if not one.offer_id]
    assert len(treated) == offers
    assert min(len(treated), len(control)) >= max(USES, CONTROL_COMING)
    assert all(not world.ask(one, "GET", "/inbox")["items"] for one in world.unwilling)
    return treated, control


def shopped(world: World, treated: Sequence[Member], control: Sequence[Member]) -> None:
    """Some go to the store half an hour later: three quarters of who was told, and some of who was not."""
    world.jump(world.product.now() + timedelta(minutes=30))
    came = [*treated[: len(treated) * 3 // 4], *control[:CONTROL_COMING]]
    world.see(came, [(60.0 * minutes, STORE) for minutes in range(12, 5, -1)])
    visited = "SELECT count(DISTINCT member_id) FROM visit WHERE place_kind = 'store'"
    wait_for("their visits are made", lambda: world.count(visited) == len(came), timeout_s=120)


def capped(world: World, treated: Sequence[Member]) -> None:
    """A second crossing on one day brings nothing, and that is written down."""
    before = world.count("SELECT count(*) FROM offer")
    world.see(treated, [(100, OUTSIDE), (80, OUTSIDE), (50, IN_FENCE), (20, IN_FENCE), (3, IN_FENCE)])
    refused = "SELECT count(*) FROM refusal WHERE reason = 'freq_cap'"
    wait_for("the cap has refused", lambda: world.count(refused) == len(treated), timeout_s=120)
    assert world.count("SELECT count(*) FROM offer") == before
    assert world.count("SELECT count(*) FROM exposure") == MEMBERS


def used(world: World, treated: Sequence[Member], campaign_id: str) -> None:
    """Each code once; one is taken back and used again; two are only looked at."""
    for number, member in enumerate(treated[:USES]):
        offer = world.ask(member, "GET", f"/offers/{member.offer_id}")
        assert offer["campaign_id"] == campaign_id
        use = {
            "code": offer["code"],
            "store_id": world.store_id,
            "bill_minor": BILL_MINOR,
            "use_request_no": f"u{number}",
        }
        first = world.till.here("POST", "/redemptions", use)
        assert first["discount_minor"] == OFF_MINOR
        assert world.till.here("POST", "/redemptions", use) == first
        again = use | {"use_request_no": f"again{number}"}
        refused = world.till.here("POST", "/redemptions", again, expect=409)
        assert refused["type"].endswith("already-redeemed"), refused
        if number == 0:
            back = {"return_request_no": "back"}
            world.till.here("POST", f"/redemptions/{first['redemption_id']}/reversal", back)
            assert world.till.here("POST", "/redemptions", again)["redemption_id"] != first["redemption_id"]
    for member in treated[USES : USES + 2]:
        world.ask(member, "GET", f"/offers/{member.offer_id}")


def bought(world: World, members: Sequence[Member]) -> None:
    """Members show their pass at the till; the first gives half of it back."""
    for number, member in enumerate(members):
        shown = world.ask(member, "POST", "/points/pass")
        notice = {
            "notice_id": f"p{number}",
            "amount_minor": 1_000 + 130 * number,
            "at": stamp(world.product.now()),
            "pass_code": shown["code"],
        }
        assert world.till.here("POST", "/purchases", notice)["is_linked"]
    refund = {
        "notice_id": "r0",
        "purchase_notice_id": "p0",
        "amount_minor": 500,
        "at": stamp(world.product.now()),
    }
    world.till.here("POST", "/purchase-refunds", refund)


def settled(world: World) -> None:
    """The day is closed: the merchant gave it, and bears it himself; the reversal of the same day is in it."""
    found = wait_for(
        "the day is closed", lambda: world.merchant.here("GET", "/statements")["items"] or None, timeout_s=120
    )
    uses = USES + 1
    given = {
        "redemptions": uses,
        "redeemed_minor": uses * OFF_MINOR,
        "reversals": 1,
        "reversed_minor": OFF_MINOR,
        "corrections": 0,
        "borne_minor": USES * OFF_MINOR,
        "net_minor": 0,
    }
    assert len(found) == 1
    assert {name: found[0][name] for name in given} == given
    lines = world.merchant.here("GET", f"/statements/{found[0]['id']}/lines")["items"]
    assert sum(line["amount_minor"] for line in lines) == USES * OFF_MINOR
    assert world.operator.here("GET", "/statements/totals")["agrees"]


def reported(world: World, campaign_id: str) -> int:
    """How many numbers of the report were made again from rows, all alike."""
    found = world.merchant.here("GET", f"/campaigns/{campaign_id}/report?within_h=24")
    assert found["funnel"]["treated"] + found["funnel"]["control"] == MEMBERS
    assert found["redeemed"] == USES
    assert found["money"]["cost_minor"] == USES * OFF_MINOR
    refused = {one["reason"] for one in found["refusals"]}
    assert refused == {"freq_cap", "holdout", "no_consent"}
    by_hand = ByHand(
        tables=tables(world),
        campaign_id=uuid.UUID(campaign_id),
        within=timedelta(hours=24),
        now=datetime.fromisoformat(found["as_of"]),
    )
    return assert_same(found, by_hand.report(), words=WORDS)


def tables(world: World) -> Tables:
    names = {
        "exposure": "exposure",
        "offer": "offer",
        "inbox_item": "inbox_item",
        "visit": "visit",
        "redemption": "redemption",
        "purchase": "purchase",
        "posting": "ledger_posting",
        "transfer": "ledger_transfer",
        "refusal": "refusal",
    }
    with psycopg.connect(world.product.dsn, row_factory=dict_row) as connection:
        rows = {
            one: connection.execute(f"SELECT * FROM {table}".encode()).fetchall()
            for one, table in names.items()
        }
    stores = frozenset({uuid.UUID(world.store_id)})
    return Tables(stores=stores, holdout_share=HELD_OUT_PERCENT / 100, currency="EUR", **rows)
