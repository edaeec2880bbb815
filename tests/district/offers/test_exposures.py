"""Exposures in the issuing transaction: both arms by the same checks, once each, and what nobody was exposed to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from district.campaigns.models import Campaign
from district.members.models import Member
from push.decision import Appeal, OfferDraft, Refusal
from push.holdout import Arm
from push.identifiers import MerchantId
from push.suppression import Suppression
from tests.district.offers.conftest import Ground

EXPOSED = "SELECT arm, offer_id IS NOT NULL FROM exposure WHERE district_id = %(d)s ORDER BY arm, at"
WOULD_HAVE = "SELECT sum(would_have)::int, sum(times)::int FROM refusal WHERE district_id = %(d)s"
SLOTS = "SELECT count(*) FROM cap_slot WHERE district_id = %(d)s"
ISSUED = "SELECT coalesce(sum(issued), 0) FROM campaign_stock WHERE district_id = %(d)s"
APPEAL = Appeal(kind="percent:normal", chance=0.2, worth_minor=400.0, features=(0.5,) * 11, model_version=3)


def held(draft: OfferDraft, arm: Arm = Arm.CONTROL) -> Refusal:
    return Refusal(
        campaign_id=draft.campaign_id,
        member_id=draft.member_id,
        reason=Suppression.HOLDOUT,
        at=draft.at,
        arm=arm,
        ghost=draft,
    )


def offered(ground: Ground, campaign: Campaign, member: Member, **changes: Any) -> OfferDraft:
    """A draft with the campaign's own cap of one a day, and what else is said."""
    given = {"reservations": (ground.cap(f"campaign:{campaign.id}:day"),), "appeal": APPEAL, **changes}
    return ground.draft(campaign, member, **given)


async def test_both_arms_are_recorded_with_what_they_were_decided_by(ground: Ground) -> None:
    campaign = ground.campaign(stock=5)
    treated, control = ground.member(), ground.member()
    ghost = held(offered(ground, campaign, control))
    await ground.issue(offered(ground, campaign, treated), refusals=(ghost,))
    assert await ground.rows(EXPOSED) == [("control", False), ("treated", True)]
    rows = await ground.rows(
        "SELECT DISTINCT kind, chance, score_minor, features, model_version FROM exposure WHERE district_id = %(d)s"
    )
    assert [row[:2] + row[3:] for row in rows] == [("percent:normal", 0.2, [0.5] * 11, 3)]
    assert await ground.rows(WOULD_HAVE) == [(1, 1)]


async def test_each_exposure_keeps_the_share_and_salt_that_its_arm_was_drawn_by(ground: Ground) -> None:
    campaign = ground.campaign()
    treated, control = ground.member(), ground.member()
    await ground.issue(
        offered(ground, campaign, treated, holdout=(20.0, "spring")),
        refusals=(held(offered(ground, campaign, control, holdout=(35.0, "spring"))),),
    )
    rows = await ground.rows(
        "SELECT arm, holdout_pct, holdout_salt FROM exposure WHERE district_id = %(d)s ORDER BY arm"
    )
    assert rows == [("control", 35.0, "spring"), ("treated", 20.0, "spring")]


async def test_a_ghost_takes_its_campaigns_slot_and_no_stock(ground: Ground) -> None:
    campaign, member = ground.campaign(stock=5), ground.member()
    shared = ground.cap("global:day")
    own = ground.cap(f"campaign:{campaign.id}:day")
    await ground.issue(refusals=(held(offered(ground, campaign, member, reservations=(own, shared))),))
    assert await ground.rows("SELECT scope FROM cap_slot WHERE district_id = %(d)s") == [(own.scope,)]
    assert await ground.number(ISSUED) == 0


async def test_who_is_held_out_is_counted_as_often_as_who_is_treated(ground: Ground) -> None:
    """Three visits on one day, cap one a day: one exposure in either arm, and one more tomorrow."""
    campaign, treated, control = ground.campaign(), ground.member(), ground.member()
    for _ in range(3):
        ghost = held(offered(ground, campaign, control))
        await ground.issue(offered(ground, campaign, treated), refusals=(ghost,))
        ground.clock.advance(timedelta(minutes=1))
    assert [row[0] for row in await ground.rows(EXPOSED)] == ["control", "treated"]
    ground.clock.advance(timedelta(days=1))
    await ground.issue(
        offered(ground, campaign, treated), refusals=(held(offered(ground, campaign, control)),)
    )
    assert [row[0] for row in await ground.rows(EXPOSED)] == ["control", "control", "treated", "treated"]
    assert await ground.rows(WOULD_HAVE) == [(2, 6)]


