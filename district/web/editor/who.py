"""For whom: a word, or groups of questions, each of which must, may or must not hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from district.web.editor import terms
from district.web.editor.fields import Fields, Row
from district.web.editor.reading import Reading
from district.web.language import gettext as _
from push.audience_vocabulary import SHORT_FORMS

POINTER: Final = "/rule/who"
GROUP: Final = "group"
JOINTS: Final = ("all", "any", "none")
NEW_GROUP: Final[Mapping[str, str]] = {"joint": "all"}
Tree = Any  # a part of the document, as JSON has it


def terms_of(fields: Fields, group: Row) -> list[Row]:
    """The rows of questions that stand in a group, those that were taken out among them."""
    return [row for row in fields.rows(terms.TERM) if row.one("group") == group.key]


def read(reading: Reading) -> Tree:
    """``who`` of the rule."""
    fields = reading.fields
    chosen = fields.one("audience")
    reading.came(POINTER, "audience")
    if chosen != "built":
        return chosen
    joint = "any" if fields.one("who_joint") == "any" else "all"
    parts = [part for row in fields.kept_rows(GROUP) for part in _parts(reading, row, joint)]
    if not parts:
        reading.wrong("audience", _("Add a question, or choose everyone."))
        return "everyone"
    whole = _one_of(joint, parts)
    for pointer, name in whole.fields.items():
        reading.came(POINTER + pointer, name)
    return whole.tree


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A tree, and which field each of its questions came from, by the place within the tree."""

    tree: Tree
    fields: Mapping[str, str]

    def within(self, pointer: str, tree: Tree) -> "_Part":
        return _Part(tree=tree, fields={pointer + place: name for place, name in self.fields.items()})


def _parts(reading: Reading, row: Row, joint: str) -> list[_Part]:
    """What a group adds to the top, without levels that say nothing: four is the most that a rule may have."""
    own = row.one("joint") if row.one("joint") in JOINTS else "all"
    asked = [
        _Part(tree=terms.read(reading, one), fields={"": one.name("attr")})
        for one in terms_of(reading.fields, row)
        if not one.is_gone
    ]
    if not asked or own == joint:
        return asked
    if own == "none":
        # None of them is not the one and not the other.
        return [_not(one) for one in asked] if joint == "all" else [_not(_one_of("any", asked))]
    return [_one_of(own, asked)]


def _not(part: _Part) -> _Part:
    return part.within("/not", {"not": part.tree})


def _one_of(joint: str, parts: Sequence[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    inner = [part.within(f"/{joint}/{number}", part.tree) for number, part in enumerate(parts)]
    fields = {place: name for part in inner for place, name in part.fields.items()}
    return _Part(tree={joint: [part.tree for part in parts]}, fields=fields)


def show(who: Tree) -> Fields:
    """The fields that say this ``who``."""
    if isinstance(who, str) or who == {"all": []}:
        word = who if who in SHORT_FORMS else "everyone"
        return Fields().with_values(audience=word)
    joint = "any" if "any" in who and not _is_plain(who) else "all"
    fields = Fields().with_values(audience="built", who_joint=joint)
    for own, inner in _groups(joint, who):
        fields = _with_group(fields, own, inner)
    return fields


def _is_plain(who: Tree) -> bool:
    """Whether every part of an ``any`` is a question: one group says it."""
    return all(_is_question(part) for part in who["any"])


def _is_question(part: Tree) -> bool:
    inner = part.get("not", part)
    return bool({"attr", "seg"} & set(inner))


def _groups(joint: str, who: Tree) -> Iterator[tuple[str, Sequence[Tree]]]:
    """The parts of the top as groups: questions that follow each other are one."""
    parts = who.get(joint, [who])
    loose: list[Tree] = []
    for part in parts:
        group = _as_group(part)
        if group is None:
            loose.append(part)
            continue
        if loose:
            yield joint, loose
            loose = []
        yield group
    if loose:
        yield joint, loose


def _as_group(part: Tree) -> tuple[str, Sequence[Tree]] | None:
    """A part that is a group by itself; None for a question, and for what holds nobody or everybody."""
    for own in ("all", "any"):
        if part.get(own):
            return own, part[own]
    if isinstance(part.get("not"), Mapping) and part["not"].get("any"):
        return "none", part["not"]["any"]
    return None


def _with_group(fields: Fields, own: str, inner: Sequence[Tree]) -> Fields:
    key = str(len(fields.many(GROUP)))
    fields = fields.added(GROUP, {"joint": own}, key=key)
    for tree in inner:
        fields = fields.added(terms.TERM, {**terms.show(tree), "group": key})
    return fields
