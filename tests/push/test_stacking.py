"""Stacking: the till's sum is the best that the rules allow, and no rule is bent for it."""

from itertools import chain, combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push.identifiers import OfferId
from push.offer import OfferValue, StacksWith, ValueKind
from push.stacking import (
    MAX_COUPONS,
    MAX_TOGETHER,
    Bill,
    BillInvalid,
    HeldCoupon,
    Purse,
    best,
    is_legal,
    is_worse_than_member_price,
    pay,
)

ALL = frozenset(StacksWith)
M, C, P = StacksWith.MEMBER_PRICE, StacksWith.COUPON, StacksWith.POINTS


def coupon(number: int, value: OfferValue, *stacks: StacksWith) -> HeldCoupon:
    return HeldCoupon(id=OfferId(UUID(int=number)), value=value, stacks_with=frozenset(stacks))


def amount(minor: int, *, least: int | None = None) -> OfferValue:
    return OfferValue(kind=ValueKind.AMOUNT, minor_units=minor, min_spend_minor=least)


def percent(share: int, *, most: int | None = None) -> OfferValue:
    return OfferValue(kind=ValueKind.PERCENT, percent=share, max_discount_minor=most)


VALUES = st.one_of(
    st.builds(amount, st.integers(1, 3_000), least=st.none() | st.integers(1, 6_000)),
    st.builds(percent, st.integers(1, 100), most=st.none() | st.integers(1, 2_000)),
    st.builds(
        lambda price, more: OfferValue(
            kind=ValueKind.IN_STORE_PRICE, price_minor=price, regular_minor=price + more
        ),
        st.integers(0, 2_000),
        st.integers(1, 2_000),
    ),
    st.just(OfferValue(kind=ValueKind.GIFT)),
)


@st.composite
def held(draw: st.DrawFn) -> list[HeldCoupon]:
    found = draw(st.lists(st.tuples(VALUES, st.frozensets(st.sampled_from(StacksWith))), max_size=6))
    return [
        HeldCoupon(id=OfferId(UUID(int=number)), value=value, stacks_with=stacks)
        for number, (value, stacks) in enumerate(found)
    ]


PURSES = st.none() | st.builds(
    Purse,
    points=st.integers(0, 5_000),
    minor_each=st.integers(1, 7),
    most_percent=st.integers(0, 100),
)
BILLS = st.builds(
    Bill, bill_minor=st.integers(0, 8_000), member_price_percent=st.sampled_from([0, 0, 5, 10, 50])
)


def brute(bill: Bill, coupons: list[HeldCoupon], purse: Purse | None) -> int:
    """The least to pay over every subset, price and purse whose legality is judged pair by pair."""
    subsets = chain.from_iterable(combinations(coupons, size) for size in range(len(coupons) + 1))
    dues = []
    for chosen in subsets:
        for member_price in (False, True):
            for spent in (None, purse):
                pairs_agree = all(
                    C in one.stacks_with and C in other.stacks_with for one, other in combinations(chosen, 2)
                )
                price_agrees = not member_price or all(M in one.stacks_with for one in chosen)
                points_agree = spent is None or all(P in one.stacks_with for one in chosen)
                if len(chosen) <= MAX_TOGETHER and pairs_agree and price_agrees and points_agree:
                    dues.append(pay(bill, chosen, with_member_price=member_price, purse=spent).due_minor)
    return min(dues)


@settings(max_examples=300, deadline=None)
@given(bill=BILLS, coupons=held(), purse=PURSES)
def test_no_legal_combination_costs_less(bill: Bill, coupons: list[HeldCoupon], purse: Purse | None) -> None:
    found = best(bill, coupons, purse)
    assert found.due_minor == brute(bill, coupons, purse)
    assert 0 <= found.due_minor <= bill.bill_minor
    used = [one for one in coupons if one.id in found.coupons]
    assert is_legal(used, with_member_price=found.with_member_price, with_points=found.points > 0)
    assert found == best(bill, list(reversed(coupons)), purse)


def test_points_never_pay_more_than_their_share_nor_than_there_are() -> None:
    found = best(Bill(bill_minor=1_000), (), Purse(points=300, minor_each=2, most_percent=50))
    assert (found.points, found.points_minor, found.due_minor) == (250, 500, 500)


def test_a_threshold_looks_at_the_bill_after_the_member_price() -> None:
    coupons = [coupon(1, amount(400, least=2_000), M)]
    bill = Bill(bill_minor=2_100, member_price_percent=10)
    assert best(bill, coupons).due_minor == 2_100 - 400
    assert pay(bill, coupons, with_member_price=True, purse=None).due_minor == 1_890


def test_percentages_come_off_before_amounts() -> None:
    coupons = [coupon(1, amount(500), C), coupon(2, percent(20), C)]
    assert best(Bill(bill_minor=2_000), coupons).due_minor == 2_000 - 400 - 500


def test_coupons_that_do_not_help_are_not_used_up() -> None:
    coupons = [
        coupon(1, amount(500), *ALL),
        coupon(2, amount(500), *ALL),
        coupon(3, OfferValue(kind=ValueKind.GIFT), *ALL),
    ]
    assert best(Bill(bill_minor=500), coupons).coupons == (coupons[0].id,)


def test_a_coupon_that_stacks_with_nothing_stands_against_the_member_price() -> None:
    small, large = coupon(1, percent(5)), coupon(2, percent(30))
    bill = Bill(bill_minor=1_000, member_price_percent=10)
    assert best(bill, [small]).with_member_price
    assert best(bill, [small]).coupons == ()
    assert best(bill, [large]).coupons == (large.id,)


def test_a_wallet_full_of_coupons_is_looked_at_to_its_bound() -> None:
    many = [coupon(number, amount(number + 1), *ALL) for number in range(500)]
    assert len(best(Bill(bill_minor=10_000), many).coupons) == MAX_TOGETHER
    assert best(Bill(bill_minor=10_000), many).due_minor == 10_000 - sum(
        range(MAX_COUPONS - 2, MAX_COUPONS + 1)
    )


@pytest.mark.parametrize(
    ("value", "stacks", "is_worse"),
    [
        (percent(5), frozenset[StacksWith](), True),
        (percent(10), frozenset[StacksWith](), False),
        (percent(5), frozenset({M}), False),
        (amount(150), frozenset[StacksWith](), True),
        (amount(500, least=3_000), frozenset[StacksWith](), True),
        (OfferValue(kind=ValueKind.GIFT), frozenset[StacksWith](), False),
    ],
    ids=["less", "equal", "on top", "amount", "below its threshold", "gift"],
)
def test_an_offer_below_the_standing_member_price_is_named(
    value: OfferValue, stacks: frozenset[StacksWith], is_worse: bool
) -> None:
    bill = Bill(bill_minor=2_000, member_price_percent=10)
    assert is_worse_than_member_price(value, stacks, bill) is is_worse


@pytest.mark.parametrize(("bill_minor", "share"), [(-1, 0), (1, 101), (1, -1)])
def test_figures_that_no_till_has_are_refused(bill_minor: int, share: int) -> None:
    with pytest.raises(BillInvalid):
        Bill(bill_minor=bill_minor, member_price_percent=share)
