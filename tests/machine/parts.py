"""How much of the machine the whole suite runs, and how it is cut into parts.

DISTRICT_MACHINE_STEPS=200000 pytest -n 2 --dist loadscope tests/machine
"""

import os
import time
from typing import Final

from tests.machine.base import Life
from tests.machine.whole import run

PARTS: Final = 28
"""Each is a test that ends well within its time on a busy machine."""
STEPS: Final = int(os.environ.get("DISTRICT_MACHINE_STEPS", "200000"))
STEPS_A_PART: Final = -(-STEPS // PARTS)
RUNS: Final = 12
"""How many districts are made before it is asked whether a part's steps are done."""


def do_part(url: str, part: int) -> int:
    """Run a part, whose number is its seed; how many steps it did."""
    began, cuts = time.monotonic(), Life.cuts
    done = run(url, seed=part, steps=STEPS_A_PART, runs=RUNS)
    seconds = time.monotonic() - began
    print(f"{done} steps, {Life.cuts - cuts} cut lines, {done / seconds:.0f} steps/s")  # noqa: T201 shown on failure
    return done
