"""What joining the Wi-Fi brings: once to each person, whatever device he has and whatever he agrees to."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import pytest

from district.auth.models import Role
from district.campaigns.models import CampaignStock
from district.campaigns.shared_models import JoinReward
from district.database import make_pool
from district.districts.models import District
from district.gateways.models import Plan, WifiSession
from district.members import merging
from district.members.models import Member
from district.offers.models import Offer
from district.points.models import PointsRule
from district.portal import incentive_jobs
from district.settings import Settings
from push.offer import OfferKind
from tests.district.portal.ways import PHONE, Open, Portal, Rows, by_code
from tests.factories import Makers

OFFER = {
    "kind": "coupon",
    "value": {"type": "amount", "minor_units": 300},
    "title": {"zh": "欢迎", "en": "Welcome"},
    "text": {"zh": "减三欧", "en": "3 off"},
}
OTHER_PHONE = "+358401234568"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo_console_codes": True})


@pytest.fixture
async def portal(opened: Open) -> Portal:
    return await opened(methods=["click", "phone"])


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An operator with incentives, a sign-in page, and what comes of them."""

    client: httpx.AsyncClient
    makers: Makers
    district: District
    portal: Portal
    rows: Rows
    database_url: str

    async def ask(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        token = self.makers.token(self.district, Role.OPERATOR)
        address = f"/v1/districts/{self.district.slug}/join-incentives{path}"
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.request(method, address, json=body, headers=headers)

    def body(self, **values: Any) -> dict[str, Any]:
        store = self.makers.store(self.district, merchant_id=self.makers.merchant(self.district).id)
        given = {"name": "Welcome", "kind": "coupon", "offer": OFFER, "store_ids": [str(store.id)]}
        return given | {"stock": 5} | values

    async def made(self, **values: Any) -> dict[str, Any]:
        answer = await self.ask("POST", body=self.body(**values))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def plan(self) -> Plan:
        plan = Plan(
            district_id=self.district.id, slug="fast", down_kbps=100_000, created_at=self.makers.clock.now()
        )
        self.makers.session.add(plan)
        self.makers.done()
        body = {"name": "Fast", "kind": "plan", "plan": plan.slug, "plan_for_s": 7_200}
        assert (await self.ask("POST", body=body)).status_code == 201
        return plan

    async def give(self) -> int:
        pool = make_pool(self.database_url, size=2)
        await pool.open()
        try:
            info = self.makers.info(self.district)
            return await incentive_jobs.give(pool, info, now=self.makers.clock.now())
        finally:
            await pool.close()

    async def join(self, mac: str, phone: str = PHONE, **boxes: str) -> None:
        address = self.portal.address(mac)
        answer = await by_code(
            self.portal.browser(), self.rows, address, method="phone", phone=phone, **boxes
        )
        assert answer.status_code < 400, answer.text

    async def click(self, mac: str) -> None:
        answer = await self.portal.browser().post(self.portal.address(mac), data={"method": "click"})
        assert answer.status_code < 400, answer.text


@pytest.fixture
def scene(
    client: httpx.AsyncClient,
    committed: Makers,
    district: District,
    *,
    portal: Portal,
    rows: Rows,
    database_url: str,
) -> Scene:
    return Scene(
        client=client,
        makers=committed,
        district=district,
        portal=portal,
        rows=rows,
        database_url=database_url,
    )


@pytest.mark.parametrize("boxes", list(product([False, True], repeat=2)), ids=str)
async def test_consent_boxes_change_nothing(scene: Scene, boxes: tuple[bool, bool]) -> None:
    await scene.made()
    plan = await scene.plan()
    ticked = {name: "yes" for name, is_on in zip(("marketing", "location"), boxes, strict=True) if is_on}
    await scene.join("02:aa:00:00:00:01", **ticked)
    assert await scene.give() == 1
    (offer,) = scene.rows(Offer)
    (session,) = scene.rows(WifiSession)
    assert (offer.kind, offer.value["minor_units"], offer.campaign_version) == (OfferKind.COUPON, 300, 2)
    assert session.plan_id == plan.id
    assert offer.why["en"] == "For joining the Wi-Fi."


async def test_one_person_gets_it_once_whatever_device_he_comes_with(scene: Scene) -> None:
    await scene.made(nth=1)
    await scene.made(nth=2, name="Back")
    given = []
    for number in range(4):
        await scene.join(f"02:aa:00:00:00:0{number}")
        given.append(await scene.give())
    assert given == [1, 1, 0, 0]
    assert len(scene.rows(Member)) == 1
    assert len(scene.rows(Offer)) == 2


async def test_many_joins_at_once_bring_it_once(scene: Scene) -> None:
    await scene.made(needs_contact=False)
    address = scene.portal.address()
    browsers = [scene.portal.browser() for _ in range(5)]
    await asyncio.gather(*(one.post(address, data={"method": "click"}) for one in browsers))
    counts = await asyncio.gather(*(scene.give() for _ in range(3)))
    assert sum(counts) == 1
    assert len(scene.rows(JoinReward)) == len(scene.rows(Offer)) == 1


async def test_a_device_alone_gets_nothing_unless_that_is_wanted(scene: Scene) -> None:
    await scene.made()
    for number in range(2):
        await scene.click(f"02:bb:00:00:00:0{number}")
    assert await scene.give() == 0
    assert scene.rows(JoinReward) == []


async def test_two_memberships_that_are_one_person_have_it_once(scene: Scene) -> None:
    incentive = await scene.made(needs_contact=False)
    await scene.click("02:cc:00:00:00:01")
    clock = scene.makers.clock
    kept = scene.makers.member(scene.district, phone=OTHER_PHONE, verified_at=clock.now())
    (merged,) = (one for one in scene.rows(Member) if one.id != kept.id)
    merging.merge(
        scene.makers.session,
        scene.makers.info(scene.district),
        kept_id=kept.id,
        merged_id=merged.id,
        reason="one person",
        clock=clock,
    )
    scene.makers.done()
    assert await scene.give() == 1
    await scene.join("02:cc:00:00:00:02", OTHER_PHONE)
    assert await scene.give() == 0
    (reward,) = scene.rows(JoinReward)
    assert (str(reward.incentive_id), reward.member_id) == (incentive["id"], kept.id)
    assert [one.member_id for one in scene.rows(Offer)] == [kept.id]


async def test_a_faster_plan_lasts_its_time(scene: Scene) -> None:
    plan = await scene.plan()
    for _ in range(3):
        await scene.join("02:dd:00:00:00:01")
        scene.makers.clock.advance(timedelta(hours=1))
    had = [one.plan_id for one in sorted(scene.rows(WifiSession), key=lambda one: one.granted_at)]
    assert had == [plan.id, plan.id, None]


async def test_no_more_are_given_than_there_are(scene: Scene) -> None:
    incentive = await scene.made(stock=1)
    await scene.join("02:ee:00:00:00:01")
    await scene.join("02:ee:00:00:00:02", OTHER_PHONE)
    await scene.give()
    told = (await scene.ask("GET", f"/{incentive['id']}")).json()
    assert (told["rewarded"], told["refused"], told["waiting"]) == (1, 1, 0)
    assert [one.issued for one in scene.rows(CampaignStock)] == [1]


async def test_an_incentive_that_was_ended_gives_no_more_and_takes_nothing_back(scene: Scene) -> None:
    incentive = await scene.made()
    await scene.join("02:ff:00:00:00:01")
    ended = (await scene.ask("POST", f"/{incentive['id']}/end")).json()
    assert (ended["ended_at"] is not None, ended["waiting"]) == (True, 1)
    await scene.join("02:ff:00:00:00:02", OTHER_PHONE)
    assert await scene.give() == 1
    assert len(scene.rows(JoinReward)) == 1


async def test_the_sign_in_page_does_not_hold_it_out_as_an_offer_of_a_shop(scene: Scene) -> None:
    await scene.made()
    page = await scene.portal.browser().get(scene.portal.address())
    assert "Welcome" not in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "points"},
        {"offer": None},
        {"plan": "fast"},
        {"kind": "plan", "plan": "none-such", "offer": None, "store_ids": None, "plan_for_s": 60},
        {"nth": 0},
    ],
    ids=str,
)
async def test_an_incentive_that_gives_nothing_is_refused(scene: Scene, changes: dict[str, Any]) -> None:
    assert (await scene.ask("POST", body=scene.body(**changes))).status_code == 422


