"""Who enters, dwells in and leaves which fence: one step of the state machine over a batch of fixes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.errors import FenceRefused
from geo.fence_index import Fence, FenceId, FenceIndex, held
from geo.fence_state import NEVER, FenceState, Rows
from geo.grid import Integers
from geo.pairs import keys_of, row_of, slot_of
from geo.raster import WORD, Bits, set_bits
from geo.transitions import Fixes, Kind, Transitions, at_places, in_order, merged


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """The transitions of a moment, and the rows freed because their devices fell silent."""

    transitions: Transitions
    evicted: Rows


def advance(state: FenceState, index: FenceIndex, fixes: Fixes) -> Transitions:
    """Move devices to new fixes.

    A device is inside an eligible fence from the first fix in it (boundary included) until a fix beyond
    its exit buffer; a fence that a device may no longer trigger is left at the next fix, and one that it
    may trigger anew is entered at the next fix inside. Every enter is followed by exactly one exit.
    A fix not later than its device's last changes nothing; fixes of several devices may come in any order.
    The transitions are the same for every split of a stream into batches. A dwell that is due when a
    still eligible visit ends, and was not reported by a tick, is reported just before the exit.
    """
    known = int(fixes.row.min(initial=0)) >= 0 and int(fixes.row.max(initial=0)) < len(state.used)
    if not known or not state.used[fixes.row].all():
        raise FenceRefused("A fix names a row that no device has; allocate it first.")
    found = [_step(state, index, fixes, chosen) for chosen in _rounds(fixes.row)]
    every = merged(found)
    # One number to sort by: three keys would cost as much as the border tests.
    return in_order(every, np.argsort((keys_of(every.fix, every.slot) << 2) | every.kind))


def tick(state: FenceState, index: FenceIndex, now_ms: int) -> Tick:
    """Let stream time pass: report dwells that are due and exits of devices silent for policy.idle.

    A dwell is reported at its due time if the visit goes on and the device may still trigger the fence;
    otherwise this visit never reports it. A silent device's exits carry its last time plus policy.idle.
    """
    dwelled = _due(state, index, now_ms)
    silent = np.flatnonzero(
        state.used & (state.last_ms != NEVER) & (state.last_ms + index.policy.idle_ms <= now_ms)
    )
    keys = state.visit_keys(silent)
    row = row_of(keys)
    left = Transitions(
        fix=np.full(len(keys), -1),
        row=row,
        slot=slot_of(keys),
        kind=np.full(len(keys), Kind.EXIT, np.int8),
        at_ms=state.last_ms[row] + index.policy.idle_ms,
        entered_ms=state.visits.get(keys) >> 1,
    )
    state.release(silent)
    every = merged([dwelled, left])
    order = np.lexsort((every.kind, every.slot, every.row, every.at_ms))
    return Tick(transitions=in_order(every, order), evicted=silent)


def change(
    state: FenceState,
    index: FenceIndex,
    *,
    add: Sequence[Fence] = (),
    remove: Sequence[FenceId] = (),
    at_ms: int,
) -> tuple[Transitions, list[FenceId]]:
    """Change the fences of a running state; all others keep their slots and their visits.

    Returns the exits of the devices inside the removed fences, with the fence of each, as the slots are
    free again. A fence that changes is removed and added under one id in the same call.
    """
    gone = [fence_id for fence_id in dict.fromkeys(remove) if fence_id in index.slots]
    exits = [_leave(state, index.slots[fence_id], at_ms) for fence_id in gone]
    left = [fence_id for fence_id, piece in zip(gone, exits, strict=True) for _ in range(len(piece))]
    index.remove(gone)
    index.add(add)
    if index.words > state.words:
        state.widen(index.words)
    return merged(exits), left


def _rounds(row: Rows) -> Iterator[Integers]:
    """Places of the first fix of each device, then of the second, and so on."""
    order = np.argsort(row, kind="stable")
    ordered = row[order]
    begins = np.ones(len(row), np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    if begins.all():
        if len(row):
            yield np.arange(len(row))
        return
    start = np.flatnonzero(begins)
    rank = np.arange(len(row)) - np.repeat(start, np.diff(np.append(start, len(row))))
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))
    for begin, end in zip(np.concatenate((np.zeros(1, np.int64), ends[:-1])), ends, strict=True):
        yield np.sort(order[by_rank[begin:end]])


def _step(state: FenceState, index: FenceIndex, batch: Fixes, chosen: Integers) -> Transitions:
    """One fix each of different devices."""
    newer = batch.at_ms[chosen] > state.last_ms[batch.row[chosen]]
    chosen = chosen[newer]
    fixes = batch if len(chosen) == len(batch) else batch.take(chosen)
    state.last_ms[fixes.row] = fixes.at_ms
    track = index.masks.tracked(state.segment[fixes.row], fixes.floor)
    place, changed, old = _changed(state, index, fixes, track)
    place, bit = set_bits(place, changed)
    fix, slot = place // index.words, place % index.words * WORD + bit
    was_inside = _is_set(old.reshape(-1)[place], bit)
    visits = _Visits(fixes=fixes, fix=fix, slot=slot, keys=keys_of(fixes.row[fix], slot))
    entered = _enter(state, index, visits, np.flatnonzero(~was_inside))
    eligible = (
        np.ones(len(fix), np.bool_) if track is None else _is_set(_words(track, place, index.words), bit)
    )
    left = _exit(state, index, visits, np.flatnonzero(was_inside), eligible)
    return at_places(merged([entered, left]), chosen)


def _changed(
    state: FenceState, index: FenceIndex, fixes: Fixes, track: Bits | None
) -> tuple[Integers, Bits, Bits]:
    """Apply one fix each to `inside`: flat places of (fixes, words), the bits that changed, and all old bits."""
    old: Bits = state.inside.take(fixes.row, axis=0)
    change: Bits = index.raster.locate(fixes.x_m, fixes.y_m, track)
    change ^= old
    gate = index.masks.gates(fixes.accuracy_m)
    if gate is not None:
        change &= gate
    place = np.flatnonzero(change)
    bits = change.reshape(-1)[place]
    if index.outers:
        leaving = bits & old.reshape(-1)[place]
        if track is not None:
            leaving &= _words(track, place, index.words)
        level = index.levels(fixes.accuracy_m, len(fixes))
        bits &= ~held(index, place, leaving, (fixes.x_m, fixes.y_m), level)
    if state.confirming:
        change.reshape(-1)[place] = bits
        place, bits = _confirmed(state, fixes.row, change, gate)
    flat = fixes.row[place // index.words] * index.words + place % index.words
    state.inside.reshape(-1)[flat] ^= bits
    return place, bits, old


def _confirmed(state: FenceState, row: Rows, change: Bits, gate: Bits | None) -> tuple[Integers, Bits]:
    """The changes that the fix before asked for too; the others wait for the next one."""
    pending = state.pending.take(row, axis=0)
    agreed = change & pending
    waiting = change ^ agreed
    if gate is not None:
        waiting |= pending & ~gate
    state.pending[row] = waiting
    place = np.flatnonzero(agreed)
    return place, agreed.reshape(-1)[place]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Visits:
    """The pairs that one step changes."""

    fixes: Fixes
    fix: Integers
    slot: Integers
    keys: Integers

    def transitions(self, chosen: Integers, kind: Kind, at_ms: Integers, entered_ms: Integers) -> Transitions:
        return Transitions(
            fix=self.fix[chosen],
            row=self.fixes.row[self.fix[chosen]],
            slot=self.slot[chosen],
            kind=np.full(len(chosen), kind, np.int8),
            at_ms=at_ms,
            entered_ms=entered_ms,
        )


def _enter(state: FenceState, index: FenceIndex, visits: _Visits, chosen: Integers) -> Transitions:
    at_ms = visits.fixes.at_ms[visits.fix[chosen]]
    keys = visits.keys[chosen]
    state.visits.put(keys, at_ms << 1)
    dwell_ms = index.dwell_ms[visits.slot[chosen]]
    timed = dwell_ms > 0
    if timed.any():
        state.dwells.put((at_ms + dwell_ms)[timed], keys[timed], at_ms[timed])
    return visits.transitions(chosen, Kind.ENTER, at_ms, at_ms)


def _exit(
    state: FenceState, index: FenceIndex, visits: _Visits, chosen: Integers, eligible: npt.NDArray[np.bool_]
) -> Transitions:
    values = state.visits.pop(visits.keys[chosen])
    entered_ms, dwelled = values >> 1, (values & 1) == 1
    at_ms = visits.fixes.at_ms[visits.fix[chosen]]
    dwell_ms = index.dwell_ms[visits.slot[chosen]]
    late = np.flatnonzero((dwell_ms > 0) & ~dwelled & eligible[chosen] & (entered_ms + dwell_ms <= at_ms))
    left = visits.transitions(chosen, Kind.EXIT, at_ms, entered_ms)
    if not len(late):
        return left
    due_ms = (entered_ms + dwell_ms)[late]
    return merged([visits.transitions(chosen[late], Kind.DWELL, due_ms, entered_ms[late]), left])


def _due(state: FenceState, index: FenceIndex, now_ms: int) -> Transitions:
    due_ms, keys, entered_ms = state.dwells.take(now_ms)
    values = state.visits.get(keys)
    row, slot = row_of(keys), slot_of(keys)
    # Gone, or entered anew since; or silent for so long that the visit ends before it is due.
    ongoing = (values == entered_ms << 1) & (due_ms <= state.last_ms[row] + index.policy.idle_ms)
    due_ms, keys, entered_ms, row, slot = (part[ongoing] for part in (due_ms, keys, entered_ms, row, slot))
    # A row that was freed and given to a new device may have queued the very same visit twice.
    once = np.ones(len(keys), np.bool_)
    once[1:] = keys[1:] != keys[:-1]
    due_ms, keys, entered_ms, row, slot = (part[once] for part in (due_ms, keys, entered_ms, row, slot))
    state.visits.set(keys, (entered_ms << 1) | 1)
    reported = index.masks.eligible(state.segment[row], slot) == 1
    return Transitions(
        fix=np.full(int(reported.sum()), -1),
        row=row[reported],
        slot=slot[reported],
        kind=np.full(int(reported.sum()), Kind.DWELL, np.int8),
        at_ms=due_ms[reported],
        entered_ms=entered_ms[reported],
    )


def _leave(state: FenceState, slot: int, at_ms: int) -> Transitions:
    rows = state.rows_inside(slot)
    entered_ms = state.drop_slot(slot, rows) >> 1
    return Transitions(
        fix=np.full(len(rows), -1),
        row=rows,
        slot=np.full(len(rows), slot),
        kind=np.full(len(rows), Kind.EXIT, np.int8),
        at_ms=np.maximum(state.last_ms[rows], at_ms),
        entered_ms=entered_ms,
    )


def _is_set(words: Bits, bit: Integers) -> npt.NDArray[np.bool_]:
    answer: npt.NDArray[np.bool_] = (words >> bit.astype(np.uint64)) & np.uint64(1) == 1
    return answer


def _words(rows: Bits, place: Integers, words: int) -> Bits:
    """The words at flat places of (fixes, words) rows, or of one row that stands for all fixes."""
    return rows.reshape(-1).take(place % words if len(rows) == 1 else place)
