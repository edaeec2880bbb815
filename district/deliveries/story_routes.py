"""Operators' interface to what became of messages, and the trial of a provider."""

import uuid
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from district.auth.principals import Operator
from district.channels import service as channels
from district.channels import texts
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.deliveries import stories, trial, trial_texts
from district.deliveries.stories import Delivery, Story, Wanted
from district.deliveries.story_schemas import (
    AttemptView,
    DeliveryPage,
    DeliveryView,
    ReceiptView,
    StoryView,
    Trial,
    TrialView,
)
from district.districts.service import DistrictDep, DistrictInfo
from district.settings import Settings
from push.consent import Channel
from push.delivery import DeliveryState
from push.receipts import Receipt

router = APIRouter(tags=["deliveries"])
DELIVERIES = "/v1/districts/{d}/deliveries"
TRIAL = "/v1/districts/{d}/channel-providers/{slug}/test"


def wanted(
    state: DeliveryState | None = None,
    channel: Channel | None = None,
    campaign: uuid.UUID | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Planned at or after")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="Planned before")] = None,
) -> Wanted:
    """Which messages a request asks for."""
    return Wanted(state=state, channel=channel, campaign_id=campaign, since=since, until=until)


WantedDep = Annotated[Wanted, Depends(wanted)]


def view(delivery: Delivery) -> DeliveryView:
    """A message as operators see it."""
    message = delivery.message
    return DeliveryView(
        id=message.id,
        channel=message.channel,
        provider=delivery.provider,
        purpose=message.purpose,
        state=message.state,
        reason=message.reason,
        campaign_id=delivery.campaign_id,
        campaign=delivery.campaign,
        planned_at=message.created_at,
        due_at=message.due_at,
        send_before=message.send_before,
        attempts=message.attempts,
        finished_at=message.finished_at,
        delivered_at=message.delivered_at,
        opened_at=message.opened_at,
    )


def story_view(story: Story) -> StoryView:
    """A story as operators read it."""
    return StoryView(
        delivery=view(story.delivery),
        fallbacks=list(story.delivery.message.fallbacks),
        attempts=[
            AttemptView(
                at=one.at, channel=one.channel, provider=provider, outcome=one.outcome, detail=one.detail
            )
            for one, provider in story.attempts
        ],
        receipts=[
            ReceiptView(at=one.at, provider=provider, kind=one.kind, part=one.part, detail=one.detail)
            for one, provider in story.receipts
        ],
        may_replay=not story.refusal,
        why_not=story.refusal,
    )


@router.get(DELIVERIES)
def list_(
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    asked: WantedDep,
    before: Annotated[uuid.UUID | None, Query(description="The last id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeliveryPage:
    """Messages, the newest first."""
    found = stories.listed(session, district.id, asked, before=before, limit=limit + 1)
    following = found[limit - 1].message.id if len(found) > limit else None
    return DeliveryPage(items=[view(one) for one in found[:limit]], next=following)


@router.get(DELIVERIES + "/{delivery_id}")
def get(
    delivery_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> StoryView:
    """One message from its planning to its last receipt."""
    return story_view(stories.tell(session, district.id, delivery_id, now=clock.now()))


@router.post(DELIVERIES + "/{delivery_id}/replay")
def replay(
    delivery_id: uuid.UUID, operator: Operator, district: DistrictDep, session: DbSession, clock: ClockDep
) -> DeliveryView:
    """Send a message again that certainly did not arrive."""
    return view(stories.replay(session, district.id, delivery_id, clock=clock))


@router.post(TRIAL)
def test(
    slug: str, asked: Trial, request: Request, operator: Operator, district: DistrictDep, clock: ClockDep
) -> TrialView:
    """Send one message of the operator's own by this provider, now, and tell what it said."""
    return try_out(request, district, slug, asked, clock=clock)


def try_out(request: Request, district: DistrictInfo, slug: str, asked: Trial, *, clock: Clock) -> TrialView:
    """The same for pages. No transaction is open while the provider is asked.

    Raises: NotFound, Unavailable; Conflict and Invalid for a text that is not on file.
    """
    settings: Settings = request.app.state.settings
    with request.app.state.sessions() as session:
        row = channels.find(session, district.id, slug)
        filed = texts.filed_with(session, district.id, row.id)
        session.expunge(row)
    words = trial_texts.words(
        row,
        filed,
        asked.template,
        district=district,
        language=asked.language,
        origin=settings.public_url or "",
    )
    to = trial.Addressee(address=asked.to, keys=asked.keys)
    tried = trial.run(settings, district, row, to, words=words, clock=clock)
    took_ms = round(tried.took / timedelta(milliseconds=1))
    if isinstance(tried.outcome, Receipt):
        return TrialView(outcome="accepted", detail="", message_id=tried.outcome.provider_id, took_ms=took_ms)
    return TrialView(
        outcome=tried.outcome.kind.value, detail=tried.outcome.detail, message_id="", took_ms=took_ms
    )
