"""What ``who`` may say: schema and parser agree, bounds hold, segments end, and the last check never refuses whom it need not."""

import copy
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push.audience import EVERYBODY, Audience, MemberContext, new_to, returning_to, verdict
from push.audience_document import parse_who, who_schema
from push.audience_facts import Facts
from push.audience_segments import (
    AudienceTooLarge,
    Cheap,
    SegmentRing,
    certainly,
    expand,
    names_of,
)
from push.audience_terms import (
    All,
    AnyOf,
    EventKind,
    Interest,
    LabelKind,
    Labelled,
    Not,
    Op,
    Speaks,
    Term,
    Visits,
    VisitScope,
    leaves,
)
from push.audience_vocabulary import MAX_TERMS, WHO
from push.problems import Reason, Report
from push.wording import Language
from tests.push.audience_vectors import NOW, VECTORS
from tests.push.makers import MEMBER

VALIDATOR = jsonschema.Draft202012Validator(who_schema())
TAG = {"attr": "tag", "value": "vip"}


def refused(document: object) -> list[tuple[str, Reason]]:
    report = Report()
    parse_who(document, report)
    return [(one.pointer, one.reason) for one in report.problems]


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = TAG
    for _ in range(depth - 1):
        document = {"not": document}
    return document


def test_the_schema_is_one_and_takes_every_vector() -> None:
    jsonschema.Draft202012Validator.check_schema(who_schema())
    assert [vector.who for vector in VECTORS if not VALIDATOR.is_valid(vector.who)] == []


def test_four_levels_pass_and_five_do_not() -> None:
    assert refused(nested(4)) == []
    assert refused(nested(5)) == [("/not/not/not", Reason.UNSUPPORTED)]
    assert [VALIDATOR.is_valid(nested(depth)) for depth in (4, 5)] == [True, False]


def test_forty_terms_pass_and_one_more_does_not() -> None:
    half = {"any": [TAG] * 20}
    assert refused({"all": [half, half]}) == []
    assert refused({"all": [half, half, TAG]}) == [("", Reason.WRONG_LENGTH)]
    assert refused({"all": [TAG] * (MAX_TERMS + 1)}) == [("/all", Reason.WRONG_LENGTH)]


@pytest.mark.parametrize(
    "document", [None, 1, [], "lapsed", "", {}, {"all": {}}, {"any": []}, {"attr": ["tag"]}]
)
def test_what_is_no_audience_is_refused(document: object) -> None:
    assert refused(document)
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("category", ["a\ud800", "\u202eefac", " cafe", "cafe ", "ca  fe", "\u200b"])
def test_a_category_that_cannot_be_read_as_it_is_written_is_refused(category: str) -> None:
    document = {"attr": "category_interest", "value": category, "window_d": 30}
    assert refused(document) == [("/value", Reason.BLANK)]


@pytest.mark.parametrize(
    ("document", "term"),
    [
        ("new", new_to().term),
        ({"any": [{"all": [{"attr": "familiarity", "value": "new"}]}]}, new_to().term),
        ({"attr": "visits", "op": ">=", "value": 1.0, "older_h": 12}, returning_to().term),
        (
            {"attr": "familiarity", "value": "frequent", "n": 3, "window_d": 30, "scope": "district"},
            Visits(op=Op.AT_LEAST, value=3, days=30, scope=VisitScope.DISTRICT),
        ),
        (
            {"attr": "category_interest", "value": "咖啡 店", "window_d": 30},
            Interest(category="咖啡 店", visits=1, days=30),
        ),
    ],
)
def test_what_means_the_same_is_the_same_value(document: object, term: Term) -> None:
    assert parse_who(document, Report()) == Audience(term)


def test_a_search_has_no_place() -> None:
    document = {"attr": "did", "kind": "search", "op": ">", "value": 0, "window_d": 7}
    [leaf] = leaves(parse_who(document, Report()).term)
    assert (getattr(leaf, "kind", None), getattr(leaf, "scope", None)) == (
        EventKind.SEARCH,
        VisitScope.DISTRICT,
    )


