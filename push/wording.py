"""Texts that people read: two languages, cleaned of what could disguise them."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """The languages in which the product speaks."""

    ZH = "zh"
    EN = "en"


# Overrides and isolates can make a text read as another; zero-width ones can hide letters in it.
# U+200D stays: it joins emoji.
_DISGUISES = frozenset(
    "\u061c\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


def language_of(tag: str | None) -> Language | None:
    """The language of a tag such as zh-Hans-CN or en_GB; None when it is not one of ours."""
    primary = (tag or "")[:35].replace("_", "-").split("-")[0].lower()
    return Language(primary) if primary in set(Language) else None


def clean(text: str) -> str:
    """The text in NFC on one line per line: no controls but line feeds, no bidi or zero-width disguise.

    Lone surrogates go too: no database stores them. Runs of blanks become one.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = (" ".join("".join(_kept(letter) for letter in line).split()) for line in lines)
    return unicodedata.normalize("NFC", "\n".join(kept)).strip()


def _kept(letter: str) -> str:
    if letter in _DISGUISES or unicodedata.category(letter) == "Cs":
        return ""
    return " " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Localised:
    """One text in the languages its author gave; at least one is there."""

    zh: str | None = None
    en: str | None = None

    def __post_init__(self) -> None:
        if not (self.zh or self.en):
            raise ValueError("A localised text needs at least one language.")

    def given(self, language: Language) -> str | None:
        """The text in exactly this language."""
        return (self.zh if language is Language.ZH else self.en) or None

    def read(self, *preferred: Language) -> tuple[Language, str]:
        """The first language of these that is given, else any that is, and its text."""
        for language in (*preferred, Language.EN, Language.ZH):
            text = self.given(language)
            if text:
                return language, text
        raise AssertionError("unreachable: one language is always given")


def both(*, zh: str, en: str) -> Localised:
    """A text of the product itself, which always speaks both languages."""
    return Localised(zh=zh, en=en)
