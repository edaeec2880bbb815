"""WeChat's servers as their documentation describes them: tokens that replace each other, leave that is used up, errors, lag.

developers.weixin.qq.com: getStableAccessToken, sendMessage (subscribe messages), sendTemplateMessage, code2Session, web page
authorisation, generateScheme.
"""

import asyncio
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

APP_ID, APP_SECRET = "wx0123456789abcdef", "a" * 32
ONE_FIELD = {"thing1"}


@dataclass
class Weixin:
    """One account's servers. Everything that is asked is kept before it is answered."""

    lasts_s: int = 7_200
    templates: dict[str, set[str]] = field(default_factory=lambda: {"TEMPLATE-1": ONE_FIELD})
    leave: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What readers allowed, by openid and template: WeChat's own count."""
    followers: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    """Login codes that name an openid, once."""
    scripted: list[int | Response] = field(default_factory=list)
    """Answers to the next sends, before any rule: codes, or whole answers."""
    lag_s: float = 0.0
    token_lag_s: float = 0.0
    token: str = ""
    token_calls: list[bool] = field(default_factory=list)
    """Whether each call for a token was a forced one."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)
    schemes: list[dict[str, Any]] = field(default_factory=list)
    openlink: str = ""
    """What is answered instead of an address of WeChat's."""
    address: str = ""
    most_at_once: int = 0
    _now_asking: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _said: set[tuple[str, str]] = field(default_factory=set)

    def end_token(self) -> None:
        """The token in use ends before its time, as when somebody else asked for one by force."""
        self.token = f"TOKEN-{next(self._numbers)}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        document = json.loads(body) if body else {}
        answer = await self._answer(request, document)
        made = answer if isinstance(answer, Response) else JSONResponse(answer)
        await made(scope, receive, send)

    async def _answer(self, request: Request, document: dict[str, Any]) -> Any:
        path = request.url.path
        if path == "/cgi-bin/stable_token":
            return await self._stable_token(document)
        if path == "/sns/jscode2session":
            return self._whose(request.query_params, "js_code")
        if path == "/sns/oauth2/access_token":
            return self._whose(request.query_params, "code")
        if request.query_params.get("access_token") != self.token or not self.token:
            return {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest"}
        if path == "/cgi-bin/message/subscribe/send":
            return await self._send(document, self._subscribe)
        if path == "/cgi-bin/message/template/send":
            return await self._send(document, self._template)
        if path == "/wxa/generatescheme":
            self.schemes.append(document["jump_wxa"])
            return {
                "errcode": 0,
                "openlink": self.openlink or f"weixin://dl/business/?t=T{len(self.schemes)}",
            }
        return {"errcode": 40066, "errmsg": "invalid url"}

    async def _stable_token(self, document: dict[str, Any]) -> dict[str, Any]:
        self._now_asking += 1
        self.most_at_once = max(self.most_at_once, self._now_asking)
        await asyncio.sleep(self.token_lag_s)
        self._now_asking -= 1
        is_ours = (document["appid"], document["secret"]) == (APP_ID, APP_SECRET)
        if document["grant_type"] != "client_credential" or not is_ours:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        is_forced = document.get("force_refresh", False)
        self.token_calls.append(is_forced)
        if is_forced or not self.token:
            self.token = f"TOKEN-{next(self._numbers)}"
        return {"access_token": self.token, "expires_in": self.lasts_s}

    def _whose(self, query: Any, name: str) -> dict[str, Any]:
        if (query["appid"], query["secret"]) != (APP_ID, APP_SECRET):
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        openid = self.codes.pop(query[name], None)
        if openid is None:
            return {"errcode": 40029, "errmsg": "invalid code"}
        return {"openid": openid, "session_key": "c2Vzc2lvbg==", "unionid": "u-1"}

    async def _send(self, document: dict[str, Any], rule: Any) -> Any:
        self.tried.append(document)
        await asyncio.sleep(self.lag_s)
        if self.scripted:
            answer = self.scripted.pop(0)
            return {"errcode": answer, "errmsg": "scripted"} if isinstance(answer, int) else answer
        code = rule(document)
        if code:
            return {"errcode": code, "errmsg": "refused"}
        self.sent.append(document)
        return {"errcode": 0, "errmsg": "ok", "msgid": 1000 + len(self.sent)}

    def _fits(self, document: dict[str, Any]) -> int:
        fields = self.templates.get(document["template_id"])
        if fields is None:
            return 40037
        data = document["data"]
        too_long = any(name.startswith("thing") and len(one["value"]) > 20 for name, one in data.items())
        return 47003 if set(data) != fields or too_long else 0

    def _subscribe(self, document: dict[str, Any]) -> int:
        if code := self._fits(document):
            return code
        key = (document["touser"], document["template_id"])
        if not document["touser"].startswith("o"):
            return 40003
        said = (document["touser"], json.dumps(document["data"], sort_keys=True))
        if said in self._said:
            return 40241
        if not self.leave[key]:
            return 43101
        self.leave[key] -= 1
        self._said.add(said)
        return 0

    def _template(self, document: dict[str, Any]) -> int:
        if code := self._fits(document):
            return code
        return 0 if document["touser"] in self.followers else 43004
