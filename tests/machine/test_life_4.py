"""The life of coupons, part 4 of 4: each part has steps of its own, and a process of its own where there are several."""

import pytest

from tests.machine.parts import STEPS_A_PART, do_part


@pytest.mark.timeout(1_800)
def test_coupons_live_as_the_model_says(database_url: str) -> None:
    assert do_part(database_url, 4) >= STEPS_A_PART
