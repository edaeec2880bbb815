"""choose(): of what several campaigns would send one member at one moment, the best."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from push.draft import Decision, OfferDraft, Refusal
from push.holdout import Arm
from push.rule import Priority
from push.suppression import Suppression

_BANDS = {band: place for place, band in enumerate(Priority)}
_Rank = tuple[int, bool, int, float, int, UUID]


def choose(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """At most one draft of these for one member at one moment; the others are refused and name the winner.

    The higher band wins, then at a moment that belongs to new merchants the one of these who was served least, then the
    higher score, then the merchant who was served least, then the smaller campaign id: the order given does not matter.

    Who is held out competes as if he were not. A ghost above the winner stays the exposure that it is, for but for his
    arm it would have been sent; the next best goes out instead. One below would have lost: it is none.
    """
    every = tuple(decisions)
    running = [one for one in every if isinstance(one, OfferDraft) or one.ghost is not None]
    if len(running) < 2:
        return every
    ranked = sorted(running, key=_rank)
    winner = next((one for one in ranked if _ends_the_race(one)), None)
    if winner is None:
        return every
    lost = {id(one) for one in ranked[ranked.index(winner) + 1 :]}
    rivals = frozenset(one.merchant_id for one in running if isinstance(one, OfferDraft))
    return tuple(
        _beaten(one, winner)
        if id(one) in lost
        else replace(one, rivals=rivals)
        if one is winner and isinstance(one, OfferDraft) and len(rivals) > 1
        else one
        for one in every
    )


def _ends_the_race(one: Decision) -> bool:
    """A real offer is sent; who gets no marketing at all would have had one offer, not several."""
    return isinstance(one, OfferDraft) or one.arm is Arm.DISTRICT_CONTROL


def _rank(one: Decision) -> _Rank:
    draft = _draft_of(one)
    appeal = draft.appeal
    turn = appeal.served if appeal.explores else 0
    return _BANDS[appeal.band], not appeal.explores, turn, -draft.score, appeal.served, draft.campaign_id


def _draft_of(one: Decision) -> OfferDraft:
    draft = one if isinstance(one, OfferDraft) else one.ghost
    if draft is None:
        raise ValueError("A refusal without a ghost does not compete.")
    return draft


def _beaten(one: Decision, winner: Decision) -> Refusal:
    if isinstance(one, Refusal):
        return replace(one, ghost=None, winner_id=winner.campaign_id)
    return Refusal(
        campaign_id=one.campaign_id,
        member_id=one.member_id,
        reason=_why_lost(one, _draft_of(winner)),
        at=one.at,
        winner_id=winner.campaign_id,
    )


def _why_lost(lost: OfferDraft, won: OfferDraft) -> Suppression:
    """The price of its merchant's share, if it would have won without prices; else the score."""
    if lost.appeal.band is not won.appeal.band or won.appeal.explores:
        return Suppression.LOWER_SCORE
    unpriced, winning = lost.score + lost.appeal.price_minor, won.score + won.appeal.price_minor
    return Suppression.MERCHANT_SHARE if unpriced > winning else Suppression.LOWER_SCORE
