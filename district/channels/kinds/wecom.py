"""WeCom (企业微信): messages to customers, what became of them, and customers who leave."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from district.channels.kinds.kind import (
    Asked,
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
from push.channels.email_verp import digest_of
from push.channels.wechat_api import TokenApi
from push.channels.wechat_crypto import Envelope, EnvelopeRefused
from push.channels.wechat_tokens import SharedToken
from push.channels.wecom import CorpTokens, TaskResult, TaskState, WeComSender, WeComTasks
from push.consent import Channel
from push.receipts import Failure

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


_STATES: Final = {
    TaskState.SENT: ReceiptKind.DELIVERED,
    TaskState.NO_CONTACT: ReceiptKind.ADDRESS_GONE,
    TaskState.TOO_MANY: ReceiptKind.FAILED,
}
_WORDS: Final = {
    TaskState.SENT: "",
    TaskState.NO_CONTACT: "no contact of the member of staff",
    TaskState.TOO_MANY: "too many messages this month",
}
CANCELLED: Final = "not sent before its time was over"
STOPPED: Final = "not sent before the member stopped it"


def api_of(building: Building) -> TokenApi:
    """The corporation's interface, with the token that all workers share."""
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
    return TokenApi(outbound=building.outbound, base_url=options.base_url, tokens=tokens, now=building.now)


def build(building: Building) -> WeComSender:
    """The sender of a corporation."""
    return WeComSender(api=api_of(building), sender=building.options.sender)


@dataclass(frozen=True, kw_only=True)
class WeComAsker:
    """Asks after tasks, and ends those that the member of staff should send no more."""

    tasks: WeComTasks

    async def ask(self, asked: Asked) -> Sequence[ReceiptEvent]:
        """One receipt once the task is carried out, or ended; each has the same key whoever asks, and how often."""
        found = await self.tasks.result(asked.message_id)
        if isinstance(found, Failure):
            return []
        if found.state is not TaskState.WAITING:
            return [_receipt(asked, found)]
        if not (asked.is_over or asked.is_stopped) or not await self.tasks.cancel(asked.message_id):
            return []
        return [_event(asked, ReceiptKind.FAILED, STOPPED if asked.is_stopped else CANCELLED)]


def asker(building: Building) -> WeComAsker:
    """Who asks a corporation after its tasks."""
    return WeComAsker(tasks=WeComTasks(api=api_of(building)))


def _receipt(asked: Asked, found: TaskResult) -> ReceiptEvent:
    digest = digest_of(found.customer) if found.customer else None
    return replace(_event(asked, _STATES[found.state], _WORDS[found.state]), at=found.at, address_hash=digest)


def _event(asked: Asked, kind: ReceiptKind, detail: str) -> ReceiptEvent:
    return ReceiptEvent(
        key=f"task:{asked.message_id[:100]}:{kind}", message_id=asked.message_id, kind=kind, detail=detail
    )


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
    ask=asker,
)
