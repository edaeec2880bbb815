"""Caps that campaigns share: each counts all offers, whatever the others let through; gaps and rests are slots too."""

import asyncio
from datetime import timedelta
from typing import Any

from district.campaigns.live import live_campaigns
from district.campaigns.models import Campaign
from district.members.models import Member
from push import caps
from push.campaign import Campaign as LiveCampaign
from push.decision import OfferDraft
from push.limits import Reservation, TradingDay
from push.suppression import Suppression
from tests.district.offers.conftest import Ground

DAY = timedelta(days=1)


def capped(ground: Ground, cap: dict[str, Any] | None = None, **rule: Any) -> Campaign:
    given = {
        "v": 1,
        "trigger": {"any": [{"on": "wifi.join"}]},
        "cap": {"campaign": {"n": 10, "per": "day"}, **(cap or {})},
        **rule,
    }
    return ground.campaign(rule=given)


async def live(ground: Ground, campaign: Campaign) -> LiveCampaign:
    async with ground.pool.connection() as connection:
        (found,) = await live_campaigns(connection, ground.info, only=[campaign.id])
    return found.campaign


async def slots(ground: Ground, campaign: Campaign) -> tuple[Reservation, ...]:
    """What an offer of the campaign reserves now, as decisions do it."""
    found, now = await live(ground, campaign), ground.clock.now()
    day = TradingDay(zone=ground.info.zone, starts_at=ground.info.day_start)
    return caps.together(caps.wanted(found, (), now=now, day=day), caps.cool_down(found, 0, now=now))


async def draft(ground: Ground, campaign: Campaign, member: Member) -> OfferDraft:
    return ground.draft(campaign, member, reservations=await slots(ground, campaign))


async def offered(ground: Ground, campaign: Campaign, member: Member) -> Suppression | None:
    """Issue one offer: None, or why not."""
    batch = await ground.issue(await draft(ground, campaign, member))
    return None if batch.issued else batch.refused[0].reason


FULL = Suppression.FREQUENCY_CAP


async def test_a_merchants_cap_counts_his_campaigns_that_name_none(ground: Ground) -> None:
    strict, free = capped(ground, {"merchant": {"n": 1, "per": "day"}}), capped(ground)
    member = ground.member()
    assert [await offered(ground, one, member) for one in (free, strict, free)] == [None, FULL, None]


async def test_another_merchants_offers_count_for_the_district_only(ground: Ground) -> None:
    strict = capped(ground, {"merchant": {"n": 1, "per": "day"}})
    over_all = capped(ground, {"global": {"n": 1, "per": "day"}})
    other = ground.makers.merchant(ground.district)
    foreign = ground.makers.campaign(
        ground.district, other, [], rule={"v": 1, "trigger": {"any": [{"on": "wifi.join"}]}}
    )
    member = ground.member()
    assert [await offered(ground, one, member) for one in (foreign, strict, over_all)] == [None, None, FULL]


async def test_a_wide_cap_leaves_no_hole_for_a_narrow_one(ground: Ground) -> None:
    """After a week the first slot is free again, while the second still counts."""
    narrow, wide = (
        capped(ground, {"global": {"n": 1, "per": "7d"}}),
        capped(ground, {"global": {"n": 2, "per": "7d"}}),
    )
    member, came = ground.member(), []
    for wait, one in (
        (0 * DAY, wide),
        (3 * DAY, wide),
        (4.5 * DAY, narrow),
        (0 * DAY, wide),
        (6 * DAY, narrow),
    ):
        ground.clock.advance(wait)
        came.append(await offered(ground, one, member))
    assert came == [None, None, FULL, None, FULL]


async def test_a_gap_is_measured_from_the_last_offer_of_anybody(ground: Ground) -> None:
    patient, eager = capped(ground, {"gap_min": 90}), capped(ground)
    member, came = ground.member(), []
    for minutes, one in (
        (0, patient),
        (60, eager),
        (60, patient),
        (30, patient),
        (89, patient),
        (1, patient),
    ):
        ground.clock.advance(timedelta(minutes=minutes))
        came.append(await offered(ground, one, member))
    assert came == [None, None, FULL, None, FULL, None]


async def test_a_trigger_rests_after_it_brought_an_offer(ground: Ground) -> None:
    resting = capped(ground, trigger={"any": [{"on": "wifi.join", "cool_down_s": 7200}]})
    member, came = ground.member(), []
    for minutes in (0, 119, 1):
        ground.clock.advance(timedelta(minutes=minutes))
        came.append(await offered(ground, resting, member))
    assert came == [None, FULL, None]


async def test_the_most_that_a_member_gets_is_for_ever(ground: Ground) -> None:
    twice = capped(ground, per_member=2)
    member, came = ground.member(), []
    for _ in range(3):
        ground.clock.advance(40 * DAY)
        came.append(await offered(ground, twice, member))
    assert came == [None, None, FULL]


async def test_offers_of_different_campaigns_that_race_keep_the_narrowest_cap(ground: Ground) -> None:
    """Twelve campaigns, half of them with a cap of three a day, each for the same twenty members at once."""
    every = [
        capped(ground, {"global": {"n": 3, "per": "day"}} if number % 2 else None) for number in range(12)
    ]
    members = [ground.member() for _ in range(20)]
    batches = [[await draft(ground, one, member) for member in members] for one in every]
    await ground.race(batches)
    strict = [one.id for number, one in enumerate(every) if number % 2]
    held = await ground.rows(
        "SELECT member_id, count(*), count(*) FILTER (WHERE campaign_id = ANY("
        + "ARRAY["
        + ", ".join(f"'{one}'::uuid" for one in strict)
        + "])) FROM offer WHERE district_id = %(d)s GROUP BY member_id"
    )
    assert len(held) == 20
    assert all(narrow <= 3 <= total for _, total, narrow in held)
    late = await asyncio.gather(*(offered(ground, every[1], member) for member in members))
    assert set(late) == {FULL}
