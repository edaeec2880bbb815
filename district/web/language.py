"""Which language a page speaks, and its words.

English is the source; district/locale/zh_Hans/*.po hold the Chinese, one file per area, merged and compiled when
first needed, so that a wheel carries the .po files as they are and no build step exists.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from babel import Locale
from starlette.requests import Request

from district.web import catalogues
from district.web.catalogues import ContradictingTranslations as ContradictingTranslations  # noqa: PLC0414
from district.web.catalogues import Further, Plurals

LOCALE_DIRECTORY = Path(__file__).parent.parent / "locale"
COOKIE = "lang"
QUERY = "lang"
MAX_ACCEPT_LANGUAGE_BYTES = 512


class Language(StrEnum):
    """The languages that every text exists in; the value is what URLs and the cookie carry."""

    ZH = "zh"
    EN = "en"

    @property
    def tag(self) -> str:
        """The BCP 47 tag of the html element."""
        further = spoken_further(self)
        return {"zh": "zh-Hans", "en": "en"}[self.value] if further is None else further.tag

    @property
    def locale(self) -> Locale:
        further = spoken_further(self)
        return (
            Locale.parse({"zh": "zh_Hans_CN", "en": "en_GB"}[self.value])
            if further is None
            else further.locale
        )

    @property
    def own_name(self) -> str:
        return {"zh": "中文", "en": "English"}[self.value]

    @property
    def other(self) -> "Language":
        return Language.EN if self is Language.ZH else Language.ZH


_CODES = frozenset(language.value for language in Language)


@dataclass(frozen=True, kw_only=True)
class Tongue:
    """What words, times and amounts of the page being rendered depend on."""

    language: Language
    zone: tzinfo = UTC
    now: datetime | None = None
    currency: str = "EUR"
    further: Further | None = None
    """A further catalogue, whose words come before those of the language."""


_ENGLISH = Tongue(language=Language.EN)
_spoken: ContextVar[Tongue] = ContextVar("spoken", default=_ENGLISH)


def spoken() -> Tongue:
    """The tongue of the page being rendered; English outside one."""
    return _spoken.get()


def spoken_further(language: Language) -> Further | None:
    """The further catalogue that speaks in the place of a language now."""
    tongue = _spoken.get()
    return tongue.further if tongue.language is language else None


@contextmanager
def speaking(tongue: Tongue) -> Iterator[None]:
    """Within it, gettext and every filter use this tongue."""
    token = _spoken.set(tongue)
    try:
        yield
    finally:
        _spoken.reset(token)


def chosen(value: str | None) -> Language | None:
    """A language that somebody named (`zh`, `zh-CN`, `en`), else the parent of the further catalogue that fits, or None."""
    primary = (value or "").strip().lower().replace("_", "-").split("-")[0]
    if primary in _CODES:
        return Language(primary)
    further = catalogues.fitting(value) if primary else None
    return Language(further.parent) if further is not None else None


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def accepted(header: str) -> Language | None:
    """The best of our languages in an Accept-Language header (RFC 9110 §12.5.4), or None."""
    return chosen(_best(header))


def _best(header: str) -> str | None:
    """The tag in the header that one of our languages is the best for."""
    best: str | None = None
    best_quality = 0.0
    for part in header[:MAX_ACCEPT_LANGUAGE_BYTES].split(","):
        tag, _, parameters = part.partition(";")
        quality = _quality(parameters) if parameters else 1.0
        if quality > best_quality and chosen(tag) is not None:
            best, best_quality = tag.strip(), quality
    return best


def negotiate(request: Request, *, default: Language = Language.EN) -> Language:
    """The address's `lang` first, then the cookie, then what the browser prefers, then the default."""
    return (
        chosen(request.query_params.get(QUERY))
        or chosen(request.cookies.get(COOKIE))
        or accepted(request.headers.get("accept-language", ""))
        or default
    )


