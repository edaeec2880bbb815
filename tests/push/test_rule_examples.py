"""Every example in the documentation of the rule language is accepted, by the parser and by the schema."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from push.campaign_document import parse_rule, schema
from push.campaign_vocabulary import RULE
from push.rule import FENCE_TRIGGERS
from tests.push.makers import offer_document

DOCUMENT = Path(__file__).parents[2] / "docs" / "developer" / "rules.md"
EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
]
CIRCLE = {"within": {"circle": {"lon": 24.94, "lat": 60.17, "radius_m": 50}}}


def completed(example: dict[str, Any]) -> dict[str, Any]:
    """The example as a whole rule, as the document says that it is completed."""
    rule = {"v": 1, "trigger": {"any": [{"on": "fence.enter"}]}, **example}
    has_fence = any(one["on"] in set(FENCE_TRIGGERS) for one in rule["trigger"]["any"])
    return {"where": CIRCLE, **rule} if has_fence else rule


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_accepted(example: dict[str, Any]) -> None:
    rule = completed(example)
    parse_rule(rule)
    jsonschema.Draft202012Validator(schema()).validate({"rule": rule, "offer": offer_document()})


def test_every_member_of_a_rule_and_every_trigger_has_an_example() -> None:
    members = set(RULE.record.required) | set(RULE.record.optional)
    assert {member for example in EXAMPLES for member in example} == members - {"v"}
    shown = {one["on"] for example in EXAMPLES for one in example.get("trigger", {}).get("any", ())}
    triggers = RULE.record.required["trigger"].schema()
    named = {one["properties"]["on"]["enum"][0] for one in triggers["properties"]["any"]["items"]["anyOf"]}  # type: ignore[index]
    assert shown == named


def test_every_member_of_when_where_cap_and_stop_when_has_an_example() -> None:
    for part in ("when", "where", "cap", "stop_when"):
        shown = {member for example in EXAMPLES for member in example.get(part, {})}
        assert shown == set(RULE.record.optional[part].schema()["properties"])  # type: ignore[call-overload]
