"""The editor's form as text, field by field, and its rows: what a browser sends and what is shown again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from starlette.datastructures import FormData

LONGEST_TEXT: Final = 2_000
LONGEST_DOCUMENT: Final = 150_000
MOST_FIELDS: Final = 2_500
MOST_VALUES: Final = 300
"""More than a campaign has stores, so that too many are told of and not cut off."""
DOCUMENTS: Final = ("within", "kept", "cut")
"""How the names of fields end that hold a part of the document as JSON."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}(?:-[a-z0-9]{1,6})?(?:-[a-z_0-9]{1,30})?")
_KEY: Final = re.compile(r"[a-z0-9]{1,6}")

Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One of several alike, such as a trigger; its fields are called ``kind-key-name``."""

    kind: str
    key: str
    fields: "Fields"

    @property
    def prefix(self) -> str:
        return f"{self.kind}-{self.key}"

    @property
    def is_gone(self) -> bool:
        """Whether it was taken out; until the form is saved it can be put back."""
        return bool(self.one("gone"))

    def name(self, name: str) -> str:
        """What a field of the row is called in the form."""
        return f"{self.prefix}-{name}"

    def one(self, name: str) -> str:
        return self.fields.one(self.name(name))

    def many(self, name: str) -> tuple[str, ...]:
        return self.fields.many(self.name(name))


@dataclass(frozen=True)
class Fields:
    """Every field as text. What is not there is empty."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def one(self, name: str) -> str:
        return next(iter(self.values.get(name, ())), "")

    def many(self, name: str) -> tuple[str, ...]:
        return self.values.get(name, ())

    def rows(self, kind: str) -> list[Row]:
        """The rows of a kind in the order of the form, those that were taken out among them."""
        keys = dict.fromkeys(key for key in self.many(kind) if _KEY.fullmatch(key))
        return [Row(kind=kind, key=key, fields=self) for key in keys]

    def kept_rows(self, kind: str) -> list[Row]:
        """The rows of a kind that were not taken out."""
        return [row for row in self.rows(kind) if not row.is_gone]

    def with_values(self, **values: str | Sequence[str]) -> "Fields":
        """The same form with some fields changed."""
        return self.merged(values)

    def merged(self, values: Mapping[str, str | Sequence[str]]) -> "Fields":
        """The same form with some fields changed."""
        new = {name: (one,) if isinstance(one, str) else tuple(one) for name, one in values.items()}
        return Fields(MappingProxyType({**self.values, **new}))

    def added(self, kind: str, values: Mapping[str, str | Sequence[str]], *, key: str = "") -> "Fields":
        """The form with one more row of a kind at its end."""
        taken = set(self.many(kind))
        key = key or next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)
        named = {f"{kind}-{key}-{name}": value for name, value in values.items()}
        return self.merged({**named, kind: (*self.many(kind), key)})


def read(sent: FormData) -> Fields:
    """The fields of a browser's form: unknown spellings of names are dropped, what is endless is cut."""
    return Fields(MappingProxyType(dict(_read(sent))))


def _read(sent: FormData) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in list(dict.fromkeys(sent.keys()))[:MOST_FIELDS]:
        if not _NAME.fullmatch(name):
            continue
        most = LONGEST_DOCUMENT if name.split("-")[-1] in DOCUMENTS else LONGEST_TEXT
        texts = [text for text in sent.getlist(name)[:MOST_VALUES] if isinstance(text, str)]
        yield name, tuple(text.strip()[:most] for text in texts)
