"""Texts of hours that no calendar wrote."""

from zoneinfo import ZoneInfo

import pytest

from geo.hours import Hours, HoursInvalid


@pytest.mark.parametrize("text", ["\ud800", 'Mo-Fr 10:00-12:00 "\udfff"', "\x00", "10:00-\ud83d"])
def test_half_a_character_is_refused_and_read_as_unknown(text: str) -> None:
    with pytest.raises(HoursInvalid):
        Hours.parse(text, zone=ZoneInfo("UTC"))
    assert not Hours.read(text, zone=ZoneInfo("UTC")).is_known
