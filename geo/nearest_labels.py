"""What stores are called: labels as small numbers, names that contain some words, and words for trades."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

NO_LABEL: Final = -1
_BETWEEN: Final = "\x00"
_LEAST_LETTERS: Final = 3
"""Of a word in letters that stands for the beginning of a longer one; a Chinese character is a word already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """One label, or none, for each of n stores. codes: (n,) int32, NO_LABEL = -1."""

    numbers: dict[str, int]
    codes: NDArray[np.int32]
    counts: NDArray[np.intp]

    @classmethod
    def read(cls, labels: Iterable[str | None], size: int) -> "Labels":
        """Number the labels in the order in which they first appear."""
        numbers: dict[str, int] = {}
        codes = np.fromiter(
            (NO_LABEL if label is None else numbers.setdefault(label, len(numbers)) for label in labels),
            np.int32,
            size,
        )
        counts = np.bincount(codes[codes != NO_LABEL], minlength=len(numbers))
        return cls(numbers=numbers, codes=codes, counts=counts)

    def rows(self) -> list[Rows]:
        """The rows of each label, ascending, by its number."""
        order = np.argsort(self.codes, kind="stable")
        ends = np.searchsorted(self.codes[order], np.arange(len(self.numbers) + 1))
        return [order[start:end] for start, end in pairwise(ends)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The folded texts of n stores, each different text held once, in one long string."""

    joined: str
    starts: list[int]
    labels: Labels

    @classmethod
    def read(cls, names: Sequence[str], brands: Sequence[str | None]) -> "Names":
        """Names and brands are searched together, and never across their border."""
        folded: dict[tuple[str, str | None], str] = {}
        for pair in zip(names, brands, strict=True):
            if pair not in folded:
                folded[pair] = _BETWEEN.join(fold(part) for part in pair if part)
        texts = (folded[pair] for pair in zip(names, brands, strict=True))
        labels = Labels.read(texts, len(names))
        starts = np.cumsum([0, *(len(text) + 1 for text in labels.numbers)]).tolist()
        return cls(joined=_BETWEEN.join(labels.numbers), starts=starts, labels=labels)

    def containing(self, words: str) -> Rows:
        """The rows, ascending, whose name or brand contains the words; none for words that fold to nothing."""
        wanted = fold(words)
        found = np.zeros(len(self.labels.numbers), dtype=np.bool_)
        at = self.joined.find(wanted) if wanted else -1
        text = 0
        while at >= 0:
            text = bisect_right(self.starts, at, lo=text) - 1
            found[text] = True
            at = self.joined.find(wanted, self.starts[text + 1])
            text += 1
        return np.flatnonzero(found[self.labels.codes])


@dataclass(frozen=True, kw_only=True, slots=True)
class Trades:
    """The folded words for the categories of an index, in order. numbers: the category of each word."""

    words: list[str]
    numbers: list[int]

    @classmethod
    def read(cls, categories: Labels, words_of: Callable[[str], Iterable[str]]) -> "Trades":
        """The words that ``words_of`` gives for each category that there is."""
        pairs = sorted(
            (folded, number)
            for label, number in categories.numbers.items()
            for folded in {fold(word) for word in words_of(label)} - {""}
        )
        return cls(words=[word for word, _ in pairs], numbers=[number for _, number in pairs])

    def meant(self, word: str) -> frozenset[int]:
        """The categories for which there is a word that begins with this folded one."""
        is_whole_only = word.isascii() and len(word) < _LEAST_LETTERS
        found = set()
        for place in range(bisect_left(self.words, word), len(self.words)):
            if not self.words[place].startswith(word):
                break
            if not is_whole_only or self.words[place] == word:
                found.add(self.numbers[place])
        return frozenset(found)


def fold(text: str) -> str:
    """The text as it is compared: compatibility forms, case and runs of space made one (Unicode NFKC casefold)."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(plain.replace(_BETWEEN, " ").split())
