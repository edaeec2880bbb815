"""What a campaign offers: its kind, its worth, its words, and how one comes by it, as values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from push.consent import Channel
from push.wording import Localised

DEFAULT_HOLD = timedelta(minutes=15)


class OfferKind(StrEnum):
    """What an offer is.

    Coupons and red packets have a code that a till redeems; a message only says something, and a greeting
    says it to one person on an occasion of his own. Points are credited when their member claims or opens the offer.
    """

    COUPON = "coupon"
    RED_PACKET = "red_packet"
    MESSAGE = "message"
    GREETING = "greeting"
    POINTS = "points"


REDEEMABLE = frozenset({OfferKind.COUPON, OfferKind.RED_PACKET})


class ValueKind(StrEnum):
    """What an offer is worth."""

    AMOUNT = "amount"
    PERCENT = "percent"
    GIFT = "gift"
    IN_STORE_PRICE = "in_store_price"
    RANDOM = "random"
    POINTS = "points"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferValue:
    """A worth, in minor units of the district's currency and whole percent; what a kind does not use is None.

    min_spend_minor is the bill from which it holds. IN_STORE_PRICE sells a thing of regular_minor for
    price_minor. POINTS are worth what the district's rule pays for one. RANDOM shares out total_minor in count parts, none below least_minor or above most_minor.
    """

    kind: ValueKind
    minor_units: int | None = None
    percent: int | None = None
    min_spend_minor: int | None = None
    max_discount_minor: int | None = None
    price_minor: int | None = None
    regular_minor: int | None = None
    total_minor: int | None = None
    count: int | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    points: int | None = None

    @property
    def most_cost_minor(self) -> int | None:
        """What one can cost at most; None when that has no bound (a percentage of any bill). Points cost by rule."""
        match self.kind:
            case ValueKind.AMOUNT:
                return self.minor_units
            case ValueKind.PERCENT:
                return self.max_discount_minor
            case ValueKind.IN_STORE_PRICE:
                return (self.regular_minor or 0) - (self.price_minor or 0)
            case ValueKind.RANDOM:
                return self.most_minor or self.total_minor
            case ValueKind.GIFT | ValueKind.POINTS | ValueKind.NONE:
                return 0


class StacksWith(StrEnum):
    """What a coupon may be combined with at the till."""

    MEMBER_PRICE = "member_price"
    COUPON = "coupon"
    POINTS = "points"


ALONE_BUT_POINTS = frozenset({StacksWith.POINTS})


class ClaimMode(StrEnum):
    """How one comes by an offer that is claimed.

    OPEN: whoever finds it claims it, while there are any. RESERVE: one piece is held for each member whom
    the campaign reaches, until he claims it. DROP: from a moment on, in the order of a queue.
    """

    OPEN = "open"
    RESERVE = "reserve"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What claiming asks for; times bound it beside the campaign's own dates. hold is for reservations.

    What is not listed is claimed only by who has scanned its poster.
    """

    mode: ClaimMode
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    hold: timedelta = DEFAULT_HOLD
    is_pushed: bool = True
    is_listed: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """A title and a text, each a template in the languages that its author gave."""

    title: Localised
    text: Localised


def no_words() -> Mapping[Channel, Words]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """One wording of several, shown to a share of the members in proportion to its weight."""

    name: str
    weight: int
    words: Words
    by_channel: Mapping[Channel, Words] = field(default_factory=no_words)


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferContent:
    """What the member reads, what it is worth at the till, and how he comes by it."""

    kind: OfferKind
    value: OfferValue
    title: Localised
    text: Localised
    by_channel: Mapping[Channel, Words] = field(default_factory=no_words)
    variants: tuple[Variant, ...] = ()
    stacks_with: frozenset[StacksWith] = ALONE_BUT_POINTS
    claim: Claim | None = None
    is_offline_ok: bool = False
    is_rotating: bool = False
    """Used by the changing code of the member's page alone, never by a lasting one."""
    """Whether a till that is off line may take it: then each is bound to one shop when it is issued."""

    def variant_of(self, campaign_id: UUID, member_id: UUID) -> Variant | None:
        """The member's variant, the same whenever it is asked for; None when there is one wording only."""
        total = sum(one.weight for one in self.variants)
        if not total:
            return None
        # A salt of its own: who reads which words must not depend on who is left out as a control.
        digest = hashlib.sha256(f"variant|{campaign_id}|{member_id}".encode()).digest()
        place = int.from_bytes(digest[:8]) % total
        for one in self.variants:
            if place < one.weight:
                return one
            place -= one.weight
        raise AssertionError("unreachable: a place is below the sum of the weights")

    def words(self, channel: Channel | None = None, variant: Variant | None = None) -> Words:
        """The most particular words there are: the variant's for the channel, the variant's, the channel's, the common."""
        if variant is not None:
            common, particular = variant.words, variant.by_channel
        else:
            common, particular = Words(title=self.title, text=self.text), self.by_channel
        return particular.get(channel, common) if channel is not None else common
