"""What a text message says: a keyword with a code, a word that ends messages, or nothing for us. Width and case are forgiven."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_CHARACTERS: Final = 1_600
"""Ten messages in one; what is longer is no answer to ours."""
MOST_KEYWORD: Final = 20
LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Easily told apart."""
CODE_LETTERS: Final = 8
"""log2(31) × 8 = 39 bits; what a code opens stays with the browser that shows it."""

_STOPS: Final = frozenset(
    {"stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe", "r", "退订", "退訂"}
)
"""The words of 47 CFR 64.1200(a)(10), and those that Chinese messages ask for."""
_FIRST_STOPS: Final = ("stop", "quit", "revoke", "opt out", "cancel", "unsubscribe", "退订", "退訂")
"""Clear even when more follows, as in "stop it, please"."""


class Meaning(StrEnum):
    """What somebody wants."""

    JOIN = "join"
    STOP = "stop"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a message means."""

    meaning: Meaning
    rest: str = ""
    """Letters and digits of the message in lower case, to be held against keywords."""


def folded(text: str) -> str:
    """A text for comparing: narrow, lower case, only letters and digits."""
    narrow = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    return "".join(character for character in narrow if character.isalnum())


def read(text: str) -> Said:
    """A message. Whether something joins is known only once a keyword fits (``code_in``)."""
    letters = folded(text)
    if letters in _STOPS or _starts_with_stop(text):
        return Said(meaning=Meaning.STOP)
    return Said(meaning=Meaning.JOIN if len(letters) > CODE_LETTERS else Meaning.NOTHING, rest=letters)


def _starts_with_stop(text: str) -> bool:
    narrow = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold().lstrip()
    words = " ".join("".join(character if character.isalnum() else " " for character in narrow).split())
    return any(
        words.startswith(stop) and not words[len(stop) : len(stop) + 1].isalnum() for stop in _FIRST_STOPS
    )


def code_of(said: Said) -> str:
    """The last letters of a message as a code; empty when they cannot be one."""
    code = said.rest[-CODE_LETTERS:]
    return code if len(code) == CODE_LETTERS and all(letter in LETTERS for letter in code) else ""


def has_keyword(said: Said, keyword: str) -> bool:
    """Whether the message is the keyword and a code."""
    return said.rest[:-CODE_LETTERS] == folded(keyword)


def is_stop(keyword: str) -> bool:
    """Whether a keyword would be taken for a word that ends messages."""
    return read(keyword).meaning is Meaning.STOP


def checked_keyword(text: str) -> str:
    """A word that people type before the code. Raises: ValueError."""
    letters = folded(text)
    if not 1 <= len(letters) <= MOST_KEYWORD:
        raise ValueError(f"a keyword has 1 to {MOST_KEYWORD} letters or digits")
    if is_stop(text):
        raise ValueError("this word ends messages; choose another")
    return text.strip()


def shown(code: str) -> str:
    """A code as people read it."""
    half = CODE_LETTERS // 2
    return f"{code[:half]}-{code[half:]}".upper()
