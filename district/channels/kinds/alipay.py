"""Alipay life accounts: template messages, and readers who leave."""

import hashlib
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

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
from district.channels.kinds.wechat_options import MOST_TEMPLATES, Pattern, TemplateId, Url
from push.channels import alipay, alipay_events, alipay_signing, wechat_templates
from push.channels.alipay import AlipayApp, AlipaySender
from push.channels.alipay_events import Post, PostRefused
from push.channels.alipay_signing import KeyInvalid
from push.channels.wechat_templates import PatternInvalid, Template, Use
from push.consent import Channel

NAME: Final = "alipay_life"
OLDEST: Final = timedelta(days=1)
"""A notice of longer ago may be a repeat by somebody who saw it: Alipay's own come again within seconds."""
_CHECK, _UNFOLLOW = "verifygw", "unfollow"
KeyText = Annotated[str, StringConstraints(min_length=100, max_length=8_000)]
KeywordName = Annotated[str, StringConstraints(pattern=r"^(first|remark|keyword[1-9])$")]


class LifeTemplate(BaseModel):
    """A template of the life account's, and what goes into its fields."""

    model_config = ConfigDict(extra="forbid")

    id: TemplateId
    uses: Annotated[list[Use], Field(min_length=1, max_length=len(Use))] = Field(
        default=[Use.SERVICE], description="What it was filed for: offer, service, code"
    )
    fields: Annotated[dict[KeywordName, Pattern], Field(min_length=1, max_length=11)] = Field(
        description="What first, keyword1 … and remark hold, such as {title}"
    )

    @field_validator("fields")
    @classmethod
    def _can_be_filled(cls, fields: dict[str, str]) -> dict[str, str]:
        try:
            for field, pattern in fields.items():
                wechat_templates.check_places(field, pattern)
        except PatternInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        return fields


class AlipayOptions(BaseModel):
    """A life account and its templates."""

    model_config = ConfigDict(extra="forbid")

    base_url: Url = alipay.GATEWAY
    authorise_url: Url = alipay.AUTHORISE
    app_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{8,32}$")]
    alipay_public_key: KeyText = Field(
        description="Alipay's public key (RSA2), by which its answers are checked"
    )
    templates: Annotated[list[LifeTemplate], Field(min_length=1, max_length=MOST_TEMPLATES)]

    @field_validator("alipay_public_key")
    @classmethod
    def _is_a_public_key(cls, text: str) -> str:
        try:
            alipay_signing.public_key_of(text)
        except KeyInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        return text


class AlipaySecrets(BaseModel):
    """The application's private key."""

    model_config = ConfigDict(extra="forbid")

    private_key: KeyText

    @field_validator("private_key")
    @classmethod
    def _is_a_private_key(cls, text: str) -> str:
        try:
            alipay_signing.private_key_of(text)
        except KeyInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        return text


def app_of(building: Building) -> AlipayApp:
    """The application at the gateway."""
    options = building.options
    return AlipayApp(
        outbound=building.outbound,
        gateway=options.base_url,
        app_id=options.app_id,
        key=alipay_signing.private_key_of(building.secrets.private_key),
        alipay_key=alipay_signing.public_key_of(options.alipay_public_key),
        now=building.now,
    )


def build(building: Building) -> AlipaySender:
    """The sender of a life account."""
    templates = [
        Template(id=one.id, uses=frozenset(one.uses), fields=one.fields) for one in building.options.templates
    ]
    return AlipaySender(
        app=app_of(building), templates=templates, district=building.district_name, zone=building.zone
    )


async def identify(building: Building, code: str) -> str:
    """The user id behind an authorisation code. Raises: LoginRefused, LoginUnavailable."""
    return await alipay.user_of(app_of(building), code)


def authorise(building: Building, back: str, state: str) -> str:
    """Where a browser is sent."""
    options = building.options
    return alipay.page_url(
        authorise=options.authorise_url, app_id=options.app_id, redirect_uri=back, state=state
    )


def receive(building: Building, incoming: Incoming) -> Reply:
    """The check of the address, and events of the life account, each answered as Alipay wants it. Raises: ReceiptRefused."""
    options = building.options
    try:
        post = alipay_events.read(
            incoming.body, alipay_key=alipay_signing.public_key_of(options.alipay_public_key)
        )
    except PostRefused as refused:
        raise ReceiptRefused(str(refused)) from None
    if post.app_id != options.app_id:
        raise ReceiptRefused("The post is for another application.")
    key = alipay_signing.private_key_of(building.secrets.private_key)
    if post.event == _CHECK:
        return Reply(status=200, body=alipay_events.checked(key), media_type=alipay_events.MEDIA_TYPE)
    if post.at is None or abs(incoming.received_at - post.at) > OLDEST:
        raise ReceiptRefused("The post's time is too far from now; check the clocks.")
    return Reply(
        events=_told(post),
        status=200,
        body=alipay_events.acknowledged(key, post, now=incoming.received_at),
        media_type=alipay_events.MEDIA_TYPE,
    )


def _told(post: Post) -> list[ReceiptEvent]:
    """A reader who unfollows, under each name that Alipay gives him: an application knows one of them."""
    if post.event != _UNFOLLOW or post.at is None:
        return []
    said_at = int(post.at.timestamp() * 1000)
    return [
        ReceiptEvent(
            key=f"unfollow:{hashlib.sha256(user.encode()).hexdigest()[:32]}:{said_at}",
            message_id="",
            kind=ReceiptKind.ADDRESS_GONE,
            at=post.at,
            address=user,
        )
        for user in post.users
    ]


KIND: Final = Kind(
    name=NAME,
    channel=Channel.ALIPAY,
    title="Alipay life account: template messages",
    options=AlipayOptions,
    secrets=AlipaySecrets,
    build=build,
    receive=receive,
    login=Login(identify=identify, authorise=authorise),
)
