"""Finds texts without a translation.

`python -m district.web.messages` lists what pages and code say in English and no .po file says in Chinese, and exits 1
if there is any. `--add AREA` appends those entries, untranslated, to district/locale/zh_Hans/AREA.po.
`--catalogue zh_Hant_HK` does the same for a further catalogue, of which only what shoppers read is asked.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from jinja2.ext import babel_extract

from district.web.catalogues import OWN, words
from district.web.language import LOCALE_DIRECTORY, catalogue
from district.web.templating import TEMPLATES

PACKAGE = Path(__file__).parent.parent
_FUNCTIONS = {"_": None, "gettext": None, "marked": None, "ngettext": (1, 2)}
_JINJA = {"extensions": "jinja2.ext.do", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
SHOPPERS = (
    "web/templates/portal/",
    "web/templates/member/",
    "web/templates/shopper/",
    "web/templates/layouts/shopper.html",
    "web/templates/layouts/portal.html",
    "web/templates/layouts/parts.html",
    "web/templates/home.html",
    "web/member_",
    "web/portal",
    "web/shopper_",
    "web/message_links.py",
    "web/offer_centre.py",
    "web/formats.py",
    "web/worth.py",
    "web/hour_words.py",
    "web/categories.py",
    "web/walking.py",
    "web/visitor.py",
    "web/terms.py",
    "web/guest_redirects.py",
    "web/channel_words.py",
    "web/origins.py",
    "web/refusals.py",
)
"""Where the words of shoppers' pages stand."""


def _header(name: str) -> str:
    found = Catalog(locale=name)
    plurals = f"nplurals={found.num_plurals}; plural={found.plural_expr};"
    lines = (f"Language: {name}", "Content-Type: text/plain; charset=utf-8", f"Plural-Forms: {plurals}")
    return "\n".join(['msgid ""', 'msgstr ""', *(f'"{line}\\n"' for line in lines), ""])


@dataclass(frozen=True, kw_only=True)
class Text:
    """An English text in the source, where it stands, and its plural if it has one."""

    text: str
    plural: str
    place: str


def _text(found: object, place: str) -> Text | None:
    if isinstance(found, tuple):
        forms = [form for form in found if isinstance(form, str)]
        return Text(text=forms[0], plural=forms[1] if len(forms) > 1 else "", place=place) if forms else None
    return Text(text=found, plural="", place=place) if isinstance(found, str) and found else None


def _in_template(path: Path) -> Iterator[Text]:
    source = BytesIO(path.read_bytes())
    for line, _function, found, _comments in babel_extract(source, list(_FUNCTIONS), [], _JINJA):
        text = _text(found, f"{path.relative_to(PACKAGE)}:{line}")
        if text is not None:
            yield text


def _in_code(path: Path) -> Iterator[Text]:
    source = path.read_bytes()
    if b"gettext" not in source and b"marked" not in source:
        return
    for line, found, _comments, _context in extract("python", BytesIO(source), keywords=_FUNCTIONS):
        text = _text(found, f"{path.relative_to(PACKAGE)}:{line}")
        if text is not None:
            yield text


def texts() -> list[Text]:
    """Every text to translate, in templates (*.html) and in the application's code."""
    found = [text for path in sorted(TEMPLATES.rglob("*.html")) for text in _in_template(path)]
    return found + [text for path in sorted(PACKAGE.rglob("*.py")) for text in _in_code(path)]


def missing(name: str = OWN) -> list[Text]:
    """Texts that a catalogue does not translate, each once, where first found: all of them in the product's own
    Chinese, of a further one those that shoppers read.
    """
    known = catalogue() if name == OWN else words(name).forms
    first: dict[str, Text] = {}
    for text in texts():
        is_asked = name == OWN or text.place.startswith(SHOPPERS)
        if is_asked and text.text not in known:
            first.setdefault(text.text, text)
    return list(first.values())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def entry(text: Text) -> str:
    """The .po entry to fill in."""
    lines = [f"#: {text.place}", f"msgid {_quoted(text.text)}"]
    lines += [f"msgid_plural {_quoted(text.plural)}", 'msgstr[0] ""'] if text.plural else ['msgstr ""']
    return "\n".join(lines) + "\n"


def _add(name: str, area: str, found: list[Text]) -> None:
    path = LOCALE_DIRECTORY / name / f"{area}.po"
    path.parent.mkdir(exist_ok=True)
    existing = path.read_text("utf-8") if path.exists() else _header(name)
    new = [text for text in found if f"msgid {_quoted(text.text)}\n" not in existing]
    path.write_text("\n".join([existing.rstrip("\n") + "\n", *(entry(text) for text in new)]), "utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", metavar="AREA", help="append the missing entries to this area's .po file")
    parser.add_argument("--catalogue", metavar="LOCALE", default=OWN, help="a further catalogue")
    chosen = parser.parse_args(arguments)
    found = missing(chosen.catalogue)
    if chosen.add:
        _add(chosen.catalogue, chosen.add, found)
    for text in found:
        sys.stdout.write(f"{text.place}: {text.text}\n")
    sys.stdout.write(f"{len(found)} texts without a translation\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
