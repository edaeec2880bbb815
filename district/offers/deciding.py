"""From occasions that a worker has claimed to offers: the same rules as for crossings, asked once for each pair."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.audiences import contexts
from district.audiences.contexts import Known
from district.districts.service import DistrictInfo
from push.audience_asked import Asked
from push.campaign import Campaign
from push.decision import (
    Ask,
    Crossing,
    Decision,
    DecisionPolicy,
    OfferDraft,
    Refusal,
    choose,
    decide_batch,
)

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """Something that may bring a member a campaign's offer. What shares a moment competes."""

    member_id: uuid.UUID
    moment: uuid.UUID
    campaign: Campaign
    crossing: Crossing


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What occasions came to, in their order: one decision each."""

    decisions: tuple[Decision, ...]

    @property
    def drafts(self) -> tuple[OfferDraft, ...]:
        return tuple(one for one in self.decisions if isinstance(one, OfferDraft))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(one for one in self.decisions if isinstance(one, Refusal))


async def known_of(
    connection: Connection, district: DistrictInfo, occasions: Sequence[Occasion], *, now: datetime
) -> Mapping[uuid.UUID, Known]:
    """What these campaigns ask of these members."""
    wanted = Asked()
    for campaign in {one.campaign.id: one.campaign for one in occasions}.values():
        wanted = wanted.together(contexts.asked_by(campaign))
    members = sorted({one.member_id for one in occasions})
    return await contexts.load(connection, district, members, wanted=wanted, now=now)


def decide_all(
    occasions: Sequence[Occasion],
    known: Mapping[uuid.UUID, Known],
    policy: DecisionPolicy,
    *,
    now: datetime,
) -> Decided:
    """Decide each; of several drafts for one member at one moment, the best."""
    asks = [
        Ask(one.crossing, one.campaign, known[one.member_id].for_campaign(one.campaign), now)
        for one in occasions
    ]
    decisions = decide_batch(asks, policy=policy)
    moments: dict[tuple[uuid.UUID, uuid.UUID], list[int]] = {}
    for number, one in enumerate(occasions):
        moments.setdefault((one.member_id, one.moment), []).append(number)
    for numbers in moments.values():
        if len(numbers) > 1:
            chosen = choose([decisions[number] for number in numbers])
            for number, decision in zip(numbers, chosen, strict=True):
                decisions[number] = decision
    return Decided(decisions=tuple(decisions))
