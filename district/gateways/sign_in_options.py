"""How a gateway's sign-in page asks: its age question, its wording, and whether two wordings are compared."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from district.members.text_words import checked_keyword


class Variant(StrEnum):
    """A wording and order of the sign-in page."""

    PLAIN = "plain"
    """The way on line first; what it is good for afterwards."""
    OFFERS = "offers"
    """Today's offers first, then the way on line."""


def _keyword(text: str) -> str:
    return checked_keyword(text) if text.strip() else ""


class SignInOptions(BaseModel):
    """What an operator decides about a gateway's sign-in page."""

    model_config = ConfigDict(extra="forbid")

    least_age: int | None = Field(
        default=None,
        ge=6,
        le=21,
        description="Ask whether the person is this old; who is younger gets the Wi-Fi and no profile",
    )
    variant: Variant = Field(default=Variant.PLAIN, description="The page's wording and order")
    compares_variants: bool = Field(
        default=False, description="Show each wording to a random half of the devices"
    )
    shows_offers: bool = Field(default=True, description="Name up to three of today's offers on the page")
    join_keyword: Annotated[str, AfterValidator(_keyword)] = Field(
        default="",
        max_length=40,
        description="The word before the code in a text message that opens the Wi-Fi; empty: the provider's",
    )
