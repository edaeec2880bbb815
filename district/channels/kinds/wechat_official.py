"""Official accounts of WeChat: template messages, what became of them, and readers who leave."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from district.channels.kinds.kind import (
    Building,
    Incoming,
    Kind,
    Login,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from district.channels.kinds.wechat_mini import api_of, login_of
from district.channels.kinds.wechat_options import AppSecrets, Url, WechatAccount
from push.channels import wechat_crypto, wechat_events, wechat_login
from push.channels.wechat_crypto import Envelope, EnvelopeRefused
from push.channels.wechat_official import OfficialAccountSender
from push.channels.wechat_templates import Use
from push.consent import Channel

NAME: Final = "wechat_official"
TOLERANCE: Final = timedelta(minutes=10)
_SUCCESS: Final = "success"
_BLOCKED: Final = "failed:user block"


class OfficialOptions(WechatAccount):
    """A service account and the templates that it has chosen."""

    authorise_url: Url = wechat_login.AUTHORISE
    offers: Literal["never", "awaited"] = Field(
        default="never",
        description="WeChat forbids advertising by template message. awaited: a template of a category for coupons "
        "that readers asked for; whoever runs the account answers for it",
    )
    mini_app_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = Field(
        default="", description="AppID of the mini-program that templates' pages belong to"
    )

    @model_validator(mode="after")
    def _advertises_nothing(self) -> Self:
        if self.offers == "never" and any(Use.OFFER in one.uses for one in self.templates):
            raise ValueError(
                "A template message may not advertise: take offer out of uses, or set offers to awaited."
            )
        return self


class OfficialSecrets(AppSecrets):
    """What the account posts by: the token and the EncodingAESKey that were entered at its server address."""

    token: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{3,32}$")]
    aes_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{43}$")]

    @field_validator("aes_key")
    @classmethod
    def _is_a_key(cls, text: str) -> str:
        try:
            wechat_crypto.key_of(text)
        except EnvelopeRefused as refused:
            raise ValueError(str(refused)) from refused
        return text


def build(building: Building) -> OfficialAccountSender:
    """The sender of an official account."""
    options = building.options
    return OfficialAccountSender(
        api=api_of(building),
        templates=[one.template() for one in options.templates],
        district=building.district_name,
        zone=building.zone,
        mini_app_id=options.mini_app_id,
    )


def receive(building: Building, incoming: Incoming) -> Reply:
    """The check of the address by GET, and sealed events by POST. Raises: ReceiptRefused."""
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
        status = event.get("Status", "")
        message_id = event["MsgID"][:100]
        return [
            ReceiptEvent(
                key=f"{message_id}:{status[:40]}",
                message_id=message_id,
                kind=_kind_of(status),
                at=at,
                detail="" if status == _SUCCESS else status[:100],
            )
        ]
    if name == "unsubscribe" and event.get("FromUserName"):
        openid = event["FromUserName"][:128]
        who = hashlib.sha256(openid.encode()).hexdigest()[:32]
        key = f"unsubscribe:{who}:{event.get('CreateTime', '')[:11]}"
        return [ReceiptEvent(key=key, message_id="", kind=ReceiptKind.ADDRESS_GONE, at=at, address=openid)]
    return []


def _kind_of(status: str) -> ReceiptKind:
    if status == _SUCCESS:
        return ReceiptKind.DELIVERED
    return ReceiptKind.STOPPED if status == _BLOCKED else ReceiptKind.FAILED


async def identify(building: Building, code: str) -> str:
    """The openid behind a page's authorisation. Raises: LoginRefused, LoginUnavailable."""
    return await login_of(building).of_page(code)


def authorise(building: Building, back: str, state: str) -> str:
    """Where a browser inside WeChat is sent."""
    options = building.options
    return wechat_login.page_url(
        authorise=options.authorise_url, app_id=options.app_id, redirect_uri=back, state=state
    )


KIND: Final = Kind(
    name=NAME,
    channel=Channel.WECHAT,
    title="WeChat official account: template messages",
    options=OfficialOptions,
    secrets=OfficialSecrets,
    build=build,
    receive=receive,
    login=Login(identify=identify, authorise=authorise),
)
