"""The life of coupons, in parts: each is a class of its own, so that several processes share them evenly."""

import pytest

from tests.machine.parts import PARTS, STEPS_A_PART, do_part


class _Part:
    """One part."""

    part: int

    @pytest.mark.timeout(1_200)
    def test_coupons_live_as_the_model_says(self, database_url: str) -> None:
        assert do_part(database_url, self.part) >= STEPS_A_PART


for number in range(1, PARTS + 1):
    globals()[f"TestPart{number}"] = type(f"TestPart{number}", (_Part,), {"part": number})
