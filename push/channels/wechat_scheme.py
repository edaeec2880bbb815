"""Addresses that open a mini-program from a browser outside WeChat.

Source: developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-scheme/api_generatescheme (30 days at most; one address
may be opened by many; 500,000 new ones a day).
"""

import re
from typing import Final

from push.channels.wechat_api import Refused, TokenApi, text_of
from push.channels.wechat_login import LoginUnavailable
from push.receipts import Failure

PATH: Final = "/wxa/generatescheme"
DAYS: Final = 2
_SCHEME: Final = re.compile(r"weixin://dl/business/\?[A-Za-z0-9=&_.%*+-]{1,500}")
_BY_INTERVAL: Final = 1


async def scheme_of(api: TokenApi, *, path: str, query: str) -> str:
    """An address that opens a page of the account's mini-program, good for DAYS. Raises: LoginUnavailable."""
    document = {
        "jump_wxa": {"path": path, "query": query},
        "expire_type": _BY_INTERVAL,
        "expire_interval": DAYS,
        "is_expire": True,
    }
    answer = await api.call(PATH, document)
    if isinstance(answer, Refused | Failure):
        said = f"errcode {answer.code}" if isinstance(answer, Refused) else answer.detail
        raise LoginUnavailable(said)
    found = text_of(answer, "openlink", longest=600)
    # Browsers are sent there: nothing but WeChat's own scheme is let through.
    if not _SCHEME.fullmatch(found):
        raise LoginUnavailable("an answer without an address")
    return found
