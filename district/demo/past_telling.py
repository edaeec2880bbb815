"""Deciding, issuing and delivering at an earlier hour, by the services that do it every day."""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from district.campaigns import jobs as campaign_jobs
from district.campaigns.live import live_campaigns
from district.clock import FixedClock, monotonic
from district.database import Pool, transaction
from district.deliveries.channels import InboxChannel
from district.deliveries.queue import SqlOutbox
from district.demo.past_campaigns import Ran
from district.demo.past_people import NAMESPACE, Met, Passing
from district.demo.past_plans import PLANS
from district.districts.service import DistrictInfo
from district.offers import policies
from district.offers.deciding import Occasion, decide_all, known_of
from district.offers.service import issue_batch
from push.campaign import Campaign
from push.consent import Channel
from push.decision import Crossing, visit_id
from push.dispatch import Dispatcher, DispatchPolicy
from push.identifiers import CampaignId
from push.policy import DecisionPolicy
from push.rule import TriggerKind

FRESH_FOR = timedelta(minutes=3)
MANY = DispatchPolicy(lease_rows=200, in_flight=200)
"""The inbox is a table of our own: nothing is lost if a start that is cut short left many under way."""


@dataclass(frozen=True, kw_only=True)
class Morning:
    """What holds for a day."""

    campaigns: Mapping[CampaignId, Campaign]
    policy: DecisionPolicy


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What an engine and a worker did at an hour of the past."""

    pool: Pool
    district: DistrictInfo
    ran: Sequence[Ran]
    machine_now: datetime

    async def morning(self, at: datetime) -> Morning:
        """The campaigns that run today, and by what is decided."""
        await campaign_jobs.advance(self.pool, self.district.id, now=at)
        async with self.pool.connection() as connection:
            live = await live_campaigns(connection, self.district, only=[one.id for one in self.ran])
            policy = await policies.decision_policy(connection, self.district, fresh_for=FRESH_FOR)
        return Morning(campaigns={one.campaign.id: one.campaign for one in live}, policy=policy)

    async def tell(self, known: Morning, passing: Sequence[Passing], at: datetime) -> list[Met]:
        """Decide about everybody of one hour, issue, and bring the offers to the inboxes."""
        occasions = [
            _occasion(one, campaign)
            for one in passing
            if (campaign := known.campaigns.get(CampaignId(one.ran.id))) is not None
        ]
        async with transaction(self.pool) as connection:
            members = await known_of(connection, self.district, occasions, now=at)
            decided = decide_all(occasions, members, known.policy, now=at)
            batch = await issue_batch(connection, self.district, decided.drafts, decided.refusals, now=at)
        await self._deliver(at)
        by_pair = {(one.ran.id, one.member_id): one for one in passing}
        treated = [(one.draft.campaign_id, one.draft.member_id, one.id) for one in batch.issued]
        control = [(one.campaign_id, one.member_id, None) for one in batch.refused if one.ghost is not None]
        return [
            Met(passing=by_pair[campaign_id, member_id], offer_id=offer_id)
            for campaign_id, member_id, offer_id in (*treated, *control)
        ]

    async def _deliver(self, at: datetime) -> None:
        clock = FixedClock(at, machine=self.machine_now)
        store = SqlOutbox(
            pool=self.pool, district=self.district, clock=clock, channels=frozenset({Channel.INBOX})
        )
        dispatcher = Dispatcher(
            store=store,
            channels={Channel.INBOX: InboxChannel()},
            clock=_Times(at=at),
            chance=random.Random(0),  # noqa: S311 nothing is tried twice here
            policy=MANY,
        )
        while (await dispatcher.run_once()).leased == MANY.lease_rows:
            pass


@dataclass(frozen=True, kw_only=True)
class _Times:
    """The dispatcher's two times: one moment of the past, and how long its work takes."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return monotonic()


def _occasion(passing: Passing, campaign: Campaign) -> Occasion:
    """Coming into the campaign's fence, a moment before it is decided."""
    at = passing.told_at - timedelta(seconds=1 + PLANS.index(passing.ran.plan))
    crossing = Crossing(
        trigger=TriggerKind.ENTER,
        campaign_id=campaign.id,
        visit_id=visit_id(passing.member_id, str(passing.ran.id), at),
        at=at,
        received_at=passing.told_at,
        position=passing.ran.counter.position,
    )
    moment = uuid.uuid5(NAMESPACE, f"{passing.member_id}:{at.isoformat()}")
    return Occasion(member_id=passing.member_id, moment=moment, campaign=campaign, crossing=crossing)
