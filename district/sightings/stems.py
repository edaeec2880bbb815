"""Source ids that the edge made: a column of fixed width, written out only where somebody reads them."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

STEM_BYTES = 9


class Stems(Sequence[str]):
    """The ids of rows whose source gives none, as lower-case hexadecimal digits; ``packed`` is (n,) V9."""

    __slots__ = ("packed",)

    def __init__(self, packed: npt.NDArray[np.void]) -> None:
        self.packed = packed

    @classmethod
    def of(cls, joined: bytes) -> "Stems":
        """Those that ``tobytes`` gave."""
        return cls(np.frombuffer(joined, np.dtype(f"V{STEM_BYTES}")))

    def tobytes(self) -> bytes:
        """All in one piece."""
        return self.packed.tobytes()

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> "Stems": ...

    def __getitem__(self, row: int | slice) -> "str | Stems":
        if isinstance(row, slice):
            return Stems(self.packed[row])
        return bytes(self.packed[row]).hex()

    def __iter__(self) -> Iterator[str]:
        digits = self.tobytes().hex()
        return (digits[start : start + 2 * STEM_BYTES] for start in range(0, len(digits), 2 * STEM_BYTES))

    def take(self, rows: npt.NDArray[np.int64]) -> "Stems":
        """Those of some rows."""
        return Stems(self.packed[rows])
