"""The campaign document: what is accepted, what is refused and where, and that the schema says the same."""

import copy
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.coordinates import LonLat
from push.audience import Audience, Familiarity, VisitScope
from push.campaign import (
    BuildingFence,
    CircleFence,
    DrawnFence,
    OfferKind,
    OfferValue,
    Trigger,
    TriggerKind,
    ValueKind,
    When,
)
from push.campaign_document import DocumentRefused, parse_offer, parse_rule, schema
from push.campaign_vocabulary import OFFER, RULE
from push.limits import CapRule, Period
from push.problems import MAX_PROBLEMS, Reason, Report
from tests.push.makers import POLYGON, offer_document, rule_document

VALIDATOR = jsonschema.Draft202012Validator(schema())


def problems_of_rule(document: object) -> list[tuple[str, Reason]]:
    with pytest.raises(DocumentRefused) as refused:
        parse_rule(document)
    return [(problem.pointer, problem.reason) for problem in refused.value.problems]


def problems_of_offer(document: object) -> list[tuple[str, Reason]]:
    with pytest.raises(DocumentRefused) as refused:
        parse_offer(document)
    return [(problem.pointer, problem.reason) for problem in refused.value.problems]


def test_a_full_rule_is_read() -> None:
    rule = parse_rule(rule_document(trigger={"any": [{"on": "fence.dwell", "min_s": 120}]}))
    assert rule.triggers == (Trigger(on=TriggerKind.DWELL, dwell=timedelta(seconds=120)),)
    assert rule.fence == CircleFence(centre=LonLat(lon=24.94, lat=60.17), radius_m=50.0)
    assert rule.when == When(opening_hours="Mo-Fr 11:00-13:30")
    assert rule.audience == Audience()
    assert rule.campaign_cap == CapRule(n=1, per=Period.DAY)
    assert rule.ttl == timedelta(minutes=90)


def test_a_rule_may_leave_out_all_but_trigger_and_place() -> None:
    rule = parse_rule(rule_document(when=None, who=None, cap=None, ttl_s=None))
    assert (rule.when, rule.audience) == (When(), Audience())
    assert (rule.campaign_cap, rule.ttl) == (CapRule(n=1, per=Period.DAY), timedelta(minutes=90))


@pytest.mark.parametrize(
    ("who", "audience"),
    [
        ("everyone", Audience()),
        ("new", Audience(familiarity=Familiarity.NEW)),
        ("returning", Audience(familiarity=Familiarity.RETURNING)),
        ({"all": [{"attr": "visits", "op": "==", "value": 0}]}, Audience(familiarity=Familiarity.NEW)),
        (
            {"all": [{"attr": "visits", "op": ">=", "value": 1, "older_h": 12, "scope": "district"}]},
            Audience(familiarity=Familiarity.RETURNING, scope=VisitScope.DISTRICT),
        ),
    ],
)
def test_audiences_have_a_short_and_a_long_form(who: object, audience: Audience) -> None:
    assert parse_rule(rule_document(who=who)).audience == audience


def test_a_drawn_fence_and_a_building_are_read() -> None:
    drawn = parse_rule(rule_document(where={"within": POLYGON})).fence
    assert isinstance(drawn, DrawnFence)
    assert drawn.area.bounds == (24.94, 60.17, 24.95, 60.175)
    building = parse_rule(rule_document(where={"within": {"building": "way/42", "buffer_m": 5}})).fence
    assert building == BuildingFence(building="way/42", buffer_m=5.0)


BOWTIE = [[24.94, 60.17], [24.95, 60.18], [24.95, 60.17], [24.94, 60.18], [24.94, 60.17]]

