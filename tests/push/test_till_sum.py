"""The till's sum: the best legal payment, each coupon's part of it, and a reason for every coupon that is left out."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.identifiers import OfferId
from push.offer import OfferValue, StacksWith, ValueKind
from push.stacking import Bill, HeldCoupon, Purse, best
from push.till_sum import LeftOut, NotCombinable, PointsOver, exact, quote

ALL = frozenset(StacksWith)
COUPON, PRICE, POINTS = StacksWith.COUPON, StacksWith.MEMBER_PRICE, StacksWith.POINTS


def coupon(number: int, kind: ValueKind, *stacks: StacksWith, **figures: int) -> HeldCoupon:
    return HeldCoupon(
        id=OfferId(UUID(int=number)),
        value=OfferValue(kind=kind, **figures),
        stacks_with=frozenset(stacks),
    )


def off(number: int, minor: int, *stacks: StacksWith, **figures: int) -> HeldCoupon:
    return coupon(number, ValueKind.AMOUNT, *stacks, minor_units=minor, **figures)


VALUES = st.one_of(
    st.builds(
        OfferValue,
        kind=st.just(ValueKind.AMOUNT),
        minor_units=st.integers(1, 5_000),
        min_spend_minor=st.none() | st.integers(1, 9_000),
    ),
    st.builds(
        OfferValue,
        kind=st.just(ValueKind.PERCENT),
        percent=st.integers(1, 100),
        max_discount_minor=st.none() | st.integers(1, 3_000),
    ),
    st.just(OfferValue(kind=ValueKind.GIFT)),
    st.builds(
        OfferValue,
        kind=st.just(ValueKind.IN_STORE_PRICE),
        price_minor=st.integers(0, 500),
        regular_minor=st.integers(501, 4_000),
    ),
)
COUPONS = st.lists(st.tuples(VALUES, st.frozensets(st.sampled_from(StacksWith))), max_size=5).map(
    lambda rows: [
        HeldCoupon(id=OfferId(UUID(int=number)), value=value, stacks_with=stacks)
        for number, (value, stacks) in enumerate(rows)
    ]
)
BILLS = st.builds(Bill, bill_minor=st.integers(0, 10_000), member_price_percent=st.integers(0, 50))
PURSES = st.none() | st.builds(Purse, points=st.integers(1, 500), minor_each=st.integers(1, 20))


@given(bill=BILLS, coupons=COUPONS, purse=PURSES)
def test_every_coupon_is_used_or_left_out_with_a_reason_and_the_sum_adds_up(
    bill: Bill, coupons: list[HeldCoupon], purse: Purse | None
) -> None:
    found = quote(bill, coupons, purse)
    assert {*found.off_minor, *found.left_out} == {one.id for one in coupons}
    assert not {*found.off_minor} & {*found.left_out}
    paid = found.payment.due_minor + found.payment.points_minor + sum(found.off_minor.values())
    assert paid + found.member_price_minor == bill.bill_minor
    assert found.payment.due_minor == best(bill, coupons, purse).due_minor


@given(bill=BILLS, coupons=COUPONS, purse=PURSES)
def test_what_a_quote_names_is_payable_for_the_same_sum(
    bill: Bill, coupons: list[HeldCoupon], purse: Purse | None
) -> None:
    found = quote(bill, coupons, purse)
    used = [one for one in coupons if one.id in found.off_minor]
    spent = found.payment.points
    own = Purse(points=spent, minor_each=purse.minor_each) if purse and spent else None
    paid = exact(bill, used, own)
    assert paid.payment.due_minor == found.payment.due_minor
    assert paid.off_minor == found.off_minor


@pytest.mark.parametrize(
    ("coupons", "bill", "purse", "reason"),
    [
        ([off(1, 500), off(2, 300)], Bill(bill_minor=2_000), None, LeftOut.NOT_WITH_COUPONS),
        (
            [off(1, 500), off(2, 300, min_spend_minor=3_000)],
            Bill(bill_minor=2_000),
            None,
            LeftOut.BELOW_THRESHOLD,
        ),
        (
            [off(2, 100)],
            Bill(bill_minor=2_000, member_price_percent=10),
            None,
            LeftOut.NOT_WITH_MEMBER_PRICE,
        ),
        (
            [off(2, 100)],
            Bill(bill_minor=2_000),
            Purse(points=500, minor_each=1),
            LeftOut.NOT_WITH_POINTS,
        ),
        (
            [off(number, 500, COUPON) for number in (1, 3, 4)] + [off(2, 100, COUPON)],
            Bill(bill_minor=5_000),
            None,
            LeftOut.TOO_MANY,
        ),
        (
            [coupon(2, ValueKind.IN_STORE_PRICE, price_minor=100, regular_minor=900)],
            Bill(bill_minor=500),
            None,
            LeftOut.TAKES_NOTHING,
        ),
        ([off(1, 500, COUPON), off(2, 300, COUPON)], Bill(bill_minor=500), None, LeftOut.NO_BETTER),
    ],
    ids=["coupons", "threshold", "price", "points", "many", "nothing", "no-better"],
)
def test_each_reason(coupons: list[HeldCoupon], bill: Bill, purse: Purse | None, reason: LeftOut) -> None:
    assert quote(bill, coupons, purse).left_out[OfferId(UUID(int=2))] is reason


def test_a_gift_is_handed_over_beside_what_it_may_be_combined_with() -> None:
    gift, five = coupon(1, ValueKind.GIFT, COUPON), off(2, 500, COUPON)
    assert quote(Bill(bill_minor=900), [gift, five]).off_minor == {five.id: 500, gift.id: 0}
    alone = coupon(1, ValueKind.GIFT)
    assert quote(Bill(bill_minor=900), [alone, five]).left_out == {alone.id: LeftOut.NOT_WITH_COUPONS}


def test_what_may_not_be_combined_is_refused_with_each_ones_reason() -> None:
    coupons = [off(1, 500, COUPON), off(2, 300)]
    with pytest.raises(NotCombinable) as refused:
        exact(Bill(bill_minor=2_000), coupons)
    assert set(refused.value.reasons.values()) == {LeftOut.NOT_WITH_COUPONS}


def test_points_beyond_what_is_left_are_refused_with_how_many_are_not() -> None:
    with pytest.raises(PointsOver) as refused:
        exact(Bill(bill_minor=1_000), [off(1, 500, POINTS)], Purse(points=60, minor_each=10))
    assert refused.value.most_points == 50


def test_the_member_price_is_taken_where_it_may_be_and_left_where_it_may_not() -> None:
    bill = Bill(bill_minor=1_000, member_price_percent=10)
    both = exact(bill, [off(1, 500, PRICE)])
    alone = exact(bill, [off(1, 500)])
    assert (both.member_price_minor, both.payment.due_minor) == (100, 400)
    assert (alone.member_price_minor, alone.payment.due_minor) == (0, 500)
