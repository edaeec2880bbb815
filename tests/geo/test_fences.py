"""The vectorised state machine against its one-by-one oracle, for any split, change and restart."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo import fences, geojson
from geo.coordinates import LonLat
from geo.errors import FenceRefused
from geo.fence_index import Fence, FenceId, FenceIndex, FencePolicy, accuracy_limit_m
from geo.fence_snapshot import restore, snapshot
from geo.fence_state import FenceState
from geo.metric import LocalPlane
from geo.transitions import Fixes, Kind, Transitions, visit_id
from tests.geo.fence_oracle import Event, Oracle, Seen, events_of

PLANE = LocalPlane(anchor=LonLat(lon=121.4737, lat=31.2304))
FLOORS = [None, "1", "2"]
POLICIES = [
    FencePolicy(exit_buffers_m=()),
    FencePolicy(),
    FencePolicy(exit_buffers_m=(8.0,), confirmations=2),
    FencePolicy(exit_buffers_m=(), confirmations=2, idle=timedelta(seconds=40)),
    FencePolicy(exit_buffers_m=(5.0, 15.0), idle=timedelta(seconds=60)),
]


def fence_at(
    number: int, *, x_m: float = 0.0, y_m: float = 0.0, radius_m: float = 20.0, **rules: object
) -> Fence:
    polygon = geojson.circle(PLANE.position_at(x_m=x_m, y_m=y_m), radius_m, 32)
    return Fence(id=FenceId(UUID(int=number)), polygon=polygon, **rules)  # type: ignore[arg-type]


def some_fences(rng: np.random.Generator, count: int, first: int = 1) -> list[Fence]:
    return [
        fence_at(
            first + i,
            x_m=float(rng.uniform(-60, 60)),
            y_m=float(rng.uniform(-60, 60)),
            radius_m=float(rng.uniform(4, 40)),
            floor=FLOORS[int(rng.choice(3, p=[0.7, 0.2, 0.1]))],
            dwell=timedelta(seconds=int(rng.integers(3, 40))) if rng.random() < 0.5 else None,
            max_accuracy_m=float(rng.choice([math.inf, 5.0, 12.0])),
        )
        for i in range(count)
    ]


def walk(rng: np.random.Generator, count: int, devices: int) -> list[Seen]:
    """A stream in arrival order: walkers with noise, repeats, late fixes, far jumps and lost floors."""
    at = rng.uniform(-60, 60, (devices, 2))
    clock = rng.integers(0, 3_000, devices)
    seen = []
    for _ in range(count):
        device = int(rng.integers(devices))
        at[device] += rng.normal(0, 9, 2)
        at[device] = np.clip(at[device], -80, 80)
        clock[device] += rng.choice(
            [-2_000, 0, 1, 1_000, 5_000, 30_000], p=[0.05, 0.05, 0.1, 0.4, 0.35, 0.05]
        )
        x_m, y_m = at[device] if rng.random() > 0.02 else (np.nan, np.nan)
        accuracy_m = float(rng.choice([np.nan, 2.0, 5.0, 8.0, 30.0]))
        floor = FLOORS[int(rng.choice(3, p=[0.4, 0.4, 0.2]))]
        seen.append(
            Seen(
                device=device,
                x_m=float(x_m),
                y_m=float(y_m),
                at_ms=int(clock[device]) + 10_000,
                accuracy_m=accuracy_m,
                floor=floor,
            )
        )
    return seen


@dataclass
class Run:
    """An engine in little: it keeps the rows of devices and feeds batches."""

    index: FenceIndex
    state: FenceState
    rows: dict[int, int] = field(default_factory=dict)

    def devices(self) -> dict[int, int]:
        return {row: device for device, row in self.rows.items()}

    def feed(self, batch: list[Seen]) -> list[Event]:
        for device in dict.fromkeys(fix.device for fix in batch):
            if device not in self.rows:
                self.rows[device] = int(self.state.allocate(1)[0])
        return events_of(
            fences.advance(self.state, self.index, self.fixes(batch)), self.index, self.devices()
        )

    def tick(self, now_ms: int) -> list[Event]:
        step = fences.tick(self.state, self.index, now_ms)
        events = events_of(step.transitions, self.index, self.devices())
        gone = set(step.evicted.tolist())
        self.rows = {device: row for device, row in self.rows.items() if row not in gone}
        return events

    def fixes(self, batch: list[Seen]) -> Fixes:
        return Fixes(
            row=np.array([self.rows[fix.device] for fix in batch], dtype=np.int64),
            x_m=np.array([fix.x_m for fix in batch]),
            y_m=np.array([fix.y_m for fix in batch]),
            at_ms=np.array([fix.at_ms for fix in batch], dtype=np.int64),
            accuracy_m=np.array([fix.accuracy_m for fix in batch]),
            floor=np.array([self.index.floor_code(fix.floor) for fix in batch], dtype=np.int64),
        )


def started(some: list[Fence], policy: FencePolicy | None = None) -> Run:
    index = FenceIndex(some, plane=PLANE, policy=policy or FencePolicy(exit_buffers_m=()))
    return Run(index=index, state=FenceState(index, rows=1))


def fix(
    device: int, at_s: float, x_m: float, *, accuracy_m: float = math.nan, floor: str | None = None
) -> Seen:
    return Seen(device=device, x_m=x_m, y_m=0.0, at_ms=int(at_s * 1_000), accuracy_m=accuracy_m, floor=floor)


def kinds(events: list[Event]) -> list[Kind]:
    return [event[2] for event in events]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(POLICIES), st.integers(1, 70), st.integers(1, 60))
def test_any_split_gives_what_the_rules_say(seed: int, policy: FencePolicy, count: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    run = started(some_fences(rng, count), policy)
    oracle = Oracle(run.index)
    stream = walk(rng, 150, devices=int(rng.integers(1, 12)))
    ids = list(run.index.slots)
    for start in range(0, len(stream), 50):
        _flip_masks(rng, run, oracle, ids)
        part = stream[start : start + 50]
        given_: list[Event] = []
        for low in range(0, len(part), size):
            given_ += run.feed(part[low : low + size])
        expected = [event for seen in part for event in _in_slot_order(oracle.see(seen), run.index)]
        assert given_ == expected
        now_ms = max(seen.at_ms for seen in stream[: start + 50])
        assert sorted(run.tick(now_ms)) == sorted(oracle.tick(now_ms))
    assert set(run.rows.values()) == set(np.flatnonzero(run.state.used).tolist())


def _in_slot_order(events: list[Event], index: FenceIndex) -> list[Event]:
    return sorted(events, key=lambda event: (index.slots[FenceId(event[1])], event[2]))


def _flip_masks(rng: np.random.Generator, run: Run, oracle: Oracle, ids: list[FenceId]) -> None:
    closed = [fence_id for fence_id in ids if rng.random() < 0.15]
    run.index.set_live(ids, live=True)
    run.index.set_live(closed, live=False)
    oracle.closed = set(closed)
    if rng.random() < 0.5:
        members = [fence_id for fence_id in ids if rng.random() < 0.5]
        run.index.set_segment(3, members)
        oracle.allowed[3] = set(members)
    for device, row in run.rows.items():
        segment = int(rng.choice([0, 3, 4], p=[0.6, 0.3, 0.1]))
        run.state.set_segment(np.array([row]), segment)
        oracle.devices[device].segment = segment


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from(POLICIES))
def test_a_restored_state_goes_on_as_if_nothing_had_happened(seed: int, policy: FencePolicy) -> None:
    rng = np.random.default_rng(seed)
    some = some_fences(rng, 20)
    run = started(some, policy)
    stream = walk(rng, 120, devices=8)
    run.feed(stream[:60])
    run.tick(stream[59].at_ms)
    data = snapshot(run.state, run.index)
    shuffled = [some[i] for i in rng.permutation(20)]
    index = FenceIndex(shuffled, plane=PLANE, policy=policy)
    again = Run(index=index, state=restore(data, index), rows=dict(run.rows))
    same = restore(data, run.index)
    assert snapshot(same, run.index) == data
    for low in range(60, 120, 20):
        part = stream[low : low + 20]
        assert sorted(run.feed(part)) == sorted(again.feed(part))
        assert sorted(run.tick(part[-1].at_ms)) == sorted(again.tick(part[-1].at_ms))
    assert run.rows == again.rows


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from(POLICIES))
def test_live_changes_do_not_touch_the_other_fences(seed: int, policy: FencePolicy) -> None:
    rng = np.random.default_rng(seed)
    kept, passing = some_fences(rng, 15), some_fences(rng, 30, first=100)
    still, changing = started(kept, policy), started(kept + passing[:15], policy)
    ids = {fence.id for fence in kept}
    stream = walk(rng, 120, devices=6)
    for low in range(0, 120, 20):
        part = stream[low : low + 20]
        mine = [event for event in changing.feed(part) if FenceId(event[1]) in ids]
        assert sorted(mine) == sorted(still.feed(part))
        gone = [fence.id for fence in passing if fence.id in changing.index.slots and rng.random() < 0.5]
        new = [fence for fence in passing if fence.id not in changing.index.slots and rng.random() < 0.5]
        fences.change(changing.state, changing.index, add=new, remove=gone, at_ms=part[-1].at_ms)
        ticked = [event for event in changing.tick(part[-1].at_ms) if FenceId(event[1]) in ids]
        assert sorted(ticked) == sorted(still.tick(part[-1].at_ms))
    assert len(changing.state.visits) == int(np.bitwise_count(changing.state.inside).sum())


def test_a_visit_is_entered_dwelled_and_left_once() -> None:
    run = started([fence_at(1, dwell=timedelta(seconds=30))])
    assert run.feed([fix(1, 0, 0)]) == [(1, UUID(int=1), Kind.ENTER, 0, 0)]
    assert run.tick(29_999) == []
    assert run.tick(31_000) == [(1, UUID(int=1), Kind.DWELL, 30_000, 0)]
    assert run.tick(60_000) == []
    assert run.feed([fix(1, 61, 5), fix(1, 62, 100)]) == [(1, UUID(int=1), Kind.EXIT, 62_000, 0)]


def test_a_dwell_due_before_the_exit_needs_no_tick() -> None:
    run = started([fence_at(1, dwell=timedelta(seconds=30))])
    run.feed([fix(1, 0, 0)])
    assert kinds(run.feed([fix(1, 30, 100)])) == [Kind.DWELL, Kind.EXIT]
    assert run.tick(90_000) == []


def test_a_fix_that_is_not_later_changes_nothing() -> None:
    run = started([fence_at(1)])
    run.feed([fix(1, 10, 0)])
    assert run.feed([fix(1, 10, 100), fix(1, 9, 100)]) == []
    assert kinds(run.feed([fix(1, 10.001, 100)])) == [Kind.EXIT]


def test_a_device_in_the_buffer_stays() -> None:
    run = started([fence_at(1)], FencePolicy(exit_buffers_m=(5.0, 20.0)))
    assert run.feed([fix(1, 0, 24)]) == []
    assert kinds(run.feed([fix(1, 1, 19)])) == [Kind.ENTER]
    assert run.feed([fix(1, 2, 24)]) == []
    assert run.feed([fix(1, 3, 38, accuracy_m=9)]) == []
    assert kinds(run.feed([fix(1, 4, 38, accuracy_m=2)])) == [Kind.EXIT]


def test_a_coarse_fix_changes_nothing_for_a_small_fence() -> None:
    limit_m = accuracy_limit_m(fence_at(1).polygon, PLANE)
    assert limit_m == 9.5
    run = started([fence_at(1, max_accuracy_m=limit_m), fence_at(2)])
    assert [event[1].int for event in run.feed([fix(1, 0, 0, accuracy_m=10)])] == [2]
    assert [event[1].int for event in run.feed([fix(1, 1, 0, accuracy_m=9)])] == [1]
    assert [event[1].int for event in run.feed([fix(1, 2, 100)])] == [2]


@pytest.mark.parametrize("floor", [None, "2", "no such floor"])
def test_a_floor_bound_fence_never_sees_another_or_an_unknown_floor(floor: str | None) -> None:
    run = started([fence_at(1, floor="1"), fence_at(2)])
    assert [event[1].int for event in run.feed([fix(1, 0, 0, floor=floor)])] == [2]
    assert [event[1].int for event in run.feed([fix(1, 1, 0, floor="1")])] == [1]


def test_those_inside_are_counted_all_or_some() -> None:
    run = started([fence_at(1), fence_at(2, x_m=300)])
    run.feed([fix(1, 0, 0), fix(2, 0, 0), fix(3, 0, 300)])
    members = np.zeros(len(run.state.used), np.bool_)
    members[run.rows[2]] = members[run.rows[3]] = True
    assert [run.state.inside_count(slot) for slot in (0, 1)] == [2, 1]
    assert [run.state.inside_count(slot, members) for slot in (0, 1)] == [1, 1]


def test_becoming_eligible_inside_enters_at_the_next_fix() -> None:
    run = started([fence_at(1)])
    run.index.set_live([FenceId(UUID(int=1))], live=False)
    assert run.feed([fix(1, 0, 0)]) == []
    run.index.set_live([FenceId(UUID(int=1))], live=True)
    assert kinds(run.feed([fix(1, 5, 0)])) == [Kind.ENTER]
    run.index.set_live([FenceId(UUID(int=1))], live=False)
    assert kinds(run.feed([fix(1, 6, 0)])) == [Kind.EXIT]


def test_a_silent_device_leaves_and_its_row_is_free() -> None:
    run = started([fence_at(1)], FencePolicy(idle=timedelta(minutes=10)))
    run.feed([fix(1, 0, 0), fix(2, 300, 0)])
    assert run.tick(599_999) == []
    assert run.tick(600_000) == [(1, UUID(int=1), Kind.EXIT, 600_000, 0)]
    assert list(run.rows) == [2]
    assert len(run.state) == 1
    assert kinds(run.feed([fix(1, 601, 0)])) == [Kind.ENTER]


def test_a_removed_fence_is_left_by_all_inside() -> None:
    run = started([fence_at(1), fence_at(2)])
    run.feed([fix(1, 0, 0), fix(2, 0, 0), fix(3, 0, 500)])
    gone = FenceId(UUID(int=2))
    exits, left = fences.change(run.state, run.index, add=[fence_at(3)], remove=[gone], at_ms=9_000)
    assert exits.row.tolist() == [run.rows[1], run.rows[2]]
    assert left == [gone, gone]
    assert [event[1].int for event in run.feed([fix(1, 10, 0)])] == [3]


def test_more_fences_than_were_planned_for_are_taken_in() -> None:
    run = started([fence_at(1)])
    run.feed([fix(1, 0, 0)])
    more = [fence_at(number) for number in range(2, 300)]
    fences.change(run.state, run.index, add=more, at_ms=1_000)
    assert len(run.feed([fix(1, 2, 0)])) == 298
    assert kinds(run.feed([fix(1, 3, 100)])) == [Kind.EXIT] * 299


def test_an_id_in_use_is_refused_and_nothing_is_added() -> None:
    run = started([fence_at(1)])
    with pytest.raises(FenceRefused, match="id"):
        run.index.add([fence_at(2), fence_at(1)])
    assert list(run.index.slots) == [FenceId(UUID(int=1))]


@pytest.mark.parametrize(
    "make",
    [
        lambda: fence_at(1, dwell=timedelta(0)),
        lambda: fence_at(1, max_accuracy_m=0.0),
        lambda: fence_at(1, max_accuracy_m=math.nan),
        lambda: FencePolicy(exit_buffers_m=(10.0, 5.0)),
        lambda: FencePolicy(exit_buffers_m=(0.0,)),
        lambda: FencePolicy(confirmations=3),
        lambda: FencePolicy(idle=timedelta(0)),
    ],
)
def test_impossible_rules_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(FenceRefused):
        make()


@pytest.mark.parametrize("row", [-1, 0, 10**9])
def test_a_row_without_a_device_is_refused(row: int) -> None:
    run = started([fence_at(1)])
    batch = Fixes(row=np.array([row]), x_m=np.zeros(1), y_m=np.zeros(1), at_ms=np.zeros(1, np.int64))
    with pytest.raises(FenceRefused, match="allocate"):
        fences.advance(run.state, run.index, batch)


def test_an_unknown_fence_has_no_window() -> None:
    run = started([fence_at(1)])
    with pytest.raises(FenceRefused, match="not in the index"):
        run.index.set_live([FenceId(UUID(int=9))], live=False)
    with pytest.raises(FenceRefused, match="not in the index"):
        run.index.set_segment(1, [FenceId(UUID(int=9))])
    with pytest.raises(FenceRefused, match="segment"):
        run.index.set_segment(5_000, [])


def test_an_empty_batch_changes_nothing() -> None:
    run = started([fence_at(1)])
    assert run.feed([]) == []


def test_visit_ids_repeat_on_replay_and_differ_otherwise() -> None:
    fence = FenceId(UUID(int=1))
    assert visit_id("device", fence, 5) == visit_id("device", fence, 5)
    ids = {
        visit_id("a", fence, 5),
        visit_id("b", fence, 5),
        visit_id("a", fence, 6),
        visit_id("a", FenceId(UUID(int=2)), 5),
    }
    assert len(ids) == 4


def test_transitions_of_one_visit_share_its_enter_time() -> None:
    run = started([fence_at(1)])
    run.feed([fix(1, 7, 0)])
    batch = run.fixes([fix(1, 8, 100)])
    left: Transitions = fences.advance(run.state, run.index, batch)
    assert left.entered_ms.tolist() == [7_000]
    assert shapely.area(run.index.fence(0).polygon) > 0
