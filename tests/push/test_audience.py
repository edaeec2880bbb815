"""Who is new, who is returning, and who is neither."""

from datetime import timedelta

import pytest

from push.audience import (
    NEVER_BEFORE,
    RETURNING_AFTER,
    Audience,
    Familiarity,
    VisitHistory,
    VisitScope,
    matches,
)
from tests.push.makers import FRIDAY_NOON, member

TICK = timedelta(microseconds=1)


def seen(first_ago: timedelta, last_ago: timedelta | None = None) -> VisitHistory:
    first, last = FRIDAY_NOON - first_ago, FRIDAY_NOON - (last_ago or first_ago)
    return VisitHistory(count=1 if first == last else 2, first_at=first, last_at=last)


@pytest.mark.parametrize(
    ("history", "is_new", "is_returning"),
    [
        (NEVER_BEFORE, True, False),
        (seen(timedelta(hours=1)), False, False),
        (seen(RETURNING_AFTER - TICK), False, False),
        (seen(RETURNING_AFTER), False, True),
        (seen(timedelta(days=30), timedelta(hours=1)), False, True),
    ],
)
def test_new_returning_and_neither(history: VisitHistory, is_new: bool, is_returning: bool) -> None:
    someone = member(visits={VisitScope.MERCHANT: history})
    found = [
        matches(Audience(familiarity=kind), someone, now=FRIDAY_NOON)
        for kind in (Familiarity.NEW, Familiarity.RETURNING, Familiarity.EVERYONE)
    ]
    assert found == [is_new, is_returning, True]


def test_the_scope_decides() -> None:
    someone = member(visits={VisitScope.DISTRICT: seen(timedelta(days=9)), VisitScope.STORE: NEVER_BEFORE})
    new_to = {
        scope: matches(Audience(familiarity=Familiarity.NEW, scope=scope), someone, now=FRIDAY_NOON)
        for scope in (VisitScope.DISTRICT, VisitScope.STORE)
    }
    assert new_to == {VisitScope.DISTRICT: False, VisitScope.STORE: True}


@pytest.mark.parametrize("kind", [Familiarity.NEW, Familiarity.RETURNING])
def test_an_unknown_history_is_neither_new_nor_returning(kind: Familiarity) -> None:
    assert not matches(Audience(familiarity=kind), member(visits={}), now=FRIDAY_NOON)
