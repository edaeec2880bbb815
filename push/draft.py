"""What a decision comes to, as values: an offer that may be issued, or a refusal with its reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from geo.coordinates import LonLat
from push.consent import Channel
from push.holdout import Arm
from push.identifiers import CampaignId, MemberId, MerchantId, StoreId
from push.limits import Reservation
from push.message import Why
from push.redeem_model import Features
from push.rule import Priority, TriggerKind
from push.suppression import Suppression


@dataclass(frozen=True, kw_only=True, slots=True)
class Appeal:
    """What an offer is worth to the district at this moment, and what that was made of.

    score_minor = chance x worth_minor - fatigue_minor - price_minor. served and explores settle whose turn it is among
    equals and among new merchants. model_version and features say how the chance came about.
    """

    band: Priority = Priority.NORMAL
    kind: str = "none:normal"
    chance: float = 0.0
    worth_minor: float = 0.0
    fatigue_minor: float = 0.0
    price_minor: float = 0.0
    served: int = 0
    explores: bool = False
    features: Features = ()
    model_version: int = 0

    @property
    def score_minor(self) -> float:
        return self.chance * self.worth_minor - self.fatigue_minor - self.price_minor


NO_APPEAL = Appeal()


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferDraft:
    """An offer that may be issued: everything to reserve and to write, nothing reserved or written yet.

    valid_until is the promise to the member, send_before when telling it has lost its sense: the end of
    the campaign's hours, if that comes first. occurrence_key makes it at most once. by_location: where the member is
    or was brought it, which takes a consent of its own whenever it is looked at again. holdout: the share of members, in
    percent, and the salt under which the member's arm was drawn. rivals are the merchants whose
    offers competed at this moment, its own among them; empty while there was no other.
    """

    campaign_id: CampaignId
    campaign_version: int
    merchant_id: MerchantId
    store_ids: tuple[StoreId, ...]
    member_id: MemberId
    occurrence_key: str
    trigger: TriggerKind
    position: LonLat | None
    at: datetime
    valid_from: datetime
    valid_until: datetime
    send_before: datetime
    channels: tuple[Channel, ...]
    reservations: tuple[Reservation, ...]
    score: float
    why: Why
    appeal: Appeal = NO_APPEAL
    by_location: bool = True
    holdout: tuple[float, str] | None = None
    rivals: frozenset[MerchantId] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An offer that is not made, and why.

    arm says why a member is held out. ghost is then the offer that would have been made: his exposure, recorded by the
    checks that an offer itself passes; it is never sent. would_have says that nothing but being held out stopped it.
    """

    campaign_id: CampaignId
    member_id: MemberId
    reason: Suppression
    at: datetime
    deferred_to: datetime | None = None
    winner_id: CampaignId | None = None
    arm: Arm | None = None
    ghost: OfferDraft | None = None

    @property
    def would_have(self) -> bool:
        return self.ghost is not None


Decision: TypeAlias = OfferDraft | Refusal
