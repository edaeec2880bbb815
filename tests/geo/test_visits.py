"""Visits from fixes: gaps, confirmed changes of zone, minimum dwell, and no trust in the order of arrival."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.visits import (
    OUTSIDE,
    VisitRule,
    Visits,
    VisitsInvalid,
    by_trading_day,
    dwell,
    dwell_by_zone,
    sessionise,
)

MINUTE = 60_000
RULE = VisitRule(gap=timedelta(minutes=10), minimum_dwell=timedelta(minutes=2))
A, B, C = 1, 2, 3
Row = tuple[int, int, float, float, int]


def visits(fixes: list[tuple[int, int, float]], rule: VisitRule = RULE) -> Visits:
    """Of (person, zone, minute)."""
    columns = np.array([(person, zone, round(at * MINUTE)) for person, zone, at in fixes], np.int64).reshape(
        -1, 3
    )
    return sessionise(columns[:, 0], columns[:, 1], columns[:, 2], rule=rule)


def rows(found: Visits) -> list[Row]:
    columns = (found.person, found.zone, found.start_ms / MINUTE, found.end_ms / MINUTE, found.fixes)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("fixes", "expected"),
    [
        pytest.param([(7, A, 0), (7, A, 3), (7, A, 6)], [(7, A, 0, 6, 3)], id="one stay"),
        pytest.param([(7, A, 0), (7, A, 1.9)], [], id="too short"),
        pytest.param([(7, A, 0), (7, A, 2)], [(7, A, 0, 2, 2)], id="just long enough"),
        pytest.param([(7, A, 0), (7, A, 10)], [(7, A, 0, 10, 2)], id="a gap that just holds"),
        pytest.param(
            [(7, A, 0), (7, A, 3), (7, A, 13.1), (7, A, 16)],
            [(7, A, 0, 3, 2), (7, A, 13.1, 16, 2)],
            id="a gap ends a visit",
        ),
        pytest.param(
            [(7, A, 0), (8, A, 1), (7, A, 3), (8, A, 4)],
            [(7, A, 0, 3, 2), (8, A, 1, 4, 2)],
            id="persons apart",
        ),
        pytest.param(
            [(7, A, 0), (7, A, 3), (7, B, 3.2), (7, A, 3.4), (7, A, 6)],
            [(7, A, 0, 6, 5)],
            id="one flickering fix changes nothing",
        ),
        pytest.param(
            [(7, A, 0), (7, A, 3), (7, B, 3.2), (7, C, 3.4), (7, B, 3.6), (7, A, 3.8), (7, A, 6)],
            [(7, A, 0, 6, 7)],
            id="flickering among several zones changes nothing",
        ),
        pytest.param(
            [(7, A, 0), (7, A, 3), (7, B, 3.2), (7, B, 3.4), (7, B, 6)],
            [(7, A, 0, 3, 2), (7, B, 3.2, 6, 3)],
            id="two in a row are a change, from the first of them",
        ),
        pytest.param(
            [(7, A, 0), (7, A, 3), (7, B, 4), (7, C, 7), (7, C, 9.5)],
            [(7, A, 0, 3, 2), (7, C, 7, 9.5, 2)],
            id="held until the next zone's fix is a change, though too short a visit",
        ),
        pytest.param(
            [(7, A, 0), (7, A, 3), (7, B, 3.1), (7, B, 3.5), (7, A, 4), (7, A, 7)],
            [(7, A, 0, 7, 4)],
            id="a step outside too short to count does not end a visit",
        ),
        pytest.param(
            [(7, OUTSIDE, 0), (7, OUTSIDE, 5), (7, A, 6), (7, A, 9)],
            [(7, OUTSIDE, 0, 5, 2), (7, A, 6, 9, 2)],
            id="outside is a zone of its own",
        ),
        pytest.param([], [], id="nothing"),
        pytest.param([(7, A, 0)], [], id="a single fix"),
    ],
)
def test_visits_follow_the_rule(fixes: list[tuple[int, int, float]], expected: list[Row]) -> None:
    assert rows(visits(fixes)) == expected


def test_a_slow_feeds_single_fix_lasts_half_its_interval() -> None:
    rule = VisitRule(minimum_dwell=timedelta(seconds=30), sampling=timedelta(minutes=1))
    found = visits([(7, A, 0)], rule)
    assert rows(found) == [(7, A, 0, 0, 1)]
    assert found.dwell_ms.tolist() == [30_000]


def test_of_two_zones_at_one_instant_the_higher_counts_in_any_order() -> None:
    fixes: list[tuple[int, int, float]] = [(7, A, 0), (7, B, 0), (7, B, 3), (7, A, 3)]
    assert rows(visits(fixes)) == rows(visits(fixes[::-1])) == [(7, B, 0, 3, 2)]


FIXES = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([OUTSIDE, A, B]), st.integers(0, 240).map(lambda step: step / 4)
    ),
    max_size=60,
)
RULES = st.builds(
    VisitRule,
    gap=st.sampled_from([timedelta(minutes=1), timedelta(minutes=5)]),
    minimum_dwell=st.sampled_from([timedelta(0), timedelta(minutes=1)]),
    confirming_fixes=st.integers(1, 3),
    sampling=st.sampled_from([timedelta(0), timedelta(minutes=1)]),
)


@given(fixes=FIXES, rule=RULES, data=st.data())
def test_order_and_repeats_change_nothing(
    fixes: list[tuple[int, int, float]], rule: VisitRule, data: st.DataObject
) -> None:
    again = data.draw(st.permutations(fixes + fixes[: len(fixes) // 2]))
    assert rows(visits(again, rule)) == rows(visits(fixes, rule))


@given(fixes=FIXES, rule=RULES)
def test_one_persons_visits_never_overlap_and_never_fall_short(
    fixes: list[tuple[int, int, float]], rule: VisitRule
) -> None:
    found = visits(fixes, rule)
    assert np.all(found.dwell_ms >= rule.minimum_dwell / timedelta(milliseconds=1))
    for before, after in pairwise(rows(found)):
        assert before[0] < after[0] or (before[0] == after[0] and before[3] < after[2])


@given(fixes=FIXES)
def test_without_a_minimum_every_fix_is_in_one_visit(fixes: list[tuple[int, int, float]]) -> None:
    found = visits(fixes, VisitRule(gap=timedelta(minutes=3), minimum_dwell=timedelta(0)))
    assert found.fixes.sum() == len({(person, at) for person, _, at in fixes})


@given(fixes=FIXES, rule=RULES)
def test_the_vectors_agree_with_a_walk_through_the_fixes(
    fixes: list[tuple[int, int, float]], rule: VisitRule
) -> None:
    assert rows(visits(fixes, rule)) == walked(fixes, rule)


def walked(fixes: list[tuple[int, int, float]], rule: VisitRule) -> list[Row]:
    """The same rule, one fix after the other."""
    latest = {(person, at): zone for person, zone, at in sorted(fixes)}
    gap, confirming = rule.gap.total_seconds() / 60, rule.confirming_time.total_seconds() / 60
    sessions: list[list[tuple[int, int, float]]] = []
    for (person, at), zone in sorted(latest.items()):
        previous = sessions[-1][-1] if sessions else None
        if previous is None or previous[0] != person or at - previous[2] > gap:
            sessions.append([])
        sessions[-1].append((person, zone, at))
    return [row for session in sessions for row in walked_session(session, gap, confirming, rule)]


def walked_session(
    session: list[tuple[int, int, float]], gap: float, confirming: float, rule: VisitRule
) -> list[Row]:
    settled: list[Row] = []
    for position, (person, zone, at) in enumerate(session):
        if settled and (zone == settled[-1][1] or not is_change(session, position, confirming, rule)):
            settled[-1] = (*settled[-1][:3], at, settled[-1][4] + 1)
        else:
            settled.append((person, zone, at, at, 1))
    least = rule.minimum_dwell.total_seconds() / 60 - rule.sampling.total_seconds() / 120
    joined: list[Row] = []
    for row in (row for row in settled if row[3] - row[2] >= least):
        if joined and joined[-1][1] == row[1] and row[2] - joined[-1][3] <= gap:
            joined[-1] = (*joined[-1][:3], row[3], joined[-1][4] + row[4])
        else:
            joined.append(row)
    return joined


def is_change(
    session: list[tuple[int, int, float]], position: int, confirming: float, rule: VisitRule
) -> bool:
    zone = session[position][1]
    start = position
    while start and session[start - 1][1] == zone:
        start -= 1
    end = position
    while end < len(session) and session[end][1] == zone:
        end += 1
    is_held = end < len(session) and session[end][2] - session[start][2] >= confirming
    return is_held or end - start >= rule.confirming_fixes


def test_a_visit_over_the_border_counts_on_both_trading_days() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    start = datetime(2026, 5, 5, 5, 50, tzinfo=shanghai)
    found = visits([(7, A, start.timestamp() / 60 + minute) for minute in range(0, 30, 5)])
    parts = by_trading_day(found, starts=time(6), zone=shanghai)
    border_ms = round(datetime(2026, 5, 5, 6, tzinfo=shanghai).timestamp() * 1000)
    assert parts.visit.tolist() == [0, 0]
    assert parts.day.astype(str).tolist() == ["2026-05-04", "2026-05-05"]
    assert (parts.end_ms[0], parts.start_ms[1]) == (border_ms, border_ms)
    assert (parts.end_ms - parts.start_ms).sum() == (found.end_ms - found.start_ms).sum()


def test_a_visit_seen_at_the_border_itself_is_of_the_new_day() -> None:
    start = datetime(2026, 5, 5, 6, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() / 60
    parts = by_trading_day(
        visits([(7, A, start), (7, A, start + 5)]), starts=time(6), zone=ZoneInfo("Asia/Shanghai")
    )
    assert parts.day.astype(str).tolist() == ["2026-05-05"]


def test_trading_days_follow_the_clocks_of_the_zone() -> None:
    """After Berlin's clocks go back a trading day begins at 05:00 UTC, no longer at 04:00."""
    at = [datetime(2026, 10, day, 4, 30, tzinfo=UTC).timestamp() / 60 for day in (24, 25)]
    found = visits([(7, A, start + minute) for start in at for minute in (0, 5)])
    parts = by_trading_day(found, starts=time(6), zone=ZoneInfo("Europe/Berlin"))
    assert parts.day.astype(str).tolist() == ["2026-10-24", "2026-10-24"]


