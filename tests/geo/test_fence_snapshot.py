"""Damaged or foreign snapshots are refused; what a changed fence set leaves is restored."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import fences, geojson
from geo.coordinates import LonLat
from geo.errors import SnapshotInvalid
from geo.fence_index import Fence, FenceId, FenceIndex, FencePolicy
from geo.fence_snapshot import restore, snapshot
from geo.fence_state import FenceState
from geo.metric import LocalPlane
from geo.transitions import Fixes

PLANE = LocalPlane(anchor=LonLat(lon=24.94, lat=60.17), radius_m=2_000)


def fence(number: int, radius_m: float = 20.0) -> Fence:
    polygon = geojson.circle(PLANE.anchor, radius_m, 16)
    return Fence(id=FenceId(UUID(int=number)), polygon=polygon, dwell=timedelta(seconds=10))


def index_of(*some: Fence) -> FenceIndex:
    return FenceIndex(some, plane=PLANE, policy=FencePolicy(confirmations=1))


def occupied(index: FenceIndex, devices: int = 5) -> FenceState:
    state = FenceState(index)
    rows = state.allocate(devices, segment=0)
    zeros = np.zeros(devices)
    fences.advance(state, index, Fixes(row=rows, x_m=zeros, y_m=zeros, at_ms=np.arange(devices) + 1_000))
    return state


INDEX = index_of(fence(1), fence(2))
DATA = snapshot(occupied(INDEX), INDEX)


def test_equal_states_give_equal_bytes() -> None:
    again = index_of(fence(1), fence(2))
    assert snapshot(occupied(again), again) == DATA


def test_only_unchanged_fences_keep_their_visits() -> None:
    index = index_of(fence(3), fence(2), fence(1, radius_m=21.0))
    state = restore(DATA, index)
    assert [state.inside_count(slot) for slot in range(3)] == [0, 5, 0]
    assert len(state) == 5
    assert len(state.visits) == 5
    due = fences.tick(state, index, 11_002).transitions
    assert due.slot.tolist() == [1, 1, 1]
    assert due.at_ms.tolist() == [11_000, 11_001, 11_002]


def test_ten_thousand_idle_rows_add_little() -> None:
    state = FenceState(INDEX, rows=10_000)
    assert len(snapshot(state, INDEX)) < 4 * 10_000 + 1_000


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:8],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"SQFENCE9" + data[8:],
        lambda data: data[:8] + b"\xff\xff\xff\xff" + data[12:],
        lambda data: data.replace(b'"rows":256', b'"rows":999'),
    ],
)
def test_damaged_bytes_are_refused(damage: Callable[[bytes], bytes]) -> None:
    damaged = damage(DATA)
    assert damaged != DATA
    with pytest.raises(SnapshotInvalid, match="snapshot"):
        restore(damaged, INDEX)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_flipped_byte_is_noticed(at: int, flip: int) -> None:
    damaged = bytearray(DATA)
    damaged[at] ^= flip
    with pytest.raises(SnapshotInvalid):
        restore(bytes(damaged), INDEX)
