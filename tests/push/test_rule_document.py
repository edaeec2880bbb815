"""What the members of a rule's document come to as values."""

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from push import occurrences
from push.campaign_document import parse_rule
from push.consent import Channel
from push.limits import CapRule, Period
from push.occurrences import DstPolicy, Fold, Gap
from push.rule import (
    BuildingFence,
    Caps,
    CircleFence,
    DrawnFence,
    Holdout,
    HolidayRule,
    JoinKind,
    Priority,
    StreetFence,
    Trigger,
    TriggerKind,
    Visited,
    When,
    Where,
    ZoneFence,
)
from tests.push.makers import POLYGON, rule_document
from tests.push.refused_rules import FRIDAYS

HOUR = timedelta(hours=1)
STORE = "019a0000-0000-7000-8000-000000000009"


def only(trigger: dict[str, Any]) -> Trigger:
    rule = parse_rule({"v": 1, "trigger": {"any": [trigger]}})
    assert rule.where == Where()
    assert not rule.has_fence
    (parsed,) = rule.triggers
    return parsed


@pytest.mark.parametrize(
    ("document", "parsed"),
    [
        ({"on": "wifi.join"}, Trigger(on=TriggerKind.WIFI_JOIN)),
        ({"on": "wifi.join", "first": True}, Trigger(on=TriggerKind.WIFI_JOIN, join=JoinKind.FIRST)),
        (
            {"on": "wifi.join", "return": True, "cool_down_s": 3600},
            Trigger(on=TriggerKind.WIFI_JOIN, join=JoinKind.RETURN, cool_down=HOUR),
        ),
        ({"on": "store.visit", "cool_down_s": 3600.0}, Trigger(on=TriggerKind.STORE_VISIT, cool_down=HOUR)),
        ({"on": "purchase"}, Trigger(on=TriggerKind.PURCHASE)),
        ({"on": "member.birthday"}, Trigger(on=TriggerKind.BIRTHDAY)),
        ({"on": "member.visits", "n": 5}, Trigger(on=TriggerKind.VISITS, visits=5)),
        (
            {"on": "member.lapsed", "days": 60},
            Trigger(on=TriggerKind.LAPSED, lapsed_after=timedelta(days=60)),
        ),
    ],
)
def test_every_trigger_without_a_fence_needs_no_place(document: dict[str, Any], parsed: Trigger) -> None:
    assert only(document) == parsed


def test_a_schedule_is_read_with_its_policy_for_clock_changes() -> None:
    plain = only({"on": "schedule", "rrule": FRIDAYS}).schedule
    declared = only({"on": "schedule", "rrule": FRIDAYS, "dst": {"gap": "skip", "fold": "both"}}).schedule
    assert plain == occurrences.read(FRIDAYS)
    assert declared == occurrences.read(FRIDAYS, dst=DstPolicy(gap=Gap.SKIP, fold=Fold.BOTH))


def test_what_leaves_a_fence_needs_a_fence() -> None:
    rule = parse_rule(rule_document(trigger={"any": [{"on": "fence.exit"}, {"on": "wifi.join"}]}))
    assert rule.has_fence
    assert [trigger.on for trigger in rule.triggers] == [TriggerKind.EXIT, TriggerKind.WIFI_JOIN]


def test_days_and_dates_are_read() -> None:
    when = parse_rule(
        rule_document(
            when={
                "blackout": ["2026-12-24", "2026-12-25", "2026-12-24"],
                "public_holidays": "off",
                "starts_at": "2026-12-01T09:00:00+08:00",
                "ends_at": "2026-12-31T23:59:59.5Z",
            }
        )
    ).when
    assert when == When(
        blackout=frozenset({date(2026, 12, 24), date(2026, 12, 25)}),
        public_holidays=HolidayRule.OFF,
        starts_at=datetime(2026, 12, 1, 1, tzinfo=UTC),
        ends_at=datetime(2026, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC),
    )
    assert when.picks_days


