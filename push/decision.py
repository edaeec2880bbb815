"""decide(): whether a crossing brings an offer to a member, and choose() when several would."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from geo.coordinates import LonLat
from push import audience, caps, holdout, limits, ranking, triggers
from push.audience import MemberContext
from push.campaign import Campaign, CampaignState, closes_at, may_offer
from push.consent import Channel, may_contact
from push.identifiers import CampaignId, MemberId, MerchantId, StoreId, VisitId
from push.limits import CapRule, CapScope, QuietHours, Reservation, TradingDay
from push.message import Why
from push.rule import TriggerKind
from push.suppression import Suppression

_VISITS = UUID("6d1c6f0e-5f0c-5b58-9d4e-2a4b8d0f7c11")


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """Something that may bring a member an offer: a fence crossed, a stay of `dwell`, or what push.triggers.Occasion
    says.

    at is when it happened (of a crossing: the fix), received_at when it was published: the stream's own time.
    visit_id makes it one occasion.
    """

    trigger: TriggerKind
    campaign_id: CampaignId
    visit_id: VisitId
    at: datetime
    received_at: datetime
    dwell: timedelta = timedelta(0)
    distance_m: float | None = None
    position: LonLat | None = None
    number: int | None = None
    store_id: StoreId | None = None
    joins: int = 0
    visits: int = 0
    away_for: timedelta = timedelta(0)


def visit_id(subject: UUID | str, fence: str, entered_at: datetime) -> VisitId:
    """The id of one stay of a device or member in a fence: the same on every replay of the stream."""
    return VisitId(uuid5(_VISITS, f"{subject}|{fence}|{entered_at.timestamp():.6f}"))


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionPolicy:
    """What a district sets for all its campaigns."""

    day: TradingDay
    quiet: QuietHours = field(default_factory=QuietHours)
    fresh_for: timedelta = timedelta(minutes=3)
    control_buckets: int = 0
    typical_spend_minor: int = ranking.TYPICAL_SPEND_MINOR
    shared_caps: tuple[tuple[CapScope, CapRule], ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return self.day.zone


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferDraft:
    """An offer that may be issued: everything to reserve and to write, nothing reserved or written yet.

    valid_until is the promise to the member, send_before when telling it has lost its sense: the end of
    the campaign's hours, if that comes first. occurrence_key makes it at most once.
    """

    campaign_id: CampaignId
    campaign_version: int
    merchant_id: MerchantId
    store_ids: tuple[StoreId, ...]
    member_id: MemberId
    occurrence_key: str
    trigger: TriggerKind
    position: LonLat | None
    at: datetime
    valid_from: datetime
    valid_until: datetime
    send_before: datetime
    channels: tuple[Channel, ...]
    reservations: tuple[Reservation, ...]
    score: float
    why: Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An offer that is not made, and why. would_have says that only being a control stopped it."""

    campaign_id: CampaignId
    member_id: MemberId
    reason: Suppression
    at: datetime
    deferred_to: datetime | None = None
    winner_id: CampaignId | None = None
    would_have: bool = False


