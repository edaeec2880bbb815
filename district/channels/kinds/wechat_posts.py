"""What WeChat posts of an account: the check of the address, sealed events, and what they tell of messages and readers."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import StringConstraints

from district.channels.kinds.kind import (
    Building,
    Incoming,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from push.channels import wechat_crypto, wechat_events
from push.channels.wechat_crypto import Envelope, EnvelopeRefused

Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{0,32}$")]
AesKey = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]{43})?$")]
TOLERANCE: Final = timedelta(minutes=10)
_SUCCESS: Final = "success"
_BLOCKED: Final = "failed:user block"


def checked_key(text: str) -> str:
    """Raises: ValueError for an EncodingAESKey that is none; an empty one is not entered yet."""
    try:
        if text:
            wechat_crypto.key_of(text)
    except EnvelopeRefused as refused:
        raise ValueError(str(refused)) from refused
    return text


def check_entered(building: Building) -> None:
    """Raises: ReceiptRefused while nothing was entered by which a post could be checked."""
    if not building.secrets.token or not building.secrets.aes_key:
        raise ReceiptRefused("Enter token and aes_key of the receiving server first.")


def receive(building: Building, incoming: Incoming) -> Reply:
    """The check of the address by GET, and sealed events by POST. Raises: ReceiptRefused."""
    check_entered(building)
    try:
        checked_time(incoming)
        if incoming.method == "GET":
            return echo(building, incoming.query)
        event = event_of(building, incoming, receiver=building.options.app_id)
    except EnvelopeRefused as refused:
        raise ReceiptRefused(str(refused)) from None
    return Reply(events=_told(event), status=200, body=_SUCCESS.encode())


def echo(building: Building, query: Mapping[str, str]) -> Reply:
    """What WeChat wants to read before it posts. Raises: EnvelopeRefused."""
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    wechat_crypto.check(query.get("signature", ""), building.secrets.token, stamp, nonce)
    return Reply(status=200, body=query.get("echostr", "")[:256].encode())


def event_of(building: Building, incoming: Incoming, *, receiver: str) -> dict[str, str]:
    """A sealed post, opened. Raises: EnvelopeRefused, also for one in the clear: its signature says nothing of its body."""
    sealed = wechat_events.values(incoming.body).get("Encrypt", "")
    if not sealed:
        raise EnvelopeRefused("The post is not encrypted; choose the safe mode.")
    query = incoming.query
    envelope = Envelope(
        token=building.secrets.token, key=wechat_crypto.key_of(building.secrets.aes_key), receiver=receiver
    )
    plain = envelope.open(
        sealed,
        given=query.get("msg_signature", ""),
        timestamp=query.get("timestamp", ""),
        nonce=query.get("nonce", ""),
    )
    return wechat_events.values(plain)


def checked_time(incoming: Incoming) -> None:
    """A post of long ago may be a repeat by somebody who saw it. Raises: EnvelopeRefused."""
    stamp = incoming.query.get("timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
        raise EnvelopeRefused("The post has no timestamp.")
    if abs(incoming.received_at.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise EnvelopeRefused("The post's time is too far from now; check the clocks.")


def _told(event: Mapping[str, str]) -> list[ReceiptEvent]:
    name, at = event.get("Event", ""), wechat_events.at_of(event)
    if name == "TEMPLATESENDJOBFINISH" and event.get("MsgID"):
        return [_sent(event["MsgID"], event.get("Status", ""), at)]
    if name == "subscribe_msg_sent_event" and event.get("MsgID"):
        is_there = event.get("ErrorCode") == "0"
        return [_sent(event["MsgID"], _SUCCESS if is_there else event.get("ErrorStatus", "failed"), at)]
    if name == "unsubscribe" and event.get("FromUserName"):
        openid = event["FromUserName"][:128]
        who = hashlib.sha256(openid.encode()).hexdigest()[:32]
        key = f"unsubscribe:{who}:{event.get('CreateTime', '')[:11]}"
        return [ReceiptEvent(key=key, message_id="", kind=ReceiptKind.ADDRESS_GONE, at=at, address=openid)]
    return []


def _sent(message_id: str, status: str, at: datetime | None) -> ReceiptEvent:
    return ReceiptEvent(
        key=f"{message_id[:100]}:{status[:40]}",
        message_id=message_id[:100],
        kind=_kind_of(status),
        at=at,
        detail="" if status == _SUCCESS else status[:100],
    )


def _kind_of(status: str) -> ReceiptKind:
    if status == _SUCCESS:
        return ReceiptKind.DELIVERED
    return ReceiptKind.STOPPED if status == _BLOCKED else ReceiptKind.FAILED
