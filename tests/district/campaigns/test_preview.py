"""The dry run over the interface: the planner's own answer, rounded, and nothing kept of it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from district.auth.models import Role
from district.channels.models import ChannelPolicy, ChannelProvider, MemberEndpoint
from district.members.models import Consent, Member
from district.offers import preview
from district.sightings.models import RawSighting
from district.visits.models import Visit
from push.consent import Channel, Purpose
from tests.district.campaigns.conftest import POLYGON, Shop
from tests.factories import HELSINKI

DAILY = {"on": "schedule", "rrule": "DTSTART;TZID=Europe/Helsinki:20260401T180000\nRRULE:FREQ=DAILY"}
COUNTED = ("offer", "refusal", "cap_slot", "outbox_message", "inbox_item", "exposure")


def scheduled(**members: Any) -> dict[str, Any]:
    return {"v": 1, "trigger": {"any": [DAILY]}, "holdout": {"pct": 0}, **members}


async def drafted(shop: Shop, rule: dict[str, Any], **values: Any) -> str:
    body = shop.body(**values)
    answer = await shop.post("", body | {"rule": rule})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def people(shop: Shop, count: int, *, agrees: bool = True, **values: Any) -> list[Member]:
    found = []
    for _ in range(count):
        member = shop.makers.member(shop.district, **values)
        found.append(member)
        for purpose in (Purpose.MARKETING, Purpose.LOCATION) if agrees else ():
            shop.makers.session.add(
                Consent(
                    district_id=shop.district.id,
                    member_id=member.id,
                    purpose=purpose,
                    granted=True,
                    action="box",
                    at=shop.makers.clock.now(),
                )
            )
    shop.makers.done()
    return found


def walk(shop: Shop, members: list[Member], *, days_ago: int = 1, lon: float = HELSINKI.lon) -> None:
    feed = shop.makers.feed(shop.district)
    at = shop.makers.clock.now() - timedelta(days=days_ago)
    for member in members:
        shop.makers.session.add(
            RawSighting(
                district_id=shop.district.id,
                feed_id=feed.id,
                at=at,
                source_id=uuid.uuid4().hex,
                device=uuid.uuid4().bytes,
                member_id=member.id,
                lon=lon,
                lat=HELSINKI.lat,
                accuracy_m=5.0,
                received_at=at,
            )
        )
    shop.makers.done()


async def preview_of(shop: Shop, campaign_id: str, token: str | None = None) -> dict[str, Any]:
    answer = await shop.post(f"/{campaign_id}/preview", token=token)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_schedule_reaches_its_whole_audience_at_its_next_time_and_says_why_not_the_others(
    shop: Shop,
) -> None:
    people(shop, 34)
    people(shop, 21, agrees=False)
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert (seen["trigger"], seen["at"]) == ("schedule", "2026-05-01T15:00:00Z")
    assert (seen["audience"], seen["reach"], seen["reach_by_channel"]) == (50, 30, {"inbox": 30})
    assert seen["refused"] == {"no_consent": 20}
    assert seen["is_estimate"] is False


def use(shop: Shop, *order: Channel) -> None:
    """Switch channels on in the district, and try them in this order."""
    values = {"district_id": shop.district.id, "changed_at": shop.makers.clock.now()}
    for channel in order:
        shop.makers.session.add(
            ChannelProvider(
                **values,
                slug=channel,
                channel=channel,
                kind="none",
                name=channel,
                options={},
                sealed=b"",
                created_at=values["changed_at"],
            )
        )
    shop.makers.session.add(ChannelPolicy(**values, channel_order=[one.value for one in order]))
    shop.makers.done()


def browser(shop: Shop, members: list[Member]) -> None:
    at = shop.makers.clock.now()
    for member in members:
        shop.makers.session.add(
            MemberEndpoint(
                district_id=shop.district.id,
                member_id=member.id,
                channel=Channel.WEB_PUSH,
                address=f"https://push.example/{member.id}",
                address_hash=member.id.bytes,
                created_at=at,
                seen_at=at,
            )
        )
    shop.makers.done()


def with_numbers(shop: Shop, count: int, first: int) -> list[Member]:
    found = people(shop, count)
    for number, member in enumerate(found, start=first):
        member.phone = f"+3584012{number:05}"
    shop.makers.done()
    return found


async def test_each_member_is_counted_on_the_channel_that_is_tried_first(shop: Shop) -> None:
    use(shop, Channel.WEB_PUSH, Channel.SMS)
    browser(shop, with_numbers(shop, 20, 0))
    with_numbers(shop, 31, 100)
    people(shop, 12)
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert seen["reach"] == 60
    assert seen["reach_by_channel"] == {"inbox": 60, "web_push": 20, "sms": 30}


async def test_a_channel_that_reaches_fewer_than_ten_says_none(shop: Shop) -> None:
    use(shop, Channel.SMS)
    with_numbers(shop, 9, 0)
    people(shop, 21)
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert seen["reach_by_channel"] == {"inbox": 30, "sms": 0}


async def test_who_reads_no_inbox_is_reached_by_what_rings(shop: Shop) -> None:
    use(shop, Channel.SMS)
    for member in with_numbers(shop, 20, 0):
        shop.makers.session.add(
            Consent(
                district_id=shop.district.id,
                member_id=member.id,
                purpose=Purpose.MARKETING,
                channel=Channel.INBOX,
                granted=False,
                action="box",
                at=shop.makers.clock.now() + timedelta(seconds=1),
            )
        )
    shop.makers.done()
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert (seen["reach"], seen["reach_by_channel"]) == (20, {"inbox": 0, "sms": 20})


async def test_a_sample_stands_for_all_and_stock_bounds_each_channel(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "SAMPLED", 20)
    use(shop, Channel.WEB_PUSH, Channel.SMS)
    browser(shop, with_numbers(shop, 40, 0))
    with_numbers(shop, 40, 100)
    seen = await preview_of(shop, await drafted(shop, scheduled(), stock=60))
    assert (seen["reach"], seen["is_estimate"]) == (60, True)
    assert seen["reach_by_channel"] == {"inbox": 60, "web_push": 30, "sms": 30}


async def test_in_quiet_hours_that_outlast_the_offer_nothing_rings(shop: Shop) -> None:
    use(shop, Channel.SMS)
    with_numbers(shop, 20, 0)
    late = {"on": "schedule", "rrule": "DTSTART;TZID=Europe/Helsinki:20260401T220000\nRRULE:FREQ=DAILY"}
    rule = scheduled(ttl_s=3600) | {"trigger": {"any": [late]}}
    seen = await preview_of(shop, await drafted(shop, rule))
    assert (seen["reach"], seen["reach_by_channel"]) == (20, {"inbox": 20, "sms": 0})


async def test_nothing_of_it_is_kept(shop: Shop) -> None:
    people(shop, 30)
    campaign_id = await drafted(shop, scheduled())
    await preview_of(shop, campaign_id)
    session = shop.makers.session
    session.rollback()
    for table in COUNTED:
        count = session.connection().exec_driver_sql(
            f"SELECT count(*) FROM {table} WHERE district_id = %s", (shop.district.id,)
        )
        assert count.scalar_one() == 0, table
    after = (await shop.get(f"/{campaign_id}")).json()
    assert (after["state"], after["version"], after["issued"]) == ("draft", 1, 0)


async def test_both_methods_give_the_same_answer(shop: Shop) -> None:
    people(shop, 12)
    campaign_id = await drafted(shop, scheduled())
    assert (await shop.get(f"/{campaign_id}/preview")).json() == await preview_of(shop, campaign_id)


async def test_five_offers_are_rendered_in_each_language(shop: Shop) -> None:
    people(shop, 20)
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert [one["language"] for one in seen["samples"]] == ["zh"] * 5 + ["en"] * 5
    assert {one["title"] for one in seen["samples"]} == {"减三元", "3 off"}
    assert all(one["why"] for one in seen["samples"])


async def test_cost_budget_and_end_follow_from_the_reach(shop: Shop) -> None:
    people(shop, 40)
    rule = scheduled(budget={"total_minor": 6_000}, pace={"per_min": 6})
    seen = await preview_of(shop, await drafted(shop, rule))
    assert seen["reach"] == 20
    assert seen["refused"] == {"budget": 20}
    assert (seen["cost"]["each_minor"], seen["cost"]["most_minor"]) == (300, 6_000)
    assert (seen["budget"]["pays_for"], seen["budget"]["burnt"]) == (20, 1.0)
    assert seen["finishes_at"] == "2026-05-01T15:03:00Z"
    assert seen["finishes_in_time"] is True


async def test_a_pace_that_outlasts_the_hours_is_said(shop: Shop) -> None:
    people(shop, 40)
    rule = scheduled(pace={"per_min": 1}, when={"opening_hours": "Mo-Su 17:00-18:15"})
    seen = await preview_of(shop, await drafted(shop, rule))
    assert (seen["finishes_at"], seen["finishes_in_time"]) == ("2026-05-01T15:39:00Z", False)


async def test_a_small_stock_leaves_the_others_without(shop: Shop) -> None:
    people(shop, 40)
    seen = await preview_of(shop, await drafted(shop, scheduled(), stock=13))
    assert (seen["reach"], seen["refused"]) == (10, {"sold_out": 20})


async def test_the_hold_out_says_what_it_will_be_able_to_tell(shop: Shop) -> None:
    people(shop, 120)
    seen = await preview_of(shop, await drafted(shop, scheduled(holdout={"pct": 50})))
    lift = seen["lift"]
    assert 30 <= seen["control"] <= 90
    assert seen["reach"] + seen["control"] in {100, 110, 120}
    assert (lift["treated"], lift["control"]) == (seen["reach"], seen["control"])
    assert 0 < lift["smallest_points"] < 30


async def test_a_fence_counts_yesterdays_members_on_cells_of_enough_people(shop: Shop) -> None:
    inside = people(shop, 24)
    few, last_week, silent = people(shop, 9), people(shop, 20), people(shop, 11, agrees=False)
    walk(shop, [*inside, *silent])
    walk(shop, few, lon=HELSINKI.lon + 0.0009)
    walk(shop, last_week, days_ago=6)
    rule = {
        "v": 1,
        "trigger": {"any": [{"on": "fence.enter"}]},
        "where": {"within": POLYGON},
        "holdout": {"pct": 0},
    }
    seen = await preview_of(shop, await drafted(shop, rule))
    assert (seen["audience"], seen["reach"], seen["refused"]) == (30, 20, {"no_consent": 10})


async def test_fewer_than_ten_are_none(shop: Shop) -> None:
    people(shop, 9)
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert (seen["audience"], seen["reach"]) == (0, 0)


async def test_own_campaigns_that_overlap_are_named_and_those_of_others_are_not(shop: Shop) -> None:
    people(shop, 30)
    rival = shop.makers.merchant(shop.district)
    own = shop.makers.campaign(shop.district, shop.merchant, [shop.store], rule=scheduled())
    shop.makers.campaign(shop.district, rival, [], rule=scheduled())
    seen = await preview_of(shop, await drafted(shop, scheduled()))
    assert [(one["campaign_id"], one["members"]) for one in seen["overlap"]] == [
        (str(own.id), 30),
        (None, 30),
    ]


async def test_a_large_audience_is_sampled_and_scaled(shop: Shop) -> None:
    people(shop, 260)
    seen = await preview_of(shop, await drafted(shop, scheduled(), stock=None))
    assert (seen["reach"], seen["is_estimate"]) == (260, True)


async def test_another_merchants_campaign_is_not_found(shop: Shop) -> None:
    rival = shop.makers.merchant(shop.district)
    theirs = shop.makers.campaign(shop.district, rival, [], rule=scheduled())
    answer = await shop.post(f"/{theirs.id}/preview")
    assert answer.status_code == 404
    allowed = await shop.post(f"/{theirs.id}/preview", token=shop.operator)
    assert allowed.status_code == 200


@pytest.mark.parametrize("role", [Role.SHOPPER, Role.OBSERVER])
async def test_others_than_staff_of_campaigns_are_refused(shop: Shop, role: Role) -> None:
    campaign_id = await drafted(shop, scheduled())
    token = shop.makers.token(shop.district, role)
    assert (await shop.post(f"/{campaign_id}/preview", token=token)).status_code in {401, 403}


async def test_the_sixty_first_preview_of_an_hour_is_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("district.offers.preview_routes.AN_HOUR", 2)
    campaign_id = await drafted(shop, scheduled())
    answers = [(await shop.post(f"/{campaign_id}/preview")).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


async def test_a_preview_that_takes_too_long_says_so_and_leaves_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "LONGEST_S", 0.001)
    campaign_id = await drafted(shop, scheduled())
    answer = await shop.post(f"/{campaign_id}/preview")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:shangquan:problem:preview-too-long"
    assert answer.json()["detail_zh"]


async def test_every_kind_of_trigger_is_looked_at_and_the_widest_gives_the_figures(shop: Shop) -> None:
    walk(shop, people(shop, 20))
    people(shop, 20)
    triggers = [{"on": "fence.enter"}, {"on": "fence.enter", "cool_down_s": 60}, {"on": "wifi.join"}]
    rule = {"v": 1, "trigger": {"any": triggers}, "where": {"within": POLYGON}, "holdout": {"pct": 0}}
    seen = await preview_of(shop, await drafted(shop, rule))
    found = [(one["number"], one["trigger"], one["basis"], one["reach"]) for one in seen["triggers"]]
    assert found == [(0, "fence.enter", "positions_yesterday", 20), (2, "wifi.join", "audience", 40)]
    assert (seen["trigger"], seen["basis"], seen["reach"], seen["reach_any"]) == (
        "wifi.join",
        "audience",
        40,
        40,
    )


async def test_without_positions_of_yesterday_visits_of_the_week_are_the_basis(shop: Shop) -> None:
    members, other = people(shop, 20), people(shop, 20)
    for number, member in enumerate([*members, *other[:5]]):
        at = shop.makers.clock.now() - timedelta(days=3 if number < 20 else 9)
        shop.makers.session.add(
            Visit(
                district_id=shop.district.id,
                trading_day=at.date(),
                id=uuid.uuid4(),
                place_kind="store",
                place_id=shop.store.id,
                member_id=member.id,
                started_at=at,
                ended_at=at + timedelta(minutes=20),
                fixes=5,
            )
        )
    shop.makers.done()
    rule = {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}, "where": {"near_my_stores_m": 50}}
    seen = await preview_of(shop, await drafted(shop, rule | {"holdout": {"pct": 0}}))
    assert (seen["basis"], seen["audience"], seen["reach"]) == ("visits_7d", 20, 20)


async def test_the_version_that_waits_for_approval_is_what_is_previewed(shop: Shop) -> None:
    people(shop, 20)
    joining = {"trigger": {"any": [{"on": "wifi.join"}]}, "holdout": {"pct": 0}}
    live = await shop.live(rule=joining, within=POLYGON)
    before = await preview_of(shop, live["id"])
    offer = shop.body()["offer"] | {
        "title": {"en": "Half price"},
        "value": {"type": "percent", "percent": 50},
    }
    changed = await shop.patch(f"/{live['id']}", {"version": live["version"], "offer": offer})
    assert changed.json()["pending"]["version"] == live["version"] + 1
    after = await preview_of(shop, live["id"])
    assert {one["title"] for one in before["samples"]} == {"减三元", "3 off"}
    assert {one["title"] for one in after["samples"]} == {"Half price"}
    assert after["version"] == live["version"] + 1
    assert (await shop.get(f"/{live['id']}")).json()["offer"]["value"]["type"] == "amount"
