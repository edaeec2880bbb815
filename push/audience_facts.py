"""What is known of one member when an audience is judged. Whatever is not here is unknown, never false."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from push.audience_terms import EventKind, LabelKind, VisitScope
from push.consent import Channel
from push.identifiers import MerchantId, StoreId


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose campaign asks: what its scopes stand for."""

    scope: VisitScope = VisitScope.MERCHANT
    """What the word "merchant" means: a merchant, or for other owners a property or the district."""
    merchant_id: MerchantId | None = None
    store_ids: frozenset[StoreId] = frozenset()
    property_ids: frozenset[UUID] = frozenset()

    @property
    def id(self) -> UUID | None:
        """Whose sets its documents name: a merchant's or a property's; None: the operator's."""
        if self.merchant_id is not None:
            return self.merchant_id
        return min(self.property_ids) if self.scope is VisitScope.PROPERTY else None

    def meant(self, scope: VisitScope) -> VisitScope:
        """The scope that is looked at when a document names this one."""
        return self.scope if scope is VisitScope.MERCHANT else scope


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A store, and what it belongs to; without a store, the district as a whole."""

    store_id: StoreId | None = None
    merchant_id: MerchantId | None = None
    property_id: UUID | None = None
    category: str = ""

    def is_in(self, scope: VisitScope, owner: Owner) -> bool:
        """Whether it is one of the scope's stores; the district has all of them."""
        match owner.meant(scope):
            case VisitScope.DISTRICT:
                return True
            case VisitScope.MERCHANT:
                return self.merchant_id is not None and self.merchant_id == owner.merchant_id
            case VisitScope.PROPERTY:
                return self.property_id is not None and self.property_id in owner.property_ids
            case VisitScope.STORE:
                return self.store_id is not None and self.store_id in owner.store_ids


@dataclass(frozen=True, kw_only=True, slots=True)
class Stay:
    """One earlier visit."""

    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Stays:
    """A member's earlier visits to one place: how many ever, when last, and each that began in the days looked at."""

    place: Place
    count: int
    last_at: datetime | None = None
    """When the latest of them began."""
    recent: tuple[Stay, ...] = ()
    """At least those of the last twelve hours; all in the longest window that is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """Something that happened at one moment, and where, as far as it has a place."""

    place: Place
    at: datetime
    kind: EventKind | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What an audience can ask, as loaded; None or an absent key is unknown.

    stays, redemptions and events are None for who wants no personal offers; stays also for who does not
    agree to be located. labels holds every set that exists, and whether the member is in it.
    """

    owner: Owner = field(default_factory=Owner)
    stays: tuple[Stays, ...] | None = None
    redemptions: tuple[Done, ...] | None = None
    """The last redemption in each store."""
    events: tuple[Done, ...] | None = None
    follows: frozenset[Place] | None = None
    addresses: frozenset[Channel] = frozenset({Channel.INBOX})
    """Channels for which the member has an address that is proven."""
    labels: Mapping[tuple[LabelKind, str], bool] = field(default_factory=dict)


UNKNOWN = Facts()
