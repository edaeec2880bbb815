"""The campaign document: what is accepted, what is refused and where, and that the schema says the same."""

from datetime import timedelta
from typing import Any

import pytest

from geo.coordinates import LonLat
from push.audience import Audience, VisitScope, new_to, returning_to
from push.campaign_document import parse_rule
from push.limits import CapRule, Period
from push.problems import MAX_PROBLEMS, DocumentRefused, Reason
from push.rule import (
    BuildingFence,
    Caps,
    CircleFence,
    DrawnFence,
    Priority,
    Trigger,
    TriggerKind,
    When,
    Where,
)
from tests.push.makers import POLYGON, rule_document
from tests.push.refused_rules import BOWTIE, REFUSED_RULES


def problems_of_rule(document: object) -> list[tuple[str, Reason]]:
    with pytest.raises(DocumentRefused) as refused:
        parse_rule(document)
    return [(problem.pointer, problem.reason) for problem in refused.value.problems]


def test_a_full_rule_is_read() -> None:
    rule = parse_rule(rule_document(trigger={"any": [{"on": "fence.dwell", "min_s": 120}]}))
    assert rule.triggers == (Trigger(on=TriggerKind.DWELL, dwell=timedelta(seconds=120)),)
    assert rule.where == Where(within=CircleFence(centre=LonLat(lon=24.94, lat=60.17), radius_m=50.0))
    assert rule.when == When(opening_hours="Mo-Fr 11:00-13:30")
    assert rule.audience == Audience()
    assert rule.caps == Caps(campaign=CapRule(n=1, per=Period.DAY))
    assert rule.ttl == timedelta(minutes=90)


def test_a_rule_may_leave_out_all_but_trigger_and_place() -> None:
    rule = parse_rule(rule_document(when=None, who=None, cap=None, ttl_s=None, holdout=None))
    assert (rule.when, rule.audience) == (When(), Audience())
    assert (rule.caps, rule.ttl) == (Caps(campaign=CapRule(n=1, per=Period.DAY)), timedelta(minutes=90))
    assert (rule.priority, rule.holdout, rule.budget) == (Priority.NORMAL, None, None)
    assert (rule.per_minute, rule.per_member, rule.per_day) == (None, None, None)


@pytest.mark.parametrize(
    ("who", "audience"),
    [
        ("everyone", Audience()),
        ("new", new_to()),
        ("returning", returning_to()),
        ({"all": [{"attr": "visits", "op": "==", "value": 0}]}, new_to()),
        (
            {"all": [{"attr": "visits", "op": ">=", "value": 1, "older_h": 12, "scope": "district"}]},
            returning_to(VisitScope.DISTRICT),
        ),
    ],
)
def test_audiences_have_a_short_and_a_long_form(who: object, audience: Audience) -> None:
    assert parse_rule(rule_document(who=who)).audience == audience


def test_a_drawn_fence_and_a_building_are_read() -> None:
    drawn = parse_rule(rule_document(where={"within": POLYGON})).where.within
    assert isinstance(drawn, DrawnFence)
    assert drawn.area.bounds == (24.94, 60.17, 24.95, 60.175)
    building = parse_rule(rule_document(where={"within": {"building": "way/42", "buffer_m": 5}})).where.within
    assert building == BuildingFence(building="way/42", buffer_m=5.0)


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


def test_projected_metres_are_named_as_such() -> None:
    ring = [[385000, 6672000], [385100, 6672000], [385100, 6672100], [385000, 6672000]]
    document = rule_document() | {"where": {"within": {"type": "Polygon", "coordinates": [ring]}}}
    with pytest.raises(DocumentRefused) as refused:
        parse_rule(document)
    assert [problem.pointer for problem in refused.value.problems] == ["/rule/where/within"]
    assert "WGS-84" in str(refused.value.problems[0].detail.en)
