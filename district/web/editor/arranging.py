"""What the editor's own buttons do: add a row, take one out, put it back, choose the usual hours. Nothing is saved."""

from collections.abc import Mapping, Sequence
from typing import Final

from district.web.editor import hours, terms, triggers, where, who, words
from district.web.editor.fields import Fields
from district.web.editor.reading import loaded

MOST_ROWS: Final = 60
"""More rows of a kind than any rule may have are not added."""
SECTIONS: Final = ("what", "where", "when", "who", "limits")
_NEW: Final[Mapping[str, Mapping[str, str | Sequence[str]]]] = {
    triggers.KIND: triggers.NEW,
    where.CUT: {"kind": "zone", "buffer": "10"},
    who.GROUP: who.NEW_GROUP,
    words.VARIANT: words.NEW_VARIANT,
    words.CHANNEL: words.NEW_CHANNEL,
}
_VARIANT_NAMES: Final = "ABCDE"


def arrange(fields: Fields, action: str) -> Fields:
    """The form after a button: ``add:trigger``, ``add:term:0`` (to group 0), ``out:term-3``, ``back:term-3``, ``hours:lunch``,
    ``cut`` (what was drawn to be left out). An unknown action changes nothing.
    """
    verb, _colon, what = action[:60].partition(":")
    match verb:
        case "add":
            return _add(fields, what)
        case "out":
            return _mark(fields, what, "yes")
        case "back":
            return _mark(fields, what, "")
        case "hours":
            return hours.preset(fields, what)
        case "cut":
            return _cut(fields)
        case _:
            return fields


def _add(fields: Fields, what: str) -> Fields:
    kind, _colon, group = what.partition(":")
    if len(fields.many(kind)) >= MOST_ROWS:
        return fields
    if kind == terms.TERM:
        return _with_term(fields, group)
    if kind == who.GROUP:
        return _with_term(fields.merged({"audience": "built"}).added(kind, who.NEW_GROUP), "")
    if kind == words.VARIANT:
        return _with_variant(fields)
    if kind == words.OWN:
        return _with_own(fields, group)
    if kind == "blackout":
        return fields.merged({kind: (*fields.many(kind), "")})
    return fields.added(kind, _NEW[kind]) if kind in _NEW else fields


def _with_term(fields: Fields, group: str) -> Fields:
    """One more question, in the last group when none is named."""
    keys = fields.many(who.GROUP)
    key = group if group in keys else (keys[-1] if keys else "")
    return fields.added(terms.TERM, {**terms.NEW, "group": key}) if key else fields


def _with_variant(fields: Fields) -> Fields:
    """The first two come together: the words that are there, and another wording of them."""
    common = {name: fields.one(name) for name in ("title_zh", "title_en", "text_zh", "text_en")}
    taken = {row.one("name") for row in fields.rows(words.VARIANT)}
    names = [letter for letter in _VARIANT_NAMES if letter not in taken]
    for name in names[: 1 if fields.kept_rows(words.VARIANT) else 2]:
        fields = fields.added(words.VARIANT, {**words.NEW_VARIANT, **common, "name": name})
    return fields


def _with_own(fields: Fields, variant_key: str) -> Fields:
    """Words of a channel's own for a wording, to begin with those of the wording itself."""
    found = next((row for row in fields.rows(words.VARIANT) if row.key == variant_key), None)
    if found is None:
        return fields
    given = {name: found.one(name) for name in ("title_zh", "title_en", "text_zh", "text_en")}
    return fields.added(words.OWN, {**words.NEW_CHANNEL, **given, "of": variant_key})


def _mark(fields: Fields, prefix: str, gone: str) -> Fields:
    """Take a row out, or put it back: it stays in the form, so that nothing typed is lost."""
    kind, _dash, key = prefix.partition("-")
    return fields.merged({f"{prefix}-gone": gone}) if key in fields.many(kind) else fields


def _cut(fields: Fields) -> Fields:
    drawn = fields.one("drawn-cut")
    if not isinstance(loaded(drawn), dict):
        return fields
    return fields.added(where.CUT, {"kind": "shape", "cut": drawn}).merged({"drawn-cut": ""})
