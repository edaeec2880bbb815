"""Which language a page speaks, and its words.

English is the source; district/locale/zh_Hans/*.po hold the Chinese, one file per area, merged and compiled when
first needed, so that a wheel carries the .po files as they are and no build step exists.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from babel import Locale
from babel.messages.pofile import read_po
from starlette.requests import Request

LOCALE_DIRECTORY = Path(__file__).parent.parent / "locale"
COOKIE = "lang"
QUERY = "lang"
MAX_ACCEPT_LANGUAGE_BYTES = 512

Plurals = tuple[str, ...]


class Language(StrEnum):
    """The languages that every text exists in; the value is what URLs and the cookie carry."""

    ZH = "zh"
    EN = "en"

    @property
    def tag(self) -> str:
        """The BCP 47 tag of the html element."""
        return {"zh": "zh-Hans", "en": "en"}[self.value]

    @property
    def locale(self) -> Locale:
        return Locale.parse({"zh": "zh_Hans_CN", "en": "en_GB"}[self.value])

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


_ENGLISH = Tongue(language=Language.EN)
_spoken: ContextVar[Tongue] = ContextVar("spoken", default=_ENGLISH)


def spoken() -> Tongue:
    """The tongue of the page being rendered; English outside one."""
    return _spoken.get()


@contextmanager
def speaking(tongue: Tongue) -> Iterator[None]:
    """Within it, gettext and every filter use this tongue."""
    token = _spoken.set(tongue)
    try:
        yield
    finally:
        _spoken.reset(token)


def chosen(value: str | None) -> Language | None:
    """A language that somebody named (`zh`, `zh-CN`, `en`), or None."""
    primary = (value or "").strip().lower().replace("_", "-").split("-")[0]
    return Language(primary) if primary in _CODES else None


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
    best, best_quality = None, 0.0
    for part in header[:MAX_ACCEPT_LANGUAGE_BYTES].split(","):
        tag, _, parameters = part.partition(";")
        quality = _quality(parameters) if parameters else 1.0
        language = chosen(tag)
        if language is not None and quality > best_quality:
            best, best_quality = language, quality
    return best


def negotiate(request: Request, *, default: Language = Language.EN) -> Language:
    """The address's `lang` first, then the cookie, then what the browser prefers, then the default."""
    return (
        chosen(request.query_params.get(QUERY))
        or chosen(request.cookies.get(COOKIE))
        or accepted(request.headers.get("accept-language", ""))
        or default
    )


_SIGNATURE = "&md="
"""CoovaChilli's: it holds for every byte in front of it."""


def switch_address(request: Request, language: Language) -> str:
    """This page in another language: the same path and query, relative to the origin, byte for byte.

    What stands in front of a signature is the gateway's, and stays, were it a ``lang``.
    """
    raw: str = request.scope["query_string"].decode("latin-1")
    signed, mark, free = raw.rpartition(_SIGNATURE)
    kept = [part for part in free.split("&") if part and part.partition("=")[0] != QUERY]
    return f"{request.url.path}?{signed}{mark}{'&'.join([*kept, f'{QUERY}={language.value}'])}"


def catalogue_files() -> list[Path]:
    """The .po files of the Chinese, one per area."""
    return sorted((LOCALE_DIRECTORY / "zh_Hans").glob("*.po"))


class ContradictingTranslations(ValueError):
    """Two areas translate the same text differently."""


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Plurals]:
    """English → its Chinese forms, merged over all areas. Untranslated and fuzzy entries are left out.

    Raises: ContradictingTranslations.
    """
    merged: dict[str, Plurals] = {}
    for path in catalogue_files():
        with path.open("rb") as file:
            entries = read_po(file, locale="zh_Hans")
        for message in entries:
            if not message.id or message.fuzzy or not message.string:
                continue
            key = message.id if isinstance(message.id, str) else message.id[0]
            forms = (message.string,) if isinstance(message.string, str) else tuple(message.string)
            if not all(forms):
                continue
            if merged.setdefault(key, forms) != forms:
                raise ContradictingTranslations(
                    f"{path.name}: {key!r} is {forms!r} here and {merged[key]!r} before"
                )
    return MappingProxyType(merged)


def gettext(text: str, **values: object) -> str:
    """The text in the language being spoken, with `%(name)s` replaced; English where there is no translation."""
    if spoken().language is Language.ZH:
        text = catalogue().get(text, (text,))[0]
    return text % values if values else text


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """As gettext, by number; `%(num)s` is the count."""
    if spoken().language is Language.ZH:
        text = catalogue().get(singular, (plural,))[0]
    else:
        text = singular if count == 1 else plural
    return text % {"num": count, **values}


_ = gettext
