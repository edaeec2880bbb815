"""The life of coupons, 1 of 4: each module has steps of its own, and a process of its own where there are several."""

import pytest

from tests.machine.parts import STEPS_A_PART, do_part, parts_of


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", parts_of(1))
def test_coupons_live_as_the_model_says(database_url: str, part: int) -> None:
    assert do_part(database_url, part) >= STEPS_A_PART
