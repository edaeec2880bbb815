"""Text messages by a Kannel of one's own, and what it tells by GET: reports, and texts that somebody sent."""

import hmac
import re
from hashlib import sha256
from typing import Annotated, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from district.channels.kinds import text_reports
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
from push.channels import smpp_receipt, sms_codes
from push.channels.email_verp import digest_of
from push.channels.sms_codes import NumberState
from push.channels.sms_kannel import KannelSender
from push.consent import Channel
from push.message import Message

REFUSED: Final = "16"
_KINDS: Final = {"1": ReceiptKind.DELIVERED, "2": ReceiptKind.FAILED, REFUSED: ReceiptKind.FAILED}
_LETTERS: Final = 32
MOST_SAID: Final = 400
_NACK: Final = re.compile(r"NACK/(0x[0-9a-f]{1,8}|[0-9]{1,10})(?![0-9a-z])", re.IGNORECASE)
"""What Kannel says for a message centre that took nothing: its status, and the status's name."""
GoneErrors = Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,10}$")]], Field(max_length=20)]


class KannelOptions(BaseModel):
    """A user of a smsbox."""

    model_config = ConfigDict(extra="forbid")

    base_url: Url = Field(description="Where the smsbox takes messages: http://10.0.0.5:13013")
    username: Word
    source: Source = Field(
        description="What messages come from: +358401234567, a short number, or up to 11 letters"
    )
    signature: Signature = Field(default="", description="Put before every text, in 【】")
    gone_errors: GoneErrors = Field(
        default=[], description="Codes by which receipts say that nobody has the number, as err: has them"
    )


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
        told_at=lambda message: _told_at(building, message),
        now=building.business_now,
    )


def _told_at(building: Building, message: Message) -> str:
    """Kannel's address names its own number in reports, in a form of the message centre's: so ours says which it was."""
    address = callback_of(building)
    if not address:
        return ""
    id_, to = str(message.id), digest_of(message.address).hex()
    known = urlencode({"id": id_, "to": to, "key": _key(building, _about(id_, to))})
    return f"{address}?{known}&type=%d&said=%A"


def _about(id_: str, to: str) -> str:
    """What a report's key is of; none of an earlier version said which number it was."""
    return f"{id_}|{to}" if to else id_


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
    id_, to = asked.get("id", "")[:100], asked.get("to", "")[:64]
    if not hmac.compare_digest(given, _key(building, _about(id_, to)).encode()):
        raise ReceiptRefused("The key of the report does not fit; check the provider's token.")
    type_ = asked.get("type", "")
    kind = _KINDS.get(type_)
    if kind is None:
        return Reply()
    answered = asked.get("said", "")[:MOST_SAID]
    event = ReceiptEvent(key=f"{id_}:{type_}", message_id=id_, kind=kind, detail=_detail(type_, answered))
    digest = bytes.fromhex(to) if to else None
    return Reply(events=[text_reports.of_digest(event, digest, _state(building, type_, answered))])


def _detail(type_: str, said: str) -> str:
    """What operators read: the message centre's own words, where it named a state."""
    state, error = smpp_receipt.said_of(said)
    return f"type {type_} {state} {error}".rstrip()


def _state(building: Building, type_: str, said: str) -> NumberState:
    """What a report says of the number."""
    if type_ == REFUSED:
        refused = _NACK.search(said)
        is_gone = refused is not None and int(refused[1], 0) == sms_codes.INVALID_DESTINATION
        return NumberState.GONE if is_gone else NumberState.OF_NO_NUMBER
    state, error = smpp_receipt.said_of(said)
    return sms_codes.state_of_receipt(state, error, gone_errors=building.options.gone_errors)


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
