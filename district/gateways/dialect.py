"""What every vendor's file gives: who arrives in a redirect, how he is let in, and how that ends.

One contract for all: identify → grant → extend → revoke. A ``Dialect`` computes, and calls nobody; a ``Controller``
is the part of a vendor's file that talks to the vendor's own server, outside any transaction. To extend is to admit
again with a new plan.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Protocol, TypeAlias

from pydantic import BaseModel, Field, StringConstraints

from district.gateways.caller import Caller
from district.gateways.redirects import BadRedirect as BadRedirect  # noqa: PLC0414 the contract's errors
from district.gateways.redirects import GatewayNotice as GatewayNotice  # noqa: PLC0414


class Confirmation(StrEnum):
    """Who says that the device of a redirect is real and on line."""

    SIGNATURE = "signature"
    """The redirect is signed: it is believed as it stands."""
    CONTROLLER = "controller"
    """The vendor's server knows the device and lets it in when we ask."""
    RADIUS = "radius"
    """The gateway asks us by RADIUS, with the token of this very login."""
    GATEWAY = "gateway"
    """The gateway fetches the grant and acknowledges it."""
    NOBODY = "nobody"
    """A claim for ever: the person gets on line, and nothing is learned about the device."""


@dataclass(frozen=True, kw_only=True)
class GatewayInfo:
    """A gateway as its dialect sees it."""

    slug: str
    vendor: str
    secret: str
    public_url: str
    """What the gateway was told to send its clients to, as the operator wrote it; may be empty."""
    portal_url: str = ""
    """The same, never empty in a request: with it signatures verify behind a proxy."""
    allow_hosts: tuple[str, ...] = ()
    allow_networks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("click",)
    options: Mapping[str, Any] = field(default_factory=dict)
    """In the form of the dialect's ``options_model``."""


@dataclass(frozen=True, kw_only=True)
class PlanInfo:
    """What a login may use. None: no limit."""

    session_s: int | None = None
    idle_s: int | None = None
    down_kbps: int | None = None
    up_kbps: int | None = None
    volume_kib: int | None = None
    devices: int | None = None
    daily_s: int | None = None
    daily_kib: int | None = None


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Whom a gateway sent, as far as its redirect can be believed."""

    mac: str
    """Twelve lower-case hex digits."""
    access_point_mac: str
    wanted_url: str
    """Where the shopper was going: shown as text, never followed."""
    fingerprint: bytes
    """Equal for two uses of one redirect."""
    grant: Mapping[str, str]
    """What the dialect itself needs to let the browser in, to extend and to end the session."""
    is_signed: bool
    """False: the redirect is a claim until the dialect's ``confirms`` says otherwise."""
    ssid: str = ""
    inner_address: str = ""
    """The device's own address, as claimed."""
    ages: bytes = b""
    """What of this redirect grows old without saying its age, hashed: we remember when we saw it first."""
    shown_at: datetime | None = None
    """When that was, machine time; None where nothing ages."""
    again_url: str = ""
    """Where the gateway makes a fresh redirect, when it can; checked."""
    grant_origins: tuple[str, ...] = ()
    """Origins that the step leads the browser to: browsers hold a page's ``form-action`` against them."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """A person who may go on line now."""

    session_id: uuid.UUID
    username: str
    """For RADIUS: random, of this login alone. Empty when the dialect needs none."""
    password: str
    """For RADIUS: the one-time token."""
    plan: PlanInfo
    landing_url: str


@dataclass(frozen=True, kw_only=True)
class Go:
    """Send the browser to an address by a 303."""

    url: str


@dataclass(frozen=True, kw_only=True)
class Post:
    """Let the browser send a form: by itself where it runs scripts, else by a button."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The gateway fetches this line; the person waits on a page that looks again."""

    token: str
    entry: str
    router: str = ""
    """Which of the gateway's machines fetches it, where one registration serves several."""


@dataclass(frozen=True, kw_only=True)
class Tell:
    """We tell the vendor's server (``Controller.admit``), then the browser goes to our landing page."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """The redirect has become too old to be answered: fetch a fresh one, which lets the same browser in at once."""

    url: str


Step: TypeAlias = Go | Post | Queue | Tell | Again


SecretOption = Annotated[
    str,
    StringConstraints(max_length=500, pattern=r"^[\x20-\x7e]*$"),
    Field(json_schema_extra={"writeOnly": True}),
]
"""A password or key of the vendor's own server: stored, never shown again."""


class NoOptions(BaseModel, extra="forbid"):
    """A vendor that needs nothing of its own."""


class Dialect(Protocol):
    """One vendor's way to say who arrives and to be told that he may pass."""

    options_model: ClassVar[type[BaseModel]] = NoOptions
    """What an operator must say beyond the common fields; its fields are the form's."""
    confirms: ClassVar[Confirmation]
    needs_login: ClassVar[bool] = False
    """Whether ``grant`` needs a RADIUS user name and token."""

    def identify(self, gateway: GatewayInfo, raw_query: bytes, *, machine_now: datetime) -> Arrival:
        """Raises: BadRedirect, GatewayNotice for what is no sign-in."""

    def grant(self, gateway: GatewayInfo, arrival: Arrival, login: Login, *, machine_now: datetime) -> Step:
        """What to do to let the person in. Raises: BadRedirect."""

    def configuration(self, gateway: GatewayInfo, *, portal_url: str) -> str:
        """What the operator pastes into the vendor's product."""


class Controller(Protocol):
    """A vendor's server that we ask. Calls are bounded by the caller; none is made inside a transaction."""

    def admit(
        self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], login: Login, caller: Caller
    ) -> None:
        """Let a device in, with its plan. Raises: ControllerRefused, ControllerUnavailable."""

    def revoke(self, gateway: GatewayInfo, mac: str, grant: Mapping[str, str], caller: Caller) -> None:
        """Send a device off; one that is off already is no error. Raises: ControllerRefused, ControllerUnavailable."""
