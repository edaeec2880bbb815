"""A visitor of the shell on its own."""

from collections.abc import Iterator

import pytest

from tests.district.web.shell_app import Visitor, make_app


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    made = Visitor(make_app())
    yield made
    made.close()
