"""A campaign's life: steps, versions, tenants and what the engine loads."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from district.campaigns import jobs
from district.campaigns.live import live_campaigns
from district.clock import FixedClock
from district.database import make_pool
from tests.district.campaigns.conftest import Shop


async def test_an_approved_campaign_is_live_at_once(shop: Shop) -> None:
    campaign = await shop.live()
    assert (campaign["state"], campaign["version"]) == ("live", 3)
    assert campaign["allows"] == ["end", "pause"]


async def test_a_merchant_cannot_approve(shop: Shop) -> None:
    campaign = await shop.made()
    await shop.post(f"/{campaign['id']}/submit")
    assert (await shop.post(f"/{campaign['id']}/approve")).status_code == 403


async def test_a_rejected_campaign_is_a_draft_that_says_why(shop: Shop) -> None:
    campaign = await shop.made()
    await shop.post(f"/{campaign['id']}/submit")
    answer = await shop.post(f"/{campaign['id']}/reject", {"reason": "Too loud"}, token=shop.operator)
    assert (answer.json()["state"], answer.json()["reject_reason"]) == ("draft", "Too loud")


async def test_pause_resume_and_end(shop: Shop) -> None:
    campaign = await shop.live()
    states = [
        (await shop.post(f"/{campaign['id']}/{step}")).json()["state"] for step in ("pause", "resume", "end")
    ]
    assert states == ["paused", "live", "ended"]


async def test_a_step_that_the_state_does_not_allow_is_a_conflict_that_says_what_is(shop: Shop) -> None:
    campaign = await shop.made()
    answer = await shop.post(f"/{campaign['id']}/resume")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:shangquan:problem:step-refused")
    assert "submit" in answer.json()["detail"]


async def test_a_stale_version_is_refused_with_the_newest(shop: Shop) -> None:
    campaign = await shop.made()
    await shop.patch(f"/{campaign['id']}", {"version": 1, "name": "Brunch"})
    answer = await shop.patch(f"/{campaign['id']}", {"version": 1, "name": "Dinner"})
    assert (answer.status_code, answer.json()["version"]) == (409, 2)
    assert (await shop.get(f"/{campaign['id']}")).json()["name"] == "Brunch"


async def test_of_parallel_changes_of_one_version_one_wins(shop: Shop) -> None:
    campaign = await shop.made()
    answers = await asyncio.gather(
        *(shop.patch(f"/{campaign['id']}", {"version": 1, "name": f"N{number}"}) for number in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert (await shop.get(f"/{campaign['id']}")).json()["version"] == 2


async def test_a_draft_may_change_whole_and_its_fence_follows(shop: Shop) -> None:
    campaign = await shop.made()
    body = shop.body(within={"circle": {"lon": 24.945, "lat": 60.169, "radius_m": 10}})
    answer = await shop.patch(f"/{campaign['id']}", {"version": 1, "rule": body["rule"], "stock": None})
    assert answer.status_code == 200
    assert answer.json()["stock"] is None
    assert answer.json()["fence"] != campaign["fence"]


async def test_a_live_campaign_takes_a_new_stock_at_once_and_a_new_rule_as_a_version(shop: Shop) -> None:
    campaign = await shop.live()
    stock = await shop.patch(f"/{campaign['id']}", {"version": 3, "stock": 7})
    rule = await shop.patch(
        f"/{campaign['id']}", {"version": 4, "rule": shop.body()["rule"] | {"ttl_s": 600}}
    )
    assert (stock.status_code, stock.json()["stock"], stock.json()["pending"]) == (200, 7, None)
    assert (rule.status_code, rule.json()["state"], rule.json()["pending"]["version"]) == (200, "live", 5)


@pytest.mark.parametrize("step", ["submit", "withdraw", "approve", "reject", "pause", "resume", "end"])
async def test_another_merchants_step_finds_nothing(shop: Shop, step: str) -> None:
    campaign = await shop.made()
    answer = await shop.post(f"/{campaign['id']}/{step}", token=shop.other_merchant())
    assert answer.status_code == 404


async def test_another_merchant_neither_reads_nor_changes(shop: Shop) -> None:
    campaign = await shop.made()
    other = shop.other_merchant()
    one = await shop.get(f"/{campaign['id']}", token=other)
    listed = await shop.get(token=other)
    changed = await shop.patch(f"/{campaign['id']}", {"version": 1, "name": "Mine"}, token=other)
    assert (one.status_code, listed.json()["items"], changed.status_code) == (404, [], 404)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
async def test_nobody_reads_or_changes_without_a_token(shop: Shop, method: str) -> None:
    campaign = await shop.made()
    answer = await shop.client.request(method, f"{shop.path}/{campaign['id']}", json={"version": 1})
    assert answer.status_code == 401


async def test_pages_follow_each_other_by_key_without_overlap(shop: Shop) -> None:
    made = [(await shop.made())["id"] for _ in range(5)]
    first = (await shop.get("?limit=3")).json()
    second = (await shop.get(f"?limit=3&after={first['next']}")).json()
    assert [one["id"] for one in first["items"] + second["items"]] == made
    assert second["next"] is None
    drafts = (await shop.get("?state=live", token=shop.operator)).json()
    assert drafts["items"] == []


async def test_the_engine_hears_of_each_change_and_loads_live_campaigns_only(
    shop: Shop, database_url: str
) -> None:
    await shop.made()
    pool = make_pool(database_url, size=1)
    await pool.open()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute("LISTEN campaign_changed")
        campaign = await shop.live(
            rule={"when": {"opening_hours": "Mo-Fr 11:00-13:30", "and_store_open": True}}
        )
        heard = [notice.payload async for notice in listener.notifies(timeout=60, stop_after=3)]
    async with pool.connection() as connection:
        loaded = await live_campaigns(connection, shop.makers.info(shop.district))
    await pool.close()
    assert heard == [str(shop.district.id)] * 3
    assert [str(one.campaign.id) for one in loaded] == [campaign["id"]]
    live = loaded[0]
    noon = shop.makers.clock.now()
    assert live.campaign.store_name.en == "Zio"
    assert live.campaign.store_ids == (shop.store.id,)
    assert live.campaign.window is not None
    assert live.campaign.window.is_open(noon)
    assert live.campaign.store_hours is not None
    assert live.campaign.store_hours.is_open(noon) is True
    assert live.fence.is_valid


async def test_the_clock_starts_and_ends_campaigns(shop: Shop, clock: FixedClock, database_url: str) -> None:
    starts_at, ends_at = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=2)
    campaign = await shop.live(starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat())
    assert campaign["state"] == "scheduled"
    states = []
    pool = make_pool(database_url, size=1)
    await pool.open()
    for now in (starts_at - timedelta(seconds=1), starts_at, ends_at):
        await jobs.advance(pool, shop.district.id, now=now)
        states.append((await shop.get(f"/{campaign['id']}")).json()["state"])
    await pool.close()
    assert states == ["scheduled", "live", "ended"]


async def test_the_rules_own_dates_start_and_end_it_and_the_earlier_end_holds(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    starts_at, ends_at = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=3)
    when = {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    campaign = await shop.live(
        rule={"when": when}, ends_at=(ends_at + timedelta(hours=1)).isoformat(), starts_at=None
    )
    other = await shop.live(rule={"when": when}, ends_at=(ends_at - timedelta(hours=1)).isoformat())
    assert (campaign["state"], other["state"]) == ("scheduled", "scheduled")
    states = []
    pool = make_pool(database_url, size=1)
    await pool.open()
    for now in (starts_at - timedelta(seconds=1), starts_at, ends_at - timedelta(hours=1), ends_at):
        await jobs.advance(pool, shop.district.id, now=now)
        found = [(await shop.get(f"/{one['id']}")).json()["state"] for one in (campaign, other)]
        states.append(tuple(found))
    await pool.close()
    assert states == [
        ("scheduled", "scheduled"),
        ("live", "live"),
        ("live", "ended"),
        ("ended", "ended"),
    ]


async def test_dates_of_rule_and_campaign_that_never_meet_are_refused(shop: Shop, clock: FixedClock) -> None:
    when = {"ends_at": (clock.now() + timedelta(hours=1)).isoformat()}
    answer = await shop.post(
        body=shop.body(rule={"when": when}, starts_at=(clock.now() + timedelta(hours=2)).isoformat())
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/rule/when"


async def test_an_end_before_the_start_is_refused(shop: Shop, clock: FixedClock) -> None:
    answer = await shop.post(
        body=shop.body(starts_at=clock.now().isoformat(), ends_at=clock.now().isoformat())
    )
    assert answer.status_code == 422
