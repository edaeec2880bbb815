"""Ticked days and hours, written as opening_hours and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.web.merchant_hours import DAYS, ticked, written


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (DAYS, "Mo-Su 11:00-14:00"),
        (("Mo",), "Mo 11:00-14:00"),
        (("Fr", "Mo", "Tu"), "Mo-Tu,Fr 11:00-14:00"),
        (("Sa", "Su"), "Sa-Su 11:00-14:00"),
        (("nonsense", "We"), "We 11:00-14:00"),
    ],
)
def test_days_are_written_in_spans(days: tuple[str, ...], text: str) -> None:
    assert written(days, "11:00", "14:00") == text


@given(days=st.sets(st.sampled_from(DAYS), min_size=1))
def test_what_is_written_is_read_back(days: set[str]) -> None:
    in_order = tuple(day for day in DAYS if day in days)
    assert ticked(written(in_order, "09:30", "22:00")) == (in_order, "09:30", "22:00")


@pytest.mark.parametrize(
    "text", ["Mo-Fr 11:00-14:00; PH off", "24/7", "sunrise-sunset", "", "Mo[1] 10:00-12:00"]
)
def test_other_hours_stay_words(text: str) -> None:
    assert ticked(text) is None


def test_a_span_over_the_weekend_is_read() -> None:
    assert ticked("Sa-Mo 10:00-12:00") == (("Mo", "Sa", "Su"), "10:00", "12:00")
    assert ticked("10:00-12:00") == (DAYS, "10:00", "12:00")
