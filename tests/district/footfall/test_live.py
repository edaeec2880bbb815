"""Who is here now: heard from the event log, published from k people on, told to whoever may know."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from district import events
from district.districts.models import District
from district.footfall import live
from district.footfall.live import Line, Live, LiveHub
from district.footfall.routes import live_answer
from district.offers.models import Refusal
from tests.factories import Makers

Log = Callable[..., None]
PATIENCE_S = 90.0


def counts(district: District, members: int, devices: int, **zones: tuple[int, int]) -> dict[str, Any]:
    return {
        "at": "2026-05-01T09:00:00+00:00",
        "members": members,
        "devices": devices,
        "zones": {zone: {"members": inside, "devices": all_} for zone, (inside, all_) in zones.items()},
    }


async def told(
    app: FastAPI, district: District, is_enough: Callable[[Live, list[Line]], bool]
) -> tuple[Live, list[Line]]:
    """What the stream's reader has seen once it is enough."""
    hub: LiveHub = app.state.live_hub
    info = app.state.registry.value.by_slug[district.slug]
    seen: list[Line] = []
    latest = Live()

    def show(now: Live, lines: Any) -> dict[str, Any]:
        nonlocal latest
        latest = now
        seen.extend(lines)
        return live_answer(now, lines)

    stream: AsyncIterator[str] = live.events(hub, info, show)
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(stream):  # type: ignore[type-var]  # an async generator
        async for part in stream:
            assert part.startswith(("data: {", "event: heartbeat\n"))
            if is_enough(latest, seen):
                return latest, seen
    raise AssertionError("the stream ended")


async def test_counts_are_published_from_ten_people_on(app: FastAPI, district: District) -> None:
    busy, calm = str(uuid.uuid4()), str(uuid.uuid4())
    subject = events.live_subject(district.id, "counts")
    reading = asyncio.create_task(told(app, district, lambda now, _: now.is_known))
    message = counts(district, 40, 47, **{busy: (12, 30), calm: (3, 3)})
    while not reading.done():
        await events.tell(app.state.nats, subject, message)
        await asyncio.wait([reading], timeout=0.05)
    now, _ = await reading
    answer = live_answer(now, [])
    assert (answer["members"], answer["other_devices"], answer["devices"]) == (40, None, None)
    zones = {zone["zone"]: zone for zone in answer["zones"]}
    assert (zones[busy]["members"], zones[busy]["other_devices"], zones[busy]["devices"]) == (12, 18, 30)
    assert (zones[calm]["members"], zones[calm]["other_devices"]) == (None, 0)


async def test_the_ticker_names_campaign_and_reason_and_nobody(
    app: FastAPI, district: District, committed: Makers
) -> None:
    merchant = committed.merchant(district, name="Zio")
    campaign = committed.campaign(district, merchant, [], name="Lunch")
    member = committed.member(district)
    committed.offer(campaign, member)
    committed.session.add(
        Refusal(
            district_id=district.id,
            trading_day=committed.info(district).trading_day(committed.clock.now()),
            member_id=member.id,
            campaign_id=campaign.id,
            reason="freq_cap",
            last_at=committed.clock.now(),
        )
    )
    committed.done()
    subject = events.live_subject(district.id, "ticker")
    reading = asyncio.create_task(told(app, district, lambda _, lines: len(lines) >= 3))
    line = {
        "at": "2026-05-01T09:00:01+00:00",
        "kind": "refusal",
        "campaign_id": str(campaign.id),
        "reason": "stale",
    }
    while not reading.done():
        await events.tell(app.state.nats, subject, line)
        await asyncio.wait([reading], timeout=0.2)
    now, lines = await reading
    assert {(one.campaign, one.merchant) for one in lines} == {("Lunch", "Zio")}
    assert {(one.kind, one.reason) for one in lines} == {
        ("offer", ""),
        ("refusal", "freq_cap"),
        ("refusal", "stale"),
    }
    assert len({one.number for one in lines}) == len(lines)
    assert str(member.id) not in json.dumps(live_answer(now, lines))


async def test_today_counts_visits_offers_and_redemptions(
    app: FastAPI, district: District, log: Log, committed: Makers
) -> None:
    log(12, minutes=30)
    log(12, days_ago=1)
    campaign = committed.campaign(district, committed.merchant(district), [])
    committed.offer(campaign, committed.member(district))
    info = app.state.registry.value.by_slug[district.slug]
    now, _ = await app.state.live_hub.snapshot(info)
    assert now.today is not None
    assert (now.today.visits, now.today.median_dwell_min) == (12, 30.0)
    assert (now.today.offers, now.today.redemptions) == (1, 0)
    assert not now.is_known


async def test_few_visitors_of_today_are_not_told(app: FastAPI, district: District, log: Log) -> None:
    log(9)
    info = app.state.registry.value.by_slug[district.slug]
    now, _ = await app.state.live_hub.snapshot(info)
    assert now.today is not None
    assert (now.today.visits, now.today.median_dwell_min) == (None, None)


async def test_garbage_on_the_subject_changes_nothing(app: FastAPI, district: District) -> None:
    subject = events.live_subject(district.id, "counts")
    reading = asyncio.create_task(told(app, district, lambda now, _: now.is_known))
    while not reading.done():
        await app.state.nats.publish(subject, b"\xff{")
        await app.state.nats.publish("live.not-a-district.counts", b"{}")
        await events.tell(app.state.nats, subject, {"members": "many"})
        await events.tell(app.state.nats, subject, counts(district, 15, 15))
        await asyncio.wait([reading], timeout=0.05)
    now, _ = await reading
    assert now.here.members == 15


async def test_a_watch_ends_with_its_last_viewer(app: FastAPI, district: District) -> None:
    hub: LiveHub = app.state.live_hub
    info = app.state.registry.value.by_slug[district.slug]
    async with hub.watching(info) as (one, _), hub.watching(replace(info)) as (other, _):
        assert one is other
        task = one.task
    assert task is not None
    await asyncio.wait([task], timeout=PATIENCE_S)
    assert task.cancelled()
