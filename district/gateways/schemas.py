"""Gateways as operators see them."""

import uuid
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from district.districts.service import SLUG_PATTERN
from district.gateways.sign_in_options import SignInOptions

Vendor = Literal[
    "aruba",
    "cisco",
    "click",
    "coovachilli",
    "meraki",
    "mist",
    "omada",
    "opennds",
    "portal2",
    "ruckus",
    "unifi",
]
Method = (
    Literal["click", "phone", "email", "voucher"]
    | Annotated[str, StringConstraints(pattern=r"^(?:oidc|sms):[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
)
"""``oidc:`` or ``sms:`` and the slug of a provider of the district."""
Host = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9*.-]+$")]
PublicUrl = Annotated[str, StringConstraints(max_length=300, pattern=r"^(https?://[^\s\"'<>]+)?$")]


Secret = Annotated[str, StringConstraints(min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$")]
Network = Annotated[str, StringConstraints(max_length=43)]
Name = Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$", strip_whitespace=True)]
PlanSlug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
Options = Annotated[dict[str, Any], Field(max_length=30)]
"""Checked by the form that the vendor's file declares."""


def _each_once(methods: list[Method]) -> list[Method]:
    return list(dict.fromkeys(methods))


Methods = Annotated[list[Method], Field(min_length=1, max_length=10), AfterValidator(_each_once)]


class NewGateway(BaseModel):
    """What an operator registers; a missing secret is made."""

    model_config = ConfigDict(extra="forbid")

    slug: Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
    name: Name = ""
    vendor: Vendor
    secret: Secret | Literal[""] = ""
    public_url: PublicUrl = ""
    zone_id: uuid.UUID | None = None
    allow_hosts: list[Host] = Field(default_factory=list, max_length=50)
    allow_networks: list[Network] = Field(default_factory=list, max_length=50)
    methods: Methods = ["click"]
    fail_open: bool = False
    options: Options = Field(default_factory=dict)
    plan: PlanSlug | None = None
    is_real_name: bool = False
    sign_in: SignInOptions = Field(default_factory=SignInOptions)


class GatewayChange(BaseModel):
    """What may be changed later; what is left out stays. Only ``zone_id`` and ``plan`` can be taken away, by null.

    ``options`` are replaced as a whole; a secret among them that is left out stays.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    secret: Secret = ""
    public_url: PublicUrl = ""
    zone_id: uuid.UUID | None = None
    allow_hosts: list[Host] = Field(default_factory=list, max_length=50)
    allow_networks: list[Network] = Field(default_factory=list, max_length=50)
    methods: Methods = ["click"]
    fail_open: bool = False
    options: Options = Field(default_factory=dict)
    plan: PlanSlug | None = None
    is_real_name: bool = False
    sign_in: SignInOptions = Field(default_factory=SignInOptions)


class GatewayAnswer(BaseModel):
    """A gateway and what to paste into the vendor's product."""

    slug: str
    name: str
    vendor: str
    public_url: str
    zone_id: uuid.UUID | None
    allow_hosts: list[str]
    allow_networks: list[str]
    methods: list[str]
    fail_open: bool
    options: dict[str, Any]
    """Without passwords and keys."""
    plan: str | None
    is_real_name: bool
    sign_in: SignInOptions
    portal_url: str
    configuration: str
    capport_url: str
    """For DHCP option 114 (RFC 8910), the same for every client; empty while the portal has no TLS."""
    capport_template: str
    """The same with a place, ``{mac}``, for the client's MAC address: for DHCP servers that can fill it in."""


class GatewayPage(BaseModel):
    """Gateways by slug."""

    items: list[GatewayAnswer]
    next: str | None
