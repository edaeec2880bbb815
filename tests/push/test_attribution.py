"""Attribution: who gets the credit."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest

from push.attribution import Act, Touch, credited
from push.identifiers import CampaignId, MemberId
from tests.push.makers import FRIDAY_NOON, MEMBER

HOURS = timedelta(hours=1)
FIRST, SECOND = CampaignId(UUID(int=11)), CampaignId(UUID(int=12))


def touch(campaign_id: CampaignId, hours_ago: float, member_id: MemberId = MEMBER) -> Touch:
    return Touch(campaign_id=campaign_id, member_id=member_id, at=FRIDAY_NOON - hours_ago * HOURS)


def test_the_last_touch_has_the_credit_in_any_order() -> None:
    touches = [touch(FIRST, 5), touch(SECOND, 1), touch(FIRST, 3)]
    act = Act(member_id=MEMBER, at=FRIDAY_NOON)
    for order in permutations(touches):
        assert credited(act, order, within=24 * HOURS) == touches[1]


def test_a_coupon_credits_its_own_campaign() -> None:
    touches = [touch(FIRST, 5), touch(SECOND, 1)]
    act = Act(member_id=MEMBER, at=FRIDAY_NOON, campaign_id=FIRST)
    assert credited(act, touches, within=24 * HOURS) == touches[0]


@pytest.mark.parametrize(
    "missed",
    [touch(FIRST, 24.001), touch(FIRST, -0.001), touch(FIRST, 1, MemberId(UUID(int=99)))],
    ids=["too-long-ago", "afterwards", "somebody-else"],
)
def test_what_did_not_reach_him_in_time_has_no_credit(missed: Touch) -> None:
    assert credited(Act(member_id=MEMBER, at=FRIDAY_NOON), [missed], within=24 * HOURS) is None


def test_the_bounds_belong_to_it() -> None:
    edges = [touch(FIRST, 24), touch(SECOND, 0)]
    act = Act(member_id=MEMBER, at=FRIDAY_NOON)
    assert credited(act, edges[:1], within=24 * HOURS) == edges[0]
    assert credited(act, edges, within=24 * HOURS) == edges[1]


def test_of_two_touches_at_one_moment_the_smaller_id_has_it() -> None:
    act = Act(member_id=MEMBER, at=FRIDAY_NOON)
    both = [touch(SECOND, 1), touch(FIRST, 1)]
    assert credited(act, both, within=2 * HOURS) == both[1]
