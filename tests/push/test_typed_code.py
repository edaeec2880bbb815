"""Codes and numbers that people type are read as they were meant, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.coupon import CodeMalformed
from push.typed_code import (
    NumberMalformed,
    TillNumber,
    TypedCode,
    grouped,
    is_typed,
    new_code,
    new_number,
    normalise,
    number_of,
)

LATIN = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=8, max_size=8)


@given(code=LATIN.map(TypedCode))
def test_a_code_reads_back_in_groups_and_small(code: TypedCode) -> None:
    assert normalise(grouped(code)) == code
    assert normalise(f" {code.lower()}\n") == code


def test_new_codes_are_codes_and_differ() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(is_typed(one) for one in codes)


def test_letters_that_look_alike_are_understood() -> None:
    assert normalise("oOiI lL11") == "00111111"


@pytest.mark.parametrize(
    "text", ["", "ABCD EFG", "ABCD EFGH J", "ABCD EFGU", "ABCDEFG!", "A" * 10_000, "全" * 8]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    assert not is_typed(text)
    with pytest.raises(CodeMalformed):
        normalise(text)


def test_new_numbers_have_six_digits() -> None:
    assert all(len(new_number()) == 6 and new_number().isdigit() for _ in range(100))
    assert grouped(TillNumber("012345")) == "012 345"


@pytest.mark.parametrize("text", ["012345", "012 345", "０１２-３４５", " 012345\n"])
def test_a_number_is_read_whatever_its_blanks_and_widths(text: str) -> None:
    assert number_of(text) == "012345"


@pytest.mark.parametrize("text", ["", "12345", "1234567", "12345x", "1" * 1_000, "٠١٢٣٤٥"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NumberMalformed):
        number_of(text)
