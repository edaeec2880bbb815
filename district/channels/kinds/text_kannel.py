"""Text messages by a Kannel of one's own, and what it tells by GET: reports, and texts that somebody sent."""

import hmac
from hashlib import sha256
from typing import Annotated, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from district.channels.kinds.kind import (
    Building,
    Heard,
    Incoming,
    Kind,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from district.channels.kinds.text_gateways import Signature, Source, Url, Word, callback_of
from push.channels.sms_kannel import KannelSender
from push.consent import Channel
from push.identifiers import DeliveryId

_KINDS: Final = {"1": ReceiptKind.DELIVERED, "2": ReceiptKind.FAILED, "16": ReceiptKind.FAILED}
_LETTERS: Final = 32


class KannelOptions(BaseModel):
    """A user of a smsbox."""

    model_config = ConfigDict(extra="forbid")

    base_url: Url = Field(description="Where the smsbox takes messages: http://10.0.0.5:13013")
    username: Word
    source: Source = Field(
        description="What messages come from: +358401234567, a short number, or up to 11 letters"
    )
    signature: Signature = Field(default="", description="Put before every text, in 【】")


class KannelSecrets(BaseModel):
    """The user's password, and a word of one's own by which its calls are known."""

    model_config = ConfigDict(extra="forbid")

    password: Word
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,100}$")] = Field(
        description="16 letters and digits or more, made up by you"
    )


def build(building: Building) -> KannelSender:
    """The sender of a smsbox's user."""
    options = building.options
    return KannelSender(
        outbound=building.outbound,
        base_url=options.base_url,
        username=options.username,
        password=building.secrets.password,
        source=options.source,
        signature=options.signature,
        told_at=lambda id_: _told_at(building, id_),
        now=building.business_now,
    )


def _told_at(building: Building, id_: DeliveryId) -> str:
    address = callback_of(building)
    if not address:
        return ""
    known = urlencode({"id": str(id_), "key": _key(building, str(id_))})
    return f"{address}?{known}&type=%d"


def _key(building: Building, about: str) -> str:
    return hmac.new(building.secrets.token.encode(), about.encode(), sha256).hexdigest()[:_LETTERS]


def receive(building: Building, incoming: Incoming) -> Reply:
    """A report about a delivery, or a text; each is known by its key. Raises: ReceiptRefused."""
    asked = incoming.query
    given = asked.get("key", "").encode()
    if "text" in asked:
        if not hmac.compare_digest(given, building.secrets.token.encode()):
            raise ReceiptRefused("The key of the get-url is not the provider's token.")
        said = Heard(key=asked.get("mo", "")[:100], sender=asked.get("from", "")[:40], text=asked["text"])
        return Reply(heard=[said])
    id_ = asked.get("id", "")[:100]
    if not hmac.compare_digest(given, _key(building, id_).encode()):
        raise ReceiptRefused("The key of the report does not fit; check the provider's token.")
    type_ = asked.get("type", "")
    kind = _KINDS.get(type_)
    if kind is None:
        return Reply()
    return Reply(
        events=[ReceiptEvent(key=f"{id_}:{type_}", message_id=id_, kind=kind, detail=f"type {type_}")]
    )


KIND: Final = Kind(
    name="kannel_sms",
    channel=Channel.SMS,
    title="Kannel, a gateway of your own",
    options=KannelOptions,
    secrets=KannelSecrets,
    build=build,
    receive=receive,
    callback=callback_of,
)
