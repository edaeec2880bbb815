"""Coupon codes survive any hand that types them, and discounts never exceed the bill."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.coupon import AmountInvalid, CodeMalformed, code_from, discount_minor, grouped, normalise
from push.offer import OfferValue, ValueKind

CODES = st.binary(min_size=16, max_size=16).map(code_from)


@given(random=st.binary(min_size=16, max_size=16))
def test_a_code_keeps_all_128_bits(random: bytes) -> None:
    code = code_from(random)
    number = 0
    for symbol in code:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(symbol)
    assert number.to_bytes(16) == random


def test_known_codes() -> None:
    assert code_from(bytes(16)) == "0" * 26
    assert code_from(b"\xff" * 16) == "7" + "Z" * 25


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_code_of_other_than_16_bytes_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="exactly 16"):
        code_from(bytes(size))


@given(code=CODES)
def test_what_is_shown_reads_back(code: str) -> None:
    assert normalise(grouped(code_from(bytes(16)))) == "0" * 26
    assert normalise(code) == code


@given(code=CODES, data=st.data())
def test_case_blanks_dashes_widths_and_confusables_do_not_matter(code: str, data: st.DataObject) -> None:
    typed = ""
    for symbol in code:
        looks = {"0": "0oO０", "1": "1iIlL１"}.get(
            symbol, symbol + symbol.lower() + chr(ord(symbol) + 0xFEE0)
        )
        typed += data.draw(st.sampled_from(list(looks)))
        typed += data.draw(st.sampled_from(["", "", "", " ", "-", "–", "\u3000", "\u200b"]))
    assert normalise(typed) == code


@pytest.mark.parametrize(
    "typed", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "U" + "0" * 25, "?" * 26, "0" * 10**6]
)
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    with pytest.raises(CodeMalformed):
        normalise(typed)


@given(typed=st.text(max_size=200))
def test_any_text_is_a_code_or_refused(typed: str) -> None:
    with contextlib.suppress(CodeMalformed):
        assert len(normalise(typed)) == 26


@pytest.mark.parametrize(
    ("value", "bill", "discount"),
    [
        (OfferValue(kind=ValueKind.AMOUNT, minor_units=500), 2_000, 500),
        (OfferValue(kind=ValueKind.AMOUNT, minor_units=500), 300, 300),
        (OfferValue(kind=ValueKind.PERCENT, percent=15), 1_990, 299),
        (OfferValue(kind=ValueKind.PERCENT, percent=50), 1, 1),
        (OfferValue(kind=ValueKind.PERCENT, percent=100), 999, 999),
        (OfferValue(kind=ValueKind.GIFT), 2_000, 0),
        (OfferValue(kind=ValueKind.NONE), 2_000, 0),
    ],
)
def test_discounts(value: OfferValue, bill: int, discount: int) -> None:
    assert discount_minor(value, bill) == discount


@given(percent=st.integers(1, 100), bill=st.integers(0, 10**12))
def test_a_percentage_is_exact_to_half_a_minor_unit(percent: int, bill: int) -> None:
    discount = discount_minor(OfferValue(kind=ValueKind.PERCENT, percent=percent), bill)
    assert abs(discount * 100 - bill * percent) <= 50
    assert 0 <= discount <= bill


def test_a_negative_bill_is_refused() -> None:
    with pytest.raises(AmountInvalid):
        discount_minor(OfferValue(kind=ValueKind.GIFT), -1)
