"""What the decisions of one batch share, worked out once: where a campaign stands, what a moment allows, who may be told."""

from dataclasses import replace
from datetime import datetime

from push import caps, limits, quiet, ranking
from push.audience import MemberContext
from push.campaign import Campaign, closes_at, may_offer
from push.consent import RINGING, Channel, may_contact
from push.limits import Reservation
from push.policy import DecisionPolicy
from push.redeem_model import Hour, kind_of


class Stand:
    """Where a campaign stands in the market, for a whole batch."""

    __slots__ = ("band", "campaign", "holdout", "kind", "standing", "worth_minor", "worth_share")

    def __init__(self, campaign: Campaign, policy: DecisionPolicy) -> None:
        value = campaign.offer.value
        self.campaign = campaign
        self.band = campaign.rule.priority
        self.kind = kind_of(value, self.band.value)
        self.worth_minor = ranking.worth_minor(
            value, typical_spend_minor=policy.typical_spend_minor, point_minor=policy.point_minor
        )
        self.worth_share = self.worth_minor / policy.typical_spend_minor
        self.holdout = policy.holdout_of(campaign)
        self.standing = policy.market.of(campaign.merchant_id)


class Moment:
    """A campaign at one time: what does not depend on the member, worked out when it is first asked for."""

    __slots__ = ("_caps", "_send_before", "campaign", "inbox_from", "is_open", "now", "policy", "valid_until")

    def __init__(self, campaign: Campaign, now: datetime, policy: DecisionPolicy) -> None:
        self.campaign = campaign
        self.now = now
        self.policy = policy
        self.is_open = may_offer(campaign, now)
        self.inbox_from = quiet.opens_at(campaign.store_hours, now)
        self.valid_until = now + campaign.rule.ttl
        self._send_before: datetime | None = None
        self._caps: dict[object, Caps] = {}

    @property
    def send_before(self) -> datetime:
        """When telling has lost its sense."""
        if self._send_before is None:
            closes = closes_at(self.campaign, self.now)
            self._send_before = self.valid_until if closes is None else min(self.valid_until, closes)
        return self._send_before

    def caps_in(self, member: MemberContext) -> "Caps":
        """The slots to take by the clocks where the member is at home, the district's when he named no zone."""
        found = self._caps.get(member.zone)
        if found is None:
            found = self._caps[member.zone] = Caps(self, member)
        return found


class Caps:
    """What an offer of a campaign reserves at one time, by channel and by trigger."""

    __slots__ = ("_moment", "_parts", "_together", "day", "shared")

    def __init__(self, moment: Moment, member: MemberContext) -> None:
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


class Told:
    """By which channels members of equal consents and addresses are told."""

    __slots__ = ("agreed", "consents", "reachable", "rings")

    def __init__(self, member: MemberContext, *, by_location: bool) -> None:
        self.consents = member.consents
        self.agreed = [one for one in Channel if may_contact(member.consents, one, by_location=by_location)]
        self.reachable = tuple(one for one in self.agreed if one in member.endpoints)
        self.rings = any(one in RINGING for one in self.reachable)


class Desk:
    """What the questions of one batch share. Keyed by identity where values are large: they live as long as the batch."""

    __slots__ = ("_hours", "_moments", "_quiet", "_stands", "_told", "policy")

    def __init__(self, policy: DecisionPolicy) -> None:
        self.policy = policy
        self._moments: dict[tuple[int, datetime], Moment] = {}
        self._told: dict[tuple[int, bool, frozenset[Channel]], Told] = {}
        self._quiet: dict[tuple[object, ...], datetime | None] = {}
        self._hours: dict[datetime, Hour] = {}
        self._stands: dict[int, Stand] = {}

    def stand(self, campaign: Campaign) -> Stand:
        found = self._stands.get(id(campaign))
        if found is None:
            found = self._stands[id(campaign)] = Stand(campaign, self.policy)
        return found

    def moment(self, campaign: Campaign, now: datetime) -> Moment:
        key = (id(campaign), now)
        found = self._moments.get(key)
        if found is None:
            found = self._moments[key] = Moment(campaign, now, self.policy)
        return found

    def told(self, member: MemberContext, *, by_location: bool) -> "Told":
        """The channels by which the member lets himself be told, and may be reached."""
        key = (id(member.consents), by_location, member.endpoints)
        found = self._told.get(key)
        if found is None:
            found = self._told[key] = Told(member, by_location=by_location)
        return found

    def waits_until(self, channel: Channel, member: MemberContext, moment: Moment) -> datetime | None:
        """When the channel may carry the campaign's offer; None: now."""
        if channel not in RINGING:
            return moment.inbox_from
        key = (member.zone, member.quiet, moment.now)
        if key not in self._quiet:
            self._quiet[key] = quiet.waits_until(
                channel,
                now=moment.now,
                member_zone=member.zone,
                district_zone=self.policy.zone,
                quiet=[hours for hours in (self.policy.quiet, member.quiet) if hours is not None],
                store=None,
            )
        return self._quiet[key]

    def hour(self, now: datetime) -> Hour:
        found = self._hours.get(now)
        if found is None:
            found = self._hours[now] = Hour.of(now, self.policy.zone)
        return found
