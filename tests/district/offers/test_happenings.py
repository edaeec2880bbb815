"""Happenings in the queue: told twice is once, decided by the rules of crossings, safe against a death in between."""

import asyncio
from datetime import timedelta

import pytest

from district.campaigns.triggers import Happening
from district.database import new_id
from district.offers import happenings
from district.visits.models import Visit
from tests.district.offers.conftest import Ground
from tests.district.offers.waiting import (
    campaign,
    decide,
    happen,
    killed_while_committing,
    offers_of,
    outcomes,
    refusals,
)


async def test_a_happening_brings_one_offer_however_often_it_is_told(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    member = ground.member()
    for _ in range(3):
        happen(ground, Happening.WIFI_JOIN, member, facts={"joins": 1})
        await decide(ground)
    assert await offers_of(ground, made) == [member.id]
    assert await outcomes(ground) == [("wifi.join", "decided")]


async def test_what_no_live_campaign_waits_for_is_not_kept(ground: Ground) -> None:
    campaign(ground, {"on": "purchase"}, state="paused")
    campaign(ground, {"on": "wifi.join"})
    happen(ground, Happening.PURCHASE, ground.member())
    assert await outcomes(ground) == []


@pytest.mark.parametrize(
    ("join", "joins", "is_offered"),
    [("first", 1, True), ("first", 2, False), ("return", 2, True), ("return", 1, False)],
)
async def test_only_the_joining_that_is_asked_for_counts(
    ground: Ground, join: str, joins: int, is_offered: bool
) -> None:
    made = campaign(ground, {"on": "wifi.join", join: True})
    happen(ground, Happening.WIFI_JOIN, ground.member(), facts={"joins": joins})
    await decide(ground)
    assert bool(await offers_of(ground, made)) is is_offered
    assert await refusals(ground) == []


async def test_a_visit_triggers_only_campaigns_of_that_store(ground: Ground) -> None:
    ours = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    other = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    here = campaign(ground, {"on": "store.visit"}, stores=[ours])
    there = campaign(ground, {"on": "store.visit"}, stores=[other])
    happen(ground, Happening.STORE_VISIT, ground.member(), subject_id=ours.id)
    await decide(ground)
    assert (len(await offers_of(ground, here)), await offers_of(ground, there)) == (1, [])


@pytest.mark.parametrize(("n", "is_offered"), [(2, False), (3, True), (4, False)])
async def test_the_nth_visit_to_the_campaigns_stores_counts(ground: Ground, n: int, is_offered: bool) -> None:
    store = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    made = campaign(ground, {"on": "member.visits", "n": n}, stores=[store])
    member, now = ground.member(), ground.clock.now()
    for number in range(3):
        started_at = now - timedelta(days=number)
        row = Visit(
            district_id=ground.info.id,
            trading_day=started_at.date(),
            id=new_id(),
            place_kind="store",
            place_id=store.id,
            member_id=member.id,
            started_at=started_at,
            ended_at=started_at + timedelta(minutes=5),
            fixes=5,
        )
        ground.makers.session.add(row)
    ground.makers.done()
    happen(ground, Happening.NTH_VISIT, member, subject_id=store.id)
    await decide(ground)
    assert bool(await offers_of(ground, made)) is is_offered


async def test_who_did_not_agree_is_refused_with_the_reason(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    happen(ground, Happening.WIFI_JOIN, ground.member(agrees=False))
    await decide(ground)
    assert await offers_of(ground, made) == []
    assert await refusals(ground) == ["no_consent"]


async def test_the_best_of_several_campaigns_wins_and_the_others_know_why(ground: Ground) -> None:
    dear = campaign(ground, {"on": "wifi.join"})
    cheap = campaign(
        ground,
        {"on": "wifi.join"},
        offer={
            "kind": "coupon",
            "value": {"type": "percent", "percent": 1},
            "title": {"en": "1 % off"},
            "text": {"en": "Today"},
        },
    )
    happen(ground, Happening.WIFI_JOIN, ground.member())
    await decide(ground)
    assert (len(await offers_of(ground, dear)), await offers_of(ground, cheap)) == (1, [])
    assert await refusals(ground) == ["lower_score"]


async def test_what_comes_too_late_is_expired_and_brings_nothing(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    happen(ground, Happening.WIFI_JOIN, ground.member())
    ground.clock.advance(timedelta(minutes=15))
    await decide(ground)
    assert await offers_of(ground, made) == []
    assert await outcomes(ground) == [("wifi.join", "expired")]


async def test_what_comes_before_the_campaigns_hours_is_decided_when_they_begin(ground: Ground) -> None:
    made = campaign(ground, {"on": "member.birthday"}, rule={"when": {"opening_hours": "Mo-Su 15:00-18:00"}})
    member = ground.member()
    happen(ground, Happening.BIRTHDAY, member, expires_at=ground.clock.now() + timedelta(hours=12))
    await decide(ground)
    assert await outcomes(ground) == [("member.birthday", "")]
    ground.clock.advance(timedelta(hours=2, minutes=59))
    assert await decide(ground) == 0
    ground.clock.advance(timedelta(minutes=1))
    await decide(ground)
    assert await offers_of(ground, made) == [member.id]


async def test_many_workers_decide_each_once(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    members = [ground.member() for _ in range(40)]
    for member in members:
        happen(ground, Happening.WIFI_JOIN, member)
    await asyncio.gather(*(decide(ground) for _ in range(8)))
    await decide(ground)
    assert await offers_of(ground, made) == sorted(member.id for member in members)


async def test_a_worker_that_is_killed_between_claim_and_commit_has_done_nothing(ground: Ground) -> None:
    """The claim takes no locked member's row, so what holds the worker up is the stock of the campaign."""
    made = campaign(ground, {"on": "wifi.join"}, stock=5)
    member = ground.member()
    happen(ground, Happening.WIFI_JOIN, member)
    lock = f"SELECT FROM campaign_stock WHERE campaign_id = '{made.id}' FOR UPDATE"
    await killed_while_committing(ground, lock, decide(ground))
    assert await offers_of(ground, made) == []
    assert await outcomes(ground) == [("wifi.join", "")]
    await decide(ground)
    assert await offers_of(ground, made) == [member.id]


async def test_a_member_who_is_being_erased_is_left_for_the_next_time(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    busy, free = ground.member(), ground.member()
    for member in (busy, free):
        happen(ground, Happening.WIFI_JOIN, member)
    async with ground.pool.connection() as eraser, eraser.transaction():
        await eraser.execute(
            "SELECT FROM member WHERE district_id = %s AND id = %s FOR UPDATE", (ground.info.id, busy.id)
        )
        assert await decide(ground) == 1
    await decide(ground)
    assert await offers_of(ground, made) == sorted([busy.id, free.id])


async def test_a_row_that_cannot_be_decided_is_given_up_and_holds_nobody_back(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    good, bad = ground.member(), ground.member()
    happen(
        ground,
        Happening.WIFI_JOIN,
        bad,
        facts={"joins": "many"},
        expires_at=ground.clock.now() + timedelta(days=1),
    )
    happen(ground, Happening.WIFI_JOIN, good)
    for _ in range(happenings.MAX_ATTEMPTS):
        await decide(ground)
        ground.clock.advance(happenings.AGAIN_AFTER)
    assert await offers_of(ground, made) == [good.id]
    assert sorted(await outcomes(ground)) == [("wifi.join", "decided"), ("wifi.join", "failed")]


async def test_consent_taken_back_before_the_decision_counts(ground: Ground) -> None:
    made = campaign(ground, {"on": "wifi.join"})
    member = ground.member()
    happen(ground, Happening.WIFI_JOIN, member)
    ground.say(member, granted=False)
    await decide(ground)
    assert await offers_of(ground, made) == []
