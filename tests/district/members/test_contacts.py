"""Ten ways to write one number are one contact; numbers that cost money to reach are refused."""

import pytest

from district.members import contacts
from district.members.contacts import ContactKind
from district.problems import Invalid


@pytest.mark.parametrize(
    "typed",
    [
        "0401234567",
        "040 123 4567",
        "+358 40 1234567",
        "+358 (0)40 123-4567",
        "00358401234567",
        "０４０１２３４５６７",
        "٠٤٠١٢٣٤٥٦٧",
        "040\u200b1234567",
        "tel:+358401234567",
        "+358401234567;ext=12",
    ],
)
def test_every_spelling_is_one_number(typed: str) -> None:
    assert contacts.phone(typed, country="FI").value == "+358401234567"


@pytest.mark.parametrize(
    "typed", ["", "   ", "12", "abc", "+", "+999999999999", "0" * 40, "\0", "+3584012345678901234"]
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        contacts.phone(typed, country="FI")


@pytest.mark.parametrize("typed", ["+44 909 879 0000", "+1 900 234 5678", "+44 5600 123456"])
def test_premium_and_internet_numbers_get_no_code(typed: str) -> None:
    with pytest.raises(Invalid):
        contacts.phone(typed, country="FI")


@pytest.mark.parametrize("typed", ["Ada@Example.COM", " ada@example.com "])
def test_an_address_is_compared_in_one_form(typed: str) -> None:
    found = contacts.email(typed)
    assert (found.kind, found.value) == (ContactKind.EMAIL, "ada@example.com")


@pytest.mark.parametrize(
    "typed", ["", "ada", "ada@", "@example.com", "a b@example.com", "a@b\0.com", "a@b@c.com"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        contacts.email(typed)


def test_exactly_one_contact_is_wanted() -> None:
    for phone, email in ((None, None), ("", ""), ("0401234567", "a@example.com")):
        with pytest.raises(Invalid):
            contacts.of(phone, email, country="FI")
