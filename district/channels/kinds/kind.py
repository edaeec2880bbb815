"""What a kind of provider is: what an operator fills in, what is built of it, and how its receipts are read."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from district.clock import system
from push.channels.filed_texts import FiledText
from push.channels.outbound import Outbound
from push.channels.providers import Sender
from push.channels.wechat_mini import GrantShelf, WechatCounts
from push.channels.wechat_tokens import MemoryShelf, TokenShelf
from push.consent import Channel


class Nothing(BaseModel):
    """A kind without options, or without credentials."""

    model_config = ConfigDict(extra="forbid")


class ReceiptRefused(Exception):
    """A receipt that its provider did not send, or that cannot be read. Its text says what is wrong."""


class ReceiptKind(StrEnum):
    """What a provider tells of a message afterwards."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """It will not arrive; the address may work for others."""
    ADDRESS_GONE = "address_gone"
    SHOWN = "shown"
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    """The member told his provider that he does not want this: taken as a stop on this channel."""
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class ReceiptEvent:
    """One thing told of one message, or of one part of it.

    key is the same for a repeat of the same. message_id is the provider's name for the message or, where it returns
    our own, the delivery's id. address is given where the provider names no message, the start of its SHA-256 where it
    is known which one the message went to.
    """

    key: str
    message_id: str
    kind: ReceiptKind
    at: datetime | None = None
    part: int = 0
    detail: str = ""
    address: str = field(default="", repr=False)
    address_hash: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class DnsRecord:
    """What an operator enters in the DNS; about says what it is for."""

    name: str
    type: str
    value: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request of a provider, as it came."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A text that somebody sent to a number of ours. key is the same for a repeat of the same."""

    key: str
    sender: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a provider's request told, and what it wants to be answered."""

    events: Sequence[ReceiptEvent] = ()
    heard: Sequence[Heard] = ()
    status: int = 204
    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A message of which its provider tells only who asks. message_id is the provider's name for it; is_over says that
    its time has passed, is_stopped that its member wants it no more: in both cases it should not leave."""

    delivery_id: uuid.UUID
    message_id: str
    is_over: bool
    is_stopped: bool = False


class Asker(Protocol):
    """Asks a provider what became of messages."""

    async def ask(self, asked: Asked) -> Sequence[ReceiptEvent]:
        """What is known by now; nothing while it is not, or while the provider is away."""
        ...


async def _nobody_told(_reply: Reply) -> None:
    """Where only receipts are read, nothing else is told."""


def _own_tokens(_account: str) -> TokenShelf:
    """Where one process is alone."""
    return MemoryShelf()


class Beside(StrEnum):
    """What a provider may be for that is no channel to a member."""

    SCREEN = "screen"
    WALLET = "wallet"


@dataclass(frozen=True, kw_only=True)
class Building:
    """What a sender is made of. options and secrets are of the kind's own models."""

    provider_id: str
    district_slug: str
    district_name: str
    options: Any
    secrets: Any = field(repr=False)
    outbound: Outbound
    origin: str
    """The installation's own address for links, without a slash at the end; empty where it has none."""
    now: Callable[[], datetime]
    """Machine time."""
    monotonic: Callable[[], float]
    business_now: Callable[[], datetime] = system.now
    """Business time, by which messages expire."""
    provider_slug: str = ""
    tell: Callable[[Reply], Awaitable[None]] = _nobody_told
    """Keeps what a provider tells over a connection of the sender's; it is kept when this returns."""
    texts: Sequence[FiledText] = ()
    """What is on file for it: templates of text messages."""
    tokens: Callable[[str], TokenShelf] = _own_tokens
    """Where the access token of an account is shared with other workers."""
    grants: GrantShelf = field(default_factory=WechatCounts)
    """Members' leave to send them one message each."""
    zone: tzinfo = UTC
    """The district's, for times in texts."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """How a member proves which account of the provider's is his.

    ``identify`` names the address behind a code that the provider gave; it raises LoginRefused and LoginUnavailable.
    With ``authorise`` the code comes by a page: it says where a browser is sent, given where it shall come back and a
    state of letters and digits.
    """

    identify: Callable[[Building, str], Awaitable[str]]
    authorise: Callable[[Building, str, str], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A protocol and its settings. ``build`` opens nothing: connections come with the first message.

    A sender that keeps connections has ``async def close(self)``. With ``listens`` it has ``async def open(self)`` too,
    called again and again: what its provider tells comes in by that connection. ``receive`` checks and reads one
    request of the provider; it raises ReceiptRefused. ``callback`` is the address that is entered at the provider for it,
    where an operator does that. ``records`` says, of options and secrets, what the DNS must know.
    Secrets that are ``made`` here stay when others change.
    """

    name: str
    channel: Channel | Beside
    title: str
    """English source of its name on pages."""
    options: type[BaseModel] = Nothing
    secrets: type[BaseModel] = Nothing
    build: Callable[[Building], Sender]
    receive: Callable[[Building, Incoming], Reply] | None = None
    ask: Callable[[Building], Asker] | None = None
    callback: Callable[[Building], str] | None = None
    listens: bool = False
    login: Login | None = None
    records: Callable[[Any, Any], Sequence[DnsRecord]] | None = None
    made: frozenset[str] = frozenset()
