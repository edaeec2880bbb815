"""Versions: what goes on while a change waits, what the operator sees of it, and who did what."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from district.auth.models import Role
from district.campaigns import jobs
from district.campaigns.models import CampaignStock, CampaignVersion
from district.clock import FixedClock
from district.database import make_pool
from tests.district.campaigns.conftest import Shop


async def edited(shop: Shop, campaign: dict[str, Any], **rule: Any) -> dict[str, Any]:
    """A live campaign of which a change waits."""
    body = {"version": campaign["version"], "rule": shop.body(rule=rule)["rule"]}
    answer = await shop.patch(f"/{campaign['id']}", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(shop: Shop, campaign: dict[str, Any]) -> list[tuple[str, str | None, str, str]]:
    events = (await shop.get(f"/{campaign['id']}/history")).json()["items"]
    return [(one["what"], one["from_state"], one["to_state"], one["role"]) for one in events]


async def test_the_approved_version_goes_on_until_the_change_is_approved(shop: Shop) -> None:
    live = await shop.live()
    waiting = await edited(shop, live, ttl_s=600)
    assert (waiting["state"], waiting["rule"], waiting["content_version"]) == ("live", live["rule"], 2)
    assert waiting["pending"]["rule"]["ttl_s"] == 600
    assert waiting["allows"] == ["end", "pause", "withdraw"]
    seen = (await shop.get(f"/{live['id']}", token=shop.operator)).json()
    assert seen["allows"] == ["approve", "end", "pause", "reject", "withdraw"]
    approved = (await shop.post(f"/{live['id']}/approve", {"version": 4}, token=shop.operator)).json()
    assert (approved["state"], approved["pending"], approved["rule"]["ttl_s"]) == ("live", None, 600)
    assert approved["content_version"] == 4


async def test_a_version_never_changes_once_written(shop: Shop) -> None:
    live = await shop.live()
    waiting = await edited(shop, live, ttl_s=600)
    again = await edited(shop, waiting, ttl_s=900)
    await shop.post(f"/{live['id']}/approve", token=shop.operator)
    shop.makers.session.expire_all()
    kept = shop.makers.session.scalars(
        select(CampaignVersion)
        .where(CampaignVersion.district_id == shop.district.id)
        .order_by(CampaignVersion.version)
    )
    assert [(one.version, one.rule.get("ttl_s")) for one in kept] == [(2, None), (4, 600), (5, 900)]
    assert again["pending"]["version"] == 5


@pytest.mark.parametrize(("step", "who"), [("withdraw", "token"), ("reject", "operator")])
async def test_a_change_that_is_taken_back_or_rejected_leaves_the_approved_one(
    shop: Shop, step: str, who: str
) -> None:
    live = await shop.live()
    await edited(shop, live, ttl_s=600)
    answer = await shop.post(f"/{live['id']}/{step}", {"reason": "Too long"}, token=getattr(shop, who))
    left = answer.json()
    assert (left["state"], left["pending"], left["rule"]) == ("live", None, live["rule"])
    assert left["reject_reason"] == ("Too long" if step == "reject" else "")


async def test_what_waits_for_its_first_approval_is_withdrawn_to_a_draft(shop: Shop) -> None:
    campaign = await shop.made()
    await shop.post(f"/{campaign['id']}/submit")
    answer = await shop.post(f"/{campaign['id']}/withdraw")
    assert (answer.json()["state"], answer.json()["allows"]) == ("draft", ["end", "submit"])


async def test_a_name_and_an_earlier_end_hold_at_once_and_a_later_end_waits(
    shop: Shop, clock: FixedClock
) -> None:
    ends = clock.now() + timedelta(days=3)
    live = await shop.live(ends_at=ends.isoformat())
    sooner = {"version": 3, "name": "Brunch", "ends_at": (ends - timedelta(days=1)).isoformat()}
    at_once = (await shop.patch(f"/{live['id']}", sooner)).json()
    later = {"version": 4, "ends_at": (ends + timedelta(days=300)).isoformat()}
    waits = (await shop.patch(f"/{live['id']}", later)).json()
    assert (at_once["name"], at_once["pending"], at_once["content_version"]) == ("Brunch", None, 4)
    assert (waits["ends_at"], waits["pending"]["version"]) == (at_once["ends_at"], 5)


async def test_the_difference_is_said_by_pointer_in_words_and_as_two_fences(shop: Shop) -> None:
    live = await shop.live()
    moved = {"circle": {"lon": 24.945, "lat": 60.169, "radius_m": 80}}
    rule = shop.body(within=moved, rule={"ttl_s": 600})["rule"]
    store = shop.makers.store(shop.district, merchant_id=shop.merchant.id, name="Zio 2")
    stores = [str(shop.store.id), str(store.id)]
    await shop.patch(f"/{live['id']}", {"version": 3, "rule": rule, "store_ids": stores, "name": "Brunch"})
    found = (await shop.get(f"/{live['id']}/diff", token=shop.operator)).json()
    assert (found["before_version"], found["after_version"]) == (2, 4)
    words = {one["pointer"]: one["words"]["en"] for one in found["differences"]}
    assert words == {
        "/name": "Name: Lunch → Brunch",
        "/rule/where/within": "Fence: see the map",
        "/rule/ttl_s": "Validity (seconds): added 600",
        "/store_ids": "Store: added Zio 2",
    }
    assert all(one["words"]["zh"] != one["words"]["en"] for one in found["differences"])
    assert found["fence_before"] == live["fence"]
    assert found["fence_after"] != live["fence"]


async def test_versions_are_compared_by_their_numbers_and_an_unknown_one_is_not_found(shop: Shop) -> None:
    live = await shop.live()
    await edited(shop, live, ttl_s=600)
    await shop.post(f"/{live['id']}/approve", token=shop.operator)
    back = (await shop.get(f"/{live['id']}/diff?before=4&after=2")).json()
    assert [one["kind"] for one in back["differences"]] == ["removed"]
    assert (await shop.get(f"/{live['id']}/diff?after=99")).status_code == 404
    assert (await shop.get(f"/{live['id']}/diff", token=shop.other_merchant())).status_code == 404


async def test_the_history_says_who_did_what_and_what_the_clock_did(shop: Shop) -> None:
    live = await shop.live()
    await shop.post(f"/{live['id']}/pause", {"reason": "Rain"})
    events = (await shop.get(f"/{live['id']}/history")).json()["items"]
    assert await told(shop, live) == [
        ("create", None, "draft", "merchant"),
        ("submit", "draft", "in_review", "merchant"),
        ("approve", "in_review", "approved", "operator"),
        ("start", "approved", "live", "clock"),
        ("pause", "live", "paused", "merchant"),
    ]
    assert events[-1]["reason"] == {"zh": "Rain", "en": "Rain"}
    assert events[-1]["account_id"]
    assert events[3]["account_id"] is None
    assert (await shop.get(f"/{live['id']}", token=shop.operator)).json()["pause_reason"]["en"] == "Rain"


async def test_the_history_is_read_by_key_and_by_nobody_else(shop: Shop) -> None:
    live = await shop.live()
    first = (await shop.get(f"/{live['id']}/history?limit=3")).json()
    rest = (await shop.get(f"/{live['id']}/history?limit=3&after={first['next']}")).json()
    assert [one["what"] for one in first["items"] + rest["items"]] == ["create", "submit", "approve", "start"]
    assert rest["next"] is None
    assert (await shop.get(f"/{live['id']}/history", token=shop.other_merchant())).status_code == 404
    shopper = shop.makers.token(shop.district, Role.SHOPPER)
    assert (await shop.get(f"/{live['id']}/history", token=shopper)).status_code == 403


async def test_of_operators_who_approve_at_once_one_does(shop: Shop) -> None:
    campaign = await shop.made()
    await shop.post(f"/{campaign['id']}/submit")
    answers = await asyncio.gather(
        *(shop.post(f"/{campaign['id']}/approve", {"version": 2}, token=shop.operator) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert [one[0] for one in await told(shop, campaign)].count("approve") == 1


async def test_an_edit_during_an_approval_is_approved_only_when_it_was_seen(shop: Shop) -> None:
    """Whichever of the two comes first: nothing is in force that the operator did not see."""
    seen = {}
    for number in range(6):
        campaign = await shop.made()
        await shop.post(f"/{campaign['id']}/submit")
        body = {"version": 2, "rule": shop.body(rule={"ttl_s": 600})["rule"]}
        edit, approval = await asyncio.gather(
            shop.patch(f"/{campaign['id']}", body),
            shop.post(f"/{campaign['id']}/approve", {"version": 2}, token=shop.operator),
        )
        left = (await shop.get(f"/{campaign['id']}")).json()
        assert sorted((edit.status_code, approval.status_code)) == [200, 409], number
        seen[edit.status_code] = left["state"]
        if edit.status_code == 200:
            assert (left["state"], left["rule"]["ttl_s"]) == ("in_review", 600)
        else:
            assert (left["state"], "ttl_s" in left["rule"]) == ("live", False)
    assert seen


async def test_a_change_of_the_stock_does_not_make_an_approval_stale(shop: Shop) -> None:
    live = await shop.live()
    await edited(shop, live, ttl_s=600)
    await shop.patch(f"/{live['id']}", {"version": 4, "stock": 5})
    answer = await shop.post(f"/{live['id']}/approve", {"version": 4}, token=shop.operator)
    assert (answer.status_code, answer.json()["rule"]["ttl_s"]) == (200, 600)


async def advance(shop: Shop, database_url: str, *, now: Any = None) -> int:
    pool = make_pool(database_url, size=1)
    await pool.open()
    try:
        return await jobs.advance(pool, shop.district.id, now=now or shop.makers.clock.now())
    finally:
        await pool.close()


def issue(shop: Shop, campaign: dict[str, Any], count: int) -> None:
    shop.makers.session.expire_all()
    stock = shop.makers.session.get_one(CampaignStock, (shop.district.id, campaign["id"]))
    stock.issued = count
    shop.makers.done()


async def test_a_campaign_whose_stock_is_gone_is_exhausted_and_goes_on_when_there_is_more(
    shop: Shop, database_url: str
) -> None:
    live = await shop.live(stock=2)
    issue(shop, live, 2)
    assert await advance(shop, database_url) == 1
    exhausted = (await shop.get(f"/{live['id']}")).json()
    assert (exhausted["state"], exhausted["version"]) == ("exhausted", 3)
    assert await advance(shop, database_url) == 0
    more = (await shop.patch(f"/{live['id']}", {"version": 3, "stock": 3})).json()
    assert more["state"] == "live"
    issue(shop, live, 3)
    await advance(shop, database_url)
    issue(shop, live, 2)  # one came back
    await advance(shop, database_url)
    assert [one[0] for one in await told(shop, live)][3:] == [
        "start",
        "exhaust",
        "stock",
        "replenish",
        "exhaust",
        "replenish",
    ]


async def test_a_campaign_is_exhausted_when_less_of_its_budget_is_left_than_one_offer_may_cost(
    shop: Shop, database_url: str
) -> None:
    live = await shop.live(rule={"budget": {"total_minor": 1000}})
    spend = text(
        "INSERT INTO allowance (district_id, campaign_id, period, most_minor, minor)"
        " VALUES (:district_id, :campaign_id, 'total', 1000, :minor)"
        " ON CONFLICT (district_id, campaign_id, period) DO UPDATE SET minor = EXCLUDED.minor"
    )
    states = []
    for minor in (700, 701, 400):
        values = {"district_id": shop.district.id, "campaign_id": live["id"], "minor": minor}
        shop.makers.session.execute(spend, values)
        shop.makers.done()
        await advance(shop, database_url)
        states.append((await shop.get(f"/{live['id']}")).json()["state"])
    assert states == ["live", "exhausted", "live"]


async def test_a_paused_campaign_that_is_resumed_before_its_start_waits_for_it(
    shop: Shop, clock: FixedClock
) -> None:
    campaign = await shop.live(starts_at=(clock.now() + timedelta(hours=1)).isoformat())
    assert campaign["state"] == "scheduled"
    states = [(await shop.post(f"/{campaign['id']}/{step}")).json()["state"] for step in ("pause", "resume")]
    assert states == ["paused", "scheduled"]


async def test_many_workers_take_each_step_once(shop: Shop, clock: FixedClock, database_url: str) -> None:
    starts = clock.now() + timedelta(hours=1)
    made = [await shop.live(starts_at=starts.isoformat()) for _ in range(4)]
    pool = make_pool(database_url, size=4)
    await pool.open()
    moved = await asyncio.gather(*(jobs.advance(pool, shop.district.id, now=starts) for _ in range(4)))
    await pool.close()
    assert sum(moved) == 4
    for one in made:
        assert [what for what, *_ in await told(shop, one)][-2:] == ["schedule", "start"]
