"""The states of a campaign: what people may do, and what the clock and the stock do."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.campaign_life import (
    BY_CLOCK,
    FINAL,
    RELEASED,
    TRANSITIONS,
    CampaignAction,
    CampaignState,
    Standing,
    TransitionRefused,
    actions,
    after,
    all_due,
    due,
)
from tests.push.makers import FRIDAY_NOON, minutes

S, A = CampaignState, CampaignAction
SOON, LATER, BEFORE = FRIDAY_NOON + minutes(1), FRIDAY_NOON + minutes(9), FRIDAY_NOON - minutes(1)


def test_a_campaign_goes_from_draft_to_its_end() -> None:
    state = S.DRAFT
    taken = (A.SUBMIT, A.WITHDRAW, A.SUBMIT, A.REJECT, A.SUBMIT, A.APPROVE, A.SCHEDULE, A.START, A.EXHAUST)
    for action in (*taken, A.REPLENISH, A.PAUSE, A.RESUME, A.END):
        state = after(state, action)
    assert state is S.ENDED


@pytest.mark.parametrize(("state", "action"), list(product(S, A)))
def test_an_action_is_refused_exactly_when_the_state_does_not_list_it(
    state: CampaignState, action: CampaignAction
) -> None:
    if action in actions(state):
        assert after(state, action) is TRANSITIONS[state, action]
    else:
        with pytest.raises(TransitionRefused, match=f"is {state} cannot {action}"):
            after(state, action)


def test_what_has_ended_stays_so() -> None:
    assert actions(S.ENDED) == actions(S.CANCELLED) == frozenset()


def test_nothing_that_was_not_approved_is_released() -> None:
    into = {before for (before, action), state in TRANSITIONS.items() if state in RELEASED}
    assert into - RELEASED == {S.IN_REVIEW}
    assert {
        action
        for (before, action) in TRANSITIONS
        if before is S.IN_REVIEW and after(before, action) in RELEASED
    } == {A.APPROVE}


def test_a_refusal_names_what_people_may_do_and_not_what_the_clock_does() -> None:
    with pytest.raises(TransitionRefused, match=r"it allows end, pause\.$"):
        after(S.LIVE, A.APPROVE)


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({"state": S.APPROVED}, [S.LIVE]),
        ({"state": S.APPROVED, "starts_at": SOON}, [S.SCHEDULED]),
        ({"state": S.APPROVED, "starts_at": FRIDAY_NOON}, [S.LIVE]),
        ({"state": S.APPROVED, "holds_until": SOON, "starts_at": LATER}, []),
        ({"state": S.APPROVED, "holds_until": FRIDAY_NOON, "starts_at": LATER}, [S.SCHEDULED]),
        ({"state": S.APPROVED, "has_stores": False}, [S.CANCELLED]),
        ({"state": S.APPROVED, "has_stores": False, "starts_at": SOON}, [S.SCHEDULED]),
        ({"state": S.APPROVED, "ends_at": BEFORE}, [S.CANCELLED]),
        ({"state": S.SCHEDULED, "starts_at": FRIDAY_NOON}, [S.LIVE]),
        ({"state": S.SCHEDULED, "starts_at": SOON}, []),
        ({"state": S.SCHEDULED, "starts_at": FRIDAY_NOON, "is_exhausted": True}, [S.LIVE, S.EXHAUSTED]),
        ({"state": S.LIVE, "is_exhausted": True}, [S.EXHAUSTED]),
        ({"state": S.LIVE, "starts_at": SOON}, [S.SCHEDULED]),
        ({"state": S.LIVE, "ends_at": SOON}, []),
        ({"state": S.LIVE, "ends_at": FRIDAY_NOON, "is_exhausted": True}, [S.ENDED]),
        ({"state": S.EXHAUSTED, "is_exhausted": True}, []),
        ({"state": S.EXHAUSTED}, [S.LIVE]),
        ({"state": S.EXHAUSTED, "ends_at": FRIDAY_NOON}, [S.ENDED]),
        ({"state": S.PAUSED, "is_exhausted": True, "starts_at": BEFORE}, []),
        ({"state": S.PAUSED, "ends_at": FRIDAY_NOON}, [S.ENDED]),
        ({"state": S.DRAFT, "ends_at": BEFORE}, []),
        ({"state": S.IN_REVIEW, "ends_at": BEFORE}, []),
    ],
)
def test_what_the_clock_does(given: dict[str, Any], steps: list[CampaignState]) -> None:
    assert [state for _, state in all_due(Standing(**given), FRIDAY_NOON)] == steps


TIMES = st.none() | st.integers(-3, 3).map(lambda hours: FRIDAY_NOON + timedelta(hours=hours))
STANDINGS = st.builds(
    Standing,
    state=st.sampled_from(S),
    starts_at=TIMES,
    ends_at=TIMES,
    holds_until=TIMES,
    is_exhausted=st.booleans(),
    has_stores=st.booleans(),
)


@given(STANDINGS)
def test_the_clock_comes_to_rest_and_only_takes_steps_of_its_own(standing: Standing) -> None:
    steps = list(all_due(standing, FRIDAY_NOON))
    assert len(steps) <= 3
    assert {action for action, _ in steps} <= BY_CLOCK | {A.END}
    left = Standing(
        state=steps[-1][1] if steps else standing.state,
        starts_at=standing.starts_at,
        ends_at=standing.ends_at,
        holds_until=standing.holds_until,
        is_exhausted=standing.is_exhausted,
        has_stores=standing.has_stores,
    )
    assert due(left, FRIDAY_NOON) is None
    if standing.state in FINAL | {S.DRAFT, S.IN_REVIEW}:
        assert steps == []
