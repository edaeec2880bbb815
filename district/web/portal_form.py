"""What stands in the form of the sign-in page, as it was filled in and as it is shown again."""

from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Form, Request

from district.problems import DistrictError
from district.web.explained import explained
from district.web.language import negotiate
from push.consent import Purpose

BOXES = (Purpose.MARKETING, Purpose.LOCATION)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What stands in the form."""

    method: str = ""
    phone: str = ""
    email: str = ""
    voucher: str = ""
    code: str = ""
    ticket: str = ""
    ticked: frozenset[Purpose] = field(default_factory=frozenset)
    age: str = ""
    """yes: old enough; no: younger; empty: not answered."""
    form_token: str = ""
    """The secret of the page that the form stood on."""
    error: str = ""

    @property
    def waits_for_code(self) -> bool:
        """A code was sent and is asked for now."""
        return bool(self.ticket)

    @property
    def is_of_age(self) -> bool | None:
        """What was said of the age."""
        return {"yes": True, "no": False}.get(self.age)

    def with_error(self, error: DistrictError, request: Request) -> "Filled":
        """The same form, saying what went wrong."""
        return replace(self, error=explained(error, negotiate(request)))

    @property
    def carried(self) -> str:
        """The boxes and answers as a query, for the way through a provider and back."""
        boxes = {purpose.value: "yes" for purpose in BOXES if purpose in self.ticked}
        return urlencode({"method": self.method, "age": self.age, "form_token": self.form_token} | boxes)


def carried_back(query: str) -> Filled:
    """The form that was carried through a provider."""
    found = dict(parse_qsl(query))
    return Filled(
        method=found.get("method", ""),
        age=found.get("age", ""),
        form_token=found.get("form_token", ""),
        ticked=frozenset(purpose for purpose in BOXES if purpose.value in found),
    )


def filled_in(
    method: Annotated[str, Form(max_length=50)] = "click",
    phone: Annotated[str, Form(max_length=40)] = "",
    email: Annotated[str, Form(max_length=254)] = "",
    voucher: Annotated[str, Form(max_length=40)] = "",
    code: Annotated[str, Form(max_length=20)] = "",
    ticket: Annotated[str, Form(max_length=64)] = "",
    marketing: Annotated[str, Form(max_length=5)] = "",
    location: Annotated[str, Form(max_length=5)] = "",
    age: Annotated[str, Form(max_length=5)] = "",
    form_token: Annotated[str, Form(max_length=64)] = "",
) -> Filled:
    """The form as it was sent."""
    return Filled(
        method=method,
        phone=phone,
        email=email,
        voucher=voucher,
        code=code,
        ticket=ticket,
        ticked=frozenset(purpose for purpose, box in zip(BOXES, (marketing, location), strict=True) if box),
        age=age,
        form_token=form_token,
    )


FilledIn = Annotated[Filled, Depends(filled_in)]
