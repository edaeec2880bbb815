"""The values of the fence state machine: batches of fixes in, transitions out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from geo.fence_index import FenceId
from geo.grid import Floats, Integers

Codes = npt.NDArray[np.int8]
Rows = Integers  # device rows of a FenceState


class Kind(IntEnum):
    """Codes of transitions, in the order in which one fix reports them."""

    ENTER = 1
    DWELL = 2
    EXIT = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixes:
    """A batch in arrival order, all (n,): device rows, plane metres (NaN: far away), stream milliseconds.

    accuracy_m: NaN, or None for the whole batch, is unknown. floor: codes of FenceIndex.floor_code; None is
    unknown for the whole batch.
    """

    row: Rows
    x_m: Floats
    y_m: Floats
    at_ms: Integers
    accuracy_m: Floats | None = None
    floor: Integers | None = None

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: Integers) -> "Fixes":
        """The fixes at these places."""
        return Fixes(
            row=self.row[chosen],
            x_m=self.x_m[chosen],
            y_m=self.y_m[chosen],
            at_ms=self.at_ms[chosen],
            accuracy_m=None if self.accuracy_m is None else self.accuracy_m[chosen],
            floor=None if self.floor is None else self.floor[chosen],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Transitions:
    """What happened, all (m,), ordered by fix, slot and kind (of a tick: by time, row, slot and kind).

    fix: place in the batch, -1 for those of a tick or a change. entered_ms: when this visit began, equal for
    its enter, dwell and exit. A slot names its fence until the next change of the index.
    """

    fix: Integers
    row: Rows
    slot: Integers
    kind: Codes
    at_ms: Integers
    entered_ms: Integers

    def __len__(self) -> int:
        return len(self.row)


def visit_id(device: str, fence: FenceId, entered_ms: int) -> UUID:
    """The name of a visit, equal on every replay of the stream."""
    return uuid5(fence, f"{device}/{entered_ms}")


def merged(parts: Sequence[Transitions]) -> Transitions:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0, np.int64)
        return Transitions(
            fix=none, row=none, slot=none, kind=none.astype(np.int8), at_ms=none, entered_ms=none
        )
    return Transitions(
        fix=np.concatenate([part.fix for part in parts]),
        row=np.concatenate([part.row for part in parts]),
        slot=np.concatenate([part.slot for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        at_ms=np.concatenate([part.at_ms for part in parts]),
        entered_ms=np.concatenate([part.entered_ms for part in parts]),
    )


def at_places(transitions: Transitions, chosen: Integers) -> Transitions:
    """The same, with the places of a part of a batch turned into places of the batch."""
    return replace(transitions, fix=chosen[transitions.fix])


def in_order(transitions: Transitions, order: Integers) -> Transitions:
    return Transitions(
        fix=transitions.fix[order],
        row=transitions.row[order],
        slot=transitions.slot[order],
        kind=transitions.kind[order],
        at_ms=transitions.at_ms[order],
        entered_ms=transitions.entered_ms[order],
    )
