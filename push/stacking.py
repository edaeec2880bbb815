"""What may be combined at the till, and the best legal sum of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from push.coupon import discount_minor, percent_of
from push.errors import PushError
from push.identifiers import OfferId
from push.offer import OfferValue, StacksWith, ValueKind

MAX_TOGETHER = 3
MAX_COUPONS = 20
_PERCENT = 100
_ORDER = (ValueKind.IN_STORE_PRICE, ValueKind.PERCENT, ValueKind.AMOUNT)


class BillInvalid(PushError):
    """Figures that no till can have."""

    def __init__(self) -> None:
        super().__init__(
            "A bill, points and their worth are whole numbers, zero or more; a percentage is 0 to 100."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldCoupon:
    """A coupon of the member that may be used in this store now."""

    id: OfferId
    value: OfferValue
    stacks_with: frozenset[StacksWith] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Purse:
    """Points that the member wants to pay with: each is worth so many minor units, and may pay this share of what is due."""

    points: int
    minor_each: int
    most_percent: int = _PERCENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """What is bought, and what the store gives every member without a coupon."""

    bill_minor: int
    member_price_percent: int = 0
    """The standing discount of the store for members."""

    def __post_init__(self) -> None:
        if self.bill_minor < 0 or not 0 <= self.member_price_percent <= _PERCENT:
            raise BillInvalid


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """How a bill is best paid: due_minor is left to pay in money."""

    due_minor: int
    with_member_price: bool
    coupons: tuple[OfferId, ...]
    points: int
    points_minor: int


def best(bill: Bill, coupons: Sequence[HeldCoupon] = (), purse: Purse | None = None) -> Payment:
    """The legal combination that leaves the least to pay.

    Legal: at most MAX_TOGETHER coupons; any two of them must both stack with coupons; with the member
    price or with points each of them must stack with those. A threshold looks at the bill after the
    member price and before coupons. In-store prices come off first, then percentages, then amounts, then points.
    Of equal sums the one that uses up less: fewer points, fewer coupons, then the smaller ids. Of more
    than MAX_COUPONS coupons those with the smallest ids are looked at.

    Raises: BillInvalid.
    """
    if purse is not None and (
        purse.points < 0 or purse.minor_each < 1 or not 0 <= purse.most_percent <= _PERCENT
    ):
        raise BillInvalid
    usable = sorted(coupons, key=lambda one: one.id)[:MAX_COUPONS]
    return min(_every_payment(bill, usable, purse), key=_preference)


def _preference(payment: Payment) -> tuple[int, int, int, bool, tuple[OfferId, ...]]:
    """Smaller is better; between equals the standing price is told rather than left out."""
    return (
        payment.due_minor,
        payment.points,
        len(payment.coupons),
        not payment.with_member_price,
        payment.coupons,
    )


def _every_payment(bill: Bill, coupons: Sequence[HeldCoupon], purse: Purse | None) -> Iterable[Payment]:
    for with_member_price in (False, True):
        if with_member_price and not bill.member_price_percent:
            continue
        for count in range(min(MAX_TOGETHER, len(coupons)) + 1):
            for chosen in combinations(coupons, count):
                for spent in (None, purse) if purse is not None else (None,):
                    if is_legal(chosen, with_member_price=with_member_price, with_points=spent is not None):
                        yield pay(bill, chosen, with_member_price=with_member_price, purse=spent)


def is_legal(coupons: Sequence[HeldCoupon], *, with_member_price: bool, with_points: bool) -> bool:
    """Whether these may be used together."""
    asked = set[StacksWith]()
    if len(coupons) > 1:
        asked.add(StacksWith.COUPON)
    if with_member_price:
        asked.add(StacksWith.MEMBER_PRICE)
    if with_points:
        asked.add(StacksWith.POINTS)
    return len(coupons) <= MAX_TOGETHER and all(asked <= one.stacks_with for one in coupons)


def pay(
    bill: Bill, coupons: Sequence[HeldCoupon], *, with_member_price: bool, purse: Purse | None
) -> Payment:
    """The sum of exactly this combination, whether legal or not; a coupon below its threshold takes nothing off."""
    base = base_minor(bill, with_member_price=with_member_price)
    due = base - sum(discounts(bill, coupons, with_member_price=with_member_price).values())
    points = _points(due, purse)
    points_minor = min(due, points * purse.minor_each) if purse else 0
    return Payment(
        due_minor=due - points_minor,
        with_member_price=with_member_price,
        coupons=tuple(sorted(one.id for one in coupons)),
        points=points,
        points_minor=points_minor,
    )


def base_minor(bill: Bill, *, with_member_price: bool) -> int:
    """The bill before coupons: what thresholds look at."""
    price = percent_of(bill.bill_minor, bill.member_price_percent) if with_member_price else 0
    return bill.bill_minor - price


def discounts(bill: Bill, coupons: Sequence[HeldCoupon], *, with_member_price: bool) -> dict[OfferId, int]:
    """What each of these takes off, one after the other, in the order in which they come off the bill."""
    base = base_minor(bill, with_member_price=with_member_price)
    due, off = base, dict[OfferId, int]()
    for coupon in sorted(coupons, key=_place):
        off[coupon.id] = discount_minor(coupon.value, base, due_minor=due)
        due -= off[coupon.id]
    return off


def is_worse_than_member_price(value: OfferValue, stacks_with: frozenset[StacksWith], bill: Bill) -> bool:
    """Whether a member who uses this coupon pays more than with the standing price alone: the offer is none."""
    if not bill.member_price_percent or StacksWith.MEMBER_PRICE in stacks_with:
        return False
    if value.kind in {ValueKind.GIFT, ValueKind.NONE, ValueKind.RANDOM, ValueKind.POINTS}:
        return False
    return discount_minor(value, bill.bill_minor) < percent_of(bill.bill_minor, bill.member_price_percent)


def _place(coupon: HeldCoupon) -> tuple[int, OfferId]:
    kind = coupon.value.kind
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), coupon.id)


def _points(due_minor: int, purse: Purse | None) -> int:
    if purse is None:
        return 0
    most_minor = due_minor * purse.most_percent // _PERCENT
    return min(purse.points, most_minor // purse.minor_each)
