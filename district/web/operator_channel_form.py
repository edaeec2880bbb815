"""The form of a provider: its fields come from the models of its kind, so that every kind has one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from district.channels.kinds.kind import Kind
from district.web.language import gettext
from district.web.operator_forms import Sent

MICRO: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the form. ``shape``: text, password, number, switch, choice or long."""

    name: str
    """options.url, secrets.secret: also the place of what is wrong with it."""
    label: str
    hint: str
    shape: str
    is_required: bool
    choices: Sequence[str] = ()
    default: str = ""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Choices as values and words, nothing among them where it need not be filled."""
        return [("", "—")] * (not self.is_required) + [(one, gettext(one)) for one in self.choices]


def fields_of(kind: Kind) -> list[Field]:
    """What a kind wants to know: its options, then its secrets."""
    found = [
        _field("options", name, about, kind.options) for name, about in _properties(kind.options).items()
    ]
    return found + [
        _field("secrets", name, about, kind.secrets) for name, about in _properties(kind.secrets).items()
    ]


def _properties(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    return {name: _plain(about, definitions) for name, about in schema.get("properties", {}).items()}


def _plain(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A property's schema without references, and as what it is when it is there."""
    given = dict(about)
    for one in given.get("anyOf", ()):
        if one.get("type") != "null":
            given = {**one, **{name: value for name, value in given.items() if name != "anyOf"}}
            break
    reference = str(given.get("$ref", "")).rpartition("/")[2]
    return {**definitions.get(reference, {}), **given}


def _field(group: str, name: str, about: Mapping[str, Any], model: type[BaseModel]) -> Field:
    default = about.get("default")
    return Field(
        name=f"{group}.{name}",
        label=str(about.get("title") or name),
        hint=str(about.get("description") or ""),
        shape=_shape(group, about),
        is_required=model.model_fields[name].is_required() if name in model.model_fields else False,
        choices=[str(one) for one in about.get("enum", ())],
        default=_written(default),
    )


def _shape(group: str, about: Mapping[str, Any]) -> str:
    if about.get("enum"):
        return "choice"
    shapes = {"boolean": "switch", "integer": "number", "number": "number", "array": "long", "object": "long"}
    shape = shapes.get(str(about.get("type")), "text")
    is_long = shape == "text" and int(about.get("maxLength", 0)) > 2100
    if group == "secrets" and shape == "text":
        return "long" if is_long else "password"
    return "long" if is_long else shape


def _written(value: object) -> str:
    """A value as the form shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def shown(options: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Options of a provider as the form's values."""
    return {f"options.{name}": (_written(value),) for name, value in options.items()}


def document(group: str, fields: Sequence[Field], sent: Sent) -> dict[str, Any]:
    """The options or secrets that a form sent; what was left empty is left out."""
    found: dict[str, Any] = {}
    for field in fields:
        start, _, name = field.name.partition(".")
        if start != group:
            continue
        if field.shape == "switch":
            found[name] = sent.is_on(field.name)
        elif text := sent.one(field.name):
            found[name] = _value(field, text)
    return found


def _value(field: Field, text: str) -> Any:
    """A number or a list as such; what is none stays text, for the kind's model to refuse."""
    if field.shape not in {"number", "long"}:
        return text
    if field.shape == "long" and text[:1] not in "[{":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def limits(sent: Sent) -> dict[str, Any]:
    """Share, bounds and price."""
    cost = sent.one("cost").replace(",", ".")
    try:
        cost_micro: Any = round(float(cost or 0) * MICRO)
    except (ValueError, OverflowError):
        cost_micro = cost
    return {
        "name": sent.one("name"),
        "weight": sent.one("weight") or 1,
        "in_flight": sent.one("in_flight") or 16,
        "per_s": sent.one("per_s").replace(",", ".") or None,
        "cost_micro": cost_micro,
        "is_on": sent.is_on("is_on"),
    }
