"""The sum at a till: which of the coupons shown are used together, what each takes off, and why the others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from push.coupon import discount_minor
from push.errors import PushError
from push.identifiers import OfferId
from push.offer import StacksWith, ValueKind
from push.stacking import (
    MAX_TOGETHER,
    Bill,
    HeldCoupon,
    Payment,
    Purse,
    base_minor,
    best,
    discounts,
    is_legal,
    pay,
)

_GIVEN = frozenset({ValueKind.GIFT, ValueKind.NONE})
"""What takes nothing off: it is handed over."""


class LeftOut(StrEnum):
    """Why a coupon is not used on this bill."""

    BELOW_THRESHOLD = "below_threshold"
    TAKES_NOTHING = "takes_nothing"
    TOO_MANY = "too_many"
    NOT_WITH_COUPONS = "not_with_coupons"
    NOT_WITH_MEMBER_PRICE = "not_with_member_price"
    NOT_WITH_POINTS = "not_with_points"
    NO_BETTER = "no_better"


class NotCombinable(PushError):
    """Coupons, member price and points that may not be used on one bill together; ``reasons`` names each coupon's."""

    def __init__(self, reasons: Mapping[OfferId, LeftOut]) -> None:
        self.reasons = reasons
        super().__init__("These cannot be used together: ask for the best sum, and use what it names.")


class PointsOver(PushError):
    """More points than are left to pay with them."""

    def __init__(self, most_points: int) -> None:
        self.most_points = most_points
        super().__init__("Points pay no more than what the coupons leave.")


@dataclass(frozen=True, kw_only=True, slots=True)
class TillSum:
    """How a bill is paid. ``off_minor`` names every coupon that is used, in the order in which they come off."""

    bill: Bill
    payment: Payment
    off_minor: Mapping[OfferId, int]
    left_out: Mapping[OfferId, LeftOut]

    @property
    def member_price_minor(self) -> int:
        """What the store's standing price takes off."""
        return self.bill.bill_minor - base_minor(self.bill, with_member_price=self.payment.with_member_price)


def quote(bill: Bill, coupons: Sequence[HeldCoupon], purse: Purse | None = None) -> TillSum:
    """The best legal payment, with the gifts that may be handed over beside it. Raises: BillInvalid."""
    payment = best(bill, coupons, purse)
    known = {one.id: one for one in coupons}
    used = [known[one] for one in payment.coupons]
    for coupon in sorted(coupons, key=lambda one: one.id):
        if coupon.id not in payment.coupons and _may_be_given(bill, payment, used, coupon):
            used.append(coupon)
    rest = [one for one in coupons if one not in used]
    return TillSum(
        bill=bill,
        payment=payment,
        off_minor=discounts(bill, used, with_member_price=payment.with_member_price),
        left_out={one.id: _reason(bill, payment, used, one) for one in rest},
    )


def exact(bill: Bill, coupons: Sequence[HeldCoupon], purse: Purse | None = None) -> TillSum:
    """The sum of all of these together: every coupon used, every point of the purse spent, at the better legal price.

    Raises: NotCombinable, PointsOver, BillInvalid.
    """
    prices = (False, True) if bill.member_price_percent else (False,)
    payments = [
        pay(bill, coupons, with_member_price=price, purse=purse)
        for price in prices
        if is_legal(coupons, with_member_price=price, with_points=purse is not None)
        and all(_holds(one, bill, with_member_price=price) for one in coupons)
    ]
    if not payments:
        plain = pay(bill, coupons, with_member_price=False, purse=purse)
        raise NotCombinable({one.id: _reason_among(bill, plain, coupons, one) for one in coupons})
    payment = min(payments, key=lambda one: (one.due_minor, not one.with_member_price))
    if purse is not None and payment.points < purse.points:
        raise PointsOver(payment.points)
    return TillSum(
        bill=bill,
        payment=payment,
        off_minor=discounts(bill, coupons, with_member_price=payment.with_member_price),
        left_out={},
    )


def _holds(coupon: HeldCoupon, bill: Bill, *, with_member_price: bool) -> bool:
    """Whether the bill is large enough for it, and it does something."""
    base = base_minor(bill, with_member_price=with_member_price)
    if base < (coupon.value.min_spend_minor or 0):
        return False
    return coupon.value.kind in _GIVEN or discount_minor(coupon.value, base) > 0


def _may_be_given(bill: Bill, payment: Payment, used: Sequence[HeldCoupon], coupon: HeldCoupon) -> bool:
    return (
        coupon.value.kind in _GIVEN
        and _holds(coupon, bill, with_member_price=payment.with_member_price)
        and is_legal(
            [*used, coupon],
            with_member_price=payment.with_member_price,
            with_points=payment.points > 0,
        )
    )


def _reason_among(bill: Bill, payment: Payment, coupons: Sequence[HeldCoupon], coupon: HeldCoupon) -> LeftOut:
    """Why these together are refused, as far as this one is the cause."""
    return _reason(bill, payment, [one for one in coupons if one is not coupon], coupon)


def _reason(bill: Bill, payment: Payment, used: Sequence[HeldCoupon], coupon: HeldCoupon) -> LeftOut:
    base = base_minor(bill, with_member_price=payment.with_member_price)
    lacks_others = any(StacksWith.COUPON not in one.stacks_with for one in (*used, coupon))
    causes = (
        (base < (coupon.value.min_spend_minor or 0), LeftOut.BELOW_THRESHOLD),
        (
            not _holds(coupon, bill, with_member_price=payment.with_member_price),
            LeftOut.TAKES_NOTHING,
        ),
        (len(used) >= MAX_TOGETHER, LeftOut.TOO_MANY),
        (bool(used) and lacks_others, LeftOut.NOT_WITH_COUPONS),
        (
            payment.with_member_price and StacksWith.MEMBER_PRICE not in coupon.stacks_with,
            LeftOut.NOT_WITH_MEMBER_PRICE,
        ),
        (payment.points > 0 and StacksWith.POINTS not in coupon.stacks_with, LeftOut.NOT_WITH_POINTS),
    )
    return next((reason for is_so, reason in causes if is_so), LeftOut.NO_BETTER)
