"""The words of ``who``: each term's members with their bounds, and the trees that may be made of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from push.audience_terms import LONGEST_DAYS, RETURNING_AFTER, EventKind, Familiarity, Op, VisitScope
from push.consent import Channel
from push.problems import Reason, Report
from push.vocabulary import Figures, JsonSchema, ListOf, Number, Record, Shape, Tagged, WordOr, Words
from push.wording import Language, both

MAX_DEPTH = 4
"""Levels of a tree; a term alone is one."""
MAX_TERMS = 40
NAME_MOST = 63
CATEGORY_MOST = 64
COUNT_MOST = 1_000
DWELL_MOST_S = 100 * 24 * 3600
SHORT_FORMS = (Familiarity.EVERYONE, Familiarity.NEW, Familiarity.RETURNING)
OWN_STORES = ("merchant", "property", "store", "district")
REACHABLE = (Channel.INBOX, Channel.SMS, Channel.EMAIL)

_END = r"(?![\s\S])"  # not $, before which Python takes a line feed
_NAME = rf"^[a-z0-9][a-z0-9-]{{0,{NAME_MOST - 1}}}{_END}"
_UUID = rf"^[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}{_END}"
_PRINTED = rf"^[^\u0000-\u001f\u007f]{{1,{CATEGORY_MOST}}}{_END}"
_TEXT = both(zh="字符串", en="a string")
_TREE = both(zh="对象", en="an object")
_ONE_OF = "all | any | not | attr | seg"


@dataclass(frozen=True, slots=True)
class Matching:
    """A string of a pattern that both JSON Schema and Python read alike; wanted says it in words."""

    pattern: str
    wanted: str

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": self.pattern}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, str):
            report.add(Reason.WRONG_TYPE, _TEXT)
        elif not re.match(self.pattern, value):
            report.add(Reason.UNSUPPORTED, self.wanted)


@dataclass(frozen=True, slots=True)
class OneOf:
    """What fits one of two shapes of strings."""

    words: Words
    other: Matching

    def schema(self) -> JsonSchema:
        return {"anyOf": [self.words.schema(), self.other.schema()]}

    def check(self, value: object, report: Report) -> None:
        (self.words if value in self.words.words else self.other).check(value, report)


NAME = Matching(_NAME, f"a-z 0-9 - (1-{NAME_MOST})")
CATEGORY = Matching(_PRINTED, f"1-{CATEGORY_MOST}")
_OPS = Words(tuple(Op))
_EQUAL = Words((Op.EQUAL,))
_SCOPE = Words(tuple(VisitScope))
_DAYS = Number(1, LONGEST_DAYS, whole=True)
_RETURNING_H = Figures((RETURNING_AFTER.seconds // 3600,))


def _attr(name: str, *, required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Record:
    return Record(required={"attr": Words((name,)), **required}, optional=optional or {})


def _familiar(word: Familiarity, **required: Shape) -> Record:
    return _attr(
        "familiarity",
        required={"value": Words((word,)), **required},
        optional={"op": _EQUAL, "scope": _SCOPE},
    )


_FAMILIARITY = Tagged(
    "value",
    {
        Familiarity.NEW: _familiar(Familiarity.NEW),
        Familiarity.RETURNING: _familiar(Familiarity.RETURNING),
        Familiarity.LAPSED: _familiar(Familiarity.LAPSED, window_d=_DAYS),
        Familiarity.FREQUENT: _familiar(
            Familiarity.FREQUENT, n=Number(1, COUNT_MOST, whole=True), window_d=_DAYS
        ),
    },
)
_COUNT = Number(0, COUNT_MOST, whole=True)
_SINCE = Number(0, LONGEST_DAYS, whole=True)
_COMPARED: Mapping[str, Shape] = {"op": _OPS, "value": _COUNT}
_DID = {
    kind: _attr(
        "did",
        required={"kind": Words((kind,)), **_COMPARED, "window_d": _DAYS},
        optional={"scope": Words((VisitScope.DISTRICT,)) if kind is EventKind.SEARCH else _SCOPE},
    )
    for kind in EventKind
}


@dataclass(frozen=True, slots=True)
class _Attributes:
    """A record that its member ``attr`` names; unlike Tagged, an attribute may be of several records."""

    shapes: Mapping[str, Shape]

    def schema(self) -> JsonSchema:
        return {"anyOf": [shape.schema() for shape in self.shapes.values()]}

    def check(self, value: object, report: Report) -> None:
        assert isinstance(value, Mapping)  # noqa: S101  the tree has looked
        attr = value["attr"]
        Words(tuple(self.shapes)).check(attr, report.at("attr"))
        if isinstance(attr, str) and attr in self.shapes:
            self.shapes[attr].check(value, report)


TERM: Final = _Attributes(
    {
        "familiarity": _FAMILIARITY,
        "visits": _attr(
            "visits",
            required=_COMPARED,
            optional={"window_d": _DAYS, "scope": _SCOPE, "older_h": _RETURNING_H},
        ),
        "dwell_s": _attr(
            "dwell_s",
            required={"op": _OPS, "value": Number(0, DWELL_MOST_S, whole=True), "window_d": _DAYS},
            optional={"scope": _SCOPE},
        ),
        "last_visit_days": _attr(
            "last_visit_days", required={"op": _OPS, "value": _SINCE}, optional={"scope": _SCOPE}
        ),
        "last_redeem_days": _attr(
            "last_redeem_days", required={"op": _OPS, "value": _SINCE}, optional={"scope": _SCOPE}
        ),
        "category_interest": _attr(
            "category_interest",
            required={"value": CATEGORY, "window_d": _DAYS},
            optional={"op": _EQUAL, "n": Number(1, COUNT_MOST, whole=True)},
        ),
        "did": Tagged("kind", {kind.value: record for kind, record in _DID.items()}),
        "language": _attr("language", required={"value": Words(tuple(Language))}, optional={"op": _EQUAL}),
        "channel": _attr("channel", required={"value": Words(REACHABLE)}, optional={"op": _EQUAL}),
        "follows": _attr(
            "follows",
            required={"value": OneOf(Words(OWN_STORES), Matching(_UUID, " | ".join((*OWN_STORES, "UUID"))))},
            optional={"op": _EQUAL},
        ),
        "tag": _attr("tag", required={"value": NAME}, optional={"op": _EQUAL}),
        "list": _attr("list", required={"value": NAME}, optional={"op": _EQUAL}),
    }
)
SEGMENT: Final = Record(required={"seg": NAME})


@dataclass(frozen=True, slots=True)
class Tree:
    """A term, or all, any or not of trees, at most ``depth`` levels deep."""

    depth: int

    @property
    def reference(self) -> str:
        return f"audience_{self.depth}"

    def schema(self) -> JsonSchema:
        return {"$ref": f"#/$defs/{self.reference}"}

    def definition(self) -> JsonSchema:
        """What the reference stands for."""
        below = [record.schema() for record in self._below.values()]
        return {"anyOf": [TERM.schema(), SEGMENT.schema(), *below]}

    @property
    def _below(self) -> Mapping[str, Record]:
        if self.depth <= 1:
            return {}
        inner = Tree(self.depth - 1)
        return {
            "all": Record(required={"all": ListOf(inner, 0, MAX_TERMS)}),
            "any": Record(required={"any": ListOf(inner, 1, MAX_TERMS)}),
            "not": Record(required={"not": inner}),
        }

    def check(self, value: object, report: Report) -> None:
        if report.is_full:
            return
        if not isinstance(value, Mapping):
            report.add(Reason.WRONG_TYPE, _TREE)
            return
        shapes: Mapping[str, Shape] = {"attr": TERM, "seg": SEGMENT, **self._below}
        for key, shape in shapes.items():
            if key in value:
                shape.check(value, report)
                return
        is_deep = bool({"all", "any", "not"} & set(value))
        report.add(Reason.UNSUPPORTED, f"depth <= {MAX_DEPTH}" if is_deep else _ONE_OF)


def count_terms(value: object) -> int:
    """How many terms a tree that was checked has."""
    if not isinstance(value, Mapping):
        return 0
    if "not" in value:
        return count_terms(value["not"])
    parts = value.get("all", value.get("any"))
    return sum(count_terms(part) for part in parts) if parts is not None else 1


WHO: Final[Shape] = WordOr(Words(SHORT_FORMS), Tree(MAX_DEPTH))
DEFINITIONS: Final[Mapping[str, JsonSchema]] = {
    tree.reference: tree.definition() for tree in (Tree(depth) for depth in range(1, MAX_DEPTH + 1))
}
"""What WHO's schema refers to, for the ``$defs`` of the document that holds it."""
