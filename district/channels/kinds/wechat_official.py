"""Official accounts of WeChat: template messages, what became of them, and readers who leave."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from district.channels.kinds.kind import Building, Kind, Login
from district.channels.kinds.wechat_mini import api_of, login_of
from district.channels.kinds.wechat_options import AppSecrets, Url, WechatAccount
from district.channels.kinds.wechat_posts import checked_key, receive
from push.channels import wechat_login
from push.channels.wechat_official import OfficialAccountSender
from push.channels.wechat_templates import Use
from push.consent import Channel

NAME: Final = "wechat_official"


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
    aes_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{43}$"), AfterValidator(checked_key)]


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
