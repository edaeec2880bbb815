"""JSON documents that a push service takes up to a size: the text in them is cut, at the end and once."""

import json
from collections.abc import Callable, Mapping
from typing import Any


def fitted(document: Callable[[str], Mapping[str, Any]], text: str, *, most_bytes: int) -> bytes:
    """The document with as much of the text as fits; what was cut ends in an ellipsis."""
    whole = written(document(text))
    if len(whole) <= most_bytes:
        return whole
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(written(document(text[:middle] + "…"))) <= most_bytes
        low, high = (middle, high) if fits else (low, middle - 1)
    return written(document(text[:low] + "…"))


def written(document: Mapping[str, Any]) -> bytes:
    """JSON without a blank too many."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
