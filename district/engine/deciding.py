"""From triggers to drafts and refusals: the rules of push, asked once for each, and one offer at a moment."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from district.audiences.contexts import Known
from district.districts.service import DistrictInfo
from district.engine.core import Triggered
from push.decision import Decision, DecisionPolicy, OfferDraft, Refusal, choose, decide
from push.limits import TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What a group of triggers came to."""

    drafts: tuple[OfferDraft, ...]
    refusals: tuple[Refusal, ...]


def policy_of(district: DistrictInfo, *, fresh_for: timedelta) -> DecisionPolicy:
    """What the district sets for all its campaigns."""
    return DecisionPolicy(
        day=TradingDay(zone=district.zone, starts_at=district.day_start), fresh_for=fresh_for
    )


def decide_all(
    triggered: Sequence[Triggered], known: Mapping[uuid.UUID, Known], policy: DecisionPolicy
) -> Decided:
    """Decide each; of several drafts for one member by one fix, the best."""
    moments: dict[tuple[uuid.UUID, datetime], list[Decision]] = {}
    for one in triggered:
        decision = decide(
            one.crossing,
            one.campaign,
            known[one.member_id].for_campaign(one.campaign),
            now=one.now,
            policy=policy,
        )
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
