"""How likely an offer is to be redeemed: a prior by kind while little is known, then a fitted line whose reasons can be read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Self
from zoneinfo import ZoneInfo

from push.errors import PushError
from push.offer import OfferValue, ValueKind
from push.wording import Localised, both

LEAST, MOST = 0.0005, 0.95
PRIOR_STRENGTH = 50.0
"""The prior weighs as much as this many offers that were seen."""
PRIOR_CHANCES: Mapping[ValueKind, float] = MappingProxyType(
    {
        ValueKind.AMOUNT: 0.05,
        ValueKind.PERCENT: 0.05,
        ValueKind.IN_STORE_PRICE: 0.05,
        ValueKind.RANDOM: 0.15,
        ValueKind.GIFT: 0.08,
        ValueKind.POINTS: 0.3,
        ValueKind.NONE: 0.01,
    }
)
_OTHER_CHANCE = 0.05
_NEAR_M = 200.0
_UNKNOWN_NEARNESS = 0.5
_LONG_STAY = timedelta(minutes=10)
_LUNCH, _EVENING = range(11, 14), range(17, 21)
_SATURDAY = 5
_MANY_VISITS = math.log(11)

WORDS: Mapping[str, Localised] = MappingProxyType(
    {
        "worth": both(zh="优惠力度", en="how much the offer is worth"),
        "is_percent": both(zh="折扣形式", en="it is a percentage"),
        "is_gift": both(zh="赠品形式", en="it is a gift"),
        "is_message": both(zh="没有优惠金额", en="it is worth nothing at the till"),
        "stayed": both(zh="停留时长", en="how long the member has stayed here"),
        "near": both(zh="离门店近", en="how near the shop is"),
        "lunch": both(zh="午餐时段", en="it is lunch time"),
        "evening": both(zh="晚间时段", en="it is the evening"),
        "weekend": both(zh="周末", en="it is the weekend"),
        "known_here": both(zh="来过本商户", en="the member has been to this merchant before"),
        "regular": both(zh="常来商圈", en="how often the member comes to the district"),
    }
)
FEATURES: tuple[str, ...] = tuple(WORDS)
Features = tuple[float, ...]
"""In the order of FEATURES, each 0..1."""


class ModelUnreadable(PushError):
    """A document that is not a model of this version."""

    def __init__(self) -> None:
        super().__init__("This is not a model that this version can read; fit it again.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hour:
    """What the time of day says, for all offers of one moment."""

    lunch: float
    evening: float
    weekend: float

    @classmethod
    def of(cls, now: datetime, zone: ZoneInfo) -> Self:
        local = now.astimezone(zone)
        return cls(
            lunch=float(local.hour in _LUNCH),
            evening=float(local.hour in _EVENING),
            weekend=float(local.weekday() >= _SATURDAY),
        )


def features(
    value: OfferValue,
    *,
    worth_share: float,
    hour: Hour,
    dwell: timedelta,
    distance_m: float | None,
    merchant_visits: int,
    district_visits: int,
) -> Features:
    """What is looked at. worth_share is the worth as a share of a typical bill; unknown distance is middling."""
    kind = value.kind
    return (
        min(worth_share, 1.0),
        1.0 if kind is ValueKind.PERCENT else 0.0,
        1.0 if kind is ValueKind.GIFT else 0.0,
        1.0 if kind is ValueKind.NONE else 0.0,
        min(dwell / _LONG_STAY, 1.0),
        _UNKNOWN_NEARNESS if distance_m is None else max(0.0, 1.0 - distance_m / _NEAR_M),
        hour.lunch,
        hour.evening,
        hour.weekend,
        1.0 if merchant_visits else 0.0,
        min(math.log1p(district_visits) / _MANY_VISITS, 1.0),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """How many offers of a kind and band went out, and how many of them were redeemed."""

    issued: int
    redeemed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Log-odds as a line: base at the average offer, and what each feature adds for each unit above its mean."""

    base: float
    means: Features
    weights: Features

    def log_odds(self, values: Features) -> float:
        # One order of sums, in plain floats: a decision must come out the same alone and among many.
        total = self.base
        for value, mean, weight in zip(values, self.means, self.weights, strict=True):
            total += weight * (value - mean)
        return total


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """What one feature does to the log-odds of an offer, against the average one; positive speaks for it."""

    feature: str
    words: Localised
    contribution: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RedeemModel:
    """What a district's own history has taught; without any, the prior. past is by ``kind:band``."""

    version: int = 0
    past: Mapping[str, Past] = field(default_factory=dict)
    line: Line | None = None

    def chance(self, kind: str, values: Features) -> float:
        """The believed chance, LEAST..MOST, that an offer of this kind and band with these features is redeemed."""
        if self.line is None:
            return _bounded(self.prior(kind))
        return _bounded(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, self.line.log_odds(values))))))

    def prior(self, kind: str) -> float:
        """The mean of a beta distribution: PRIOR_CHANCES with the weight of PRIOR_STRENGTH offers, and what was seen."""
        seen = self.past.get(kind)
        believed = prior_chance(kind)
        if seen is None:
            return believed
        return (believed * PRIOR_STRENGTH + seen.redeemed) / (PRIOR_STRENGTH + seen.issued)

    def reasons(self, values: Features) -> tuple[Reason, ...]:
        """Why the chance is what it is, the weightiest first; empty while only the prior speaks."""
        if self.line is None:
            return ()
        found = (
            Reason(feature=name, words=WORDS[name], contribution=weight * (value - mean))
            for name, value, mean, weight in zip(
                FEATURES, values, self.line.means, self.line.weights, strict=True
            )
        )
        return tuple(sorted(found, key=lambda one: (-abs(one.contribution), one.feature)))

    def document(self) -> dict[str, Any]:
        """The model as JSON: numbers and names, nothing that runs."""
        past = {kind: [one.issued, one.redeemed] for kind, one in sorted(self.past.items())}
        shown: dict[str, Any] = {"v": 1, "past": past}
        if self.line is not None:
            shown["base"] = self.line.base
            shown["features"] = [
                {"name": name, "mean": mean, "weight": weight}
                for name, mean, weight in zip(FEATURES, self.line.means, self.line.weights, strict=True)
            ]
        return shown

    @classmethod
    def of_document(cls, document: Mapping[str, Any], *, version: int) -> Self:
        """Raises: ModelUnreadable, also when it was fitted to other features than are looked at now."""
        try:
            past = {
                str(kind): Past(issued=int(seen[0]), redeemed=int(seen[1]))
                for kind, seen in document["past"].items()
            }
            line = _line(document) if "base" in document else None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise ModelUnreadable from None
        if document.get("v") != 1:
            raise ModelUnreadable
        return cls(version=version, past=past, line=line)


def kind_of(value: OfferValue, band: str) -> str:
    """Under which name offers of a kind of worth and a band are counted together."""
    return f"{value.kind.value}:{band}"


def prior_chance(kind: str) -> float:
    """What is believed of a kind before any was sent."""
    name = kind.partition(":")[0]
    return PRIOR_CHANCES[ValueKind(name)] if name in set(ValueKind) else _OTHER_CHANCE


def _line(document: Mapping[str, Any]) -> Line:
    found: Sequence[Mapping[str, Any]] = document["features"]
    if tuple(one["name"] for one in found) != FEATURES:
        raise ModelUnreadable
    line = Line(
        base=float(document["base"]),
        means=tuple(float(one["mean"]) for one in found),
        weights=tuple(float(one["weight"]) for one in found),
    )
    if not all(map(math.isfinite, (line.base, *line.means, *line.weights))):
        raise ModelUnreadable
    return line


def _bounded(chance: float) -> float:
    return min(max(chance, LEAST), MOST)
