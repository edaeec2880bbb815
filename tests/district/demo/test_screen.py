"""The line of counters fits the terminal that it is on."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from district.cli.demo_screen import counter_line, fitted
from district.demo.counters import Counters

COUNTERS = Counters(
    at=datetime(2026, 5, 1, 11, 14, 19, tzinfo=UTC),
    fixes_per_s=1_977.0,
    devices=1_666,
    members=1_123,
    offers=14_199,
    redemptions=1_233,
)
ZONE = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize("columns", [20, 80, 100])
def test_it_never_wraps(columns: int) -> None:
    assert len(fitted(COUNTERS, ZONE, columns=columns)) < columns


def test_a_usual_terminal_still_shows_offers_and_redemptions() -> None:
    assert fitted(COUNTERS, ZONE, columns=80).endswith("14,199 offers · 1,233 redeemed")


def test_a_wide_terminal_shows_everything() -> None:
    assert fitted(COUNTERS, ZONE, columns=140) == counter_line(COUNTERS, ZONE)
