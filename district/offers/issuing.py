"""What one batch of drafts comes to: values that the service fills and hands on."""

import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from district.database import new_id
from district.offers.terms import Terms
from district.offers.wording import Told
from push.campaign_life import IN_FORCE
from push.consent import NO_CONSENT, Channel, Consents, may_contact
from push.coupon import RANDOM_BYTES, CouponCode, code_from
from push.decision import OfferDraft, Refusal
from push.identifiers import CampaignId, MemberId
from push.limits import Reservation
from push.offer import ClaimMode, OfferValue, ValueKind, Variant
from push.suppression import Suppression


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A draft with the id and the code that it will have as an offer."""

    draft: OfferDraft
    terms: Terms
    channels: tuple[Channel, ...]
    offer_id: uuid.UUID = field(default_factory=new_id)
    code: CouponCode = field(default_factory=lambda: code_from(secrets.token_bytes(RANDOM_BYTES)))
    amount_minor: int | None = None
    """What is in the red packet that it drew."""
    called: str | None = None
    """How its member wants to be addressed."""

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """The slots to take: those of the caps, and the member's own in this campaign; in the order of their scopes."""
        own = self.terms.own_slots(self.terms.per_member)
        return tuple(sorted((*self.draft.reservations, *own), key=lambda one: one.scope))

    @property
    def variant(self) -> Variant | None:
        """The wording that the member's place among the variants gives him."""
        return self.terms.offer.variant_of(self.draft.campaign_id, self.draft.member_id)

    @property
    def value(self) -> OfferValue:
        """What it is worth: a red packet what it drew."""
        if self.amount_minor is None:
            return self.terms.offer.value
        return OfferValue(kind=ValueKind.AMOUNT, minor_units=self.amount_minor)

    @property
    def reserved_until(self) -> datetime | None:
        """How long it is held for the member to claim it; None when he has it at once."""
        claim = self.terms.offer.claim
        return self.draft.at + claim.hold if claim is not None and claim.mode is ClaimMode.RESERVE else None


@dataclass(frozen=True, kw_only=True)
class IssuedOffer:
    """An offer that the transaction wrote, with its words as they stood then."""

    id: uuid.UUID
    draft: OfferDraft
    channels: tuple[Channel, ...]
    told: Told


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What became of a batch: every draft is in exactly one of the two; given refusals come first."""

    issued: tuple[IssuedOffer, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What the database holds of the members and campaigns of a batch."""

    members: frozenset[uuid.UUID]
    terms: Mapping[uuid.UUID, Terms]
    consents: Mapping[uuid.UUID, Consents]
    called: Mapping[uuid.UUID, str] = field(default_factory=dict)
    """How members want to be addressed."""

    def judge(self, draft: OfferDraft, now: datetime) -> Candidate | Refusal:
        """The draft as a candidate, unless what was decided on no longer holds."""
        if draft.member_id not in self.members:
            return refusal(draft, Suppression.ERASED)
        terms = self.terms.get(draft.campaign_id)
        if terms is None or terms.state not in IN_FORCE or terms.has_points_off:
            return refusal(draft, Suppression.PAUSED)
        if terms.offer.claim is not None and not terms.offer.claim.is_pushed:
            return refusal(draft, Suppression.OUT_OF_WINDOW)
        if draft.send_before <= now:
            return refusal(draft, Suppression.STALE)
        consents = self.consents.get(draft.member_id, NO_CONSENT)
        channels = tuple(
            one for one in draft.channels if may_contact(consents, one, by_location=is_by_location(draft))
        )
        if not channels:
            return refusal(draft, Suppression.NO_CONSENT)
        called = self.called.get(draft.member_id)
        return Candidate(draft=draft, terms=terms, channels=channels, called=called)


def is_by_location(draft: OfferDraft) -> bool:
    """Whether it was where the member is that brought the offer: that takes a consent of its own."""
    return draft.by_location


def refusal(draft: OfferDraft, reason: Suppression) -> Refusal:
    """The refusal that a draft becomes."""
    return Refusal(campaign_id=draft.campaign_id, member_id=draft.member_id, reason=reason, at=draft.at)


def key(draft: OfferDraft) -> tuple[CampaignId, MemberId, str]:
    """What may exist once; also the order in which drafts are taken."""
    return draft.campaign_id, draft.member_id, draft.occurrence_key


def waves(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """The candidates so that no member is twice in one part: the second is judged after the first."""
    left = sorted(candidates, key=lambda one: (one.draft.at, key(one.draft)))
    while left:
        first: dict[MemberId, Candidate] = {}
        rest = []
        for one in left:
            if one.draft.member_id in first:
                rest.append(one)
            else:
                first[one.draft.member_id] = one
        yield sorted(first.values(), key=lambda one: key(one.draft))
        left = rest
