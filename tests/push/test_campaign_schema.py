"""The published JSON Schema accepts exactly the shapes that the parser accepts."""

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push.campaign_document import schema
from push.campaign_vocabulary import RULE
from push.offer_vocabulary import OFFER
from push.problems import Reason, Report
from tests.push.makers import POLYGON, offer_document, rule_document
from tests.push.offers import FULL_OFFERS
from tests.push.refused_rules import CAP, FRIDAYS, REFUSED_RULES, WIFI

ONLY_PARSED = frozenset(
    {
        Reason.OPENING_HOURS,
        Reason.GEOMETRY,
        Reason.RECURRENCE,
        Reason.DATE,
        Reason.BLANK,
        Reason.CONTRADICTION,
    }
)
"""What a schema cannot say; schema() names each."""
VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def is_accepted_by_shape(document: dict[str, Any]) -> bool:
    report = Report()
    RULE.check(document["rule"], report)
    OFFER.check(document["offer"], report)
    return not report.problems


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**10),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [
            "",
            "fence.enter",
            "fence.dwell",
            "district",
            "new",
            "==",
            ">=",
            "visits",
            "day",
            "7d",
            "total",
            "none",
            "gift",
            "fence.exit",
            "wifi.join",
            "schedule",
            "2026-12-24",
            "2026-12-24T09:00:00Z",
            "only",
            "paid",
            "mine",
            "Polygon",
            "MultiPolygon",
            "abc\n",
        ]
    ),
    st.text(max_size=5),
)
ODD_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["on", "any", "min_s", "all", "n", "per", "zh", "type", "zone", "first"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
SEEDS: list[dict[str, Any]] = [
    {"rule": rule_document(), "offer": offer_document()},
    {
        "rule": rule_document(
            where={"within": POLYGON},
            who={"all": [{"attr": "visits", "op": ">=", "value": 1, "older_h": 12}]},
            trigger={"any": [{"on": "fence.dwell", "min_s": 60}, {"on": "fence.enter"}]},
        ),
        "offer": offer_document(kind="message", value={"type": "none"}),
    },
    {
        "rule": rule_document(
            trigger={
                "any": [
                    {"on": "wifi.join", "first": True, "cool_down_s": 60},
                    {"on": "schedule", "rrule": FRIDAYS, "dst": {"gap": "skip"}},
                    {"on": "member.visits", "n": 3},
                ]
            },
            when={"blackout": ["2026-12-24"], "public_holidays": "off", "starts_at": "2026-12-01T09:00:00Z"},
            where={
                "near_my_stores_m": 50,
                "exclude": [{"zone": "z"}, {"street": "s", "buffer_m": 5}],
                "or_visited": {"store": "mine", "days": 3},
            },
            cap={"merchant": CAP, "channel": {"sms": CAP}, "gap_min": 5},
            pace={"per_min": 1},
            priority="paid",
            holdout={"pct": 5, "salt": "x"},
            budget={"total_minor": 5},
            per_member=1,
            per_day=2,
        ),
        "offer": offer_document(),
    },
    {
        "rule": rule_document(where={"or_visited": {"store": "mine", "days": 3}}, trigger=WIFI),
        "offer": offer_document(),
    },
    {
        "rule": rule_document(where={"within": {"building": "b", "buffer_m": 0}}, who="new"),
        "offer": offer_document(value={"type": "percent", "percent": 10}),
    },
    *({"rule": rule_document(), "offer": offer} for offer in FULL_OFFERS),
]


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document below its root."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in inner:
        found += places(item, (*path, key))
    return found


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_schema_and_parser_agree_on_every_shape(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 2))):
        path = data.draw(st.sampled_from([one for one in places(document) if len(one) > 1]))
        holder: Any = document
        for key in path[:-1]:
            holder = holder[key]
        match data.draw(st.sampled_from(["replace", "drop", "add"])):
            case "replace":
                holder[path[-1]] = data.draw(ODD_VALUES)
            case "drop":
                del holder[path[-1]]
            case _ if isinstance(holder, dict):
                holder[
                    data.draw(
                        st.sampled_from(
                            ["x", "scope", "older_h", "percent", "circle", "within", "where", "first"]
                        )
                    )
                ] = data.draw(ODD_VALUES)
    assert is_accepted_by_shape(document) == VALIDATOR.is_valid(document)


@pytest.mark.parametrize(("change", "pointer", "reason"), REFUSED_RULES)
def test_the_schema_refuses_what_the_parser_refuses_for_its_shape(
    change: dict[str, Any], pointer: str, reason: Reason
) -> None:
    rule = {key: value for key, value in {**rule_document(), **change}.items() if value is not None}
    is_shape = reason not in ONLY_PARSED
    assert VALIDATOR.is_valid({"rule": rule, "offer": offer_document()}) is not is_shape
