"""Hold-outs: who is left out, that both arms pass the same checks, and that nobody outside of them is counted."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.audience_facts import UNKNOWN
from push.campaign import CampaignState
from push.consent import NO_CONSENT
from push.decision import Decision, OfferDraft, Refusal, decide
from push.holdout import Arm, is_held_out
from push.identifiers import MemberId
from push.suppression import Suppression
from tests.push.makers import CAMPAIGN, FRIDAY_NOON, campaign, crossing, member, minutes, policy

MEMBERS = [MemberId(UUID(int=number)) for number in range(2_000)]
IN_NEITHER: list[dict[str, dict[str, Any]]] = [
    {"who": {"consents": NO_CONSENT}},
    {"who": {"endpoints": frozenset()}},
    {"who": {"is_erased": True}},
    {"who": {"facts": UNKNOWN}, "rule": {"who": "new"}},
    {"who": {"taken": {f"campaign:{CAMPAIGN}:day": (FRIDAY_NOON,)}}},
    {"over": {"is_sold_out": True}},
    {"over": {"ends_at": FRIDAY_NOON}},
    {"over": {"state": CampaignState.PAUSED}},
    {"at": {"at": FRIDAY_NOON - minutes(4)}},
]


def asked(
    who: MemberId,
    *,
    rule: dict[str, Any] | None = None,
    over: dict[str, Any] | None = None,
    at: dict[str, Any] | None = None,
    district: dict[str, Any] | None = None,
    **changes: Any,
) -> Decision:
    return decide(
        crossing(**(at or {})),
        campaign({"holdout": None, **(rule or {})}, **(over or {})),
        member(member_id=who, **changes),
        now=FRIDAY_NOON,
        policy=policy(**(district or {})),
    )


def arms(decisions: list[Decision]) -> dict[Arm, int]:
    found = dict.fromkeys(Arm, 0)
    for one in decisions:
        if isinstance(one, OfferDraft):
            found[Arm.TREATED] += 1
        elif one.ghost is not None and one.arm is not None:
            found[one.arm] += 1
    return found


def test_a_tenth_is_held_out_when_the_rule_names_no_share() -> None:
    found = arms([asked(one) for one in MEMBERS])
    # 200 expected; five standard deviations of a binomial are 67.
    assert abs(found[Arm.CONTROL] - 200) < 67
    assert found[Arm.TREATED] + found[Arm.CONTROL] == 2_000


def test_a_rule_that_holds_nobody_out_reaches_everybody() -> None:
    assert arms([asked(one, rule={"holdout": {"pct": 0}}) for one in MEMBERS])[Arm.TREATED] == 2_000


def test_the_district_may_hold_out_more() -> None:
    found = arms([asked(one, district={"holdout_percent": 40.0}) for one in MEMBERS])
    assert abs(found[Arm.CONTROL] - 800) < 110


@pytest.mark.parametrize("changes", IN_NEITHER)
def test_what_refuses_one_arm_refuses_the_other(changes: dict[str, dict[str, Any]]) -> None:
    """Nobody without consent, or whom a cap stops, is in either arm: both count the same people."""
    who = changes.get("who", {})
    rest = {key: value for key, value in changes.items() if key != "who"}
    for one in MEMBERS[:60]:
        found = asked(one, **rest, **who)
        assert isinstance(found, Refusal)
        assert not found.would_have


def test_both_arms_would_get_the_very_same_offer() -> None:
    kept = asked(MEMBERS[0], rule={"holdout": {"pct": 0}})
    salts = (f"s{number}" for number in range(99))
    held = next(
        found
        for salt in salts
        if isinstance(found := asked(MEMBERS[0], rule={"holdout": {"pct": 50, "salt": salt}}), Refusal)
    )
    assert (held.reason, held.arm) == (Suppression.HOLDOUT, Arm.CONTROL)
    assert isinstance(kept, OfferDraft)
    assert held.ghost is not None
    assert replace(held.ghost, holdout=kept.holdout) == kept  # all but what it was drawn under


def test_the_districts_control_gets_no_marketing_but_service() -> None:
    held = asked(MEMBERS[0], bucket=0, district={"control_buckets": 100})
    assert isinstance(held, Refusal)
    assert (held.arm, held.would_have) == (Arm.DISTRICT_CONTROL, True)
    served = asked(MEMBERS[0], bucket=0, district={"control_buckets": 100}, rule={"priority": "service"})
    assert isinstance(served, OfferDraft)


def test_service_holds_nobody_out_unless_its_rule_says_so() -> None:
    every = [asked(one, rule={"priority": "service"}) for one in MEMBERS]
    assert arms(every)[Arm.TREATED] == 2_000
    half = [asked(one, rule={"priority": "service", "holdout": {"pct": 50}}) for one in MEMBERS]
    assert abs(arms(half)[Arm.CONTROL] - 1_000) < 112


@given(st.uuids(), st.uuids(), st.text(max_size=20), st.floats(0, 50), st.floats(0, 50))
def test_a_larger_share_keeps_whom_a_smaller_one_left_out(
    one: UUID, other: UUID, salt: str, first: float, second: float
) -> None:
    less, more = sorted((first, second))
    is_out = is_held_out(less, salt, campaign_id=one, member_id=other)
    assert not is_out or is_held_out(more, salt, campaign_id=one, member_id=other)


def test_one_campaigns_arms_say_nothing_of_anothers() -> None:
    other = UUID(int=77)
    held = [one for one in MEMBERS if is_held_out(50, "", campaign_id=CAMPAIGN, member_id=one)]
    both = sum(is_held_out(50, "", campaign_id=other, member_id=one) for one in held)
    assert abs(both - len(held) / 2) < 5 * (len(held) / 4) ** 0.5
