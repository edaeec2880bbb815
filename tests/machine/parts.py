"""How much of the machine the whole suite runs, and how it is cut into parts.

    DISTRICT_MACHINE_STEPS=200000 pytest -n 2 --dist loadscope tests/machine

The modules are shared by several processes; each has parts that end well within a test's time on a busy machine.
"""

import os
import time
from typing import Final

from tests.machine.base import Life
from tests.machine.whole import run

MODULES: Final = 4
PARTS_A_MODULE: Final = 7
STEPS: Final = int(os.environ.get("DISTRICT_MACHINE_STEPS", "60000"))
STEPS_A_PART: Final = -(-STEPS // (MODULES * PARTS_A_MODULE))
RUNS: Final = 4


def parts_of(module: int) -> range:
    """The parts of a module; a part is its seed."""
    return range((module - 1) * PARTS_A_MODULE + 1, module * PARTS_A_MODULE + 1)


def do_part(url: str, part: int) -> int:
    """Run a part; how many steps it did."""
    began, cuts = time.monotonic(), Life.cuts
    done = run(url, seed=part, steps=STEPS_A_PART, runs=RUNS)
    seconds = time.monotonic() - began
    print(f"{done} steps, {Life.cuts - cuts} cut lines, {done / seconds:.0f} steps/s")  # noqa: T201 shown on failure
    return done