REFUSED_RULES: list[tuple[dict[str, Any], str, Reason]] = [
    ({"v": 2}, "/rule/v", Reason.UNSUPPORTED),
    ({"v": True}, "/rule/v", Reason.WRONG_TYPE),
    ({"holdout": {"pct": 10}}, "/rule/holdout", Reason.UNSUPPORTED),
    ({"pace": {"per_min": 600}}, "/rule/pace", Reason.UNSUPPORTED),
    ({"trigger": None}, "/rule/trigger", Reason.MISSING),
    ({"trigger": {"any": []}}, "/rule/trigger/any", Reason.WRONG_LENGTH),
    ({"trigger": {"any": [{"on": "wifi.join"}]}}, "/rule/trigger/any/0/on", Reason.UNSUPPORTED),
    (
        {"trigger": {"any": [{"on": "fence.enter", "fence": "f1"}]}},
        "/rule/trigger/any/0/fence",
        Reason.UNSUPPORTED,
    ),
    ({"trigger": {"any": [{"on": "fence.dwell"}]}}, "/rule/trigger/any/0/min_s", Reason.MISSING),
    (
        {"trigger": {"any": [{"on": "fence.dwell", "min_s": 0}]}},
        "/rule/trigger/any/0/min_s",
        Reason.OUT_OF_RANGE,
    ),
    ({"when": {"tz": "Asia/Shanghai"}}, "/rule/when/tz", Reason.UNSUPPORTED),
    ({"when": {"opening_hours": "whenever"}}, "/rule/when/opening_hours", Reason.OPENING_HOURS),
    ({"when": {"and_store_open": 1}}, "/rule/when/and_store_open", Reason.WRONG_TYPE),
    ({"where": {"within": POLYGON, "or_visited": {}}}, "/rule/where/or_visited", Reason.UNSUPPORTED),
    ({"where": {"within": {"type": "Point"}}}, "/rule/where/within/type", Reason.UNSUPPORTED),
    ({"where": {"within": {"ellipse": 1}}}, "/rule/where/within", Reason.UNSUPPORTED),
    (
        {"where": {"within": {"circle": {"lon": 24, "lat": 91, "radius_m": 9}}}},
        "/rule/where/within/circle/lat",
        Reason.OUT_OF_RANGE,
    ),
    (
        {"where": {"within": {"circle": {"lon": 24, "lat": 90, "radius_m": 9}}}},
        "/rule/where/within",
        Reason.GEOMETRY,
    ),
    (
        {"where": {"within": {"type": "Polygon", "coordinates": [BOWTIE]}}},
        "/rule/where/within",
        Reason.GEOMETRY,
    ),
    ({"who": "lapsed"}, "/rule/who", Reason.UNSUPPORTED),
    ({"who": {"all": [{"not": {"seg": "staff"}}]}}, "/rule/who/all/0/op", Reason.MISSING),
    (
        {"who": {"all": [{"attr": "visits", "op": ">=", "value": 2}]}},
        "/rule/who/all/0/value",
        Reason.UNSUPPORTED,
    ),
    (
        {"who": {"all": [{"attr": "visits", "op": ">=", "value": 1, "window_d": 90}]}},
        "/rule/who/all/0/window_d",
        Reason.UNSUPPORTED,
    ),
    ({"cap": {"campaign": {"n": 0, "per": "day"}}}, "/rule/cap/campaign/n", Reason.OUT_OF_RANGE),
    ({"cap": {"campaign": {"n": 1, "per": "month"}}}, "/rule/cap/campaign/per", Reason.UNSUPPORTED),
    ({"cap": {"gap_min": 90}}, "/rule/cap/gap_min", Reason.UNSUPPORTED),
    ({"ttl_s": 59}, "/rule/ttl_s", Reason.OUT_OF_RANGE),
    ({"ttl_s": "90"}, "/rule/ttl_s", Reason.WRONG_TYPE),
]


@pytest.mark.parametrize(("change", "pointer", "reason"), REFUSED_RULES)
def test_what_is_not_supported_is_named_by_its_place(
    change: dict[str, Any], pointer: str, reason: Reason
) -> None:
    document = {key: value for key, value in {**rule_document(), **change}.items() if value is not None}
    assert (pointer, reason) in problems_of_rule(document)


@pytest.mark.parametrize("document", [None, [], "rule", 1, {}])
def test_a_rule_that_is_no_rule_at_all_is_refused(document: object) -> None:
    assert problems_of_rule(document)


def test_all_problems_are_listed() -> None:
    found = problems_of_rule(rule_document(v=3, ttl_s=1, who="lapsed"))
    assert {pointer for pointer, _ in found} == {"/rule/v", "/rule/ttl_s", "/rule/who"}


def test_problems_are_capped_and_long_keys_cut() -> None:
    found = problems_of_rule(rule_document() | {f"{number}" + "x" * 10_000: 1 for number in range(500)})
    assert len(found) == MAX_PROBLEMS
    assert max(len(pointer) for pointer, _ in found) < 60


def test_keys_are_escaped_in_pointers() -> None:
    assert ("/rule/a~1b~0c", Reason.UNSUPPORTED) in problems_of_rule(rule_document() | {"a/b~c": 1})


def test_problems_speak_both_languages() -> None:
    with pytest.raises(DocumentRefused) as refused:
        parse_rule(rule_document(ttl_s="soon"))
    detail = refused.value.problems[0].detail
    assert (detail.en, detail.zh) == ("This has the wrong type; send an integer.", "类型不对，应为整数。")


