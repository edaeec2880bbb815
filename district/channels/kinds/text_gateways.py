"""Text messages by gateways' HTTP interfaces, and what these post back."""

import hmac
from collections.abc import Sequence
from typing import Annotated, Final
from urllib.parse import parse_qsl

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
from push.channels import sms_signatures
from push.channels.filed_texts import FiledText
from push.channels.sms_http import AliyunSender, Templates, TencentSender, TwilioSender
from push.consent import Channel

MOST_FIELDS: Final = 60
_STATUS: Final = {
    "delivered": ReceiptKind.DELIVERED,
    "undelivered": ReceiptKind.FAILED,
    "failed": ReceiptKind.FAILED,
    "read": ReceiptKind.OPENED,
}
Url = Annotated[str, Field(max_length=200, pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$")]
Word = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,100}$")]
Gap = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,20}$")]
Source = Annotated[str, Field(pattern=r"^(\+?[0-9]{3,20}|[A-Za-z0-9][A-Za-z0-9 ]{0,10})$")]
"""A number, or up to eleven letters."""
Signature = Annotated[str, Field(pattern=r"^[^【】\x00-\x1f\x7f]{0,20}$")]


class TwilioOptions(BaseModel):
    """A gateway with Twilio's interface."""

    model_config = ConfigDict(extra="forbid")

    base_url: Url = "https://api.twilio.com"
    account: Word = Field(description="Account SID")
    source: Annotated[str, Field(pattern=r"^(\+?[0-9]{3,20}|[A-Za-z0-9][A-Za-z0-9 ]{0,33})$")] = Field(
        description="A number of the account's, or a messaging service's SID"
    )
    signature: Signature = ""


class TwilioSecrets(BaseModel):
    """The account's token; what the gateway posts back is signed with it."""

    model_config = ConfigDict(extra="forbid")

    token: Word


class _Filed(BaseModel):
    """What is on file at the gateway."""

    model_config = ConfigDict(extra="forbid")

    signature: Annotated[str, Field(pattern=r"^[^【】\x00-\x1f\x7f]{2,20}$")] = Field(
        description="The filed signature, without 【】"
    )
    code_template: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,40}$")] = Field(
        default="", description="Template for one-time codes; its gap holds the code"
    )
    text_template: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{0,40}$")] = Field(
        default="", description="Template whose one gap holds a whole message; empty: only codes are sent"
    )
    code_gap: Gap = "code"
    text_gap: Gap = "text"

    def templates(self, texts: Sequence[FiledText]) -> Templates:
        """What is on file, with the texts that the district keeps."""
        return Templates(
            texts=texts,
            signature=self.signature,
            code=self.code_template,
            text=self.text_template,
            code_gap=self.code_gap,
            text_gap=self.text_gap,
        )


class AliyunOptions(_Filed):
    """Alibaba Cloud's SMS service."""

    base_url: Url = "https://dysmsapi.aliyuncs.com"
    key_id: Word


class AliyunSecrets(BaseModel):
    """The AccessKey's secret."""

    model_config = ConfigDict(extra="forbid")

    key_secret: Word


class TencentOptions(_Filed):
    """Tencent Cloud's SMS service."""

    base_url: Url = "https://sms.tencentcloudapi.com"
    secret_id: Word
    app_id: Word = Field(description="SmsSdkAppId")
    region: Word = "ap-guangzhou"


class TencentSecrets(BaseModel):
    """The SecretId's key."""

    model_config = ConfigDict(extra="forbid")

    secret_key: Word


def callback_of(building: Building) -> str:
    """Where this provider posts to; empty without an address of the installation's own."""
    if not building.origin or not building.provider_slug:
        return ""
    return f"{building.origin}/v1/districts/{building.district_slug}/receipts/{building.provider_slug}"


def build_twilio(building: Building) -> TwilioSender:
    """The sender of a Twilio-like gateway."""
    options = building.options
    return TwilioSender(
        outbound=building.outbound,
        base_url=options.base_url,
        account=options.account,
        token=building.secrets.token,
        source=options.source,
        callback=callback_of(building),
        signature=options.signature,
        now=building.now,
    )


def receive_twilio(building: Building, incoming: Incoming) -> Reply:
    """A status of a message, or a text that somebody sent: a signed form. Raises: ReceiptRefused."""
    try:
        pairs = parse_qsl(incoming.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise ReceiptRefused("The body is not a form.") from None
    form = dict(pairs)
    headers = {name.lower(): value for name, value in incoming.headers.items()}
    given = headers.get("x-twilio-signature", "")
    wanted = sms_signatures.twilio(token=building.secrets.token, url=callback_of(building), form=form)
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise ReceiptRefused("The signature does not fit; check the token, and DISTRICT_PUBLIC_URL.")
    message_id = form.get("MessageSid", "")[:100]
    status = form.get("MessageStatus", "")
    if not status:
        said = Heard(key=message_id, sender=form.get("From", "")[:40], text=form.get("Body", ""))
        return Reply(heard=[said])
    kind = _STATUS.get(status)
    if kind is None:
        return Reply()
    event = ReceiptEvent(
        key=f"{message_id}:{status}",
        message_id=message_id,
        kind=kind,
        detail=form.get("ErrorCode", "")[:20],
    )
    return Reply(events=[text_reports.of_number(event, form.get("To", "")[:40])])


def build_aliyun(building: Building) -> AliyunSender:
    """The sender of an Alibaba Cloud account."""
    options = building.options
    return AliyunSender(
        outbound=building.outbound,
        base_url=options.base_url,
        key_id=options.key_id,
        key_secret=building.secrets.key_secret,
        templates=options.templates(building.texts),
        now=building.now,
    )


def build_tencent(building: Building) -> TencentSender:
    """The sender of a Tencent Cloud account."""
    options = building.options
    return TencentSender(
        outbound=building.outbound,
        base_url=options.base_url,
        secret_id=options.secret_id,
        secret_key=building.secrets.secret_key,
        app_id=options.app_id,
        region=options.region,
        templates=options.templates(building.texts),
        now=building.now,
    )


KINDS: tuple[Kind, ...] = (
    Kind(
        name="twilio_sms",
        channel=Channel.SMS,
        title="Twilio, or a gateway with its interface",
        options=TwilioOptions,
        secrets=TwilioSecrets,
        build=build_twilio,
        receive=receive_twilio,
        callback=callback_of,
    ),
    Kind(
        name="aliyun_sms",
        channel=Channel.SMS,
        title="Alibaba Cloud SMS",
        options=AliyunOptions,
        secrets=AliyunSecrets,
        build=build_aliyun,
        receive=text_reports.receive_aliyun,
        callback=text_reports.aliyun_address,
    ),
    Kind(
        name="tencent_sms",
        channel=Channel.SMS,
        title="Tencent Cloud SMS",
        options=TencentOptions,
        secrets=TencentSecrets,
        build=build_tencent,
        receive=text_reports.receive_tencent,
        callback=text_reports.tencent_address,
    ),
)
