"""What benchmarks share: CPU seconds of processes, percentiles, and a figure with its goal and verdict."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

_CPUCLOCK_SCHED: Final = 2


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number with the numbers it was made of, and what it should be."""

    name: str
    value: float
    goal: float
    unit: str
    made_of: str
    is_ceiling: bool = False
    """The value should be at most the goal, not at least."""

    def holds(self, slack: float) -> bool:
        """Whether the goal, taken times ``slack`` (0.6 in CI), is reached."""
        return self.value <= self.goal / slack if self.is_ceiling else self.value >= self.goal * slack

    def line(self, slack: float) -> str:
        """Both numbers, the goal and the verdict."""
        bound = "at most" if self.is_ceiling else "at least"
        verdict = (
            "ok" if self.holds(1.0) else "MISSED" if not self.holds(slack) else "below goal, within slack"
        )
        return f"  {self.name:38} {self.value:>12,.4g} {self.unit:12} ({self.made_of}); goal {bound} {self.goal:,g}: {verdict}"


def verdict(title: str, figures: Sequence[Figure], slack: float) -> int:
    """Print the figures; 1 if one misses its goal times ``slack``."""
    print(title)
    for figure in figures:
        print(figure.line(slack), flush=True)
    return 0 if all(figure.holds(slack) for figure in figures) else 1


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its threads, to the nanosecond: clock_getcpuclockid(3), whose numbers
    Linux makes of the process's in this way."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def cpu_seconds_of_all(pids: Sequence[int]) -> float:
    """User and system time of these processes and everything below them that lives now; what has ended is not counted."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(stat.parent.name))
    total, left, seen = 0.0, list(pids), set[int]()
    while left:
        pid = left.pop()
        if pid in seen:
            continue
        seen.add(pid)
        left += below.get(pid, [])
        try:
            total += cpu_seconds(pid)
        except OSError:
            continue
    return total


def resident_bytes(pid: int) -> int:
    """The memory that a process holds now, proc(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed; infinite when there are none."""
    return float(np.quantile(values, share, method="higher")) if len(values) else float("inf")
