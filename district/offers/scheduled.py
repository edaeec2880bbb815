"""Occurrences of scheduled campaigns: claimed when due, planned over the whole audience in batches, at their pace.

A batch is one commit: who was planned, how far the plan has come, and when it goes on. A worker that dies has planned
nothing; the next one takes the batch again, and an offer's key keeps it from being made twice.
"""

import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from district.campaigns.live import live_campaigns
from district.database import Pool, transaction
from district.districts.service import DistrictInfo
from district.offers import waiting_queries as queries
from district.offers.deciding import Connection, Occasion, decide_all, known_of
from district.offers.planning import Checked, Names, Range, check
from district.offers.service import issue_batch
from push.campaign import Campaign, may_offer, next_change
from push.decision import Crossing, DecisionPolicy, Refusal
from push.identifiers import MemberId, VisitId
from push.limit_document import DEFAULT_TTL
from push.rule import TriggerKind
from push.suppression import Suppression

TOGETHER = 20
"""Occurrences that begin at once compete for the same members: so many are planned together."""
SCANNED = 5_000
DECIDED = 500
"""The most members that a batch looks at, and the most that it decides about, for each occurrence."""
MINUTE = timedelta(minutes=1)
LONGEST = timedelta(hours=24)
"""After which a plan that is paced too slowly, or that waits for its campaign's hours, ends as it is."""