async def test_what_the_truth_refuses_is_no_exposure_in_either_arm(ground: Ground) -> None:
    live, paused, empty = ground.campaign(), ground.campaign(state="paused"), ground.campaign(stock=0)
    cases = [
        (live, ground.member(agrees=False)),
        (live, ground.member(state="erased")),
        (paused, ground.member()),
        (empty, ground.member()),
    ]
    late = offered(ground, live, ground.member(), send_before=ground.clock.now())
    ghosts = [*(offered(ground, campaign, member) for campaign, member in cases), late]
    drafts = [replace(one, occurrence_key=f"{one.occurrence_key}-treated") for one in ghosts]
    batch = await ground.issue(*drafts, refusals=tuple(map(held, ghosts)))
    assert not batch.issued
    assert await ground.rows(EXPOSED) == []
    assert await ground.number(SLOTS) == 0
    assert not any(one.would_have for one in batch.refused)


async def test_a_shared_cap_that_is_full_refuses_the_ghost_too(ground: Ground) -> None:
    first, second, member = ground.campaign(), ground.campaign(), ground.member()
    shared = ground.cap("global:day")
    await ground.issue(offered(ground, first, member, reservations=(shared,)))
    ground.clock.advance(timedelta(minutes=1))
    own = ground.cap(f"campaign:{second.id}:day")
    await ground.issue(refusals=(held(offered(ground, second, member, reservations=(own, shared))),))
    assert [row[0] for row in await ground.rows(EXPOSED)] == ["treated"]


async def test_what_went_out_in_its_stead_does_not_stop_the_ghost(ground: Ground) -> None:
    """The winner of the moment takes the slot that the ghost's own offer would have taken."""
    first, second, member = ground.campaign(), ground.campaign(), ground.member()
    shared = ground.cap("global:day")
    own = ground.cap(f"campaign:{second.id}:day")
    ghost = held(offered(ground, second, member, reservations=(own, shared)))
    await ground.issue(offered(ground, first, member, reservations=(shared,)), refusals=(ghost,))
    assert [row[0] for row in await ground.rows(EXPOSED)] == ["control", "treated"]


async def test_a_batch_that_comes_again_exposes_nobody_again(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    loose = ground.cap(f"campaign:{campaign.id}:day", slots=5)
    ghost = held(offered(ground, campaign, member, reservations=(loose,)))
    await ground.issue(refusals=(ghost,))
    await ground.issue(refusals=(ghost,))
    assert await ground.rows(EXPOSED) == [("control", False)]
    assert await ground.number(SLOTS) == 1


async def test_two_ghosts_of_a_member_in_one_batch_meet_their_cap(ground: Ground) -> None:
    campaign, member = ground.campaign(), ground.member()
    ghosts = [held(offered(ground, campaign, member)) for _ in range(2)]
    await ground.issue(refusals=tuple(ghosts))
    assert await ground.rows(EXPOSED) == [("control", False)]
    assert await ground.rows(WOULD_HAVE) == [(1, 2)]


async def test_a_loser_is_kept_with_its_winner(ground: Ground) -> None:
    winner, loser, member = ground.campaign(), ground.campaign(), ground.member()
    draft = offered(ground, winner, member)
    lost = Refusal(
        campaign_id=offered(ground, loser, member).campaign_id,
        member_id=draft.member_id,
        reason=Suppression.LOWER_SCORE,
        at=draft.at,
        winner_id=draft.campaign_id,
    )
    await ground.issue(draft, refusals=(lost,))
    rows = await ground.rows("SELECT reason, winner_id, would_have FROM refusal WHERE district_id = %(d)s")
    assert rows == [("lower_score", winner.id, 0)]


async def test_prices_follow_the_moments_at_which_merchants_compete(ground: Ground) -> None:
    campaign, rival = ground.campaign(), ground.makers.merchant(ground.district)
    own = MerchantId(ground.merchant.id)
    rivals = frozenset({own, MerchantId(rival.id)})
    drafts = [offered(ground, campaign, ground.member(), rivals=rivals) for _ in range(4)]
    await ground.issue(*drafts)
    rows = await ground.rows(
        "SELECT merchant_id, price_minor, served, competed, won FROM merchant_price WHERE district_id = %(d)s"
    )
    # Four won of four, an equal share is two and the bound three: one above it, at 0.1 % of a bill of 2,000.
    assert {row[0]: row[1:] for row in rows} == {own: (2.0, 4, 4, 4), rival.id: (0.0, 0, 4, 0)}
    await ground.issue(offered(ground, campaign, ground.member()))
    served = "SELECT served FROM merchant_price WHERE district_id = %(d)s ORDER BY served"
    assert await ground.rows(served) == [(0,), (5,)]
