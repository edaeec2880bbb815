"""decide_batch() says of many what decide() says of each, whatever they share."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from push.decision import OfferDraft, decide, decide_batch
from push.suppression import Suppression
from tests.push.crowds import asks, campaigns, market_policy, members


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_a_batch_is_decided_as_each_alone(seed: int) -> None:
    random = Random(seed)
    policy = market_policy(random=random, merchants=6)
    offered = campaigns(8, random=random, merchants=6)
    people = members(12, random=random, of=offered)
    every = asks(40, random=random, of=offered, by=people)
    alone = [decide(one.crossing, one.campaign, one.member, now=one.now, policy=policy) for one in every]
    assert decide_batch(every, policy=policy) == alone
    assert decide_batch(reversed(every), policy=policy) == alone[::-1]


def test_the_crowd_meets_every_answer() -> None:
    """Else the property above would say little."""
    random = Random(7)
    policy = market_policy(random=random, merchants=20)
    offered = campaigns(200, random=random, merchants=20)
    people = members(400, random=random, of=offered)
    found = decide_batch(asks(6_000, random=random, of=offered, by=people), policy=policy)
    reasons = {one.reason for one in found if not isinstance(one, OfferDraft)}
    assert reasons == {
        Suppression.PAUSED,
        Suppression.OUT_OF_FENCE,
        Suppression.ERASED,
        Suppression.HOLDOUT,
        Suppression.NO_CONSENT,
        Suppression.OUT_OF_WINDOW,
        Suppression.SOLD_OUT,
        Suppression.FREQUENCY_CAP,
        Suppression.STALE,
        Suppression.NOT_IN_AUDIENCE,
    }
    assert sum(isinstance(one, OfferDraft) for one in found) > 1_000
    assert any(one.would_have for one in found if not isinstance(one, OfferDraft))


def test_equal_campaigns_of_other_states_are_told_apart_in_one_batch() -> None:
    random = Random(3)
    policy = market_policy(random=random, merchants=2)
    (open_,) = campaigns(1, random=random, merchants=2)
    (person,) = members(1, random=random, of=[open_])
    (one,) = asks(1, random=random, of=[open_], by=[person])
    shut = replace(one, campaign=replace(open_, is_sold_out=True, ends_at=one.now))
    assert decide_batch([one, shut], policy=policy) == [
        decide(each.crossing, each.campaign, each.member, now=each.now, policy=policy) for each in (one, shut)
    ]
