"""Points and tills as in the tests of points."""

from tests.district.points.conftest import Bank, bank

__all__ = ["Bank", "bank"]
