"""What became of a code at the counter, and what was typed beside it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

from babel.numbers import get_currency_precision

from district.points.passes import PassUnknown
from district.points.service import PointsMissing
from district.points.spending import PointsOff
from district.problems import DistrictError, TooMany
from district.redemptions.bill_schemas import BillOut
from district.redemptions.refusals import (
    AlreadyRedeemed,
    BillTooSmall,
    CannotCombine,
    CodeRotates,
    CodeStale,
    CouponLocked,
    HeldElsewhere,
    NotYetValid,
    OfferExpired,
    UnknownCode,
)
from district.redemptions.schemas import MOST_MINOR, Used
from district.stores.counters import OtherStore

OUTCOMES: Mapping[type[DistrictError], str] = {
    CodeStale: "stale",
    CodeRotates: "rotates",
    HeldElsewhere: "held",
    BillTooSmall: "bill-small",
    CannotCombine: "cannot-combine",
    PassUnknown: "pass-unknown",
    PointsMissing: "points-missing",
    PointsOff: "points-off",
    CouponLocked: "coupon-locked",
    AlreadyRedeemed: "used",
    OfferExpired: "expired",
    OtherStore: "other",
    UnknownCode: "unknown",
    NotYetValid: "early",
    TooMany: "locked",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a member of staff stands: a till, or a store that has none."""

    id: uuid.UUID
    store: str
    till: str

    @property
    def title(self) -> str:
        """Store and till."""
        return f"{self.store} · {self.till}" if self.till else self.store


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a code or a bill: ``kind`` is redeemed, settled, undone, or why not."""

    kind: str
    used: Used | None = None
    settled: BillOut | None = None
    names: Mapping[uuid.UUID, tuple[Mapping[str, str], Mapping[str, Any]]] = field(default_factory=dict)
    first_at: datetime | None = None
    first_till: str = ""
    at: datetime | None = None
    least_minor: int | None = None
    status: int = HTTPStatus.OK


class BillWrong(ValueError):
    """A bill that is no amount of money."""


def bill_minor(typed: str, currency: str) -> int | None:
    """What was typed as an amount, in minor units; None when nothing was. Raises: BillWrong."""
    text = typed.strip().replace(",", ".")
    if not text:
        return None
    try:
        amount = Decimal(text).scaleb(get_currency_precision(currency))
    except InvalidOperation:
        raise BillWrong from None
    if not amount.is_finite() or not 0 <= amount <= MOST_MINOR:
        raise BillWrong
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def refused_by(refused: DistrictError, places: Sequence[Place]) -> Outcome:
    first_till = str(refused.members.get("first_till", ""))
    return Outcome(
        kind=next(kind for cause, kind in OUTCOMES.items() if isinstance(refused, cause)),
        first_at=_moment(refused.members.get("first_redeemed_at")),
        first_till=next((one.title for one in places if f"till:{one.id}" == first_till), ""),
        at=_moment(
            refused.members.get("valid_until")
            or refused.members.get("valid_from")
            or refused.members.get("held_until")
        ),
        least_minor=refused.members.get("min_spend_minor"),
        status=refused.status,
    )


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
