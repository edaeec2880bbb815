"""When campaigns are through, from what waits, what plans still bring, and how fast channels carry it."""

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from district.campaigns.models import Campaign
from district.campaigns.trigger_models import Occurrence
from district.database import new_id
from district.deliveries import forecasts
from district.outbox.models import OutboxMessage
from push.consent import Channel
from tests.district.deliveries.test_ringing import use
from tests.district.offers.conftest import Ground


def waits(ground: Ground, campaign: Campaign, count: int, *, channel: str = "sms", **values: Any) -> None:
    """So many messages of a campaign that are due now."""
    now = ground.clock.now()
    for _ in range(count):
        member = ground.member()
        offer = ground.makers.offer(campaign, member)
        given: dict[str, Any] = {
            "due_at": now,
            "retry_at": now,
            "created_at": now,
            "purpose": "marketing",
            "payload": {},
        }
        row = OutboxMessage(
            district_id=ground.district.id,
            id=new_id(),
            channel=channel,
            member_id=member.id,
            offer_id=offer.id,
            **(given | values),
        )
        ground.makers.session.add(row)
    ground.makers.done()


def of(ground: Ground) -> dict[uuid.UUID, forecasts.Forecast]:
    session: Session = ground.makers.session
    return {one.campaign_id: one for one in forecasts.forecast(session, ground.info, now=ground.clock.now())}


def allow(ground: Ground, per_minute: float) -> None:
    use(ground, Channel.SMS)
    ground.makers.session.connection().exec_driver_sql(
        "UPDATE channel_provider SET per_s = %s WHERE district_id = %s", (per_minute / 60, ground.district.id)
    )
    ground.makers.done()


def test_a_quiet_district_foretells_nothing(ground: Ground) -> None:
    assert of(ground) == {}


def test_each_campaign_is_through_when_its_last_message_has_had_its_turn(ground: Ground) -> None:
    allow(ground, 2)
    first, second = ground.campaign(), ground.campaign()
    waits(ground, first, 4)
    waits(ground, second, 2, due_at=ground.clock.now() + timedelta(minutes=1))
    found = of(ground)
    assert (found[first.id].waiting, found[second.id].waiting) == (4, 2)
    assert found[first.id].finishes_at == ground.clock.now() + timedelta(minutes=2)
    assert found[second.id].finishes_at == ground.clock.now() + timedelta(minutes=3)


def test_what_left_of_late_counts_by_messages(ground: Ground) -> None:
    allow(ground, 2)
    ground.makers.session.connection().exec_driver_sql(
        """INSERT INTO delivery_attempt (district_id, id, channel, outcome, at, messages)
           VALUES (%s, gen_random_uuid(), 'sms', 'accepted', clock_timestamp(), 40)""",
        (ground.district.id,),
    )
    campaign = ground.campaign()
    waits(ground, campaign, 8)
    assert of(ground)[campaign.id].finishes_at == ground.clock.now() + timedelta(minutes=2)


def test_messages_that_would_be_too_late_are_said(ground: Ground) -> None:
    allow(ground, 1)
    campaign = ground.campaign()
    waits(ground, campaign, 5, send_before=ground.clock.now() + timedelta(minutes=2))
    assert of(ground)[campaign.id].late == 5


def test_the_inbox_waits_for_no_channel(ground: Ground) -> None:
    allow(ground, 1)
    campaign = ground.campaign()
    waits(ground, campaign, 3, channel="inbox")
    assert of(ground)[campaign.id].finishes_at == ground.clock.now()


def test_a_plan_under_way_goes_on_at_its_pace_for_as_many_as_did_so_far(ground: Ground) -> None:
    campaign = ground.campaign(
        rule={"v": 1, "trigger": {"any": [{"on": "wifi.join"}]}, "pace": {"per_min": 2}}
    )
    members = sorted(ground.member().id for _ in range(12))
    now = ground.clock.now()
    ground.makers.session.add(
        Occurrence(
            district_id=ground.district.id,
            id=new_id(),
            campaign_id=campaign.id,
            campaign_version=1,
            wall_at=now.replace(tzinfo=None),
            zone="Europe/Helsinki",
            starts_at=now,
            state="planning",
            next_at=now + timedelta(minutes=1),
            after_member_id=members[3],
            planned=4,
            issued=2,
            refused=2,
            changed_at=now,
        )
    )
    ground.makers.done()
    found = of(ground)[campaign.id]
    assert (found.waiting, found.to_come) == (0, 4)  # half of the eight who come later
    assert found.finishes_at == now + timedelta(minutes=3)
