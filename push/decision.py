"""decide(): whether an occasion brings an offer to a member, and choose() when several would.

The order is fixed, and with it which reason is given: who may get it at all; who is left out of all marketing; who is
left out of this campaign; then what is the same for both arms: consent, hours, quiet, stock, caps, freshness; last the
score. Who is refused by one of these is in neither arm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from push import audience, holdout, limits, triggers
from push.audience import MemberContext, VisitScope
from push.campaign import Campaign, CampaignState
from push.choice import choose
from push.consent import Channel
from push.desk import Desk, Moment, Stand
from push.draft import Appeal, Decision, OfferDraft, Refusal
from push.holdout import Arm
from push.limits import Reservation
from push.message import Why
from push.occasion import Crossing, visit_id
from push.policy import DecisionPolicy
from push.redeem_model import Features, features
from push.rule import Priority
from push.suppression import Suppression

__all__ = [
    "Appeal",
    "Ask",
    "Crossing",
    "Decision",
    "DecisionPolicy",
    "OfferDraft",
    "Refusal",
    "choose",
    "decide",
    "decide_batch",
    "visit_id",
]

_LATELY = timedelta(days=7)
_Taken = Mapping[str, Sequence[datetime]]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: does this occasion bring this campaign's offer to this member, at the stream's time now?"""

    crossing: Crossing
    campaign: Campaign
    member: MemberContext
    now: datetime


def decide(
    crossing: Crossing, campaign: Campaign, member: MemberContext, *, now: datetime, policy: DecisionPolicy
) -> Decision:
    """Whether this occasion brings the campaign's offer to the member.

    Pure and deterministic: equal arguments give an equal answer on replay. What it knows of caps,
    consent and visits is a filter; issue and dispatch check the truth again. now is the stream's time.
    """
    return _decided(Ask(crossing, campaign, member, now), Desk(policy))


def decide_batch(asks: Iterable[Ask], *, policy: DecisionPolicy) -> list[Decision]:
    """The answers of decide(), in the same order; what several questions share is worked out once."""
    desk = Desk(policy)
    return [_decided(ask, desk) for ask in asks]


def _decided(ask: Ask, desk: Desk) -> Decision:
    fired = tuple(triggers.firing(ask.campaign, ask.crossing))
    reason = _ineligible(ask, fired)
    if reason is not None:
        return _refuse(ask, reason)
    arm = _arm(ask, desk)
    found = _offered(ask, desk, fired)
    if arm is Arm.TREATED:
        return found
    return Refusal(
        campaign_id=ask.campaign.id,
        member_id=ask.member.member_id,
        reason=Suppression.HOLDOUT,
        at=ask.now,
        arm=arm,
        ghost=found if isinstance(found, OfferDraft) else None,
    )


def _refuse(ask: Ask, reason: Suppression, *, until: datetime | None = None) -> Refusal:
    return Refusal(
        campaign_id=ask.campaign.id,
        member_id=ask.member.member_id,
        reason=reason,
        at=ask.now,
        deferred_to=until,
    )


def _ineligible(ask: Ask, fired: Sequence[int]) -> Suppression | None:
    crossing, campaign, member = ask.crossing, ask.campaign, ask.member
    if campaign.state is not CampaignState.LIVE:
        return Suppression.PAUSED
    if crossing.campaign_id != campaign.id or not fired:
        return Suppression.OUT_OF_FENCE
    if not triggers.is_in_place(campaign, crossing, member.facts, now=ask.now):
        return Suppression.OUT_OF_FENCE
    if member.is_erased:
        return Suppression.ERASED
    if not audience.matches(campaign.rule.audience, member, now=ask.now):
        return Suppression.NOT_IN_AUDIENCE
    return Suppression.MUTED if campaign.merchant_id in member.muted else None


def _arm(ask: Ask, desk: Desk) -> Arm:
    """The district's own control comes first, then the campaign's; service is for everybody."""
    campaign, member, policy = ask.campaign, ask.member, desk.policy
    is_service = campaign.rule.priority is Priority.SERVICE
    if not is_service and holdout.is_control(member.bucket, control_buckets=policy.control_buckets):
        return Arm.DISTRICT_CONTROL
    percent, salt = desk.stand(campaign).holdout
    is_held = holdout.is_held_out(percent, salt, campaign_id=campaign.id, member_id=member.member_id)
    return Arm.CONTROL if is_held else Arm.TREATED


def _offered(ask: Ask, desk: Desk, fired: Sequence[int]) -> Decision:
    """What is the same for both arms."""
    moment = desk.moment(ask.campaign, ask.now)
    told = _channels(ask, moment, desk)
    if isinstance(told, Refusal):
        return told
    if ask.campaign.is_sold_out:
        return _refuse(ask, Suppression.SOLD_OUT)
    taken = _within_caps(ask, moment, told, fired)
    if taken is None:
        return _refuse(ask, Suppression.FREQUENCY_CAP)
    crossing = ask.crossing
    is_late = crossing.received_at - crossing.at > desk.policy.fresh_for
    if is_late or ask.now - crossing.received_at > ask.campaign.rule.ttl:
        return _refuse(ask, Suppression.STALE)
    return _draft(ask, moment, desk, *taken)


