"""Who belongs to an audience, who does not, and of whom too little is known."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.audience import Audience, MemberContext, matches, new_to, returning_to, verdict
from push.audience_document import parse_who
from push.audience_facts import Facts
from push.audience_terms import All, AnyOf, LabelKind, Labelled, Not, Op, Term, Visits, VisitScope
from push.identifiers import MemberId
from push.problems import Report
from push.wording import language_of
from tests.push.audience_vectors import NOW, OWNER, PEOPLE, VECTORS, Person, Vector, Walk, facts_of, walker
from tests.push.makers import MEMBER


def context(person: Person, given: Vector) -> MemberContext:
    return MemberContext(
        member_id=MEMBER,
        facts=facts_of(person, given.owner),
        consents=person.consents,
        language=language_of(person.language),
    )


@pytest.mark.parametrize("given_vector", VECTORS, ids=[f"{number:02}" for number in range(len(VECTORS))])
def test_exactly_these_belong(given_vector: Vector) -> None:
    report = Report()
    audience = parse_who(given_vector.who, report)
    found = {
        name for name, person in PEOPLE.items() if matches(audience, context(person, given_vector), now=NOW)
    }
    assert not report.problems
    assert found == given_vector.are_in


@pytest.mark.parametrize("given_vector", VECTORS, ids=[f"{number:02}" for number in range(len(VECTORS))])
def test_nobody_belongs_to_an_audience_and_to_its_opposite(given_vector: Vector) -> None:
    term = parse_who(given_vector.who, Report()).term
    both = [
        name
        for name, person in PEOPLE.items()
        if matches(Audience(term), context(person, given_vector), now=NOW)
        and matches(Audience(Not(term)), context(person, given_vector), now=NOW)
    ]
    assert both == []


def test_of_somebody_of_whom_nothing_is_known_neither_new_nor_returning_holds() -> None:
    nobody = MemberContext(member_id=MemberId(MEMBER))
    found = [matches(one, nobody, now=NOW) for one in (new_to(), returning_to(), Audience())]
    assert found == [False, False, True]


def test_a_visit_counts_after_half_a_day_even_when_it_was_loaded_before() -> None:
    person = MemberContext(member_id=MEMBER, facts=facts_of(walker(Walk(ago=timedelta(hours=11)))))
    found = [matches(returning_to(), person, now=NOW + timedelta(hours=hours)) for hours in (0, 1)]
    assert found == [False, True]


KNOWN = (LabelKind.TAG, "yes"), (LabelKind.TAG, "no")
FACTS = Facts(owner=OWNER, labels=dict(zip(KNOWN, (True, False), strict=True)))
THREE = st.sampled_from([Labelled(kind=LabelKind.TAG, name=name) for name in ("yes", "no", "nobody-knows")])
TREES: st.SearchStrategy[Term] = st.recursive(
    THREE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=12,
)


def kleene(term: Term) -> float:
    """The same three values as numbers: 1 holds, 0 does not, 0.5 is unknown (Kleene 1938, strong)."""
    match term:
        case All(parts=parts):
            return min((kleene(part) for part in parts), default=1)
        case AnyOf(parts=parts):
            return max((kleene(part) for part in parts), default=0)
        case Not(part=part):
            return 1 - kleene(part)
        case Labelled(name=name):
            return {"yes": 1, "no": 0}.get(name, 0.5)
    raise AssertionError(term)


@given(TREES)
def test_three_values_follow_kleene(term: Term) -> None:
    person = MemberContext(member_id=MEMBER, facts=FACTS)
    assert verdict(term, person, now=NOW) == {1: True, 0: False, 0.5: None}[kleene(term)]


@given(
    least=st.integers(0, 3), late=st.integers(0, 3), wanted=st.integers(0, 6), op=st.sampled_from(list(Op))
)
def test_a_count_that_may_be_several_holds_only_if_it_holds_for_each(
    least: int, late: int, wanted: int, op: Op
) -> None:
    walks = [Walk(ago=timedelta(days=2 + number)) for number in range(least)]
    walks += [Walk(ago=timedelta(hours=3 + number)) for number in range(late)]
    person = MemberContext(member_id=MEMBER, facts=facts_of(walker(*walks)))
    each = {op.holds(count, wanted) for count in range(least, least + late + 1)}
    said = verdict(Visits(op=op, value=wanted, days=30, scope=VisitScope.STORE), person, now=NOW)
    assert said is (each.pop() if len(each) == 1 else None)