POINTS = OFFER | {"kind": "points", "value": {"type": "points", "points": 50}}
PACKET = OFFER | {
    "kind": "red_packet",
    "value": {"type": "random", "total_minor": 500, "count": 5, "least_minor": 100},
}


async def test_points_for_joining_are_in_the_members_balance(scene: Scene) -> None:
    scene.makers.session.add(
        PointsRule(
            district_id=scene.district.id,
            is_on=True,
            value_minor=2,
            life_days=365,
            per_visit=0,
            visits_per_day=1,
            per_redemption=0,
            most_per_purchase=1,
            most_per_day=1,
            changed_at=scene.makers.clock.now(),
        )
    )
    scene.makers.done()
    await scene.made(kind="points", offer=POINTS)
    await scene.join("02:aa:00:00:00:01")
    assert await scene.give() == 1
    assert await scene.give() == 0
    (member,) = scene.rows(Member)
    token = scene.makers.token(scene.district, Role.SHOPPER, subject_id=member.id)
    answer = await scene.client.get("/v1/me/points", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["balance"] == 50


async def test_points_for_joining_need_points(scene: Scene) -> None:
    answer = await scene.ask("POST", body=scene.body(kind="points", offer=POINTS))
    assert answer.status_code == 422


@pytest.mark.parametrize(("kind", "offer"), [("points", OFFER), ("red_packet", OFFER), ("coupon", POINTS)])
async def test_what_is_given_is_what_the_incentive_says(
    scene: Scene, kind: str, offer: dict[str, Any]
) -> None:
    assert (await scene.ask("POST", body=scene.body(kind=kind, offer=offer))).status_code == 422


async def test_a_red_packet_for_joining_is_drawn(scene: Scene) -> None:
    made = await scene.made(kind="red_packet", offer=PACKET, stock=None)
    await scene.join("02:aa:00:00:00:01")
    assert await scene.give() == 1
    shown = (await scene.ask("GET", f"/{made['id']}")).json()
    assert (shown["kind"], shown["rewarded"], shown["waiting"]) == ("red_packet", 1, 0)
