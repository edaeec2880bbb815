"""The hours of several stores together."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from district.campaigns.live import AnyOpen

NOON = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Stated:
    """Hours that are as stated until a moment."""

    now_open: bool | None
    changes_at: datetime | None = None

    def is_open(self, now: datetime, /) -> bool | None:
        return self.now_open

    def next_change(self, now: datetime, /) -> datetime | None:
        return self.changes_at


@pytest.mark.parametrize(
    ("each", "together"),
    [
        ((True, False, None), True),
        ((False, None), None),
        ((False, False), False),
        ((), False),
    ],
)
def test_stores_together_are_open_while_one_is(each: tuple[bool | None, ...], together: bool | None) -> None:
    assert AnyOpen(hours=tuple(map(Stated, each))).is_open(NOON) is together


def test_the_next_change_is_the_first_of_any() -> None:
    later, soon = NOON + timedelta(hours=2), NOON + timedelta(hours=1)
    hours = AnyOpen(hours=(Stated(True, later), Stated(True, soon), Stated(None)))
    assert hours.next_change(NOON) == soon
    assert AnyOpen(hours=(Stated(None),)).next_change(NOON) is None
