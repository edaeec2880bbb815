"""decide(): whether an occasion brings an offer to a member, and choose() when several would.

The order is fixed, and with it which reason is given: who may get it at all; who is left out of all marketing; who is
left out of this campaign; then what is the same for both arms: consent, hours, quiet, stock, caps, freshness; last the
score. Who is refused by one of these is in neither arm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from push import audience, caps, holdout, limits, ranking, triggers
from push.audience import MemberContext, VisitScope
from push.campaign import Campaign, CampaignState, closes_at, may_offer
from push.choice import choose
from push.consent import RINGING, Channel, may_contact
from push.draft import Appeal, Decision, OfferDraft, Refusal
from push.holdout import Arm
from push.limits import Reservation
from push.message import Why
from push.occasion import Crossing, visit_id
from push.policy import DecisionPolicy
from push.redeem_model import Features, Hour, features, kind_of
from push.rule import PLACELESS_TRIGGERS, Priority
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
    return _decided(Ask(crossing, campaign, member, now), _Desk(policy))


def decide_batch(asks: Iterable[Ask], *, policy: DecisionPolicy) -> list[Decision]:
    """The answers of decide(), in the same order; what several questions share is worked out once."""
    desk = _Desk(policy)
    return [_decided(ask, desk) for ask in asks]


class _Stand:
    """Where a campaign stands in the market, for a whole batch."""

    __slots__ = ("band", "campaign", "kind", "standing", "worth_minor", "worth_share")

    def __init__(self, campaign: Campaign, policy: DecisionPolicy) -> None:
        value = campaign.offer.value
        self.campaign = campaign
        self.band = campaign.rule.priority
        self.kind = kind_of(value, self.band.value)
        self.worth_minor = ranking.worth_minor(value, typical_spend_minor=policy.typical_spend_minor)
        self.worth_share = self.worth_minor / policy.typical_spend_minor
        self.standing = policy.market.of(campaign.merchant_id)


class _Moment:
    """A campaign at one time: what does not depend on the member, worked out when it is first asked for."""

    __slots__ = ("_caps", "_send_before", "campaign", "is_open", "now", "policy", "valid_until")

    def __init__(self, campaign: Campaign, now: datetime, policy: DecisionPolicy) -> None:
        self.campaign = campaign
        self.now = now
        self.policy = policy
        self.is_open = may_offer(campaign, now)
        self.valid_until = now + campaign.rule.ttl
        self._send_before: datetime | None = None
        self._caps: dict[object, _Caps] = {}

    @property
    def send_before(self) -> datetime:
        """When telling has lost its sense."""
        if self._send_before is None:
            closes = closes_at(self.campaign, self.now)
            self._send_before = self.valid_until if closes is None else min(self.valid_until, closes)
        return self._send_before

    def caps_in(self, member: MemberContext) -> "_Caps":
        """The slots to take by the clocks where the member is at home, the district's when he named no zone."""
        found = self._caps.get(member.zone)
        if found is None:
            found = self._caps[member.zone] = _Caps(self, member)
        return found


class _Caps:
    """What an offer of a campaign reserves at one time, by channel and by trigger."""

    __slots__ = ("_moment", "_parts", "_together", "day", "shared")

    def __init__(self, moment: _Moment, member: MemberContext) -> None:
        policy = moment.policy
        self._moment = moment
        self.day = replace(policy.day, zone=member.zone) if member.zone else policy.day
        shared = caps.wanted(moment.campaign, policy.shared_caps, now=moment.now, day=self.day)
        pauses = (limits.pause(limits.CapScope.GAP, policy.gap, now=moment.now),) if policy.gap else ()
        self.shared = caps.together(shared, pauses)
        self._parts: dict[Channel | int, tuple[Reservation, ...]] = {}
        self._together: dict[tuple[tuple[Channel, ...], int], tuple[Reservation, ...]] = {}

    def by_channel(self, channel: Channel) -> tuple[Reservation, ...]:
        """What an offer reserves besides when it goes by this channel."""
        found = self._parts.get(channel)
        if found is None:
            moment = self._moment
            found = caps.by_channel(moment.campaign, channel, now=moment.now, day=self.day)
            self._parts[channel] = found
        return found

    def rest(self, number: int) -> tuple[Reservation, ...]:
        """What it reserves when this trigger brings it."""
        found = self._parts.get(number)
        if found is None:
            found = self._parts[number] = caps.cool_down(self._moment.campaign, number, now=self._moment.now)
        return found

    def together(self, channels: tuple[Channel, ...], number: int) -> tuple[Reservation, ...]:
        """All of it, in the order of the scopes."""
        key = (channels, number)
        found = self._together.get(key)
        if found is None:
            parts = (self.rest(number), *map(self.by_channel, channels))
            found = self._together[key] = caps.together(self.shared, *parts)
        return found


class _Told:
    """By which channels members of equal consents and addresses are told."""

    __slots__ = ("agreed", "consents", "reachable", "rings")

    def __init__(self, member: MemberContext, *, by_location: bool) -> None:
        self.consents = member.consents
        self.agreed = [one for one in Channel if may_contact(member.consents, one, by_location=by_location)]
        self.reachable = tuple(one for one in self.agreed if one in member.endpoints)
        self.rings = any(one in RINGING for one in self.reachable)


