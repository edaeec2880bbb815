"""RADIUS clients as operators send and see them."""

import ipaddress
import re
import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from district.districts.service import SLUG_PATTERN

SECRET_BYTES = 23
"""31 characters in base64: some products take no longer secret."""
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z")


def _network(text: str) -> str:
    network = ipaddress.ip_network(text, strict=False)
    if network.version == 4 and network.prefixlen < 8:
        raise ValueError("name the NAS, or a network of at most 2^24 addresses")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text)) if text else ""


def _printable(text: str) -> str:
    if not _PRINTABLE.match(text):
        raise ValueError("use printable characters")
    return text


# What stands between quotes in FreeRADIUS's configuration: nothing that ends or expands a string.
Secret = Annotated[str, StringConstraints(min_length=24, max_length=128, pattern=r"^[A-Za-z0-9._~+/=-]+$")]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True), AfterValidator(_printable)
]
Address = Annotated[str, StringConstraints(max_length=43), AfterValidator(_network)]
CoaAddress = Annotated[str, StringConstraints(max_length=39), AfterValidator(_address)]
Identifier = Annotated[str, StringConstraints(max_length=253), AfterValidator(_printable)]
Port = Annotated[int, Field(ge=1, le=65_535)]
GatewaySlug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]


class NewRadiusClient(BaseModel):
    """A NAS to register; a missing secret is made."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    address: Address
    secret: Secret | None = None
    gateway: GatewaySlug | None = None
    """The gateway whose sign-in page its people come from."""
    nas_identifier: Identifier = ""
    coa_address: CoaAddress = ""
    coa_port: Port = 3799


class RadiusClientChange(BaseModel):
    """What may be changed later; what is left out stays. Null takes the gateway away."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    address: Address | None = None
    secret: Secret | None = None
    gateway: GatewaySlug | None = None
    nas_identifier: Identifier | None = None
    coa_address: CoaAddress | None = None
    coa_port: Port | None = None


class RadiusClientView(BaseModel):
    """A NAS, without its secret."""

    id: uuid.UUID
    name: str
    address: str
    gateway: str | None
    nas_identifier: str
    coa_address: str
    coa_port: int
    created_at: datetime


class MadeRadiusClient(RadiusClientView):
    """A NAS just registered: the only time that its secret is shown."""

    secret: str
