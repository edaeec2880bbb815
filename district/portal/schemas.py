"""Providers, codes' policy and rates of sign-in pages as operators see them."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.districts.service import SLUG_PATTERN
from district.districts.text import Name

Issuer = Annotated[str, StringConstraints(min_length=8, max_length=300, pattern=r"^https?://[!-~]+$")]
Visible = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[!-~]+$")]
Scope = Annotated[str, StringConstraints(max_length=200, pattern=r"^openid( [!-~]+)*$")]


class NewProvider(BaseModel):
    """An OpenID Connect provider, as its own console names it."""

    model_config = ConfigDict(extra="forbid")

    slug: Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
    name: Name
    """What the button says."""
    issuer: Issuer
    client_id: Visible
    client_secret: Visible
    scope: Scope = "openid email phone"


class ProviderChange(BaseModel):
    """What may be changed later; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    issuer: Issuer = ""
    client_id: Visible = ""
    client_secret: Visible = ""
    scope: Scope = "openid"


class ProviderAnswer(BaseModel):
    """A provider; its secret is never shown again."""

    slug: str
    name: str
    issuer: str
    client_id: str
    scope: str
    created_at: datetime
    method: str
    """What a gateway's ``methods`` call it."""
    redirect_uri: str
    """To be entered at the provider."""


class ProviderPage(BaseModel):
    """Providers by slug."""

    items: list[ProviderAnswer]
    next: str | None


class CodePolicyBody(BaseModel):
    """Where codes go and what they may cost; amounts are minor units of the district's currency."""

    model_config = ConfigDict(extra="forbid")

    countries: list[Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]] = Field(
        default_factory=list, max_length=250
    )
    """ISO 3166, besides the district's own."""
    sms_cost: int = Field(ge=0, le=100_000)
    daily_budget: int = Field(ge=0, le=2_000_000_000)


class CodePolicyAnswer(CodePolicyBody):
    """The policy in force."""

    currency: str


class RateAnswer(BaseModel):
    """A share with its 95 % interval; null while there is nothing to share."""

    value: float | None
    low: float
    high: float


class VariantAnswer(BaseModel):
    """What one wording of the page came to."""

    variant: str
    shown: int
    connected: int
    connect_rate: RateAnswer
    new_members: int
    codes: int
    cost: int
    """Of the codes, in minor units."""
    cost_per_new_member: float | None
    """Minor units."""


class SignInsAnswer(BaseModel):
    """How a gateway's sign-in page does, as a whole and by wording."""

    gateway: str
    since: date
    until: date
    """Not included."""
    currency: str
    shown: int
    connected: int
    connect_rate: RateAnswer
    new_members: int
    codes: int
    cost: int
    cost_per_new_member: float | None
    variants: list[VariantAnswer]
