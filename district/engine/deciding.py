"""From triggers to drafts and refusals: the rules of push, asked once for each, and one offer at a moment."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from district.audiences.contexts import Known
from district.districts.service import DistrictInfo
from district.engine.core import Triggered
from district.offers import policies
from push.decision import Ask, Decision, DecisionPolicy, OfferDraft, Refusal, choose, decide_batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What a group of triggers came to."""

    drafts: tuple[OfferDraft, ...]
    refusals: tuple[Refusal, ...]


def policy_of(district: DistrictInfo, *, fresh_for: timedelta) -> DecisionPolicy:
    """What holds in a district of which its operator has set nothing, and of which nothing was learnt yet."""
    return policies.decision_policy_of(district, fresh_for=fresh_for)


def decide_all(
    triggered: Sequence[Triggered], known: Mapping[uuid.UUID, Known], policy: DecisionPolicy
) -> Decided:
    """Decide each; of several drafts for one member by one fix, the best."""
    asks = [
        Ask(one.crossing, one.campaign, known[one.member_id].for_campaign(one.campaign), one.now)
        for one in triggered
    ]
    moments: dict[tuple[uuid.UUID, datetime], list[Decision]] = {}
    for one, decision in zip(triggered, decide_batch(asks, policy=policy), strict=True):
        moments.setdefault((one.member_id, one.crossing.at), []).append(decision)
    drafts: list[OfferDraft] = []
    refusals: list[Refusal] = []
    for decisions in moments.values():
        for decision in choose(decisions):
            if isinstance(decision, OfferDraft):
                drafts.append(decision)
            else:
                refusals.append(decision)
    return Decided(drafts=tuple(drafts), refusals=tuple(refusals))