class Progress(StrEnum):
    """Where an occurrence stands."""

    DUE = "due"
    PLANNING = "planning"
    DONE = "done"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class Due:
    """An occurrence that a worker has claimed."""

    id: uuid.UUID
    campaign: Campaign
    starts_at: datetime
    after: uuid.UUID | None

    @property
    def ends_at(self) -> datetime:
        """It begins while its offers would live, and once begun it ends within a day."""
        ttl = self.campaign.rule.ttl
        return self.starts_at + (ttl if self.after is None else max(ttl, LONGEST))

    def crossing(self, now: datetime) -> Crossing:
        """The occasion that it is for each member of its audience."""
        return Crossing(
            trigger=TriggerKind.SCHEDULE,
            campaign_id=self.campaign.id,
            visit_id=VisitId(self.id),
            at=now,
            received_at=now,
        )


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a batch brings an occurrence."""

    due: Due
    members: tuple[uuid.UUID, ...] = ()
    """Those to decide about."""
    until: uuid.UUID | None = None
    """Everyone up to this member is settled."""
    state: Progress = Progress.PLANNING
    next_at: datetime | None = None


async def plan_due(pool: Pool, district: DistrictInfo, *, now: datetime, policy: DecisionPolicy) -> int:
    """Plan one batch of what is due; for how many members. Any number of workers may ask."""
    async with transaction(pool) as connection:
        every = await _claim(connection, district, now=now)
        if not every:
            return 0
        waiting = [one for one in every if not may_offer(one.campaign, now) or one.campaign.is_sold_out]
        ready = [one for one in every if one not in waiting]
        steps = [_put_off(one, now) for one in waiting]
        if ready:
            checked = await check(
                connection,
                district,
                [one.campaign for one in ready],
                trigger=TriggerKind.SCHEDULE,
                policy=policy,
                now=now,
                among=Range(after=ready[0].after, limit=SCANNED),
                names=Names.ALL,
            )
            steps += [_step(one, checked, now) for one in ready]
            issued, refused = await _settle(connection, district, steps, checked, now=now, policy=policy)
        else:
            issued, refused = Counter(), Counter()
        await _advance(connection, district, steps, issued, refused, now=now)
        return sum(len(step.members) for step in steps)


async def miss(pool: Pool, district: DistrictInfo, *, now: datetime) -> int:
    """Give up what could not take place while its offers were worth something; how many."""
    async with transaction(pool) as connection:
        values = {
            "district_id": district.id,
            "now": now,
            "ttl_s": DEFAULT_TTL.total_seconds(),
            "longest": LONGEST,
        }
        return (await connection.execute(queries.MISS_OCCURRENCES_SQL, values)).rowcount


async def _claim(connection: Connection, district: DistrictInfo, *, now: datetime) -> list[Due]:
    """Occurrences that have come equally far, so that their members compete."""
    values = {"district_id": district.id, "now": now, "limit": TOGETHER}
    rows = await (await connection.execute(queries.CLAIM_OCCURRENCES_SQL, values)).fetchall()
    rows = [row for row in rows if row[4] == rows[0][4]]
    if not rows:
        return []
    live = await live_campaigns(connection, district, only=[row[1] for row in rows])
    campaigns = {one.campaign.id: one.campaign for one in live}
    return [
        Due(id=row[0], campaign=campaigns[row[1]], starts_at=row[2], after=row[4])
        for row in rows
        if row[1] in campaigns
    ]


def _put_off(due: Due, now: datetime) -> Step:
    """Outside its hours it waits for them, as long as its offers live; without stock it is over."""
    opens = None if due.campaign.is_sold_out else next_change(due.campaign, now)
    has_begun = due.after is not None
    if opens is None or opens >= due.ends_at:
        return Step(due=due, until=due.after, state=Progress.DONE if has_begun else Progress.MISSED)
    state = Progress.PLANNING if has_begun else Progress.DUE
    return Step(due=due, until=due.after, state=state, next_at=opens)


def _step(due: Due, checked: Checked, now: datetime) -> Step:
    """As many of those whom nothing refuses as its pace allows at once; the others come in a later batch."""
    pace = due.campaign.rule.per_minute
    most = min(DECIDED, pace or DECIDED)
    passing = checked.passing(due.campaign.id)
    pause = MINUTE if pace is not None and passing else timedelta(0)
    if len(passing) > most:
        members = passing[:most]
        return Step(due=due, members=members, until=members[-1], next_at=now + pause)
    state = Progress.DONE if checked.size < SCANNED else Progress.PLANNING
    return Step(due=due, members=passing, until=checked.last, state=state, next_at=now + pause)


async def _settle(
    connection: Connection,
    district: DistrictInfo,
    steps: Sequence[Step],
    checked: Checked,
    *,
    now: datetime,
    policy: DecisionPolicy,
) -> tuple[Counter[uuid.UUID], Counter[uuid.UUID]]:
    """Decide and issue; how many offers and refusals each campaign has got."""
    occasions = [
        Occasion(
            member_id=member_id,
            moment=member_id,
            campaign=step.due.campaign,
            crossing=step.due.crossing(now),
        )
        for step in steps
        for member_id in step.members
    ]
    known = await known_of(connection, district, occasions, now=now)
    decided = decide_all(occasions, known, policy, now=now)
    refusals = [*decided.refusals, *_refused(steps, checked, now)]
    batch = await issue_batch(connection, district, decided.drafts, refusals, now=now)
    return (
        Counter(one.draft.campaign_id for one in batch.issued),
        Counter(one.campaign_id for one in batch.refused),
    )


def _refused(steps: Sequence[Step], checked: Checked, now: datetime) -> list[Refusal]:
    """Whom the set statement refused among those that are settled now. Who is not asked for is not refused."""
    return [
        Refusal(campaign_id=step.due.campaign.id, member_id=MemberId(member_id), reason=group.reason, at=now)
        for step in steps
        if step.until is not None
        for group in checked.groups.get(step.due.campaign.id, ())
        if group.reason is not None and not group.passes and group.reason is not Suppression.NOT_IN_AUDIENCE
        for member_id in group.members[: bisect_right(group.members, step.until)]
    ]


async def _advance(
    connection: Connection,
    district: DistrictInfo,
    steps: Sequence[Step],
    issued: Mapping[uuid.UUID, int],
    refused: Mapping[uuid.UUID, int],
    *,
    now: datetime,
) -> None:
    values = {
        "district_id": district.id,
        "now": now,
        "ids": [step.due.id for step in steps],
        "states": [step.state.value for step in steps],
        "afters": [step.until for step in steps],
        "nexts": [step.next_at or now for step in steps],
        "planned": [len(step.members) for step in steps],
        "issued": [issued.get(step.due.campaign.id, 0) for step in steps],
        "refused": [refused.get(step.due.campaign.id, 0) for step in steps],
    }
    await connection.execute(queries.ADVANCE_OCCURRENCES_SQL, values)
