"""Whom an offer was decided for is asked again when it is issued, of what one row decides."""

from typing import Any

import pytest

from district.audiences.models import Follow, MemberTag, Tag
from district.campaigns.models import Campaign
from district.database import new_id
from push.suppression import Suppression
from tests.district.offers.conftest import Ground
from tests.district.offers.conftest import ground as ground  # noqa: PLC0414 a fixture

BARRED = {"not": {"attr": "tag", "value": "barred"}}


def campaign_for(ground: Ground, who: Any) -> Campaign:
    made = ground.campaign()
    ground.makers.session.query(Campaign).filter_by(id=made.id).update({"rule": made.rule | {"who": who}})
    ground.makers.done()
    return made


def tag(ground: Ground) -> Tag:
    row = Tag(
        district_id=ground.district.id,
        id=new_id(),
        merchant_id=ground.merchant.id,
        name="barred",
        title="Barred",
        created_at=ground.clock.now(),
    )
    ground.makers.session.add(row)
    ground.makers.done()
    return row


async def reasons(ground: Ground, campaign: Campaign, *members: Any) -> list[Suppression]:
    batch = await ground.issue(*(ground.draft(campaign, member) for member in members))
    return [one.reason for one in batch.refused]


async def test_who_got_a_tag_since_the_decision_gets_no_offer(ground: Ground) -> None:
    barred, campaign = tag(ground), campaign_for(ground, {"all": [BARRED]})
    free, caught = ground.member(), ground.member()
    given = MemberTag(
        district_id=ground.district.id, tag_id=barred.id, member_id=caught.id, at=ground.clock.now()
    )
    ground.makers.session.add(given)
    ground.makers.done()
    assert await reasons(ground, campaign, free, caught) == [Suppression.NOT_IN_AUDIENCE]


async def test_who_stopped_following_since_the_decision_gets_no_offer(ground: Ground) -> None:
    store = ground.makers.store(ground.district, merchant_id=ground.merchant.id)
    campaign = campaign_for(ground, {"attr": "follows", "value": "merchant"})
    follower, former = ground.member(), ground.member()
    follow = Follow(
        district_id=ground.district.id, member_id=follower.id, store_id=store.id, at=ground.clock.now()
    )
    ground.makers.session.add(follow)
    ground.makers.done()
    assert await reasons(ground, campaign, follower, former) == [Suppression.NOT_IN_AUDIENCE]


@pytest.mark.parametrize(
    "who",
    [
        "returning",
        {"attr": "visits", "op": ">=", "value": 9, "window_d": 30},
        {"any": [{"attr": "visits", "op": ">=", "value": 9, "window_d": 30}, BARRED]},
        {"not": {"attr": "last_redeem_days", "op": ">", "value": 3}},
    ],
    ids=["word", "count", "either", "not counted"],
)
async def test_what_is_counted_over_a_history_is_taken_as_it_was_decided(ground: Ground, who: Any) -> None:
    tag(ground)
    assert await reasons(ground, campaign_for(ground, who), ground.member()) == []
