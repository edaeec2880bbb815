"""Whom a campaign is for, judged for one member at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from push.consent import NO_CONSENT, Channel, Consents
from push.identifiers import MemberId
from push.limits import QuietHours
from push.wording import Language

RETURNING_AFTER = timedelta(hours=12)


class VisitScope(StrEnum):
    """Where a visit must have been to count; "new" and "returning" always name one."""

    DISTRICT = "district"
    PROPERTY = "property"
    MERCHANT = "merchant"
    STORE = "store"


class Familiarity(StrEnum):
    """How well a member knows the scope."""

    EVERYONE = "everyone"
    NEW = "new"
    RETURNING = "returning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Everyone, those who never came before, or those who came at least 12 hours ago."""

    familiarity: Familiarity = Familiarity.EVERYONE
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class VisitHistory:
    """A member's earlier visits to one scope, the present one left out."""

    count: int
    first_at: datetime | None = None
    last_at: datetime | None = None


NEVER_BEFORE = VisitHistory(count=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberContext:
    """What is known of a member when a decision is made; a filter only, checked again at issue and dispatch.

    visits must hold every scope that a campaign asks for, NEVER_BEFORE included: a scope that is not
    there is unknown, and an unknown history is neither new nor returning. taken maps a cap scope to the
    times at which its slots were taken. zone and quiet are None when the member
    never named any; bucket is a stable random place in 0..9999.
    """

    member_id: MemberId
    visits: Mapping[VisitScope, VisitHistory] = field(default_factory=dict)
    consents: Consents = NO_CONSENT
    endpoints: frozenset[Channel] = frozenset({Channel.INBOX})
    language: Language | None = None
    zone: ZoneInfo | None = None
    quiet: QuietHours | None = None
    bucket: int = 0
    taken: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    is_erased: bool = False


def matches(audience: Audience, member: MemberContext, *, now: datetime) -> bool:
    """Whether the member belongs to the audience at this moment.

    New: no earlier visit to the scope before this one. Returning: at least one that began 12 hours ago
    or longer. Who came for the first time an hour ago and is back is neither.
    """
    if audience.familiarity is Familiarity.EVERYONE:
        return True
    history = member.visits.get(audience.scope)
    if history is None:
        return False
    if audience.familiarity is Familiarity.NEW:
        return history.count == 0
    return history.first_at is not None and now - history.first_at >= RETURNING_AFTER
