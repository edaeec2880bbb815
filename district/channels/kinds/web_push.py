"""Browsers' push services: no account anywhere, only a key of one's own and an address at which somebody is found."""

import hashlib
import hmac
import uuid
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from district.channels.kinds.kind import (
    Building,
    Incoming,
    Kind,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from push.channels.outbound import OutboundPolicy
from push.channels.pooled import Pooled
from push.channels.vapid import Vapid, new_private_key, private_key_of
from push.channels.web_push import KNOWN_HOSTS, WebPushSender
from push.channels.web_push_encoding import KeysInvalid, encoded
from push.consent import Channel
from push.message import Message

NAME: Final = "web_push"
_PROOF_ABOUT: Final = b"shangquan web push receipt 1"
Host = Annotated[str, StringConstraints(max_length=260, pattern=r"^(\*\.)?[a-z0-9.-]+(:[0-9]{1,5})?$")]
TOLD: Final = frozenset({ReceiptKind.SHOWN, ReceiptKind.CLICKED})


class WebPushOptions(BaseModel):
    """How push services find somebody, and which of them are used."""

    model_config = ConfigDict(extra="forbid")

    contact: Annotated[
        str,
        StringConstraints(
            max_length=200,
            pattern=r"^(mailto:[^\s@]+@[^\s@]+\.[^\s@]+|https://[a-z0-9.-]+\.[a-z]{2,}(/\S*)?)$",
        ),
    ] = Field(
        description="mailto: or https: address of whoever runs this. Push services refuse one that cannot be true"
    )
    hosts: Annotated[list[Host], Field(min_length=1, max_length=50)] = Field(
        default=list(KNOWN_HOSTS),
        description="Push services that browsers may name; *. stands for any name below",
    )


class WebPushSecrets(BaseModel):
    """The key that browsers subscribe with; left out, it is made. With another one every subscription ends."""

    model_config = ConfigDict(extra="forbid")

    private_key: str = Field(default_factory=new_private_key)

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, key: str) -> str:
        try:
            private_key_of(key)
        except KeysInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        return key


def build(building: Building) -> WebPushSender:
    """The sender of one provider, with connections of its own.

    Members name the endpoints, so they are held to the public internet, whatever the operator's own providers are.
    """
    given = building.outbound.policy
    policy = OutboundPolicy(
        deadline=given.deadline,
        ports=None,  # the hosts name them
        allows_loopback=given.allows_loopback,
        trust=given.trust,
    )
    return WebPushSender(
        pooled=Pooled(policy=policy, resolve=building.outbound.resolve),
        vapid=Vapid(
            private_key=building.secrets.private_key,
            subject=building.options.contact,
            machine_now=building.now,
        ),
        hosts=tuple(building.options.hosts),
        now=building.business_now,
        machine_now=building.now,
        links=lambda message: links_of(building, message),
    )


def links_of(building: Building, message: Message) -> dict[str, str]:
    """Where a message leads on the member's own page, and where its worker tells what became of it."""
    base = f"/d/{building.district_slug}"
    return {
        "link": f"{base}/offers/{message.offer_id}" if message.offer_id else f"{base}/inbox",
        "tell": f"/v1/districts/{building.district_slug}/receipts/{building.provider_slug}",
        "proof": proof(building.secrets.private_key, message.id),
    }


def proof(private_key: str, delivery_id: uuid.UUID) -> str:
    """What only the browser that could read the message knows of it."""
    key = hashlib.sha256(_PROOF_ABOUT + private_key.encode()).digest()
    return encoded(hmac.digest(key, delivery_id.bytes, hashlib.sha256)[:16])


class _Told(BaseModel):
    id: uuid.UUID
    kind: ReceiptKind
    proof: Annotated[str, Field(max_length=40)]


def receive(building: Building, incoming: Incoming) -> Reply:
    """{"id", "kind": "shown" or "clicked", "proof"}, told by the page's worker. Raises: ReceiptRefused."""
    try:
        told = _Told.model_validate_json(incoming.body)
    except ValidationError:
        raise ReceiptRefused("Send JSON with id, kind and proof.") from None
    if told.kind not in TOLD:
        raise ReceiptRefused("kind is shown or clicked.")
    wanted = proof(building.secrets.private_key, told.id)
    if not hmac.compare_digest(wanted.encode(), told.proof.encode()):
        raise ReceiptRefused("The proof is not this message's.")
    event = ReceiptEvent(key=f"{told.id}:{told.kind}", message_id=str(told.id), kind=told.kind)
    return Reply(events=[event])


KINDS: tuple[Kind, ...] = (
    Kind(
        name=NAME,
        channel=Channel.WEB_PUSH,
        title="Browsers' push services",
        options=WebPushOptions,
        secrets=WebPushSecrets,
        build=build,
        receive=receive,
    ),
)
