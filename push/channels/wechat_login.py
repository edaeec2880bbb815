"""Whom a login code of WeChat's names: of a mini-program, or of a page that was opened inside WeChat.

Source: developers.weixin.qq.com, "code2Session"; "Web page authorisation" of official accounts.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from push.channels.outbound import Outbound
from push.channels.wechat_api import Document, Refused, asked
from push.errors import PushError
from push.receipts import Failure

AUTHORISE: Final = "https://open.weixin.qq.com/connect/oauth2/authorize"
OPENID: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
LONGEST_CODE: Final = 512
_USED_UP: Final = frozenset({40029, 40163, 41008, 42003})


class LoginRefused(PushError):
    """A code that names nobody: wrong, old, or used before."""


class LoginUnavailable(PushError):
    """The account's server could not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WechatLogin:
    """Asks WeChat, as one account."""

    outbound: Outbound
    base_url: str
    app_id: str
    secret: str = field(repr=False)
    now: Callable[[], datetime]

    async def of_mini_program(self, code: str) -> str:
        """The openid behind wx.login(). Raises: LoginRefused, LoginUnavailable."""
        query = {"appid": self.app_id, "secret": self.secret, "js_code": code}
        return await self._openid("/sns/jscode2session", query)

    async def of_page(self, code: str) -> str:
        """The openid behind a page's authorisation. Raises: LoginRefused, LoginUnavailable."""
        query = {"appid": self.app_id, "secret": self.secret, "code": code}
        return await self._openid("/sns/oauth2/access_token", query)

    async def _openid(self, path: str, query: dict[str, str]) -> str:
        if not 0 < len(query.get("code", query.get("js_code", ""))) <= LONGEST_CODE:
            raise LoginRefused("The code is missing or too long.")
        asking = urlencode({**query, "grant_type": "authorization_code"})
        answer = await asked(self.outbound, f"{self.base_url}{path}?{asking}", body=None, now=self.now)
        return _named(answer)


def _named(answer: Document | Refused | Failure) -> str:
    if isinstance(answer, Refused) and answer.code in _USED_UP:
        raise LoginRefused("The code is wrong, too old, or was used before.")
    if isinstance(answer, Refused | Failure):
        said = f"errcode {answer.code}" if isinstance(answer, Refused) else answer.detail
        raise LoginUnavailable(said)
    openid = answer.get("openid")
    if not isinstance(openid, str) or not OPENID.fullmatch(openid):
        raise LoginUnavailable("an answer without an openid")
    return openid


def page_url(*, authorise: str, app_id: str, redirect_uri: str, state: str) -> str:
    """Where a browser inside WeChat is sent, to come back to redirect_uri with a code; nothing is asked of the reader."""
    query = {
        "appid": app_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": state,
    }
    return f"{authorise}?{urlencode(query)}#wechat_redirect"