@given(fixes=FIXES, hour=st.integers(0, 23))
def test_the_parts_of_a_visit_make_up_the_visit(fixes: list[tuple[int, int, float]], hour: int) -> None:
    found = visits(fixes, VisitRule(minimum_dwell=timedelta(0)))
    parts = by_trading_day(found, starts=time(hour), zone=ZoneInfo("Europe/Berlin"))
    lengths = np.bincount(parts.visit, weights=parts.end_ms - parts.start_ms, minlength=len(found))
    assert lengths.tolist() == (found.end_ms - found.start_ms).tolist()


def test_visits_over_a_lifetime_are_refused() -> None:
    found = visits([(7, A, 0), (7, A, 5), (7, A, 2e7), (7, A, 2e7 + 5)])
    with pytest.raises(VisitsInvalid, match="ten years"):
        by_trading_day(found, starts=time(6), zone=ZoneInfo("Asia/Shanghai"))


def test_dwell_is_told_by_quartiles() -> None:
    found = visits([(person, A, at) for person in range(5) for at in (0, 2 + person)])
    summary = dwell(found)
    assert summary is not None
    assert (summary.visits, summary.lower, summary.median, summary.upper) == (
        5,
        *(timedelta(minutes=minutes) for minutes in (3, 4, 5)),
    )


def test_dwell_is_told_for_each_zone() -> None:
    found = visits([(1, A, 0), (1, A, 4), (2, B, 0), (2, B, 8)])
    medians = {zone: summary.median for zone, summary in dwell_by_zone(found).items()}
    assert medians == {A: timedelta(minutes=4), B: timedelta(minutes=8)}


def test_no_visits_have_no_dwell() -> None:
    assert dwell(visits([])) is None
    assert dwell_by_zone(visits([])) == {}


@pytest.mark.parametrize(
    "change", [{"gap": timedelta(0)}, {"sampling": timedelta(-1)}, {"confirming_fixes": 0}]
)
def test_an_impossible_rule_is_refused(change: dict[str, timedelta]) -> None:
    with pytest.raises(VisitsInvalid):
        VisitRule(**change)  # type: ignore[arg-type]


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(VisitsInvalid, match="one value"):
        sessionise([1, 2], [1], [0, 1], rule=RULE)


def test_times_that_are_no_whole_numbers_are_refused() -> None:
    with pytest.raises(VisitsInvalid, match="whole"):
        sessionise([1], [1], [0.5], rule=RULE)
