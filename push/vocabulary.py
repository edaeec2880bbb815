"""Shapes of a closed JSON vocabulary: each one both checks a document and states its JSON Schema.

One object says it once, so the published schema cannot drift from what the parser takes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from push.problems import Reason, Report
from push.wording import both

JsonSchema: TypeAlias = dict[str, object]

_INTEGER = both(zh="整数", en="an integer")
_NUMBER = both(zh="数字", en="a number")
_STRING = both(zh="字符串", en="a string")
_ARRAY = both(zh="数组", en="an array")
_OBJECT = both(zh="对象", en="an object")
_FLAG = both(zh="true 或 false", en="true or false")


class Shape(Protocol):
    """What a part of a document may be."""

    def schema(self) -> JsonSchema: ...

    def check(self, value: object, report: Report) -> None: ...


def is_number(value: object) -> bool:
    """Whether JSON would call this a number (true and NaN are none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124


def is_integer(value: object) -> bool:
    """Whether JSON Schema would call this an integer: 2 and 2.0, but neither true nor 2.5."""
    return is_number(value) and not (isinstance(value, float) and not value.is_integer())


@dataclass(frozen=True, slots=True)
class Number:
    """A number within closed bounds; whole says that only integers pass."""

    least: float
    most: float
    whole: bool = False

    def schema(self) -> JsonSchema:
        return {"type": "integer" if self.whole else "number", "minimum": self.least, "maximum": self.most}

    def check(self, value: object, report: Report) -> None:
        if not (is_integer(value) if self.whole else is_number(value)):
            report.add(Reason.WRONG_TYPE, _INTEGER if self.whole else _NUMBER)
        elif isinstance(value, int | float) and not self.least <= value <= self.most:
            report.add(Reason.OUT_OF_RANGE, f"{self.least:g}-{self.most:g}")


@dataclass(frozen=True, slots=True)
class Text:
    """A string of bounded length in code points."""

    most: int
    least: int = 1

    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": self.least, "maxLength": self.most}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, str):
            report.add(Reason.WRONG_TYPE, _STRING)
        elif not self.least <= len(value) <= self.most:
            report.add(Reason.WRONG_LENGTH, f"{self.least}-{self.most}")


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def schema(self) -> JsonSchema:
        return {"type": "boolean"}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, bool):
            report.add(Reason.WRONG_TYPE, _FLAG)


@dataclass(frozen=True, slots=True)
class Yes:
    """true, for a member that is left out otherwise."""

    def schema(self) -> JsonSchema:
        return {"const": True}

    def check(self, value: object, report: Report) -> None:
        if value is not True:
            report.add(Reason.UNSUPPORTED, "true")


@dataclass(frozen=True, slots=True)
class Spelt:
    """A string of one spelling: a regular expression that Python and ECMA-262 read alike, and an example."""

    pattern: str
    example: str
    most: int

    def schema(self) -> JsonSchema:
        # (?![\s\S]) and not $, before which Python takes a line feed.
        return {"type": "string", "pattern": rf"^(?:{self.pattern})(?![\s\S])", "maxLength": self.most}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, str):
            report.add(Reason.WRONG_TYPE, _STRING)
        elif len(value) > self.most or not re.fullmatch(self.pattern, value):
            report.add(Reason.WRONG_SPELLING, self.example)


@dataclass(frozen=True, slots=True)
class Nothing:
    """null."""

    def schema(self) -> JsonSchema:
        return {"type": "null"}

    def check(self, value: object, report: Report) -> None:
        if value is not None:
            report.add(Reason.UNSUPPORTED, "null")


@dataclass(frozen=True, slots=True)
class Words:
    """One of a few fixed strings."""

    words: tuple[str, ...]

    def schema(self) -> JsonSchema:
        return {"enum": list(self.words)}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, str):
            report.add(Reason.WRONG_TYPE, _STRING)
        elif value not in self.words:
            report.add(Reason.UNSUPPORTED, " | ".join(self.words))


@dataclass(frozen=True, slots=True)
class Figures:
    """One of a few fixed integers."""

    figures: tuple[int, ...]

    def schema(self) -> JsonSchema:
        return {"enum": list(self.figures)}

    def check(self, value: object, report: Report) -> None:
        if not is_integer(value):
            report.add(Reason.WRONG_TYPE, _INTEGER)
        elif value not in self.figures:
            report.add(Reason.UNSUPPORTED, " | ".join(map(str, self.figures)))


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of bounded length."""

    item: Shape
    least: int
    most: int

    def schema(self) -> JsonSchema:
        return {"type": "array", "items": self.item.schema(), "minItems": self.least, "maxItems": self.most}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            report.add(Reason.WRONG_TYPE, _ARRAY)
        elif not self.least <= len(value) <= self.most:
            report.add(Reason.WRONG_LENGTH, f"{self.least}-{self.most}")
        else:
            for index, item in enumerate(value):
                if report.is_full:
                    return
                self.item.check(item, report.at(index))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An object with exactly these members; a member that is not named is not supported."""

    required: Mapping[str, Shape] = field(default_factory=dict)
    optional: Mapping[str, Shape] = field(default_factory=dict)
    least: int = 0

    def schema(self) -> JsonSchema:
        members = {**self.required, **self.optional}
        schema: JsonSchema = {
            "type": "object",
            "properties": {key: shape.schema() for key, shape in members.items()},
            "required": list(self.required),
            "additionalProperties": False,
        }
        return {**schema, "minProperties": self.least} if self.least else schema

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, Mapping):
            report.add(Reason.WRONG_TYPE, _OBJECT)
            return
        members = {**self.required, **self.optional}
        for key in self.required:
            if key not in value:
                report.at(key).add(Reason.MISSING)
        if len(value) < self.least:
            report.add(Reason.WRONG_LENGTH, " | ".join(members))
        for key, item in value.items():
            if report.is_full:
                return
            if key in members:
                members[key].check(item, report.at(key))
            else:
                report.at(key).add(Reason.UNSUPPORTED, " | ".join(members))


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object whose member `key` names which record it is; each record takes that member itself."""

    key: str
    records: Mapping[str, Record]

    def schema(self) -> JsonSchema:
        return {"anyOf": [record.schema() for record in self.records.values()]}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, Mapping):
            report.add(Reason.WRONG_TYPE, _OBJECT)
        elif self.key not in value:
            report.at(self.key).add(Reason.MISSING)
        else:
            tag = value[self.key]
            Words(tuple(self.records)).check(tag, report.at(self.key))
            if isinstance(tag, str) and tag in self.records:
                self.records[tag].check(value, report)


@dataclass(frozen=True, slots=True)
class Keyed:
    """An object that is recognised by which of these members it has; exactly one may be there."""

    records: Mapping[str, Shape]

    def schema(self) -> JsonSchema:
        return {"anyOf": [record.schema() for record in self.records.values()]}

    def check(self, value: object, report: Report) -> None:
        if not isinstance(value, Mapping):
            report.add(Reason.WRONG_TYPE, _OBJECT)
            return
        for key, record in self.records.items():
            if key in value:
                record.check(value, report)
                return
        report.add(Reason.UNSUPPORTED, " | ".join(self.records))


@dataclass(frozen=True, slots=True)
class WordOr:
    """One of a few words, or something longer."""

    words: Words
    other: Shape

    def schema(self) -> JsonSchema:
        return {"anyOf": [self.words.schema(), self.other.schema()]}

    def check(self, value: object, report: Report) -> None:
        (self.words if isinstance(value, str) else self.other).check(value, report)
