"""The compiled statement and the rules for one member find the same people, on a real database."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from push.audience import Audience, MemberContext, matches
from push.audience_document import parse_who
from push.audience_facts import Owner
from push.audience_terms import (
    All,
    AnyOf,
    Did,
    Dwell,
    EventKind,
    Follows,
    Interest,
    LabelKind,
    Labelled,
    Lapsed,
    LastRedemption,
    LastVisit,
    Leaf,
    Not,
    Op,
    Reachable,
    Speaks,
    Term,
    Visits,
    VisitScope,
)
from push.audience_vocabulary import REACHABLE
from push.consent import Channel, Purpose
from push.identifiers import MemberId
from push.problems import Report
from push.wording import Language, language_of
from tests.district.audiences.world import Connection, Town, by_sql, one_by_one, settle
from tests.push.audience_vectors import (
    NOW,
    OPERATOR,
    OWNER,
    PEOPLE,
    PLACES,
    TICK,
    VECTORS,
    WORLD,
    Person,
    Vector,
    Walk,
    days,
    facts_of,
    hours,
    store,
)


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{number:02}" for number in range(len(VECTORS))])
def test_the_vectors_hold_in_sql_and_in_what_is_loaded(
    town: Town, connection: Connection, runner: asyncio.Runner, vector: Vector
) -> None:
    audience = parse_who(vector.who, Report())
    names = list(PEOPLE)

    async def ask() -> tuple[set[str], set[str]]:
        ids = await settle(connection, town, [PEOPLE[name] for name in names])
        named = dict(zip(ids, names, strict=True))
        found = await by_sql(connection, town, audience, vector.owner)
        judged = await one_by_one(connection, town, audience, vector.owner, ids)
        await connection.rollback()
        return {named[one] for one in found}, {named[one] for one in judged}

    in_sql, in_rules = runner.run(ask())
    assert in_sql == vector.are_in
    assert in_rules == vector.are_in


SCOPES = st.sampled_from(list(VisitScope))
OPS = st.sampled_from(list(Op))
SHORT = st.integers(1, 12)
AMOUNT = st.integers(0, 3)
NAMES = {
    LabelKind.TAG: ("vip", "staff", "no-such"),
    LabelKind.LIST: ("customers", "no-such"),
    LabelKind.SEGMENT: ("regulars", "no-such", "live"),
}
LEAVES: st.SearchStrategy[Leaf] = st.one_of(
    st.builds(Visits, op=OPS, value=AMOUNT, days=st.none() | SHORT, scope=SCOPES),
    st.builds(Lapsed, days=SHORT, scope=SCOPES),
    st.builds(
        Dwell, op=OPS, value_s=st.sampled_from([0, 1, 1_799, 1_800, 3_600, 7_200]), days=SHORT, scope=SCOPES
    ),
    st.builds(LastVisit, op=OPS, days=st.integers(0, 12), scope=SCOPES),
    st.builds(LastRedemption, op=OPS, days=st.integers(0, 12), scope=SCOPES),
    st.builds(
        Interest, category=st.sampled_from(["cafe", "bakery", "kiosk", "none"]), visits=AMOUNT, days=SHORT
    ),
    st.builds(Did, kind=st.sampled_from(list(EventKind)), op=OPS, value=AMOUNT, days=SHORT, scope=SCOPES),
    st.builds(Speaks, language=st.sampled_from(list(Language))),
    st.builds(Reachable, channel=st.sampled_from(REACHABLE)),
    st.builds(
        Follows, scope=SCOPES, store_id=st.none() | st.sampled_from([store(one) for one in (1, 2, 3, 9)])
    ),
    st.sampled_from([Labelled(kind=kind, name=name) for kind, names in NAMES.items() for name in names]),
)
TREES: st.SearchStrategy[Term] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
)
# Edges of windows, of the half day and of the present visit, and anything between.
AGO = st.one_of(
    st.integers(0, 12).map(days),
    st.sampled_from([hours(12), hours(12) - TICK, hours(12) + TICK, days(7) - TICK, days(7) + TICK]),
    st.integers(0, 13 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
LENGTH = st.one_of(
    st.sampled_from([timedelta(minutes=30), timedelta(minutes=30) + TICK, hours(1)]),
    st.integers(0, 180).map(lambda minutes: timedelta(minutes=minutes)),
)
SHOPS = st.sampled_from([name for name in PLACES if name != "district"])
ANYWHERE = st.sampled_from(list(PLACES))
CONSENTS = [
    (Purpose.LOCATION, None),
    (Purpose.MARKETING, None),
    *((Purpose.MARKETING, one) for one in Channel),
]
WALKS = st.lists(st.builds(Walk, ago=AGO, place=ANYWHERE, length=LENGTH), max_size=4).map(tuple)
PERSONS = st.builds(
    Person,
    walks=WALKS,
    redeemed=st.lists(st.tuples(AGO, SHOPS), max_size=2).map(tuple),
    given_back=st.lists(st.tuples(AGO, SHOPS), max_size=1).map(tuple),
    did=st.lists(st.tuples(AGO, st.sampled_from(list(EventKind)), ANYWHERE), max_size=3).map(tuple),
    follows=st.frozensets(SHOPS, max_size=2),
    language=st.sampled_from(["zh", "zh-Hans", "EN_gb", "en", "fi", ""]),
    phone=st.booleans(),
    email=st.just(value=True),
    agreed=st.frozensets(st.sampled_from(CONSENTS), max_size=4).map(
        lambda said: said | {(Purpose.LOCATION, None)} if len(said) < 3 else said
    ),
    tags=st.frozensets(st.sampled_from(sorted(WORLD.tags)), max_size=2),
    lists=st.frozensets(st.sampled_from(sorted(WORLD.lists)), max_size=1),
    segments=st.frozensets(st.sampled_from(sorted(WORLD.segments)), max_size=1),
    is_personalised=st.sampled_from([True, True, True, False]),
)


def by_plain_rules(audience: Audience, owner: Owner, people: Sequence[Person]) -> list[bool]:
    """What the rules say of facts that no statement has touched."""
    return [
        matches(
            audience,
            MemberContext(
                member_id=MemberId(uuid.UUID(int=1)),
                facts=facts_of(person, owner),
                consents=person.consents,
                language=language_of(person.language),
            ),
            now=NOW,
        )
        for person in people
    ]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    term=TREES,
    owner=st.sampled_from([OWNER, OWNER, OPERATOR]),
    people=st.lists(PERSONS, min_size=1, max_size=6),
)
def test_sql_and_rules_find_the_same_members_whatever_is_asked_of_whomever(  # noqa: PLR0917 by name
    town: Town,
    connection: Connection,
    runner: asyncio.Runner,
    term: Term,
    owner: Owner,
    people: list[Person],
) -> None:
    audience = Audience(term)

    async def ask() -> tuple[list[bool], list[bool], list[bool]]:
        try:
            ids = await settle(connection, town, people)
            found = await by_sql(connection, town, audience, owner)
            some = await by_sql(connection, town, audience, owner, ids[:2])
            judged = await one_by_one(connection, town, audience, owner, ids)
        finally:
            await connection.rollback()
        return [one in found for one in ids], [one in judged for one in ids], [one in some for one in ids]

    in_sql, in_rules, in_some = runner.run(ask())
    plain = by_plain_rules(audience, owner, people)
    assert in_sql == plain
    assert in_rules == plain
    assert in_some == plain[:2] + [False] * len(plain[2:])
