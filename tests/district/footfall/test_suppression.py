"""What is published of counts: nothing of fewer than k people, and nothing that a difference would give away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.footfall.heat import cells, features
from district.footfall.metrics import SMALLEST_GROUP, Metric, published
from district.footfall.service import Count, suppressed, value_of
from tests.factories import HELSINKI

counts = st.builds(
    lambda members, devices, extra, new: Count(
        visits=members + devices + (extra if members + devices else 0),
        members=members,
        devices=devices,
        median_dwell_min=12.0 if members + devices else None,
        new=min(new, members),
        returning=members - min(new, members),
    ),
    members=st.integers(0, 40),
    devices=st.integers(0, 40),
    extra=st.integers(0, 9),
    new=st.integers(0, 40),
)


@pytest.mark.parametrize(("people", "shown"), [(0, 0), (1, None), (9, None), (10, 10), (284, 284)])
def test_counts_from_one_to_nine_are_not_published(people: int, shown: int | None) -> None:
    assert published(people) == shown


@given(st.lists(counts, min_size=1, max_size=24))
def test_no_published_value_is_of_one_to_nine_people(series: list[Count]) -> None:
    hidden = suppressed(series, [0] * len(series))
    for count, is_hidden in zip(series, hidden, strict=True):
        if is_hidden:
            continue
        for metric in Metric:
            value = value_of(count, metric)
            if metric is not Metric.MEDIAN_DWELL_MIN:
                assert value is None or value == 0 or value >= SMALLEST_GROUP
        assert count.people == 0 or count.people >= SMALLEST_GROUP


@given(st.lists(counts, min_size=1, max_size=24))
def test_what_is_hidden_of_a_day_sums_up_to_nothing_or_k(series: list[Count]) -> None:
    hidden = suppressed(series, [0] * len(series))
    missing = sum(count.visits for count, is_hidden in zip(series, hidden, strict=True) if is_hidden)
    everything = sum(count.visits for count in series)
    assert missing == 0 or missing >= SMALLEST_GROUP or missing == everything


def test_each_day_hides_for_itself() -> None:
    few, many = Count(visits=3, devices=3), Count(visits=30, devices=30)
    assert suppressed([few, many, Count(), many, many, Count()], [0, 0, 0, 1, 1, 1]) == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_parts_of_a_whole_are_hidden_together() -> None:
    count = Count(visits=30, members=20, devices=4, new=3, returning=17)
    assert value_of(count, Metric.PEOPLE) == 24
    assert [
        value_of(count, metric) for metric in (Metric.MEMBERS, Metric.DEVICES, Metric.NEW, Metric.RETURNING)
    ] == [None] * 4


@given(st.integers(0, 2**32 - 1), st.integers(0, 400))
def test_no_heat_cell_holds_fewer_than_k_and_nobody_is_in_two(seed: int, people: int) -> None:
    random = np.random.default_rng(seed)
    x_m, y_m = random.normal(0, 180, people), random.normal(0, 180, people)
    found = cells(x_m, y_m)
    assert all(cell.people >= SMALLEST_GROUP for cell in found)
    assert sum(cell.people for cell in found) <= people
    for cell in found:
        inside = (
            (x_m >= cell.x_m)
            & (x_m < cell.x_m + cell.side_m)
            & (y_m >= cell.y_m)
            & (y_m < cell.y_m + cell.side_m)
        )
        assert inside.sum() >= cell.people


def test_few_people_leave_the_heat_map_empty() -> None:
    nine = [(HELSINKI.lon, HELSINKI.lat)] * (SMALLEST_GROUP - 1)
    assert features(nine, HELSINKI)["features"] == []
    assert features([], HELSINKI)["features"] == []
    ten = features([*nine, (HELSINKI.lon, HELSINKI.lat), (999.0, 99.0)], HELSINKI)["features"]
    assert sum(point["properties"]["weight"] for point in ten) == pytest.approx(10)
