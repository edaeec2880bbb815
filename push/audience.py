"""Whom a campaign is for, judged for one member at one moment.

Three values: a term holds, does not hold, or is unknown. ``all`` is unknown when no part fails and one is
unknown, ``any`` when none holds and one is unknown, and ``not`` of what is unknown is unknown too. Only who is
known to belong belongs: of whom too little is known, neither an audience nor its opposite holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from push.audience_facts import UNKNOWN, Done, Facts, Stay, Stays
from push.audience_terms import (
    DAY,
    EVERYONE,
    PRESENT_VISIT,
    RETURNING_AFTER,
    All,
    AnyOf,
    Did,
    Dwell,
    Fact,
    Familiarity,
    Follows,
    Interest,
    Labelled,
    Lapsed,
    LastRedemption,
    LastVisit,
    Not,
    Op,
    Reachable,
    Speaks,
    Term,
    Visits,
    VisitScope,
    Walked,
)
from push.consent import NO_CONSENT, Channel, Consents, may_contact
from push.identifiers import MemberId, MerchantId, StoreId
from push.limits import QuietHours
from push.wording import Language

__all__ = [
    "EVERYBODY",
    "PRESENT_VISIT",
    "RETURNING_AFTER",
    "Audience",
    "Familiarity",
    "MemberContext",
    "VisitScope",
    "matches",
    "new_to",
    "returning_to",
    "verdict",
]


@dataclass(frozen=True, slots=True)
class Audience:
    """The tree of terms that a member must satisfy."""

    term: Term = EVERYONE


EVERYBODY = Audience()


def new_to(scope: VisitScope = VisitScope.MERCHANT) -> Audience:
    """Those without an earlier visit."""
    return Audience(Visits(op=Op.EQUAL, value=0, scope=scope))


def returning_to(scope: VisitScope = VisitScope.MERCHANT) -> Audience:
    """Those with a visit that began at least twelve hours ago."""
    return Audience(Visits(op=Op.AT_LEAST, value=1, scope=scope))


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberContext:
    """What is known of a member when a decision is made; a filter only, checked again at issue and dispatch.

    facts is what the campaign's audience asks for: what is not there is unknown. store_visits says when the
    last earlier visit to each store began. taken maps a cap scope to the times at which its slots were taken.
    zone and quiet are None when the member never named any; bucket is a stable random place in 0..9999. muted
    are the merchants that may not write to him.
    """

    member_id: MemberId
    facts: Facts = UNKNOWN
    store_visits: Mapping[StoreId, datetime] = field(default_factory=dict)
    consents: Consents = NO_CONSENT
    endpoints: frozenset[Channel] = frozenset({Channel.INBOX})
    language: Language | None = None
    zone: ZoneInfo | None = None
    quiet: QuietHours | None = None
    bucket: int = 0
    taken: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    is_erased: bool = False
    muted: frozenset[MerchantId] = frozenset()


def matches(audience: Audience, member: MemberContext, *, now: datetime) -> bool:
    """Whether the member is known to belong to the audience at this moment."""
    return verdict(audience.term, member, now=now) is True


def verdict(term: Term, member: MemberContext, *, now: datetime) -> bool | None:
    """Whether the term holds of the member; None when too little is known."""
    match term:
        case All(parts=parts):
            return _all(verdict(part, member, now=now) for part in parts)
        case AnyOf(parts=parts):
            return _not(_all(_not(verdict(part, member, now=now)) for part in parts))
        case Not(part=part):
            return _not(verdict(part, member, now=now))
        case Speaks(language=language):
            return None if member.language is None else member.language is language
        case Reachable(channel=channel):
            has_agreed = may_contact(member.consents, channel, by_location=False)
            return has_agreed and channel in member.facts.addresses
        case _:
            return _of_facts(term, member.facts, now)


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    every = list(verdicts)
    if False in every:
        return False
    return None if None in every else True


def _not(given: bool | None) -> bool | None:
    return None if given is None else not given


def _of_facts(term: Fact, facts: Facts, now: datetime) -> bool | None:
    match term:
        case Follows():
            return _follows(term, facts)
        case Labelled(kind=kind, name=name):
            return facts.labels.get((kind, name))
        case LastRedemption(op=op, days=days, scope=scope):
            if facts.redemptions is None:
                return None
            times = [one.at for one in facts.redemptions if one.place.is_in(scope, facts.owner)]
            return _is_ago(op, max(times, default=None), days, now)
        case Did():
            return None if facts.events is None else _did(term, facts, facts.events, now)
        case Visits() | Lapsed() | Dwell() | LastVisit() | Interest():
            return None if facts.stays is None else _walked(term, facts, facts.stays, now)


def _follows(term: Follows, facts: Facts) -> bool | None:
    if facts.follows is None:
        return None
    wanted = term.scope if term.store_id is None else VisitScope.MERCHANT
    return any(
        term.store_id in {None, place.store_id} and place.is_in(wanted, facts.owner)
        for place in facts.follows
    )


def _did(term: Did, facts: Facts, events: Iterable[Done], now: datetime) -> bool:
    since = now - term.days * DAY
    found = [
        one
        for one in events
        if one.kind is term.kind and one.at >= since and one.place.is_in(term.scope, facts.owner)
    ]
    return term.op.holds(len(found), term.value)


def _walked(term: Walked, facts: Facts, every: Iterable[Stays], now: datetime) -> bool | None:
    if isinstance(term, Interest):
        liked = [stays for stays in every if stays.place.category == term.category]
        return _compare(Op.AT_LEAST, _counted(liked, term.days, now), term.visits)
    there = [stays for stays in every if _is_there(stays, term.scope, facts)]
    match term:
        case Visits(op=op, value=value, days=days):
            return _compare(op, _counted(there, days, now), value)
        case Dwell(op=op, value_s=value_s, days=days):
            stayed = sum((one.ended_at - one.started_at for one in _within(there, days, now)), start=0 * DAY)
            return op.holds(stayed // timedelta(seconds=1), value_s)
        case LastVisit(op=op, days=days):
            return _is_ago(op, _last(there), days, now)
        case Lapsed(days=days):
            last_at = _last(there)
            return last_at is not None and last_at < now - days * DAY


def _is_there(stays: Stays, scope: VisitScope, facts: Facts) -> bool:
    """The district has visits of its own; those to its stores are parts of them."""
    is_district = stays.place.store_id is None
    if facts.owner.meant(scope) is VisitScope.DISTRICT:
        return is_district
    return not is_district and stays.place.is_in(scope, facts.owner)


def _within(every: Iterable[Stays], days: int, now: datetime) -> list[Stay]:
    return [one for stays in every for one in stays.recent if one.started_at >= now - days * DAY]


def _counted(every: Iterable[Stays], days: int | None, now: datetime) -> tuple[int, int]:
    """The least and the most visits that it may be: one of the last twelve hours may be part of this outing."""
    there = list(every)
    settled_by = now - RETURNING_AFTER
    if days is not None:
        found = _within(there, days, now)
        return sum(one.started_at <= settled_by for one in found), len(found)
    most = sum(stays.count for stays in there)
    late = sum(one.started_at > settled_by for stays in there for one in stays.recent)
    return most - late, most


def _compare(op: Op, counted: tuple[int, int], wanted: int) -> bool | None:
    """Whether it holds for every count that it may be, or for none; else unknown."""
    least, most = counted
    if op is Op.EQUAL:
        return None if least < most and least <= wanted <= most else least <= wanted <= most
    ends = {op.holds(least, wanted), op.holds(most, wanted)}
    return ends.pop() if len(ends) == 1 else None


def _last(every: Iterable[Stays]) -> datetime | None:
    return max((stays.last_at for stays in every if stays.last_at is not None), default=None)


def _is_ago(op: Op, at: datetime | None, days: int, now: datetime) -> bool:
    """Compare whole days since a moment; never is longer ago than any number of days."""
    if at is None:
        return op in {Op.MORE, Op.AT_LEAST}
    return op.holds((now - at) // DAY, days)
