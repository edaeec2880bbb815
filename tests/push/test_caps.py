"""The slots that an offer takes, and which campaigns count together."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push import caps, limits
from push.campaign import Campaign
from push.consent import Channel
from push.identifiers import MerchantId
from push.limits import MAX_CAP, CapRule, CapScope, Count, Period, Reservation, TradingDay
from tests.push.makers import CAMPAIGN, FRIDAY_NOON, HELSINKI, MERCHANT, campaign, minutes

DAY = TradingDay(zone=HELSINKI)
OTHER = MerchantId(UUID(int=77))
FULL = {
    "campaign": {"n": 1, "per": "7d"},
    "merchant": {"n": 2, "per": "day"},
    "global": {"n": 3, "per": "day"},
    "channel": {"sms": {"n": 1, "per": "7d"}},
    "gap_min": 90,
}


def wanted(made: Campaign, shared: tuple[tuple[CapScope, CapRule], ...] = ()) -> dict[str, Reservation]:
    every = caps.wanted(made, shared, now=FRIDAY_NOON, day=DAY)
    assert [one.scope for one in every] == sorted({one.scope for one in every})
    return {one.scope: one for one in every}


def test_every_cap_of_a_rule_is_a_slot() -> None:
    found = wanted(campaign({"cap": FULL, "per_member": 4}))
    assert {scope: one.slots for scope, one in found.items()} == {
        f"campaign:{CAMPAIGN}:7d": 1,
        f"campaign:{CAMPAIGN}:total": 4,
        f"merchant:{MERCHANT}:day": 2,
        "global:day": 3,
        "gap": 1,
    }
    assert found["gap"].reusable_at_or_before == FRIDAY_NOON - minutes(90)


def test_a_channels_cap_is_taken_only_by_what_goes_there() -> None:
    made = campaign({"cap": FULL})
    by_channel = {one: caps.by_channel(made, one, now=FRIDAY_NOON, day=DAY) for one in Channel}
    assert {one for one, found in by_channel.items() if found} == {Channel.SMS}
    assert [(one.scope, one.slots) for one in by_channel[Channel.SMS]] == [("channel:sms:7d", 1)]


def test_of_two_limits_of_one_count_the_narrower_holds() -> None:
    districts = (
        (CapScope.GLOBAL, CapRule(n=2, per=Period.DAY)),
        (CapScope.MERCHANT, CapRule(n=9, per=Period.DAY)),
    )
    found = wanted(campaign({"cap": FULL}), districts)
    assert (found["global:day"].slots, found[f"merchant:{MERCHANT}:day"].slots) == (2, 2)


def test_a_total_cap_and_the_most_a_member_gets_are_one_count() -> None:
    made = campaign({"cap": {"campaign": {"n": 5, "per": "total"}}, "per_member": 2})
    assert wanted(made)[f"campaign:{CAMPAIGN}:total"].slots == 2


def test_a_trigger_rests_by_a_slot_of_its_own() -> None:
    two = [{"on": "fence.enter"}, {"on": "fence.dwell", "min_s": 60, "cool_down_s": 3600}]
    made = campaign({"trigger": {"any": two}})
    assert caps.cool_down(made, 0, now=FRIDAY_NOON) == ()
    (rest,) = caps.cool_down(made, 1, now=FRIDAY_NOON)
    assert (rest.scope, rest.slots) == (f"trigger:{CAMPAIGN}:1", 1)
    assert rest.reusable_at_or_before == FRIDAY_NOON - timedelta(hours=1)


def test_what_a_rule_counts_with_others_is_told() -> None:
    made = campaign({"cap": FULL})
    assert caps.counts_of(made.rule.caps, MERCHANT) == {
        Count(scope=CapScope.MERCHANT, per=Period.DAY, owner=str(MERCHANT)),
        Count(scope=CapScope.GLOBAL, per=Period.DAY),
        Count(scope=CapScope.CHANNEL, per=Period.SEVEN_DAYS, owner="sms"),
        Count(scope=CapScope.GAP),
    }
    assert caps.counts_of(campaign({"cap": None}).rule.caps, MERCHANT) == frozenset()


def test_another_merchants_count_is_no_concern() -> None:
    counts = caps.counts_of(campaign({"cap": FULL}).rule.caps, MERCHANT)
    assert caps.concern(counts, MERCHANT) == counts
    assert {one.scope for one in caps.concern(counts, OTHER)} == set(CapScope) - {
        CapScope.MERCHANT,
        CapScope.CAMPAIGN,
        CapScope.TRIGGER,
    }


def test_a_campaign_without_such_a_cap_is_counted_in_and_refused_by_none_of_it() -> None:
    counted = caps.counts_of(campaign({"cap": FULL}).rule.caps, MERCHANT)
    made = campaign({"cap": None}, counted=counted)
    found = wanted(made)
    recorded = {scope: one for scope, one in found.items() if not one.is_limit}
    assert set(recorded) == {f"merchant:{MERCHANT}:day", "global:day", "gap"}
    assert recorded["global:day"].slots == MAX_CAP
    assert recorded["gap"].reusable_at_or_before == FRIDAY_NOON
    taken = dict.fromkeys(recorded, (FRIDAY_NOON,) * MAX_CAP)
    assert not any(limits.is_full(one, taken) for one in recorded.values())
    assert [one.is_limit for one in caps.by_channel(made, Channel.SMS, now=FRIDAY_NOON, day=DAY)] == [False]


def test_its_own_cap_is_a_limit_even_where_it_is_counted() -> None:
    counted = caps.counts_of(campaign({"cap": FULL}).rule.caps, MERCHANT)
    found = wanted(campaign({"cap": FULL}, counted=counted))
    assert all(one.is_limit for one in found.values())


_PERIODS = st.sampled_from(Period)
_CAPS = st.builds(CapRule, n=st.integers(1, MAX_CAP), per=_PERIODS)


@given(
    own=_CAPS,
    shared=st.lists(st.tuples(st.sampled_from([CapScope.GLOBAL, CapScope.MERCHANT]), _CAPS), max_size=4),
    counted=st.frozensets(st.builds(Count, scope=st.just(CapScope.GLOBAL), per=_PERIODS)),
)
def test_each_scope_is_reserved_once_with_its_narrowest_limit(
    own: CapRule, shared: list[tuple[CapScope, CapRule]], counted: frozenset[Count]
) -> None:
    made = campaign({"cap": {"global": {"n": own.n, "per": own.per.value}}}, counted=counted)
    found = wanted(made, tuple(shared))
    every = [*shared, (CapScope.GLOBAL, own)]
    for per in Period:
        named = [cap.n for scope, cap in every if scope is CapScope.GLOBAL and cap.per is per]
        one = found.get(f"global:{per.value}")
        if named:
            assert one is not None
            assert (one.slots, one.is_limit) == (min(named), True)
        elif Count(scope=CapScope.GLOBAL, per=per) in counted:
            assert one is not None
            assert (one.slots, one.is_limit) == (MAX_CAP, False)
        else:
            assert one is None


@pytest.mark.parametrize("scope", [CapScope.GAP, CapScope.TRIGGER])
def test_a_pause_ends_to_the_microsecond(scope: CapScope) -> None:
    rest = limits.pause(scope, minutes(90), now=FRIDAY_NOON)
    just, before = FRIDAY_NOON - minutes(90), FRIDAY_NOON - minutes(90) + timedelta(microseconds=1)
    assert [limits.is_full(rest, {rest.scope: (at,)}) for at in (just, before)] == [False, True]
