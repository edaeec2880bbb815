"""Catalogues of words: the product's own Chinese, and any further one that somebody adds as a folder of .po files.

A folder of district/locale named as a locale, such as zh_Hant_HK, is a further catalogue. Where it has no words, those
of its parent stand: Chinese for Chinese, English for everything else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from gettext import c2py
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

DIRECTORY: Final = Path(__file__).parent.parent / "locale"
OWN: Final = "zh_Hans"
MOST_TAG: Final = 35
Plurals = tuple[str, ...]


class ContradictingTranslations(ValueError):
    """Two areas translate the same text differently."""


@dataclass(frozen=True, kw_only=True)
class Further:
    """A catalogue beside the product's own. parent is the language of data and of what it does not say: zh or en."""

    name: str
    parent: str

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.name)

    @property
    def tag(self) -> str:
        """The BCP 47 tag."""
        return self.name.replace("_", "-")

    @property
    def own_name(self) -> str:
        """What its speakers call it: 繁體中文, suomi."""
        locale = self.locale
        written = f"{locale.language}_{locale.script}"
        return str(locale.languages.get(written) or locale.languages.get(locale.language) or self.tag)


@lru_cache(maxsize=1)
def further() -> tuple[Further, ...]:
    """Every further catalogue that is installed, by name; a folder that names no locale is none."""
    found = []
    for folder in sorted(DIRECTORY.iterdir()):
        if folder.name == OWN or not any(folder.glob("*.po")):
            continue
        try:
            locale = Locale.parse(folder.name)
        except (ValueError, UnknownLocaleError):
            continue
        found.append(Further(name=folder.name, parent="zh" if locale.language == "zh" else "en"))
    return tuple(found)


def fitting(tag: str | None) -> Further | None:
    """The catalogue for a tag such as zh-TW: the one in the same language and script; None: there is none."""
    wanted = _written(tag or "")
    return next((one for one in further() if _written(one.name) == wanted), None)


def _written(tag: str) -> tuple[str, str]:
    """The language of a tag, and how it is written there (CLDR's likely subtags)."""
    parts = [part for part in tag[:MOST_TAG].replace("_", "-").split("-") if part]
    language = parts[0].lower() if parts else ""
    script = next((part.title() for part in parts[1:] if len(part) == 4 and part.isalpha()), "")
    territory = next((part.upper() for part in parts[1:] if len(part) == 2), "")
    if script:
        return language, script
    likely: Mapping[str, str] = get_global("likely_subtags")
    whole = likely.get(f"{language}_{territory}") or likely.get(language) or ""
    return language, next((part for part in whole.split("_")[1:] if len(part) == 4), "")


@dataclass(frozen=True, kw_only=True)
class Words:
    """English → its forms, and which of them a count takes."""

    forms: Mapping[str, Plurals]
    form_of: Callable[[int], int]


@lru_cache(maxsize=8)
def words(name: str) -> Words:
    """What a further catalogue says. Raises: ContradictingTranslations."""
    paths = sorted((DIRECTORY / name).glob("*.po"))
    return Words(forms=merged(paths, name), form_of=c2py(Catalog(locale=name).plural_expr))


def merged(paths: Iterable[Path], locale: str) -> Mapping[str, Plurals]:
    """Catalogues in one. Untranslated and fuzzy entries are left out. Raises: ContradictingTranslations."""
    found: dict[str, Plurals] = {}
    for path in paths:
        with path.open("rb") as file:
            entries = read_po(file, locale=locale)
        for message in entries:
            if not message.id or message.fuzzy or not message.string:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            if not all(forms):
                continue
            if found.setdefault(key, forms) != forms:
                raise ContradictingTranslations(
                    f"{path.name}: {key!r} is {forms!r} here and {found[key]!r} before"
                )
    return MappingProxyType(found)
