"""The part of RFC 5545 that schedules take: what it means, what is refused, and how little work it may cost."""

import time
from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from push.recurrence_text import MAX_TEXT, RecurrenceRefused, read

START = "DTSTART:20260501T110000\n"
LONGEST_S = 5.0
"""Of the processor, for one text; the slowest takes a thousandth of it."""

NEVER = [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=50",
    "FREQ=YEARLY;BYDAY=MO;BYSETPOS=-300",
    "FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
    "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=12",
    "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
    "FREQ=DAILY;INTERVAL=364;BYDAY=MO,TU",
    "FREQ=WEEKLY;INTERVAL=52;BYMONTH=2",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
    "FREQ=DAILY;UNTIL=20260101",
]
REFUSED = [
    "FREQ=SECONDLY",
    "FREQ=MINUTELY;INTERVAL=1",
    "FREQ=HOURLY",
    "FREQ=FORTNIGHTLY",
    "FREQ=DAILY;FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;INTERVAL=1000000000000",
    "FREQ=DAILY;INTERVAL=-1",
    "FREQ=DAILY;COUNT=0",
    "FREQ=DAILY;COUNT=367",
    "FREQ=DAILY;COUNT=2;UNTIL=20270101",
    "FREQ=DAILY;UNTIL=20270230",
    "FREQ=DAILY;UNTIL=tomorrow",
    "FREQ=DAILY;BYSETPOS=1",
    "FREQ=DAILY;BYMONTHDAY=1",
    "FREQ=DAILY;BYSECOND=0,1,2",
    "FREQ=DAILY;BYEASTER=0",
    "FREQ=DAILY;BYHOUR=24",
    "FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,10,20,30,40",
    "FREQ=DAILY;BYDAY=1MO",
    "FREQ=DAILY;BYDAY=XX",
    "FREQ=DAILY;BYMONTH=١",
    "FREQ=WEEKLY;WKST=XX",
    "FREQ=WEEKLY;BYSETPOS=1",
    "FREQ=MONTHLY;BYMONTHDAY=0",
    "FREQ=MONTHLY;BYMONTHDAY=32",
    "FREQ=MONTHLY;BYDAY=0MO",
    "FREQ=MONTHLY;BYSETPOS=" + ",".join(str(place) for place in range(1, 367)),
    "FREQ=DAILY;",
    "",
]


@pytest.mark.parametrize("rule", [*NEVER, *REFUSED], ids=range(len(NEVER) + len(REFUSED)))
def test_what_is_hostile_or_never_comes_is_refused_soon_in_both_languages(rule: str) -> None:
    began = time.process_time()
    with pytest.raises(RecurrenceRefused) as refused:
        read(f"{START}RRULE:{rule}")
    assert time.process_time() - began < LONGEST_S
    assert refused.value.detail.zh
    assert refused.value.detail.en


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RRULE:FREQ=DAILY",
        "DTSTART:20260501T110000",
        "DTSTART:20260501T110000\nRRULE:FREQ=DAILY\nRRULE:FREQ=DAILY",
        "DTSTART:20260501T110000\nRRULE:FREQ=DAILY\nRDATE:20260502T110000",
        "DTSTART:20260501T250000\nRRULE:FREQ=DAILY",
        "DTSTART:19700101T000000\nRRULE:FREQ=DAILY",
        "DTSTART:99990101T000000\nRRULE:FREQ=DAILY",
        "DTSTART;TZID=Mars/Olympus:20260501T110000\nRRULE:FREQ=DAILY",
        "DTSTART;TZID=../../etc/passwd:20260501T110000\nRRULE:FREQ=DAILY",
        "DTSTART;TZID=Europe/Helsinki:20260501T110000Z\nRRULE:FREQ=DAILY",
        START + "RRULE:FREQ=DAILY" + " " * MAX_TEXT,
        START + "RRULE:" + "FREQ=DAILY;" * 10_000,
    ],
    ids=range(13),
)
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(RecurrenceRefused):
        read(text)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO",
        "FREQ=YEARLY;BYYEARDAY=-1,1,100,366",
        "FREQ=YEARLY;INTERVAL=11;BYMONTH=12;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-1,31",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU",
        "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=TU,SU",
        "FREQ=DAILY;INTERVAL=31;BYMONTH=2;COUNT=366",
        "FREQ=YEARLY;BYDAY=20MO",
        f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={','.join(map(str, range(24)))};BYSETPOS=-1",
    ],
)
def test_the_strangest_rules_give_a_year_soon_and_as_dateutil_gives_it(rule: str) -> None:
    recurrence = read(f"{START}RRULE:{rule}")
    first, last = datetime(2047, 3, 1), datetime(2048, 3, 2)  # noqa: DTZ001 wall times
    began = time.process_time()
    found = list(recurrence.walls(first, last))
    assert time.process_time() - began < LONGEST_S
    assert found == rrulestr(f"{START}RRULE:{rule}").between(first, last, inc=True)


def _list(most: int, values: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(lambda one: ",".join(map(str, one)))


DAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=4, unique=True
)
PLACED = st.lists(st.sampled_from(["1MO", "-1FR", "2TU", "SU", "3WE"]), min_size=1, max_size=3, unique=True)
COMMON = {
    "INTERVAL": st.integers(1, 6).map(str),
    "COUNT": st.integers(1, 366).map(str),
    "WKST": st.sampled_from(["MO", "SU", "TH"]),
    "BYMONTH": _list(3, st.integers(1, 12)),
    "BYHOUR": _list(3, st.integers(0, 23)),
    "BYMINUTE": _list(2, st.integers(0, 59)),
}
MONTHLY = {
    "BYMONTHDAY": _list(3, st.integers(1, 31) | st.integers(-31, -1)),
    "BYDAY": PLACED.map(",".join),
    "BYSETPOS": _list(2, st.integers(1, 4) | st.integers(-4, -1)),
}
YEARLY = {**MONTHLY, "BYYEARDAY": _list(3, st.integers(1, 366)), "BYWEEKNO": _list(2, st.integers(1, 53))}


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    own = {"MONTHLY": MONTHLY, "YEARLY": YEARLY}.get(frequency, {"BYDAY": DAYS.map(",".join)})
    choices = {**COMMON, **own}
    names = draw(st.lists(st.sampled_from(sorted(choices)), max_size=4, unique=True))
    if "BYSETPOS" in names and not any(name in names for name in ("BYDAY", "BYMONTHDAY", "BYYEARDAY")):
        names.append("BYDAY")
    return ";".join([f"FREQ={frequency}", *(f"{name}={draw(choices[name])}" for name in names)])


@settings(max_examples=300, deadline=None)
@given(rules(), st.integers(0, 3000), st.integers(1, 400))
def test_a_window_holds_what_the_whole_rule_holds_there(rule: str, after_days: int, length_days: int) -> None:
    try:
        recurrence = read(f"{START}RRULE:{rule}")
    except RecurrenceRefused:
        reject()
    first = datetime(2026, 4, 20) + timedelta(days=after_days)  # noqa: DTZ001 a wall time
    last = first + timedelta(days=length_days)
    whole = rrulestr(
        f"{START}RRULE:{rule};UNTIL=20360101T000000" if "COUNT" not in rule else f"{START}RRULE:{rule}"
    )
    assert list(recurrence.walls(first, last)) == whole.between(
        first,
        min(last, datetime(2036, 1, 1)),  # noqa: DTZ001 a wall time
        inc=True,
    )
