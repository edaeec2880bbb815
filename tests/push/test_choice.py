"""choose(): bands, prices, turns of new merchants, and what becomes of those who are held out."""

from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from push.arbitration import Fairness, Market, Standing
from push.decision import Appeal, Decision, OfferDraft, Refusal, choose, decide
from push.holdout import Arm
from push.identifiers import CampaignId, MerchantId
from push.rule import Priority
from push.suppression import Suppression
from tests.push.makers import FRIDAY_NOON, MERCHANT, campaign, crossing, member, policy


def draft(number: int, score: float, *, merchant: int | None = None, **appeal: Any) -> OfferDraft:
    made = decide(crossing(), campaign(), member(), now=FRIDAY_NOON, policy=policy())
    assert isinstance(made, OfferDraft)
    return replace(
        made,
        campaign_id=CampaignId(UUID(int=number)),
        merchant_id=MerchantId(UUID(int=100 + (number if merchant is None else merchant))),
        score=score,
        appeal=Appeal(**appeal),
    )


def held(number: int, score: float, arm: Arm = Arm.CONTROL, **appeal: Any) -> Refusal:
    ghost = draft(number, score, **appeal)
    return Refusal(
        campaign_id=ghost.campaign_id,
        member_id=ghost.member_id,
        reason=Suppression.HOLDOUT,
        at=FRIDAY_NOON,
        arm=arm,
        ghost=ghost,
    )


def winners(decisions: tuple[Decision, ...]) -> list[int]:
    return [one.campaign_id.int for one in decisions if isinstance(one, OfferDraft)]


def haunting(decisions: tuple[Decision, ...]) -> list[int]:
    return [one.campaign_id.int for one in decisions if isinstance(one, Refusal) and one.would_have]


def test_a_higher_band_wins_whatever_the_scores() -> None:
    bands = [Priority.FILLER, Priority.NORMAL, Priority.PAID, Priority.SERVICE]
    drafts = [draft(number, 100.0 - number, band=band) for number, band in enumerate(bands, 1)]
    assert winners(choose(drafts)) == [4]
    assert winners(choose(drafts[:3])) == [3]
    assert winners(choose(drafts[:2])) == [2]


def test_a_tie_goes_to_who_was_served_least_then_to_the_smaller_id() -> None:
    drafts = [draft(1, 5.0, served=3), draft(2, 5.0, served=1), draft(3, 5.0, served=1)]
    for order in permutations(drafts):
        assert winners(choose(order)) == [2]


def test_at_a_moment_of_new_merchants_the_least_served_of_them_goes_first_within_its_band() -> None:
    drafts = [
        draft(1, 90.0),
        draft(2, 5.0, explores=True, served=4),
        draft(3, 1.0, explores=True, served=0),
    ]
    assert winners(choose(drafts)) == [3]
    assert winners(choose([*drafts, draft(4, 0.1, band=Priority.PAID)])) == [4]


def test_the_winner_knows_whom_it_competed_with() -> None:
    chosen = choose([draft(1, 1.0), draft(2, 3.0), held(3, 2.0)])
    winner = next(one for one in chosen if isinstance(one, OfferDraft))
    assert winner.rivals == {UUID(int=101), UUID(int=102)}
    assert choose([draft(1, 1.0)])[0] == draft(1, 1.0)
    alone = choose([draft(1, 1.0, merchant=7), draft(2, 3.0, merchant=7)])
    assert not next(one for one in alone if isinstance(one, OfferDraft)).rivals


def test_who_lost_by_the_price_of_its_share_alone_is_told_so() -> None:
    priced = draft(1, 20.0, chance=0.5, worth_minor=100.0, price_minor=30.0)
    cheap = draft(2, 25.0, chance=0.5, worth_minor=50.0)
    lost = choose([priced, cheap])[0]
    assert isinstance(lost, Refusal)
    assert (lost.reason, lost.winner_id) == (Suppression.MERCHANT_SHARE, cheap.campaign_id)
    worse = choose([replace(priced, score=10.0), replace(cheap, score=45.0)])[0]
    assert isinstance(worse, Refusal)
    assert worse.reason is Suppression.LOWER_SCORE


def test_a_ghost_above_the_winner_is_an_exposure_and_the_next_best_goes_out() -> None:
    chosen = choose([draft(1, 1.0), held(2, 9.0), draft(3, 5.0), held(4, 3.0)])
    assert (winners(chosen), haunting(chosen)) == ([3], [2])
    lost = chosen[3]
    assert isinstance(lost, Refusal)
    assert (lost.reason, lost.winner_id, lost.ghost) == (Suppression.HOLDOUT, UUID(int=3), None)


def test_only_ghosts_are_all_exposures() -> None:
    assert haunting(choose([held(1, 1.0), held(2, 2.0)])) == [1, 2]


def test_a_member_of_the_districts_control_would_have_had_one_offer() -> None:
    arm = Arm.DISTRICT_CONTROL
    chosen = choose([held(1, 1.0, arm), held(2, 7.0, arm), held(3, 2.0, arm)])
    assert haunting(chosen) == [2]
    assert {one.winner_id for one in chosen if isinstance(one, Refusal) and not one.would_have} == {
        UUID(int=2)
    }


def test_service_reaches_a_member_of_the_districts_control() -> None:
    chosen = choose([held(1, 9.0, Arm.DISTRICT_CONTROL), draft(2, 0.0, band=Priority.SERVICE)])
    assert (winners(chosen), haunting(chosen)) == ([2], [])


@pytest.mark.parametrize("place", range(4))
def test_the_order_given_does_not_matter(place: int) -> None:
    every: list[Decision] = [draft(1, 3.0), held(2, 8.0), draft(3, 4.0, explores=True), held(4, 1.0)]
    turned = every[place:] + every[:place]
    chosen = choose(turned)
    assert (winners(chosen), haunting(chosen)) == ([3], [])


def test_the_price_of_a_merchants_share_lowers_the_score() -> None:
    market = Market(standings={MERCHANT: Standing(price_minor=4.0, served=50)})
    made = decide(crossing(), campaign(), member(), now=FRIDAY_NOON, policy=policy(market=market))
    assert isinstance(made, OfferDraft)
    assert made.score == pytest.approx(25.0 - 4.0)


def test_what_the_member_was_told_lately_lowers_the_score() -> None:
    rule = {"cap": {"campaign": {"n": 3, "per": "7d"}}}
    lately = {f"campaign:{campaign().id}:7d": (FRIDAY_NOON,), "global:day": (FRIDAY_NOON,)}
    market = Market(fairness=Fairness(fatigue_minor=3.0))
    made = decide(
        crossing(), campaign(rule), member(taken=lately), now=FRIDAY_NOON, policy=policy(market=market)
    )
    assert isinstance(made, OfferDraft)
    assert made.score == pytest.approx(25.0 - 6.0)