Decision: TypeAlias = OfferDraft | Refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """One crossing, campaign and member at one moment."""

    crossing: Crossing
    campaign: Campaign
    member: MemberContext
    now: datetime
    policy: DecisionPolicy

    @property
    def day(self) -> TradingDay:
        """The member's day: caps count by the clocks where he is at home, the district's when he named no zone."""
        return replace(self.policy.day, zone=self.member.zone or self.policy.zone)

    def refuse(self, reason: Suppression, *, until: datetime | None = None) -> Refusal:
        return Refusal(
            campaign_id=self.campaign.id,
            member_id=self.member.member_id,
            reason=reason,
            at=self.now,
            deferred_to=until,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Limited:
    """What is left of the channels, and the slots to take, in the order of their scopes: takers that meet never wait
    for each other in a ring.
    """

    channels: tuple[Channel, ...]
    reservations: tuple[Reservation, ...]


def decide(
    crossing: Crossing, campaign: Campaign, member: MemberContext, *, now: datetime, policy: DecisionPolicy
) -> Decision:
    """Whether this crossing brings the campaign's offer to the member.

    Pure and deterministic: equal arguments give an equal answer on replay. What it knows of caps,
    consent and visits is a filter; issue and dispatch check the truth again. now is the stream's time.
    """
    case = _Case(
        crossing=crossing,
        campaign=campaign,
        member=member,
        now=now,
        policy=policy,
    )
    refused = _campaign_refuses(case) or _place_refuses(case)
    if refused:
        return case.refuse(refused)
    told = _channels(case)
    limited = told if isinstance(told, Refusal) else _within_limits(case, told)
    if holdout.is_control(member.bucket, control_buckets=policy.control_buckets):
        return Refusal(
            campaign_id=campaign.id,
            member_id=member.member_id,
            reason=Suppression.HOLDOUT,
            at=now,
            would_have=not isinstance(limited, Refusal),
        )
    return limited if isinstance(limited, Refusal) else _draft(case, limited)


def choose(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """At most one draft of these for one member at one moment; the others become lower_score.

    The highest score wins, then the smallest campaign id: the order given does not matter. Refusals
    stay as they are, in their places.
    """
    every = tuple(decisions)
    drafts = [one for one in every if isinstance(one, OfferDraft)]
    if len(drafts) < 2:
        return every
    winner = min(drafts, key=lambda draft: (-draft.score, draft.campaign_id))
    return tuple(_beaten(one, winner) if isinstance(one, OfferDraft) else one for one in every)


def _beaten(draft: OfferDraft, winner: OfferDraft) -> Decision:
    if draft is winner:
        return draft
    return Refusal(
        campaign_id=draft.campaign_id,
        member_id=draft.member_id,
        reason=Suppression.LOWER_SCORE,
        at=draft.at,
        winner_id=winner.campaign_id,
    )


def _campaign_refuses(case: _Case) -> Suppression | None:
    if case.campaign.state is not CampaignState.LIVE:
        return Suppression.PAUSED
    if case.campaign.is_sold_out:
        return Suppression.SOLD_OUT
    return None if may_offer(case.campaign, case.now) else Suppression.OUT_OF_WINDOW


def _place_refuses(case: _Case) -> Suppression | None:
    crossing = case.crossing
    is_its = crossing.campaign_id == case.campaign.id
    if not is_its or not any(True for _ in triggers.firing(case.campaign, crossing)):
        return Suppression.OUT_OF_FENCE
    if not triggers.is_in_place(case.campaign, crossing, case.member.facts, now=case.now):
        return Suppression.OUT_OF_FENCE
    if case.member.is_erased:
        return Suppression.ERASED
    if not audience.matches(case.campaign.rule.audience, case.member, now=case.now):
        return Suppression.NOT_IN_AUDIENCE
    return None


def _channels(case: _Case) -> tuple[Channel, ...] | Refusal:
    """The channels that may carry the offer before it loses its sense, those that need not wait first."""
    agreed = [one for one in Channel if may_contact(case.member.consents, one, by_location=True)]
    if not agreed:
        return case.refuse(Suppression.NO_CONSENT)
    reachable = [one for one in agreed if one in case.member.endpoints]
    if not reachable:
        return case.refuse(Suppression.NO_ENDPOINT)
    waits = {one: _quiet_until(case, one) for one in reachable}
    in_time = [one for one in reachable if (until := waits[one]) is None or until < _send_before(case)]
    if not in_time:
        ends = min(until for until in waits.values() if until is not None)
        return case.refuse(Suppression.QUIET_HOURS, until=ends)
    return tuple(sorted(in_time, key=lambda one: waits[one] is not None))


def _quiet_until(case: _Case, channel: Channel) -> datetime | None:
    return limits.quiet_until(
        channel,
        now=case.now,
        member_zone=case.member.zone,
        district_zone=case.policy.zone,
        hours=case.member.quiet or case.policy.quiet,
    )


def _within_limits(case: _Case, channels: tuple[Channel, ...]) -> _Limited | Refusal:
    """The channels and slots with which no cap is full, as far as is known; the first trigger that rests not brings it."""
    by_channel = {one: caps.by_channel(case.campaign, one, now=case.now, day=case.day) for one in channels}
    free = tuple(one for one in channels if not _is_any_full(case, by_channel[one]))
    shared = caps.wanted(case.campaign, case.policy.shared_caps, now=case.now, day=case.day)
    rests = (
        caps.cool_down(case.campaign, number, now=case.now)
        for number in triggers.firing(case.campaign, case.crossing)
    )
    rest = next((one for one in rests if not _is_any_full(case, one)), None)
    if not free or rest is None or _is_any_full(case, shared):
        return case.refuse(Suppression.FREQUENCY_CAP)
    crossing = case.crossing
    is_late = crossing.received_at - crossing.at > case.policy.fresh_for
    is_past = case.now - crossing.received_at > case.campaign.rule.ttl
    if is_late or is_past:
        return case.refuse(Suppression.STALE)
    return _Limited(
        channels=free, reservations=caps.together(shared, rest, *(by_channel[one] for one in free))
    )


def _is_any_full(case: _Case, reservations: Iterable[Reservation]) -> bool:
    return any(limits.is_full(wanted, case.member.taken) for wanted in reservations)


def _send_before(case: _Case) -> datetime:
    ends = case.now + case.campaign.rule.ttl
    closes = closes_at(case.campaign, case.now)
    return ends if closes is None else min(ends, closes)


def _draft(case: _Case, limited: _Limited) -> OfferDraft:
    campaign, crossing = case.campaign, case.crossing
    return OfferDraft(
        campaign_id=campaign.id,
        campaign_version=campaign.version,
        merchant_id=campaign.merchant_id,
        store_ids=campaign.store_ids,
        member_id=case.member.member_id,
        occurrence_key=str(crossing.visit_id),
        trigger=crossing.trigger,
        position=crossing.position,
        at=case.now,
        valid_from=case.now,
        valid_until=case.now + campaign.rule.ttl,
        send_before=_send_before(case),
        channels=limited.channels,
        reservations=limited.reservations,
        score=ranking.score(
            campaign.offer.value,
            prior=campaign.prior,
            typical_spend_minor=case.policy.typical_spend_minor,
        ),
        why=Why(
            trigger=crossing.trigger,
            store_name=campaign.store_name,
            distance_m=crossing.distance_m,
            dwell=crossing.dwell,
        ),
    )
