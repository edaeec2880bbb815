"""The pages that list things list all of them, and nothing that is not there."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from district.app import create_app
from district.footfall.metrics import DEFINITIONS, FIGURES
from district.monitoring.figures import NAMES
from district.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
UNLISTED = {("GET", "/metrics")}
"""Answered, but no part of /openapi.json."""


def rows(page: str) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    found = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if line.startswith("|")
    ]
    return [row for row in found if row and not set(row[0]) <= set("-: ")]


def named(page: str, pattern: str) -> dict[str, list[str]]:
    """The rows whose first cell is a name in backticks of this form, by name; each once."""
    found: dict[str, list[str]] = {}
    for row in rows(page):
        if match := re.fullmatch(f"`({pattern})`", row[0]):
            assert match[1] not in found, f"{page} lists {match[1]} twice"
            found[match[1]] = row
    return found


def test_every_endpoint_is_in_the_interface_and_every_line_is_an_endpoint() -> None:
    described = create_app(Settings()).openapi()["paths"]
    there = {(method.upper(), path) for path, methods in described.items() for method in methods} | UNLISTED
    listed = named("interface.md", "[A-Z]+ /.*")
    said = {(name.partition(" ")[0], name.partition(" ")[2]) for name in listed}
    assert sorted(there - said) == [], "missing in docs/interface.md"
    assert sorted(said - there) == [], "docs/interface.md lists what is not there"
    assert all(row[1] for row in listed.values())


def test_every_setting_is_listed_with_meaning_unit_and_default() -> None:
    listed = named("settings.md", "DISTRICT_[A-Z_]+")
    fields = {f"DISTRICT_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert sorted(set(fields) - set(listed)) == [], "missing in docs/settings.md"
    assert sorted(set(listed) - set(fields)) == [], "docs/settings.md lists what is no setting"
    for name, (_, meaning, unit, default) in listed.items():
        assert meaning, name
        assert unit, name
        assert says_default(default, fields[name].default), (
            f"{name}: {default!r} is not {fields[name].default!r}"
        )


def says_default(cell: str, default: Any) -> bool:
    """Whether the cell begins with the default as the environment would give it."""
    if default is None or default == "":
        return cell.startswith(("unset", "empty", "made"))
    if default is PydanticUndefined:
        return bool(cell)
    return cell.startswith(f"`{written(default)}`")


def written(value: Any) -> str:
    """A value as it stands in the environment."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.12g}"
    assert not isinstance(value, SecretStr)
    return str(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(timedelta(milliseconds=50), "0.05"), (timedelta(days=365), "31536000"), (True, "true"), (8, "8")],
)
def test_defaults_are_compared_as_the_environment_has_them(value: Any, text: str) -> None:
    assert written(value) == text
    assert says_default(f"`{text}` (the usual)", value)
    assert not says_default("`7`", value)


def test_every_metric_is_listed_with_its_labels_and_meaning() -> None:
    listed = named("monitoring.md", "shangquan_[a-z_]+")
    assert sorted(set(NAMES) - set(listed)) == [], "missing in docs/monitoring.md"
    assert sorted(set(listed) - set(NAMES)) == [], "docs/monitoring.md lists what is no metric"
    for name, (_, labels) in NAMES.items():
        assert listed[name][1] == ", ".join(labels), name
        assert listed[name][2], name


def test_every_figure_is_defined_in_the_documentation_as_on_the_page() -> None:
    listed = named("metrics.md", "[a-z_]+")
    defined = {str(metric): definition.text.en for metric, definition in DEFINITIONS.items()}
    defined |= {str(figure): text.en for figure, text in FIGURES.items()}
    assert {name: row[-1] for name, row in listed.items()} == defined


def test_every_relative_link_of_the_documentation_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(DOCS)}: {target}"
        for page in DOCS.rglob("*.md")
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
