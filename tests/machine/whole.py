"""The machine: all rules together, and how it is run so that its steps are counted."""

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.base import Life
from tests.machine.journals import Journals
from tests.machine.keepers import Keepers
from tests.machine.merges import Merges
from tests.machine.world import World

STEPS_A_RUN = 150
RUNS_A_SEED = 40
"""How many districts one seed makes; then the next seed, until the steps are done."""


class Whole(Merges, Journals, Keepers):
    """Everything that happens to a coupon."""


def run(url: str, *, seed: int, steps: int, runs: int = RUNS_A_SEED, shrinks: bool = True) -> int:
    """Run until so many steps are done; how many were. The same seed does the same steps.

    Raises: whatever does not hold, with the shortest way to it that was found.
    """
    world = World(url)
    begun = Life.steps
    number = 0
    try:
        while Life.steps - begun < steps:
            machine = type("Coupons", (Whole,), {})
            hypothesis.seed(seed * 1_000 + number)(machine)
            run_state_machine_as_test(machine, settings=_settings(runs, shrinks=shrinks))
            number += 1
    finally:
        world.close()
    return Life.steps - begun


def _settings(runs: int, *, shrinks: bool) -> settings:
    return settings(
        max_examples=runs,
        stateful_step_count=STEPS_A_RUN,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
        print_blob=True,
    )