ODD = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 10**6),
        st.floats(allow_nan=False, allow_infinity=False, width=16),
        st.sampled_from(
            ["visits", "tag", "vip", ">=", "merchant", "zh", "new", "a" * 64, "A", "vip\n", "search"]
        ),
        st.text(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["attr", "seg", "all", "any", "not", "op", "value"]), inner, max_size=3
        ),
    ),
    max_leaves=5,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in inner:
        found += places(item, (*path, key))
    return found


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_schema_and_shape_agree_on_every_document(data: st.DataObject) -> None:
    trees = [vector.who for vector in VECTORS if not isinstance(vector.who, str)]
    document = copy.deepcopy(data.draw(st.sampled_from(trees)))
    for _ in range(data.draw(st.integers(0, 2))):
        every = places(document)
        if not every:
            break
        path = data.draw(st.sampled_from(every))
        holder: Any = document
        for key in path[:-1]:
            holder = holder[key]
        match data.draw(st.sampled_from(["replace", "drop", "add"])):
            case "replace":
                holder[path[-1]] = data.draw(ODD)
            case "drop":
                del holder[path[-1]]
            case _ if isinstance(holder, dict):
                holder[data.draw(st.sampled_from(["scope", "window_d", "attr", "not", "n", "x"]))] = (
                    data.draw(ODD)
                )
    report = Report()
    WHO.check(document, report)
    assert (not report.problems) == VALIDATOR.is_valid(document)


def segment(name: str) -> Labelled:
    return Labelled(kind=LabelKind.SEGMENT, name=name)


def test_segments_are_written_out_and_unknown_names_stay() -> None:
    rules = {"a": Audience(Not(segment("b"))), "b": new_to()}
    whole = expand(Audience(All((segment("a"), segment("c")))), rules)
    assert whole == Audience(All((Not(new_to().term), segment("c"))))
    assert names_of(whole, LabelKind.SEGMENT) == {"c"}


@pytest.mark.parametrize("ring", [("a",), ("a", "b"), ("a", "b", "c")])
def test_a_ring_is_named_and_ends(ring: tuple[str, ...]) -> None:
    rules = {
        name: Audience(segment(following)) for name, following in zip(ring, (*ring[1:], "a"), strict=True)
    }
    with pytest.raises(SegmentRing) as found:
        expand(Audience(segment("a")), rules)
    assert found.value.names == (*ring, "a")


@pytest.mark.parametrize("bottom", [EVERYBODY, new_to()])
def test_segments_that_multiply_are_refused_at_once(bottom: Audience) -> None:
    rules = {"s0": bottom} | {
        f"s{number}": Audience(All((segment(f"s{number - 1}"),) * 40)) for number in range(1, 12)
    }
    began = time.process_time()
    with pytest.raises(AudienceTooLarge):
        expand(Audience(segment("s11")), rules)
    assert time.process_time() - began < 20


LEAVES = st.sampled_from(
    [
        Labelled(kind=LabelKind.TAG, name="yes"),
        Labelled(kind=LabelKind.TAG, name="no"),
        Labelled(kind=LabelKind.TAG, name="nobody knows"),
        Speaks(language=Language.ZH),
        Speaks(language=Language.EN),
        new_to().term,
        returning_to().term,
    ]
)
TREES: st.SearchStrategy[Term] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=10,
)


@given(term=TREES, is_known=st.booleans())
def test_the_last_check_lets_everybody_through_who_belongs(term: Term, *, is_known: bool) -> None:
    labels = {(LabelKind.TAG, "yes"): True, (LabelKind.TAG, "no"): False}
    member = MemberContext(
        member_id=MEMBER, facts=Facts(labels=labels, stays=() if is_known else None), language=Language.ZH
    )
    weak = certainly(term, Cheap(Labelled, Speaks))
    assert not any(isinstance(leaf, Visits) for leaf in leaves(weak))
    if verdict(term, member, now=NOW) is True:
        assert verdict(weak, member, now=NOW) is True