def test_places_are_read() -> None:
    where = parse_rule(
        rule_document(
            where={
                "within": {"street": "way/7\u200b", "buffer_m": 15},
                "near_my_stores_m": 200,
                "exclude": [
                    {"zone": "food-court"},
                    {"building": "way/42", "buffer_m": 0},
                    {"circle": {"lon": 24.94, "lat": 60.17, "radius_m": 9}},
                    {**POLYGON, "type": "MultiPolygon", "coordinates": [POLYGON["coordinates"]]},
                ],
                "floor": "3",
                "or_visited": {"store": STORE, "days": 30},
            }
        )
    ).where
    assert (where.within, where.near_stores_m, where.floor) == (
        StreetFence(street="way/7", buffer_m=15),
        200,
        "3",
    )
    assert where.or_visited == Visited(store_id=UUID(STORE), within=timedelta(days=30))  # type: ignore[arg-type]
    assert where.exclude[:2] == (ZoneFence(zone="food-court"), BuildingFence(building="way/42", buffer_m=0))
    assert isinstance(where.exclude[2], CircleFence)
    assert isinstance(where.exclude[3], DrawnFence)


def test_caps_pace_and_money_are_read() -> None:
    rule = parse_rule(
        rule_document(
            cap={
                "merchant": {"n": 2, "per": "day"},
                "global": {"n": 3.0, "per": "7d"},
                "channel": {"sms": {"n": 1, "per": "total"}},
                "gap_min": 90,
            },
            pace={"per_min": 600},
            ttl_s=60,
            priority="paid",
            holdout={"pct": 2.5, "salt": "spring"},
            budget={"total_minor": 500_000, "per_day_minor": 500_000},
            per_member=3,
            per_day=500,
        )
    )
    assert rule.caps == Caps(
        campaign=CapRule(n=1, per=Period.DAY),
        merchant=CapRule(n=2, per=Period.DAY),
        overall=CapRule(n=3, per=Period.SEVEN_DAYS),
        channels=MappingProxyType({Channel.SMS: CapRule(n=1, per=Period.TOTAL)}),
        gap=timedelta(minutes=90),
    )
    assert (rule.per_minute, rule.per_member, rule.per_day) == (600, 3, 500)
    assert (rule.priority, rule.holdout) == (Priority.PAID, Holdout(percent=2.5, salt="spring"))
    assert rule.budget is not None
    assert (rule.budget.total_minor, rule.budget.per_day_minor) == (500_000, 500_000)


OLD: dict[str, Any] = {
    "v": 1,
    "trigger": {"any": [{"on": "fence.enter"}, {"on": "fence.dwell", "min_s": 120}]},
    "when": {"opening_hours": "Mo-Fr 11:00-13:30", "tz": "district", "and_store_open": True},
    "where": {"within": POLYGON},
    "who": {"all": [{"attr": "visits", "op": ">=", "value": 1, "older_h": 12}]},
    "cap": {"campaign": {"n": 2, "per": "7d"}},
    "ttl_s": 600,
}


def test_a_document_of_the_first_version_means_what_it_meant() -> None:
    rule = parse_rule(OLD)
    assert [(one.on, one.dwell, one.cool_down) for one in rule.triggers] == [
        (TriggerKind.ENTER, timedelta(0), None),
        (TriggerKind.DWELL, timedelta(minutes=2), None),
    ]
    assert rule.when == When(opening_hours="Mo-Fr 11:00-13:30", and_store_open=True)
    assert (rule.where.exclude, rule.where.floor, rule.where.or_visited) == ((), None, None)
    assert rule.caps == Caps(campaign=CapRule(n=2, per=Period.SEVEN_DAYS))
    assert (rule.ttl, rule.priority) == (timedelta(minutes=10), Priority.NORMAL)
    assert (rule.budget, rule.per_minute, rule.per_member, rule.per_day) == (None, None, None, None)