def _channels(ask: Ask, moment: Moment, desk: Desk) -> tuple[Channel, ...] | Refusal:
    """The channels that may carry the offer before it loses its sense, those that need not wait first."""
    by_location = triggers.is_by_location(ask.campaign, ask.crossing.trigger)
    told = desk.told(ask.member, by_location=by_location)
    if not told.reachable:
        return _refuse(ask, Suppression.NO_ENDPOINT if told.agreed else Suppression.NO_CONSENT)
    if not moment.is_open:
        return _refuse(ask, Suppression.OUT_OF_WINDOW)
    reachable = told.reachable
    if not told.rings and moment.inbox_from is None:
        return reachable
    waits = {one: desk.waits_until(one, ask.member, moment) for one in reachable}
    in_time = [one for one in reachable if (until := waits[one]) is None or until < moment.send_before]
    if not in_time:
        ends = min(until for until in waits.values() if until is not None)
        return _refuse(ask, Suppression.QUIET_HOURS, until=ends)
    return tuple(sorted(in_time, key=lambda one: waits[one] is not None))


def _within_caps(
    ask: Ask, moment: Moment, channels: tuple[Channel, ...], fired: Sequence[int]
) -> tuple[tuple[Channel, ...], tuple[Reservation, ...]] | None:
    """The channels and slots with which no cap is full, as far as is known; the first trigger that rests not brings it.

    Slots are in the order of their scopes: takers that meet never wait for each other in a ring.
    """
    wanted, taken = moment.caps_in(ask.member), ask.member.taken
    if not taken:
        return channels, wanted.together(channels, fired[0])
    free = tuple(one for one in channels if not _is_any_full(wanted.by_channel(one), taken))
    rest = next((one for one in fired if not _is_any_full(wanted.rest(one), taken)), None)
    if not free or rest is None or _is_any_full(wanted.shared, taken):
        return None
    return free, wanted.together(free, rest)


def _is_any_full(reservations: Iterable[Reservation], taken: _Taken) -> bool:
    return any(limits.is_full(wanted, taken) for wanted in reservations)


def _draft(
    ask: Ask,
    moment: Moment,
    desk: Desk,
    channels: tuple[Channel, ...],
    reservations: tuple[Reservation, ...],
) -> OfferDraft:
    campaign, crossing, now = ask.campaign, ask.crossing, ask.now
    appeal = _appeal(ask, desk)
    return OfferDraft(
        campaign_id=campaign.id,
        campaign_version=campaign.version,
        merchant_id=campaign.merchant_id,
        store_ids=campaign.store_ids,
        member_id=ask.member.member_id,
        occurrence_key=str(crossing.visit_id),
        trigger=crossing.trigger,
        position=crossing.position,
        at=now,
        valid_from=now,
        valid_until=moment.valid_until,
        send_before=moment.send_before,
        channels=channels,
        reservations=reservations,
        score=appeal.score_minor,
        why=Why(
            trigger=crossing.trigger,
            store_name=campaign.store_name,
            distance_m=crossing.distance_m,
            dwell=crossing.dwell,
        ),
        appeal=appeal,
        by_location=triggers.is_by_location(campaign, crossing.trigger),
        holdout=desk.stand(campaign).holdout,
    )


def _appeal(ask: Ask, desk: Desk) -> Appeal:
    """The expected worth, what telling costs the member, and what it costs the merchant's share."""
    market, model, stand = desk.policy.market, desk.policy.model, desk.stand(ask.campaign)
    values = _features(ask, desk, stand)
    return Appeal(
        band=stand.band,
        kind=stand.kind,
        chance=model.chance(stand.kind, values),
        worth_minor=stand.worth_minor,
        fatigue_minor=market.fairness.fatigue_minor * _told_lately(ask),
        price_minor=stand.standing.price_minor,
        served=stand.standing.served,
        explores=market.explores(ask.campaign.merchant_id, ask.member.member_id, ask.now),
        features=values,
        model_version=model.version,
    )


def _features(ask: Ask, desk: Desk, stand: Stand) -> Features:
    stays, crossing = ask.member.facts.stays, ask.crossing
    merchant_visits = district_visits = 0
    if stays:
        owner = ask.member.facts.owner
        merchant_visits = sum(one.count for one in stays if one.place.is_in(VisitScope.MERCHANT, owner))
        district_visits = sum(one.count for one in stays if one.place.store_id is None)
    return features(
        ask.campaign.offer.value,
        worth_share=stand.worth_share,
        hour=desk.hour(ask.now),
        dwell=crossing.dwell,
        distance_m=crossing.distance_m,
        merchant_visits=merchant_visits,
        district_visits=district_visits,
    )


def _told_lately(ask: Ask) -> int:
    """How many slots of the last seven days the member has taken: of the district's own caps, and of this campaign's."""
    taken = ask.member.taken
    if not taken:
        return 0
    since, own = ask.now - _LATELY, f"{limits.CapScope.CAMPAIGN.value}:{ask.campaign.id}:"
    return sum(
        at > since for scope, times in taken.items() if scope.startswith((own, "global:")) for at in times
    )
