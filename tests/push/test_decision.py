"""decide() and choose(): who gets the offer, who does not, and the reason in the agreed order."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from push.audience_facts import UNKNOWN, Facts, Place, Stays
from push.campaign import CampaignState
from push.consent import NO_CONSENT, Channel, Purpose
from push.decision import Crossing, DecisionPolicy, OfferDraft, Refusal, choose, decide, visit_id
from push.holdout import bucket, is_control
from push.identifiers import CampaignId
from push.limits import CapRule, CapScope, Period, QuietHours, TradingDay
from push.offer_document import parse_offer
from push.rule import TriggerKind
from push.suppression import Suppression
from tests.push.makers import (
    CAMPAIGN,
    FRIDAY_NOON,
    HELSINKI,
    MEMBER,
    MERCHANT,
    OWNER,
    STORE,
    campaign,
    consents,
    crossing,
    member,
    minutes,
    offer_document,
    policy,
)

NIGHT = datetime(2026, 5, 8, 19, 0, tzinfo=UTC)
"""22:00 in Helsinki."""
ALWAYS: dict[str, Any] = {"when": None}


def draft(**changes: Any) -> OfferDraft:
    made = decide(crossing(), campaign(**changes), member(), now=FRIDAY_NOON, policy=policy())
    assert isinstance(made, OfferDraft)
    return made


def refused(
    *,
    over: dict[str, Any] | None = None,
    at: dict[str, Any] | None = None,
    rule: dict[str, Any] | None = None,
    who: dict[str, Any] | None = None,
    district: dict[str, Any] | None = None,
    now: datetime = FRIDAY_NOON,
) -> Refusal:
    made = decide(
        crossing(**(at or {})),
        campaign(rule, **(over or {})),
        member(**(who or {})),
        now=now,
        policy=policy(**(district or {})),
    )
    assert isinstance(made, Refusal)
    return made


def test_a_crossing_brings_an_offer() -> None:
    made = draft()
    assert made.occurrence_key == str(crossing().visit_id)
    assert made.valid_from == FRIDAY_NOON
    assert made.valid_until == FRIDAY_NOON + minutes(90)
    assert made.channels == (Channel.INBOX,)
    assert [(one.scope, one.slots) for one in made.reservations] == [(f"campaign:{CAMPAIGN}:day", 1)]
    assert made.why.text().en == "You have just come near Café Aalto, about 40 m away."


def test_telling_stops_when_the_window_shuts() -> None:
    late = datetime(2026, 5, 8, 10, 20, tzinfo=UTC)
    made = decide(crossing(at=late, received_at=late), campaign(), member(), now=late, policy=policy())
    assert isinstance(made, OfferDraft)
    assert made.send_before == datetime(2026, 5, 8, 10, 30, tzinfo=UTC)
    assert made.valid_until == late + minutes(90)


def test_equal_arguments_decide_alike() -> None:
    assert draft() == draft()


@pytest.mark.parametrize("state", [state for state in CampaignState if state is not CampaignState.LIVE])
def test_only_a_live_campaign_offers(state: CampaignState) -> None:
    assert refused(over={"state": state}).reason is Suppression.PAUSED


def test_a_campaign_that_is_sold_out_offers_nothing() -> None:
    assert refused(over={"is_sold_out": True}).reason is Suppression.SOLD_OUT


def test_outside_its_window_a_campaign_offers_nothing() -> None:
    shut = datetime(2026, 5, 8, 10, 30, tzinfo=UTC)
    assert refused(at={"at": shut, "received_at": shut}, now=shut).reason is Suppression.OUT_OF_WINDOW


@pytest.mark.parametrize(
    "at",
    [
        {"trigger": TriggerKind.ENTER},
        {"trigger": TriggerKind.DWELL, "dwell": timedelta(seconds=119)},
        {"trigger": TriggerKind.DWELL, "dwell": minutes(9), "campaign_id": CampaignId(UUID(int=99))},
    ],
)
def test_a_crossing_that_is_no_trigger_of_the_campaign_is_out_of_its_fence(at: dict[str, Any]) -> None:
    rule = {"trigger": {"any": [{"on": "fence.dwell", "min_s": 120}]}}
    assert refused(rule=rule, at=at).reason is Suppression.OUT_OF_FENCE


def test_the_dwell_that_was_asked_for_is_enough() -> None:
    rule = {"trigger": {"any": [{"on": "fence.dwell", "min_s": 120}]}}
    stayed = crossing(trigger=TriggerKind.DWELL, dwell=timedelta(seconds=120))
    made = decide(stayed, campaign(rule), member(), now=FRIDAY_NOON, policy=policy())
    assert isinstance(made, OfferDraft)


def test_a_member_outside_the_audience_gets_nothing() -> None:
    place = Place(store_id=STORE, merchant_id=MERCHANT)
    came = Stays(place=place, count=1, last_at=FRIDAY_NOON - timedelta(days=2))
    who = {"facts": Facts(owner=OWNER, stays=(came,))}
    assert refused(rule={"who": "new"}, who=who).reason is Suppression.NOT_IN_AUDIENCE


def test_an_erased_member_gets_nothing() -> None:
    assert refused(who={"is_erased": True}).reason is Suppression.ERASED


@pytest.mark.parametrize("agreed", [NO_CONSENT, consents(Purpose.MARKETING), consents(Purpose.LOCATION)])
def test_without_both_consents_nothing_is_sent(agreed: object) -> None:
    assert refused(who={"consents": agreed}).reason is Suppression.NO_CONSENT


def test_without_an_address_nothing_is_sent() -> None:
    assert refused(who={"endpoints": frozenset()}).reason is Suppression.NO_ENDPOINT


def test_a_control_is_told_nothing_and_it_is_noted_what_would_have_been() -> None:
    held = refused(district={"control_buckets": 500}, who={"bucket": 499})
    assert (held.reason, held.would_have) == (Suppression.HOLDOUT, True)
    never = refused(district={"control_buckets": 500}, who={"bucket": 499, "consents": NO_CONSENT})
    assert (never.reason, never.would_have) == (Suppression.HOLDOUT, False)


def test_a_member_past_the_control_buckets_gets_the_offer() -> None:
    made = decide(
        crossing(), campaign(), member(bucket=500), now=FRIDAY_NOON, policy=policy(control_buckets=500)
    )
    assert isinstance(made, OfferDraft)


def test_a_full_cap_refuses() -> None:
    taken = {f"campaign:{CAMPAIGN}:day": (FRIDAY_NOON - minutes(30),)}
    assert refused(who={"taken": taken}).reason is Suppression.FREQUENCY_CAP


def test_shared_caps_are_reserved_in_one_order() -> None:
    caps = (
        (CapScope.GLOBAL, CapRule(n=2, per=Period.DAY)),
        (CapScope.MERCHANT, CapRule(n=1, per=Period.DAY)),
    )
    made = decide(crossing(), campaign(), member(), now=FRIDAY_NOON, policy=policy(shared_caps=caps))
    assert isinstance(made, OfferDraft)
    scopes = [one.scope for one in made.reservations]
    assert scopes == [f"campaign:{CAMPAIGN}:day", "global:day", f"merchant:{MERCHANT}:day"]


@pytest.mark.parametrize(
    ("at", "now", "is_stale"),
    [
        ({"at": FRIDAY_NOON - minutes(3)}, FRIDAY_NOON, False),
        ({"at": FRIDAY_NOON - minutes(3.01)}, FRIDAY_NOON, True),
        ({}, FRIDAY_NOON + minutes(90), False),
        ({}, FRIDAY_NOON + minutes(90.01), True),
    ],
)
def test_a_late_fix_and_a_late_decision_are_stale(at: dict[str, Any], now: datetime, is_stale: bool) -> None:
    made = decide(crossing(**at), campaign(ALWAYS), member(), now=now, policy=policy())
    assert (isinstance(made, Refusal) and made.reason is Suppression.STALE) is is_stale


def at_night(
    endpoints: frozenset[Channel], *, venue: QuietHours | None = None, **changes: Any
) -> OfferDraft | Refusal:
    someone = member(endpoints=endpoints, **changes)
    seen = crossing(at=NIGHT, received_at=NIGHT)
    district = policy(quiet=venue or QuietHours())
    return decide(seen, campaign(ALWAYS), someone, now=NIGHT, policy=district)


def test_at_night_only_the_inbox_is_used() -> None:
    made = at_night(frozenset({Channel.INBOX, Channel.SMS}))
    assert isinstance(made, OfferDraft)
    assert made.channels == (Channel.INBOX,)


def test_at_night_a_member_without_inbox_waits_for_the_morning() -> None:
    made = at_night(frozenset({Channel.SMS}))
    assert isinstance(made, Refusal)
    assert made.reason is Suppression.QUIET_HOURS
    assert made.deferred_to == datetime(2026, 5, 9, 6, 0, tzinfo=UTC)


def test_a_channel_whose_quiet_ends_in_time_comes_last() -> None:
    short = QuietHours(start=time(21), end=time(22, 30))
    made = at_night(frozenset({Channel.SMS, Channel.INBOX}), venue=short)
    assert isinstance(made, OfferDraft)
    assert made.channels == (Channel.INBOX, Channel.SMS)


@pytest.mark.parametrize(
    ("venue", "own"),
    [
        (QuietHours(start=time(21), end=time(22, 30)), QuietHours(start=time(20), end=time(8))),
        (QuietHours(start=time(20), end=time(8)), QuietHours(start=time(21), end=time(22, 30))),
        (QuietHours(start=time(20), end=time(8)), QuietHours(start=time(1), end=time(2))),
    ],
)
def test_the_stricter_of_the_members_and_the_districts_quiet_hours_holds(
    venue: QuietHours, own: QuietHours
) -> None:
    made = at_night(frozenset({Channel.SMS}), venue=venue, quiet=own)
    assert isinstance(made, Refusal)
    assert (made.reason, made.deferred_to) == (
        Suppression.QUIET_HOURS,
        datetime(2026, 5, 9, 5, 0, tzinfo=UTC),
    )


LADDER: list[tuple[Suppression, dict[str, dict[str, Any]]]] = [
    (Suppression.PAUSED, {"over": {"state": CampaignState.PAUSED}}),
    (Suppression.OUT_OF_FENCE, {"at": {"trigger": TriggerKind.DWELL}}),
    (Suppression.ERASED, {"who": {"is_erased": True}}),
    (Suppression.NOT_IN_AUDIENCE, {"who": {"facts": UNKNOWN}, "rule": {"who": "new"}}),
    (Suppression.HOLDOUT, {"district": {"control_buckets": 1}}),
    (Suppression.HOLDOUT, {"rule": {"holdout": {"pct": 50, "salt": "held"}}}),
    (Suppression.NO_CONSENT, {"who": {"consents": NO_CONSENT}}),
    (Suppression.OUT_OF_WINDOW, {"over": {"ends_at": FRIDAY_NOON}}),
    (Suppression.SOLD_OUT, {"over": {"is_sold_out": True}}),
    (Suppression.FREQUENCY_CAP, {"who": {"taken": {f"campaign:{CAMPAIGN}:day": (FRIDAY_NOON,)}}}),
    (Suppression.STALE, {"at": {"at": FRIDAY_NOON - minutes(4)}}),
]


@pytest.mark.parametrize("first", range(len(LADDER)))
def test_the_first_reason_in_order_is_given(first: int) -> None:
    merged: dict[str, dict[str, Any]] = {"over": {}, "at": {}, "who": {}, "rule": {}, "district": {}}
    for _, parts in LADDER[first:]:
        for part, changes in parts.items():
            merged[part] |= changes
    made = refused(
        over=merged["over"],
        at=merged["at"],
        who=merged["who"],
        rule=merged["rule"],
        district=merged["district"],
    )
    assert made.reason is LADDER[first][0]


def competing(number: int, score: float) -> OfferDraft:
    return replace(draft(), campaign_id=CampaignId(UUID(int=number)), score=score)


def test_the_best_of_several_wins_and_the_others_name_it() -> None:
    low, high = competing(1, 2.0), competing(2, 3.0)
    other = refused(over={"state": CampaignState.PAUSED})
    chosen = choose([low, other, high])
    assert chosen[1:] == (other, high)
    assert isinstance(chosen[0], Refusal)
    assert (chosen[0].reason, chosen[0].winner_id) == (Suppression.LOWER_SCORE, high.campaign_id)


def test_a_tie_goes_to_the_smaller_id_in_any_order() -> None:
    drafts = [competing(number, 1.0) for number in (3, 1, 2)]
    for order in permutations(drafts):
        winners = [one for one in choose(order) if isinstance(one, OfferDraft)]
        assert [winner.campaign_id for winner in winners] == [UUID(int=1)]


def test_nothing_to_choose_is_left_as_it_is() -> None:
    assert choose([]) == ()
    assert choose([draft()]) == (draft(),)


def test_worth_and_chance_make_the_score() -> None:
    """Without history the prior speaks: one in twenty, of 5.00 off and of a tenth of a bill of 20.00."""
    ten_percent = parse_offer(offer_document(value={"type": "percent", "percent": 10}))
    assert [draft().score, draft(offer=ten_percent).score] == pytest.approx([25.0, 10.0])


def test_a_visit_keeps_its_id_on_replay_and_shares_it_with_no_other() -> None:
    entered = FRIDAY_NOON
    same = visit_id(MEMBER, "fence", entered.astimezone(HELSINKI))
    others = {
        visit_id(MEMBER, "fence", entered + timedelta(microseconds=1)),
        visit_id(MEMBER, "other", entered),
        visit_id("device", "fence", entered),
    }
    assert visit_id(MEMBER, "fence", entered) == same
    assert same not in others
    assert len(others) == 3


def test_buckets_are_stable_and_even() -> None:
    places = [bucket("salt", UUID(int=number)) for number in range(20_000)]
    assert places[:3] == [bucket("salt", UUID(int=number)) for number in range(3)]
    assert bucket("other", UUID(int=0)) != places[0]
    assert bucket("salt", UUID(int=0), campaign_id=CAMPAIGN) != places[0]
    # 2,000 expected; five standard deviations of a binomial are 212.
    assert abs(sum(is_control(place, control_buckets=1_000) for place in places) - 2_000) < 212
    assert min(places) >= 0
    assert max(places) < 10_000


def test_the_policy_reads_days_in_the_districts_zone() -> None:
    assert DecisionPolicy(day=TradingDay(zone=HELSINKI)).zone is HELSINKI
    assert isinstance(crossing(), Crossing)
