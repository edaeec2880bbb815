"""The district's attention as a market: what a merchant's share costs him, what another message costs the member, and room for new merchants."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from push.identifiers import MemberId, MerchantId

_CHANCES = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Fairness:
    """What a district sets.

    share_cap: how many times an equal share of the moments at which he competes a merchant may win before his price
    rises; an equal share of a moment with four merchants is a quarter. step_minor: by how much, for each moment won
    above it, in minor units. explore_share: of the moments at which a new merchant competes, the share at which new
    ones go first; new is who was served fewer than new_until times. fatigue_minor: what one more message costs, for
    each that the member had lately.
    """

    share_cap: float = 1.5
    step_minor: float = 2.0
    explore_share: float = 0.05
    new_until: int = 10
    fatigue_minor: float = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a merchant stands: the price of his share, and how many offers of his were sent."""

    price_minor: float = 0.0
    served: int = 0


UNKNOWN = Standing()


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """All merchants' standings at one time. seed makes exploring repeatable; another seed explores at other moments."""

    fairness: Fairness = field(default_factory=Fairness)
    standings: Mapping[MerchantId, Standing] = field(default_factory=dict)
    seed: str = ""

    def of(self, merchant_id: MerchantId) -> Standing:
        return self.standings.get(merchant_id, UNKNOWN)

    def explores(self, merchant_id: MerchantId | None, member_id: MemberId, now: datetime) -> bool:
        """Whether this merchant is new and this one of the moments that belong to new merchants."""
        if merchant_id is None or self.of(merchant_id).served >= self.fairness.new_until:
            return False
        key = f"{self.seed}|{member_id}|{now.timestamp():.6f}"
        place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % _CHANCES
        return place < self.fairness.explore_share * _CHANCES


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One moment at which offers of several merchants competed, and whose went out."""

    merchants: frozenset[MerchantId]
    winner: MerchantId


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What some moments add to a merchant's figures: an equal share of each at which he competed, and those he won."""

    competed: int = 0
    equal_share: float = 0.0
    won: int = 0

    def step_minor(self, fairness: Fairness) -> float:
        """By how much his price moves, though never below zero.

        A projected subgradient step on the bound of his share: up while he wins more than it, down while he wins less.
        With a bound of at least an equal share prices never rise for all merchants together for long.
        """
        return fairness.step_minor * (self.won - fairness.share_cap * self.equal_share)


def changes(outcomes: Iterable[Outcome]) -> dict[MerchantId, Change]:
    """Sum up moments by merchant, in the order of their ids. A moment with one merchant changes nothing."""
    found: dict[MerchantId, Change] = {}
    for outcome in outcomes:
        rivals = len(outcome.merchants)
        if rivals < 2:
            continue
        for merchant_id in outcome.merchants:
            before = found.get(merchant_id, Change())
            found[merchant_id] = Change(
                competed=before.competed + 1,
                equal_share=before.equal_share + 1 / rivals,
                won=before.won + (merchant_id == outcome.winner),
            )
    return dict(sorted(found.items(), key=lambda one: str(one[0])))


def after(market: Market, outcomes: Iterable[Outcome]) -> Market:
    """The market once these moments are over, with the winners served."""
    every = tuple(outcomes)
    standings = dict(market.standings)
    for merchant_id, change in changes(every).items():
        before = market.of(merchant_id)
        price = max(0.0, before.price_minor + change.step_minor(market.fairness))
        standings[merchant_id] = replace(before, price_minor=price)
    for outcome in every:
        before = standings.get(outcome.winner, UNKNOWN)
        standings[outcome.winner] = replace(before, served=before.served + 1)
    return replace(market, standings=standings)
