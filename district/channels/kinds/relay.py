"""A relay of the operator's own for any channel: it gets signed JSON, and tells in signed JSON what became of it."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from district.channels.kinds.kind import (
    Building,
    Incoming,
    Kind,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from push.channels import signing
from push.channels.outbound import MAX_URL
from push.channels.pooled import Pooled
from push.channels.relay import LONGEST_ID, RelaySender
from push.consent import RINGING, Channel

MOST_EVENTS = 500


class RelayOptions(BaseModel):
    """Where the relay is."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=MAX_URL, pattern=r"^https?://[\x21-\x7e]+$")]


class RelaySecrets(BaseModel):
    """What both sides sign by: whsec_ and 24 to 64 bytes in base64."""

    model_config = ConfigDict(extra="forbid")

    secret: str

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: str) -> str:
        try:
            signing.key_of(secret)
        except signing.SecretInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        return secret


class _Told(BaseModel):
    """One entry of what the relay tells."""

    id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
    kind: ReceiptKind
    at: datetime | None = None
    part: Annotated[int, Field(ge=0, le=255)] = 0
    detail: Annotated[str, Field(max_length=200)] = ""


class _Receipts(BaseModel):
    receipts: Annotated[list[_Told], Field(max_length=MOST_EVENTS)]


def build(building: Building) -> RelaySender:
    """The sender of a relay."""
    return RelaySender(
        pooled=Pooled(policy=building.outbound.policy, resolve=building.outbound.resolve),
        url=building.options.url,
        key=signing.key_of(building.secrets.secret),
        machine_now=building.now,
    )


def receive(building: Building, incoming: Incoming) -> Reply:
    """{"receipts": [{"id", "kind", "at"?, "part"?, "detail"?}]}, signed. Raises: ReceiptRefused."""
    try:
        signing.verify(
            incoming.headers,
            incoming.body,
            secrets=[building.secrets.secret],
            now=incoming.received_at,
        )
        told = _Receipts.model_validate(_document(incoming.body)).receipts
    except signing.SignatureRefused as refused:
        raise ReceiptRefused(str(refused)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise ReceiptRefused(f"/{where}: {first['msg']}") from None
    events = [
        ReceiptEvent(
            key=f"{one.id}:{one.kind}:{one.part}",
            message_id=one.id,
            kind=one.kind,
            at=one.at,
            part=one.part,
            detail=one.detail,
        )
        for one in told
    ]
    return Reply(events=events)


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ReceiptRefused("The body is not JSON.") from None


def _kind(channel: Channel) -> Kind:
    return Kind(
        name=f"relay_{channel.value}",
        channel=channel,
        title="Relay of your own",
        options=RelayOptions,
        secrets=RelaySecrets,
        build=build,
        receive=receive,
    )


KINDS: tuple[Kind, ...] = tuple(_kind(one) for one in Channel if one in RINGING - {Channel.WEBHOOK})
