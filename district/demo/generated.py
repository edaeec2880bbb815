"""A file that was made in memory, where a packaged one is expected."""

import io
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Any


class GeneratedFile(Traversable):
    """Text under a name."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text

    @property
    def name(self) -> str:
        """Its name, with the ending by which its format is known."""
        return self._name

    def iterdir(self) -> Iterator[Traversable]:
        """Nothing is in a file."""
        return iter(())

    def is_dir(self) -> bool:
        """Never."""
        return False

    def is_file(self) -> bool:
        """Always."""
        return True

    def read_bytes(self) -> bytes:
        """The text in UTF-8."""
        return self._text.encode()

    def read_text(self, encoding: str | None = None) -> str:  # noqa: ARG002 the interface's own
        """The text."""
        return self._text

    def joinpath(self, *descendants: Any) -> Traversable:  # noqa: ARG002 the interface's own
        """Raises: NotADirectoryError."""
        raise NotADirectoryError(self._name)

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 the interface's own
        """The text, or its UTF-8."""
        return io.BytesIO(self._text.encode()) if "b" in mode else io.StringIO(self._text)