def test_a_refused_fence_is_explained_in_both_languages() -> None:
    with pytest.raises(DocumentRefused) as refused:
        parse_rule(rule_document(where={"within": {"type": "Polygon", "coordinates": [BOWTIE]}}))
    detail = refused.value.problems[0].detail
    assert detail.zh == "围栏无效：轮廓不能自相交，请重新绘制。"
    assert (detail.en or "").startswith("This is not a usable fence: ")


def test_a_coupon_is_read() -> None:
    offer = parse_offer(offer_document())
    assert offer.kind is OfferKind.COUPON
    assert offer.value == OfferValue(kind=ValueKind.AMOUNT, minor_units=500)
    assert (offer.title.zh, offer.title.en) == ("午餐立减", "Lunch for less")


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ({"type": "percent", "percent": 20}, OfferValue(kind=ValueKind.PERCENT, percent=20)),
        ({"type": "gift", "minor_units": None, "percent": None}, OfferValue(kind=ValueKind.GIFT)),
        ({"type": "none"}, OfferValue(kind=ValueKind.NONE)),
    ],
)
def test_every_kind_of_value_is_read(value: dict[str, Any], parsed: OfferValue) -> None:
    assert parse_offer(offer_document(value=value)).value == parsed


def test_a_message_needs_no_value() -> None:
    assert parse_offer(offer_document(kind="message", value=None)).value == OfferValue(kind=ValueKind.NONE)


REFUSED_OFFERS: list[tuple[dict[str, Any], str, Reason]] = [
    ({"kind": "red_packet"}, "/offer/kind", Reason.UNSUPPORTED),
    ({"kind": "coupon", "value": None}, "/offer/value", Reason.MISSING),
    ({"kind": "message"}, "/offer/value/type", Reason.UNSUPPORTED),
    ({"value": {"type": "amount"}}, "/offer/value/minor_units", Reason.MISSING),
    ({"value": {"type": "amount", "minor_units": 0}}, "/offer/value/minor_units", Reason.OUT_OF_RANGE),
    ({"value": {"type": "amount", "minor_units": 9.5}}, "/offer/value/minor_units", Reason.WRONG_TYPE),
    ({"value": {"type": "percent", "percent": 101}}, "/offer/value/percent", Reason.OUT_OF_RANGE),
    ({"value": {"type": "gift", "percent": 5}}, "/offer/value/percent", Reason.UNSUPPORTED),
    ({"title": {}}, "/offer/title", Reason.WRONG_LENGTH),
    ({"title": {"fr": "Midi"}}, "/offer/title/fr", Reason.UNSUPPORTED),
    ({"title": {"en": "x" * 61}}, "/offer/title/en", Reason.WRONG_LENGTH),
    ({"title": {"en": "\u202e\u200b \x00"}}, "/offer/title/en", Reason.BLANK),
    ({"text": {"en": "x" * 501}}, "/offer/text/en", Reason.WRONG_LENGTH),
    ({"text": {"en": "\ud800"}}, "/offer/text/en", Reason.BLANK),
]


@pytest.mark.parametrize(("change", "pointer", "reason"), REFUSED_OFFERS)
def test_a_wrong_offer_is_refused_at_its_place(change: dict[str, Any], pointer: str, reason: Reason) -> None:
    assert (pointer, reason) in problems_of_offer(offer_document(**change))


def test_texts_are_cleaned_of_controls_and_disguises() -> None:
    offer = parse_offer(offer_document(title={"en": "  Half\u202e price\x00\u200b \t now "}))
    assert offer.title.en == "Half price now"


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
        ]
    ),
    st.text(max_size=5),
)
ODD_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["on", "any", "min_s", "all", "n", "per", "zh", "type"]), inner, max_size=3
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
        "rule": rule_document(where={"within": {"building": "b", "buffer_m": 0}}, who="new"),
        "offer": offer_document(value={"type": "percent", "percent": 10}),
    },
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
                holder[data.draw(st.sampled_from(["x", "scope", "older_h", "percent", "circle"]))] = (
                    data.draw(ODD_VALUES)
                )
    assert is_accepted_by_shape(document) == VALIDATOR.is_valid(document)


@pytest.mark.parametrize(("change", "pointer", "reason"), REFUSED_RULES)
def test_the_schema_refuses_what_the_parser_refuses_for_its_shape(
    change: dict[str, Any], pointer: str, reason: Reason
) -> None:
    rule = {key: value for key, value in {**rule_document(), **change}.items() if value is not None}
    is_shape = reason not in {Reason.OPENING_HOURS, Reason.GEOMETRY}
    assert VALIDATOR.is_valid({"rule": rule, "offer": offer_document()}) is not is_shape