def further_of(request: Request, language: Language) -> Further | None:
    """The further catalogue that the reader wants: by a tag that says more than the language, in the address, the cookie,
    or what the browser prefers. ``zh-Hans`` says that none is wanted; ``zh`` leaves it to the next of these.
    """
    named = (
        request.query_params.get(QUERY),
        request.cookies.get(COOKIE),
        _best(request.headers.get("accept-language", "")),
    )
    for tag in named:
        if tag and chosen(tag) is language and tag.strip().lower() != language.value:
            return catalogues.fitting(tag)
    return None


def code_of(request: Request, language: Language, further: Further | None) -> str:
    """What the cookie keeps of a choice in the address."""
    if further is not None:
        return further.tag
    is_plain = request.query_params.get(QUERY, "").strip().lower() == language.value
    return language.value if is_plain else language.tag


def others(language: Language) -> list[tuple[str, str, str]]:
    """What a page may be read in besides: code for the address, tag, and own name. The other language comes first."""
    spoken_now = spoken_further(language)
    found = [(language.other.value, language.other.tag, language.other.own_name)]
    if spoken_now is not None and spoken_now.parent == Language.ZH:
        found.append(("zh-Hans", "zh-Hans", "简体中文"))
    elif spoken_now is not None:
        found.append((language.value, language.value, language.own_name))
    return found + [(one.tag, one.tag, one.own_name) for one in catalogues.further() if one != spoken_now]


LONG_ADDRESS = 2_000


def links_to_others(language: Language, switch: Callable[[str], str]) -> list[tuple[str, str, str]]:
    """The same with the addresses in place of the codes; one alone where each would repeat a very long one.

    Whoever sends a captive browser decides how long its addresses are, and its pages must stay small.
    """
    found = [(switch(code), tag, name) for code, tag, name in others(language)]
    return found[:1] if found and len(found[0][0]) > LONG_ADDRESS else found


_SIGNATURE = "&md="
"""CoovaChilli's: it holds for every byte in front of it."""


def switch_address(request: Request, language: str) -> str:
    """This page in another language, named by its code: the same path and query, relative to the origin, byte for byte.

    What stands in front of a signature is the gateway's, and stays, were it a ``lang``.
    """
    raw: str = request.scope["query_string"].decode("latin-1")
    signed, mark, free = raw.rpartition(_SIGNATURE)
    kept = [part for part in free.split("&") if part and part.partition("=")[0] != QUERY]
    return f"{request.url.path}?{signed}{mark}{'&'.join([*kept, f'{QUERY}={language}'])}"


def catalogue_files() -> list[Path]:
    """The .po files of the Chinese, one per area."""
    return sorted((LOCALE_DIRECTORY / "zh_Hans").glob("*.po"))


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Plurals]:
    """English → its Chinese forms, merged over all areas. Untranslated and fuzzy entries are left out.

    Raises: ContradictingTranslations.
    """
    return catalogues.merged(catalogue_files(), "zh_Hans")


def gettext(text: str, **values: object) -> str:
    """The text in the language being spoken, with `%(name)s` replaced; English where there is no translation."""
    found = _forms(text)
    text = found[0] if found else text
    return text % values if values else text


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """As gettext, by number; `%(num)s` is the count."""
    found = _forms(singular)
    if not found:
        text = singular if count == 1 else plural
    elif len(found) == 1:
        text = found[0]
    else:
        text = found[_form_of(count)]
    return text % {"num": count, **values}


def _forms(text: str) -> Plurals:
    """What the catalogue being spoken has for a text, else its parent; nothing for English."""
    tongue = spoken()
    if tongue.further is not None and (found := catalogues.words(tongue.further.name).forms.get(text)):
        return found
    return catalogue().get(text, ()) if tongue.language is Language.ZH else ()


def _form_of(count: int) -> int:
    further = spoken().further
    return catalogues.words(further.name).form_of(count) if further is not None else 0


def marked(text: str) -> str:
    """The English text itself, for who translates it later: so the tool sees it."""
    return text


_ = gettext
