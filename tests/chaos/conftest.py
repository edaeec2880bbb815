"""A product under load, to be killed piece by piece."""

from collections.abc import Iterator

import pytest

from tests.chaos.load import Load
from tests.product import Product


@pytest.fixture
def product() -> Iterator[Product]:
    """Everything on its own data directory; a new one for each test."""
    with Product() as product:
        yield product


@pytest.fixture
def load(product: Product) -> Load:
    """A district with members, their posts, and what was answered."""
    return Load.prepared(product)
