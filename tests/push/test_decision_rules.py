"""Decisions keep to days, to places other than fences, to channels' caps and to triggers that rest."""

from datetime import date, timedelta
from typing import Any

import pytest

from geo import geojson
from geo.coordinates import LonLat
from push.calendar import OpenDays
from push.consent import Channel
from push.decision import OfferDraft, Refusal, decide
from push.rule import TriggerKind
from push.suppression import Suppression
from tests.push.makers import (
    CAMPAIGN,
    FRIDAY_NOON,
    POLYGON,
    campaign,
    crossing,
    member,
    minutes,
    policy,
)

INSIDE, OUTSIDE = LonLat(lon=24.948, lat=60.171), LonLat(lon=24.941, lat=60.174)
WIFI = {"trigger": {"any": [{"on": "wifi.join"}]}}
LATELY = minutes(5)
BOTH = frozenset({Channel.INBOX, Channel.SMS})


def decided(
    rule: dict[str, Any],
    *,
    over: dict[str, Any] | None = None,
    who: dict[str, Any] | None = None,
    **occasion: Any,
) -> OfferDraft | Refusal:
    return decide(
        crossing(**occasion),
        campaign(rule, **(over or {})),
        member(**(who or {})),
        now=FRIDAY_NOON,
        policy=policy(),
    )


def reason(made: OfferDraft | Refusal) -> Suppression | None:
    return made.reason if isinstance(made, Refusal) else None


@pytest.mark.parametrize(("blackout", "expected"), [(8, Suppression.OUT_OF_WINDOW), (9, None)])
def test_nothing_is_offered_on_a_blackout_day(blackout: int, expected: Suppression | None) -> None:
    rule = {"when": {"blackout": [f"2026-05-0{blackout}"]}}
    days = OpenDays(when=campaign(rule).rule.when, day=policy().day, is_holiday=lambda _: False)
    assert reason(decided(rule, over={"days": days})) is expected


def test_public_holidays_are_asked_for_by_the_trading_day() -> None:
    rule = {"when": {"public_holidays": "off"}}
    asked: list[date] = []

    def is_holiday(day: date) -> bool:
        asked.append(day)
        return True

    days = OpenDays(when=campaign(rule).rule.when, day=policy().day, is_holiday=is_holiday)
    assert reason(decided(rule, over={"days": days})) is Suppression.OUT_OF_WINDOW
    assert set(asked) == {date(2026, 5, 8)}


@pytest.mark.parametrize(
    ("position", "expected"),
    [(INSIDE, None), (OUTSIDE, Suppression.OUT_OF_FENCE), (None, Suppression.OUT_OF_FENCE)],
)
def test_joining_the_wifi_counts_on_the_campaigns_ground_only(
    position: LonLat | None, expected: Suppression | None
) -> None:
    ground = {"ground": geojson.parse(POLYGON)}
    rule = {**WIFI, "where": {"within": POLYGON}}
    made = decided(rule, over=ground, trigger=TriggerKind.WIFI_JOIN, joins=2, position=position)
    assert reason(made) is expected


def taken(scope: str, ago: timedelta = LATELY) -> dict[str, Any]:
    return {"taken": {scope: (FRIDAY_NOON - ago,)}}


def test_a_trigger_that_rests_brings_nothing_until_its_time() -> None:
    rule = {"trigger": {"any": [{"on": "fence.enter", "cool_down_s": 600}]}, "cap": None}
    scope = f"trigger:{CAMPAIGN}:0"
    assert reason(decided(rule, who=taken(scope))) is Suppression.FREQUENCY_CAP
    made = decided(rule, who=taken(scope, minutes(10)))
    assert isinstance(made, OfferDraft)
    assert scope in {one.scope for one in made.reservations}


def test_another_trigger_of_the_same_occasion_brings_it_while_the_first_rests() -> None:
    dwells = [{"on": "fence.dwell", "min_s": 60, "cool_down_s": 600}, {"on": "fence.dwell", "min_s": 120}]
    stayed: dict[str, Any] = {"trigger": TriggerKind.DWELL, "who": taken(f"trigger:{CAMPAIGN}:0")}
    rule = {"trigger": {"any": dwells}}
    assert reason(decided(rule, dwell=minutes(1), **stayed)) is Suppression.FREQUENCY_CAP
    made = decided(rule, dwell=minutes(2), **stayed)
    assert isinstance(made, OfferDraft)
    assert not any(one.scope.startswith("trigger:") for one in made.reservations)


def test_a_channel_that_had_enough_is_left_out_and_the_last_one_refuses() -> None:
    rule = {"cap": {"channel": {"sms": {"n": 1, "per": "7d"}}}}
    had = taken("channel:sms:7d")["taken"]
    made = decided(rule, who={"endpoints": BOTH, "taken": had})
    assert isinstance(made, OfferDraft)
    assert made.channels == (Channel.INBOX,)
    assert "channel:sms:7d" not in {one.scope for one in made.reservations}
    alone = decided(rule, who={"endpoints": frozenset({Channel.SMS}), "taken": had})
    assert reason(alone) is Suppression.FREQUENCY_CAP
    free = decided(rule, who={"endpoints": BOTH})
    assert isinstance(free, OfferDraft)
    assert "channel:sms:7d" in {one.scope for one in free.reservations}


@pytest.mark.parametrize(("ago", "expected"), [(89.9, Suppression.FREQUENCY_CAP), (90, None)])
def test_a_gap_is_kept(ago: float, expected: Suppression | None) -> None:
    assert reason(decided({"cap": {"gap_min": 90}}, who=taken("gap", minutes(ago)))) is expected
