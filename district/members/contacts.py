"""Phone numbers and e-mail addresses in the one form that is compared and stored."""

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneNumberType

from district.problems import Invalid

_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.VOIP,
        PhoneNumberType.UAN,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PAGER,
        PhoneNumberType.VOICEMAIL,
    }
)
"""Numbers that somebody earns on, or that cost nothing to have by the thousand."""


class ContactKind(StrEnum):
    """How a member can be reached and proven; the value is the member's column."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, kw_only=True)
class Contact:
    """A phone number in E.164, or an e-mail address in lower case."""

    kind: ContactKind
    value: str


def phone(typed: str, *, country: str) -> Contact:
    """A number as typed, in any script and spacing; ``country`` (ISO 3166) completes a national one. Raises: Invalid."""
    try:
        number = phonenumbers.parse(typed, country or None)
    except phonenumbers.NumberParseException:
        raise Invalid(
            f"This is not a phone number. Write it with its country code: +{_example(country)}",
            detail_zh=f"这不是电话号码。请带上国家代码填写：+{_example(country)}",
        ) from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid(
            f"There is no such phone number. Write it with its country code: +{_example(country)}",
            detail_zh=f"没有这样的电话号码。请带上国家代码填写：+{_example(country)}",
        )
    if phonenumbers.number_type(number) in _COSTLY:
        raise Invalid(
            "Codes are not sent to numbers of this kind. Give a mobile number.",
            detail_zh="此类号码无法接收验证码，请填写手机号。",
        )
    number.extension = None
    return Contact(
        kind=ContactKind.PHONE, value=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    )


def number_of(typed: str, *, country: str) -> str:
    """A number of any kind in E.164, to find who has it; empty when it is none."""
    try:
        number = phonenumbers.parse(typed, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    number.extension = None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _example(country: str) -> str:
    code = phonenumbers.country_code_for_region(country) if country else 0
    return f"{code or 358} …"


def email(typed: str) -> Contact:
    """An address as typed. Raises: Invalid."""
    try:
        checked = validate_email(typed.strip(), check_deliverability=False)
    except EmailNotValidError:
        raise Invalid(
            "This is not an e-mail address. Write it like name@example.com.",
            detail_zh="这不是邮箱地址。请写成 name@example.com 的形式。",
        ) from None
    return Contact(kind=ContactKind.EMAIL, value=checked.normalized.lower())


def of(phone_typed: str | None, email_typed: str | None, *, country: str) -> Contact:
    """The one contact that was given. Raises: Invalid when it is none or two."""
    if phone_typed and not email_typed:
        return phone(phone_typed, country=country)
    if email_typed and not phone_typed:
        return email(email_typed)
    raise Invalid(
        "Give either a phone number or an e-mail address.", detail_zh="请填写手机号或邮箱地址，二选一。"
    )
