"""Mini-programs of WeChat: subscribe messages."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from district.channels.kinds.kind import Building, Kind, Login
from district.channels.kinds.wechat_options import AppSecrets, WechatAccount
from district.channels.kinds.wechat_posts import AesKey, Token, checked_key, receive
from push.channels import wechat_scheme
from push.channels.wechat_api import StableTokens, TokenApi
from push.channels.wechat_login import WechatLogin
from push.channels.wechat_mini import MiniProgramSender, Version
from push.channels.wechat_tokens import SharedToken
from push.consent import Channel

NAME: Final = "wechat_mini"


class MiniProgramOptions(WechatAccount):
    """A mini-program and the subscribe messages that it has chosen."""

    version: Version = Field(
        default="formal", description="Which version of the mini-program a message opens"
    )
    home: Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_/-]*$")] = Field(
        default="",
        description="The page that members' browsers open, such as pages/index/index; empty: its first",
    )


class MiniProgramSecrets(AppSecrets):
    """The AppSecret; and what the mini-program posts by, for receipts."""

    token: Token = ""
    aes_key: Annotated[AesKey, AfterValidator(checked_key)] = ""


def api_of(building: Building) -> TokenApi:
    """The interface of a WeChat account, by its shared token."""
    options = building.options
    asks = StableTokens(
        outbound=building.outbound,
        base_url=options.base_url,
        app_id=options.app_id,
        secret=building.secrets.app_secret,
        now=building.now,
    )
    shelf = building.tokens(f"{options.base_url} {options.app_id} {building.secrets.app_secret}")
    tokens = SharedToken(shelf=shelf, ask=asks, monotonic=building.monotonic)
    return TokenApi(outbound=building.outbound, base_url=options.base_url, tokens=tokens, now=building.now)


def build(building: Building) -> MiniProgramSender:
    """The sender of a mini-program."""
    options = building.options
    return MiniProgramSender(
        api=api_of(building),
        templates=[one.template() for one in options.templates],
        grants=building.grants,
        district=building.district_name,
        zone=building.zone,
        version=options.version,
    )


def login_of(building: Building) -> WechatLogin:
    """Who asks WeChat whom a code names."""
    return WechatLogin(
        outbound=building.outbound,
        base_url=building.options.base_url,
        app_id=building.options.app_id,
        secret=building.secrets.app_secret,
        now=building.now,
    )


async def opened(building: Building) -> str:
    """An address that opens the mini-program outside WeChat; its query names the district. Raises: LoginUnavailable."""
    query = f"district={building.district_slug}"
    return await wechat_scheme.scheme_of(api_of(building), path=building.options.home, query=query)


async def identify(building: Building, code: str) -> str:
    """The openid behind wx.login(). Raises: LoginRefused, LoginUnavailable."""
    return await login_of(building).of_mini_program(code)


KIND: Final = Kind(
    name=NAME,
    channel=Channel.MINI_PROGRAM,
    title="WeChat mini-program: subscribe messages",
    options=MiniProgramOptions,
    secrets=MiniProgramSecrets,
    build=build,
    receive=receive,
    login=Login(identify=identify),
)
