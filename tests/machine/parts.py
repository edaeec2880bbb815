"""How much of the machine the whole suite runs, and how it is cut into parts.

    DISTRICT_MACHINE_STEPS=200000 pytest -n 2 --dist loadscope tests/machine

The parts are modules of their own, so that several processes share them. What a step costs is the services' own work,
some dozen statements: the suite runs as many as it has time for, a night as many as it is told to.
"""

import os
import time
from typing import Final

from tests.machine.base import Life
from tests.machine.whole import run

PARTS: Final = 4
STEPS: Final = int(os.environ.get("DISTRICT_MACHINE_STEPS", "8000"))
STEPS_A_PART: Final = STEPS // PARTS


def do_part(url: str, part: int) -> int:
    """Run a part; how many steps it did. The part is its seed."""
    began, cuts = time.monotonic(), Life.cuts
    done = run(url, seed=part, steps=STEPS_A_PART, runs=10)
    seconds = time.monotonic() - began
    print(f"{done} steps, {Life.cuts - cuts} cut lines, {done / seconds:.0f} steps/s")  # noqa: T201 shown on failure
    return done
