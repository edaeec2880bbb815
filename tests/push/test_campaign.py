"""When a campaign may offer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from geo.hours import Hours
from push.campaign import closes_at, may_offer
from tests.push.makers import FRIDAY_NOON, HELSINKI, campaign, minutes


def test_the_window_is_half_open() -> None:
    opens = datetime(2026, 5, 8, 8, 0, tzinfo=UTC)
    shuts = datetime(2026, 5, 8, 10, 30, tzinfo=UTC)
    asked = [opens - minutes(1), opens, shuts - minutes(1), shuts]
    assert [may_offer(campaign(), now) for now in asked] == [False, True, True, False]
    assert closes_at(campaign(), FRIDAY_NOON) == shuts


def test_a_campaign_without_hours_may_offer_at_any_hour() -> None:
    at_night = datetime(2026, 5, 9, 1, 0, tzinfo=UTC)
    assert may_offer(campaign({"when": None}), at_night)
    assert closes_at(campaign({"when": None}), at_night) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"starts_at": FRIDAY_NOON}, True),
        ({"starts_at": FRIDAY_NOON + minutes(1)}, False),
        ({"ends_at": FRIDAY_NOON}, False),
        ({"ends_at": FRIDAY_NOON + minutes(1)}, True),
    ],
)
def test_dates_bound_a_campaign(changes: dict[str, Any], expected: bool) -> None:
    assert may_offer(campaign(**changes), FRIDAY_NOON) is expected


def test_the_first_end_counts() -> None:
    soon = FRIDAY_NOON + minutes(5)
    assert closes_at(campaign(ends_at=soon), FRIDAY_NOON) == soon


@pytest.mark.parametrize(
    ("hours", "expected"),
    [("Mo-Su 10:00-20:00", True), ("Sa 10:00-20:00", False), ("by appointment?!", False)],
)
def test_a_store_that_is_shut_or_unknown_offers_nothing(hours: str, expected: bool) -> None:
    asked = campaign({"when": {"and_store_open": True}}, store_hours=Hours.read(hours, zone=HELSINKI))
    assert may_offer(asked, FRIDAY_NOON) is expected


def test_a_store_without_hours_offers_nothing_when_they_are_asked_for() -> None:
    assert not may_offer(campaign({"when": {"and_store_open": True}}), FRIDAY_NOON)


def test_hours_that_were_not_compiled_are_not_open() -> None:
    assert not may_offer(campaign(window=None), FRIDAY_NOON)


def test_the_window_on_the_night_of_the_clock_change_ends_once() -> None:
    night = campaign({"when": {"opening_hours": "Sa-Su 00:00-06:00"}})
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert closes_at(night, before) == datetime(2026, 10, 25, 4, 0, tzinfo=UTC)
    assert before + timedelta(hours=3.5) == datetime(2026, 10, 25, 4, 0, tzinfo=UTC)
