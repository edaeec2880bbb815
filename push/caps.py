"""The slots that one offer takes: of its campaign's caps, the district's, and the counts that others read."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from push import limits
from push.campaign import Campaign
from push.consent import Channel
from push.identifiers import MerchantId
from push.limits import CapRule, CapScope, Count, Period, Reservation, TradingDay
from push.rule import Caps

SharedCap = tuple[CapScope, CapRule]


def counts_of(caps: Caps, merchant_id: MerchantId | None) -> frozenset[Count]:
    """The counts that the caps of a rule share with other campaigns."""
    found = {
        Count(scope=CapScope.CHANNEL, per=cap.per, owner=one.value) for one, cap in caps.channels.items()
    }
    if caps.merchant and merchant_id is not None:
        found.add(Count(scope=CapScope.MERCHANT, per=caps.merchant.per, owner=str(merchant_id)))
    if caps.overall:
        found.add(Count(scope=CapScope.GLOBAL, per=caps.overall.per))
    if caps.gap:
        found.add(Count(scope=CapScope.GAP))
    return frozenset(found)


def concern(counts: Iterable[Count], merchant_id: MerchantId | None) -> frozenset[Count]:
    """Of the counts of all campaigns, those to which this merchant's offers are added."""
    return frozenset(
        one for one in counts if one.scope is not CapScope.MERCHANT or one.owner == str(merchant_id)
    )


def wanted(
    campaign: Campaign, shared: Sequence[SharedCap], *, now: datetime, day: TradingDay
) -> tuple[Reservation, ...]:
    """What an offer reserves by whatever channel it goes, in the order of the scopes: takers that meet never wait for
    each other in a ring.
    """
    limited = [*_own(campaign, campaign.merchant_id, now=now, day=day)]
    owners: dict[CapScope, UUID | None] = {CapScope.MERCHANT: campaign.merchant_id}
    for scope, cap in shared:
        if scope is not CapScope.CHANNEL:
            limited.append(limits.reservation(scope, cap, owner=owners.get(scope), now=now, day=day))
    counted = (one for one in campaign.counted if one.scope is not CapScope.CHANNEL)
    return _merged([*limited, *(limits.recorded(one, now=now, day=day) for one in counted)])


def by_channel(
    campaign: Campaign, channel: Channel, *, now: datetime, day: TradingDay
) -> tuple[Reservation, ...]:
    """What an offer reserves besides when it goes by this channel."""
    found = []
    if cap := campaign.rule.caps.channels.get(channel):
        found.append(limits.reservation(CapScope.CHANNEL, cap, owner=channel, now=now, day=day))
    counted = (
        one for one in campaign.counted if one.scope is CapScope.CHANNEL and one.owner == channel.value
    )
    found.extend(limits.recorded(count, now=now, day=day) for count in counted)
    return _merged(found)


def cool_down(campaign: Campaign, number: int, *, now: datetime) -> tuple[Reservation, ...]:
    """What an offer reserves when this trigger of the rule, counted from 0, brings it."""
    length = campaign.rule.triggers[number].cool_down
    if length is None:
        return ()
    return (limits.pause(CapScope.TRIGGER, length, owner=f"{campaign.id}:{number}", now=now),)


def together(*parts: Iterable[Reservation]) -> tuple[Reservation, ...]:
    """Several reservations of one offer as one."""
    return _merged([one for part in parts for one in part])


def _own(
    campaign: Campaign, merchant_id: MerchantId | None, *, now: datetime, day: TradingDay
) -> Iterable[Reservation]:
    rule, caps = campaign.rule, campaign.rule.caps
    yield limits.reservation(CapScope.CAMPAIGN, caps.campaign, owner=campaign.id, now=now, day=day)
    if rule.per_member is not None:
        ever = CapRule(n=rule.per_member, per=Period.TOTAL)
        yield limits.reservation(CapScope.CAMPAIGN, ever, owner=campaign.id, now=now, day=day)
    if caps.merchant and merchant_id is not None:
        yield limits.reservation(CapScope.MERCHANT, caps.merchant, owner=merchant_id, now=now, day=day)
    if caps.overall:
        yield limits.reservation(CapScope.GLOBAL, caps.overall, now=now, day=day)
    if caps.gap:
        yield limits.pause(CapScope.GAP, caps.gap, now=now)


def _merged(reservations: Iterable[Reservation]) -> tuple[Reservation, ...]:
    """One for each scope: the narrowest limit, which counts as well; a scope without one is only counted in."""
    by_scope: dict[str, Reservation] = {}
    for one in reservations:
        known = by_scope.get(one.scope)
        if known is None or _narrowness(one) < _narrowness(known):
            by_scope[one.scope] = one
    return tuple(by_scope[scope] for scope in sorted(by_scope))


def _narrowness(one: Reservation) -> tuple[bool, int, datetime]:
    return not one.is_limit, one.slots, one.reusable_at_or_before