class _Desk:
    """What the questions of one batch share. Keyed by identity where values are large: they live as long as the batch."""

    __slots__ = ("_hours", "_moments", "_quiet", "_stands", "_told", "policy")

    def __init__(self, policy: DecisionPolicy) -> None:
        self.policy = policy
        self._moments: dict[tuple[int, datetime], _Moment] = {}
        self._told: dict[tuple[int, bool, frozenset[Channel]], _Told] = {}
        self._quiet: dict[tuple[object, ...], datetime | None] = {}
        self._hours: dict[datetime, Hour] = {}
        self._stands: dict[int, _Stand] = {}

    def stand(self, campaign: Campaign) -> _Stand:
        found = self._stands.get(id(campaign))
        if found is None:
            found = self._stands[id(campaign)] = _Stand(campaign, self.policy)
        return found

    def moment(self, campaign: Campaign, now: datetime) -> _Moment:
        key = (id(campaign), now)
        found = self._moments.get(key)
        if found is None:
            found = self._moments[key] = _Moment(campaign, now, self.policy)
        return found

    def told(self, member: MemberContext, *, by_location: bool) -> "_Told":
        """The channels by which the member lets himself be told, and may be reached."""
        key = (id(member.consents), by_location, member.endpoints)
        found = self._told.get(key)
        if found is None:
            found = self._told[key] = _Told(member, by_location=by_location)
        return found

    def quiet_until(self, channel: Channel, member: MemberContext, now: datetime) -> datetime | None:
        if channel not in RINGING:
            return None
        key = (member.zone, member.quiet, now)
        if key not in self._quiet:
            self._quiet[key] = limits.quiet_until(
                channel,
                now=now,
                member_zone=member.zone,
                district_zone=self.policy.zone,
                hours=member.quiet or self.policy.quiet,
            )
        return self._quiet[key]

    def hour(self, now: datetime) -> Hour:
        found = self._hours.get(now)
        if found is None:
            found = self._hours[now] = Hour.of(now, self.policy.zone)
        return found


def _decided(ask: Ask, desk: _Desk) -> Decision:
    fired = tuple(triggers.firing(ask.campaign, ask.crossing))
    reason = _ineligible(ask, fired)
    if reason is not None:
        return _refuse(ask, reason)
    arm = _arm(ask, desk.policy)
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
    return None


def _arm(ask: Ask, policy: DecisionPolicy) -> Arm:
    """The district's own control comes first, then the campaign's; service is for everybody."""
    campaign, member = ask.campaign, ask.member
    is_service = campaign.rule.priority is Priority.SERVICE
    if not is_service and holdout.is_control(member.bucket, control_buckets=policy.control_buckets):
        return Arm.DISTRICT_CONTROL
    percent, salt = policy.holdout_of(campaign)
    is_held = holdout.is_held_out(percent, salt, campaign_id=campaign.id, member_id=member.member_id)
    return Arm.CONTROL if is_held else Arm.TREATED


def _offered(ask: Ask, desk: _Desk, fired: Sequence[int]) -> Decision:
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


def _channels(ask: Ask, moment: _Moment, desk: _Desk) -> tuple[Channel, ...] | Refusal:
    """The channels that may carry the offer before it loses its sense, those that need not wait first."""
    by_location = ask.crossing.trigger not in PLACELESS_TRIGGERS
    told = desk.told(ask.member, by_location=by_location)
    if not told.reachable:
        return _refuse(ask, Suppression.NO_ENDPOINT if told.agreed else Suppression.NO_CONSENT)
    if not moment.is_open:
        return _refuse(ask, Suppression.OUT_OF_WINDOW)
    reachable = told.reachable
    if not told.rings:
        return reachable
    waits = {one: desk.quiet_until(one, ask.member, ask.now) for one in reachable}
    in_time = [one for one in reachable if (until := waits[one]) is None or until < moment.send_before]
    if not in_time:
        ends = min(until for until in waits.values() if until is not None)
        return _refuse(ask, Suppression.QUIET_HOURS, until=ends)
    return tuple(sorted(in_time, key=lambda one: waits[one] is not None))


def _within_caps(
    ask: Ask, moment: _Moment, channels: tuple[Channel, ...], fired: Sequence[int]
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
    moment: _Moment,
    desk: _Desk,
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
    )


def _appeal(ask: Ask, desk: _Desk) -> Appeal:
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


def _features(ask: Ask, desk: _Desk, stand: _Stand) -> Features:
    owner, stays = ask.member.facts.owner, ask.member.facts.stays or ()
    return features(
        ask.campaign.offer.value,
        worth_share=stand.worth_share,
        hour=desk.hour(ask.now),
        dwell=ask.crossing.dwell,
        distance_m=ask.crossing.distance_m,
        merchant_visits=sum(one.count for one in stays if one.place.is_in(VisitScope.MERCHANT, owner)),
        district_visits=sum(one.count for one in stays if one.place.store_id is None),
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
