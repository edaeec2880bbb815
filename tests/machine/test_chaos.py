"""The machine with a seed that nobody has seen: ``make chaos``; DISTRICT_CHAOS_SEED=7 does the same steps again."""

import os
import random

import pytest

from tests.machine.whole import run

SEED = int(os.environ.get("DISTRICT_CHAOS_SEED") or random.randrange(1 << 20))
STEPS = int(os.environ.get("DISTRICT_CHAOS_STEPS", "100000"))


@pytest.mark.chaos
@pytest.mark.timeout(7_200)
def test_coupons_live_as_the_model_says_whatever_the_seed(database_url: str) -> None:
    print(f"DISTRICT_CHAOS_SEED={SEED}")  # noqa: T201 shown when the test fails
    assert run(database_url, seed=SEED, steps=STEPS) >= STEPS
