"""The text of a voucher: nine symbols that nobody takes for another, 44 random bits."""

import secrets
import unicodedata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without 0 and O, 1, I and L, and U, which is read as V."""
LENGTH = 9
GROUP = 3
MAX_TYPED = 40


def make() -> str:
    """A new code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def grouped(code: str) -> str:
    """As it is printed: ``ABC-DEF-GHJ``."""
    return "-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def read(typed: str) -> str:
    """A code from what somebody typed: any case, width and grouping; empty when it can be none."""
    plain = unicodedata.normalize("NFKC", typed[:MAX_TYPED]).upper()
    kept = "".join(symbol for symbol in plain if symbol.isalnum())
    return kept if len(kept) == LENGTH and set(kept) <= set(ALPHABET) else ""
