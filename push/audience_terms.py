"""What an audience may ask of a member, as values: terms, and the trees made of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from push.consent import Channel
from push.identifiers import StoreId
from push.wording import Language

RETURNING_AFTER = timedelta(hours=12)
"""A visit that began later than this before now may belong to the same outing."""
PRESENT_VISIT = timedelta(minutes=30)
"""A visit that ended this lately may be the one that is going on; it is no earlier visit."""
DAY = timedelta(days=1)
LONGEST_DAYS = 400
"""No window is longer; what happened before is only counted, or was the last."""


class VisitScope(StrEnum):
    """Where something must have happened to count; "new" and "returning" always name one.

    MERCHANT stands for the campaign's owner: of a property's or the operator's campaign it is the property or the district.
    """

    DISTRICT = "district"
    PROPERTY = "property"
    MERCHANT = "merchant"
    STORE = "store"


class Familiarity(StrEnum):
    """How well a member knows the scope, in one word."""

    EVERYONE = "everyone"
    NEW = "new"
    RETURNING = "returning"
    LAPSED = "lapsed"
    FREQUENT = "frequent"


class EventKind(StrEnum):
    """What a member does on our pages and at tills that his timeline keeps."""

    SEARCH = "search"
    STORE_VIEW = "store.view"
    OFFER_VIEW = "offer.view"
    FAVOURITE = "favourite"
    CLAIM = "claim"
    PURCHASE = "purchase"


class LabelKind(StrEnum):
    """Sets of members that somebody made, each with a name of its owner's."""

    TAG = "tag"
    LIST = "list"
    SEGMENT = "segment"


class Op(StrEnum):
    """How two figures are compared."""

    EQUAL = "=="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="

    def holds(self, figure: int, wanted: int) -> bool:
        """Whether the figure stands so to what is wanted."""
        match self:
            case Op.EQUAL:
                return figure == wanted
            case Op.LESS:
                return figure < wanted
            case Op.AT_MOST:
                return figure <= wanted
            case Op.MORE:
                return figure > wanted
            case Op.AT_LEAST:
                return figure >= wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Visits:
    """How many earlier visits to the scope began in the last days (None: ever)."""

    op: Op
    value: int
    days: int | None = None
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class Lapsed:
    """Came before, and not in the last days."""

    days: int
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class Dwell:
    """Whole seconds of all earlier visits to the scope together that began in the last days."""

    op: Op
    value_s: int
    days: int
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class LastVisit:
    """Whole days since the latest earlier visit to the scope began; never is longer than any number of days."""

    op: Op
    days: int
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class LastRedemption:
    """Whole days since an offer was last redeemed in the scope and not given back; never is longer than any number."""

    op: Op
    days: int
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class Interest:
    """At least so many earlier visits to the district's stores of a category in the last days."""

    category: str
    visits: int
    days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Did:
    """How often something stands in the member's timeline, in the last days and, where it has a place, in the scope."""

    kind: EventKind
    op: Op
    value: int
    days: int
    scope: VisitScope = VisitScope.MERCHANT


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaks:
    """The member's language."""

    language: Language


@dataclass(frozen=True, kw_only=True, slots=True)
class Reachable:
    """Agreed to marketing by a channel, and has the address that it needs."""

    channel: Channel


@dataclass(frozen=True, kw_only=True, slots=True)
class Follows:
    """Follows a store of the scope, or this one, which is the owner's."""

    scope: VisitScope = VisitScope.MERCHANT
    store_id: StoreId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """Has a tag, is on an uploaded list or in a segment; the name is the owner's."""

    kind: LabelKind
    name: str


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; of none, everyone."""

    parts: tuple["Term", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; of none, nobody."""

    parts: tuple["Term", ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part is known not to hold."""

    part: "Term"


Walked: TypeAlias = Visits | Lapsed | Dwell | LastVisit | Interest
"""What is read from visits."""
Fact: TypeAlias = Walked | LastRedemption | Did | Follows | Labelled
"""What has to be loaded."""
Leaf: TypeAlias = Fact | Speaks | Reachable
Term: TypeAlias = All | AnyOf | Not | Leaf

EVERYONE: Final = All()


def leaves(term: Term) -> Iterator[Leaf]:
    """Every question of the tree, from left to right."""
    match term:
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not(part=part):
            yield from leaves(part)
        case _:
            yield term
