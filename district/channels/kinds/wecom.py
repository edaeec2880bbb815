"""WeCom (企业微信): messages to customers, and customers who leave."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from district.channels.kinds.kind import (
    Building,
    Incoming,
    Kind,
    ReceiptEvent,
    ReceiptKind,
    ReceiptRefused,
    Reply,
)
from district.channels.kinds.wechat_options import AppSecret, Url
from district.channels.kinds.wechat_posts import (
    AesKey,
    Token,
    check_entered,
    checked_key,
    checked_time,
    event_of,
)
from push.channels import wechat_crypto, wechat_events
from push.channels.wechat_api import TokenApi
from push.channels.wechat_crypto import Envelope, EnvelopeRefused
from push.channels.wechat_tokens import SharedToken
from push.channels.wecom import CorpTokens, WeComSender
from push.consent import Channel

NAME: Final = "wecom"
_LEFT: Final = frozenset({"del_follow_user", "del_external_contact"})


class WeComOptions(BaseModel):
    """A corporation and the member of staff who sends."""

    model_config = ConfigDict(extra="forbid")

    base_url: Url = "https://qyapi.weixin.qq.com"
    corp_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
    sender: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@-]{1,64}$")] = Field(
        description="User id of the member of staff who sends, by one press in the app"
    )


class WeComSecrets(BaseModel):
    """The secret of customer contact, and what WeCom posts by."""

    model_config = ConfigDict(extra="forbid")

    corp_secret: AppSecret
    token: Token = ""
    aes_key: Annotated[AesKey, AfterValidator(checked_key)] = ""


def build(building: Building) -> WeComSender:
    """The sender of a corporation."""
    options, secret = building.options, building.secrets.corp_secret
    asks = CorpTokens(
        outbound=building.outbound,
        base_url=options.base_url,
        corp_id=options.corp_id,
        secret=secret,
        now=building.now,
    )
    shelf = building.tokens(f"{options.base_url} {options.corp_id} {secret}")
    tokens = SharedToken(shelf=shelf, ask=asks, monotonic=building.monotonic)
    api = TokenApi(outbound=building.outbound, base_url=options.base_url, tokens=tokens, now=building.now)
    return WeComSender(api=api, sender=options.sender)


def receive(building: Building, incoming: Incoming) -> Reply:
    """The sealed check of the address by GET, and sealed events by POST. Raises: ReceiptRefused."""
    check_entered(building)
    try:
        checked_time(incoming)
        if incoming.method == "GET":
            return _echo(building, incoming.query)
        event = event_of(building, incoming, receiver=building.options.corp_id)
    except EnvelopeRefused as refused:
        raise ReceiptRefused(str(refused)) from None
    return Reply(events=_told(event), status=200, body=b"success")


def _echo(building: Building, query: Mapping[str, str]) -> Reply:
    envelope = Envelope(
        token=building.secrets.token,
        key=wechat_crypto.key_of(building.secrets.aes_key),
        receiver=building.options.corp_id,
    )
    plain = envelope.open(
        query.get("echostr", ""),
        given=query.get("msg_signature", ""),
        timestamp=query.get("timestamp", ""),
        nonce=query.get("nonce", ""),
    )
    return Reply(status=200, body=plain)


def _told(event: Mapping[str, str]) -> list[ReceiptEvent]:
    """A customer who left the member of staff, or was left. Source: developer.work.weixin.qq.com/document/path/92130."""
    customer = event.get("ExternalUserID", "")[:128]
    if (
        event.get("Event") != "change_external_contact"
        or event.get("ChangeType") not in _LEFT
        or not customer
    ):
        return []
    who = hashlib.sha256(customer.encode()).hexdigest()[:32]
    key = f"left:{who}:{event.get('CreateTime', '')[:11]}"
    at = wechat_events.at_of(event)
    return [ReceiptEvent(key=key, message_id="", kind=ReceiptKind.ADDRESS_GONE, at=at, address=customer)]


KIND: Final = Kind(
    name=NAME,
    channel=Channel.WECOM,
    title="WeCom: messages to customers",
    options=WeComOptions,
    secrets=WeComSecrets,
    build=build,
    receive=receive,
)
