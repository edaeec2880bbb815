"""Template messages of an Alipay life account, and whom an authorisation code names.

Source: opendocs.alipay.com, alipay.open.public.message.single.send; alipay.system.oauth.token; common/02km9f (codes of the gateway).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from push.channels import alipay_signing, wechat_templates
from push.channels.outbound import NotDelivered, Outbound, TargetRefused
from push.channels.webhook import classify
from push.channels.wechat_login import LONGEST_CODE, LoginRefused, LoginUnavailable
from push.channels.wechat_templates import Place, Template
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

GATEWAY: Final = "https://openapi.alipay.com/gateway.do"
AUTHORISE: Final = "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm"
SEND: Final = "alipay.open.public.message.single.send"
TOKEN: Final = "alipay.system.oauth.token"  # noqa: S105 a method's name
MOST_ANSWER: Final = 16_384
LONGEST_VALUE: Final = 200
_ZONE: Final = ZoneInfo("Asia/Shanghai")
_COLOUR: Final = "#1677ff"
_DONE: Final = "10000"
_K = FailureKind
_CODES: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {"20000": _K.UNKNOWN, "20001": _K.TRANSIENT, "40003": _K.THROTTLED, "40006": _K.TRANSIENT}
)
_SUB_CODES: Final[Mapping[str, FailureKind]] = MappingProxyType(
    {
        "isp.unknow-error": _K.UNKNOWN,
        "aop.unknow-error": _K.UNKNOWN,
        "isv.invalid-signature": _K.TRANSIENT,
        "isv.invalid-app-id": _K.TRANSIENT,
        "isv.invalid-timestamp": _K.TRANSIENT,
        "isv.missing-signature-key": _K.TRANSIENT,
        "isv.app-call-limited": _K.THROTTLED,
        "isv.method-call-limited": _K.THROTTLED,
    }
)
_PAUSE: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlipayApp:
    """One application at the gateway. now is machine time."""

    outbound: Outbound
    gateway: str
    app_id: str
    key: RSAPrivateKey = field(repr=False)
    alipay_key: RSAPublicKey
    now: Callable[[], datetime]

    async def call(self, method: str, parameters: Mapping[str, str]) -> dict[str, Any] | Failure:
        """The signed answer of a method. One that Alipay did not sign says nothing: the call may have been made."""
        url = f"{self.gateway}?{urlencode({'charset': 'utf-8'})}"
        try:
            answer = await self.outbound.post(
                url,
                body=urlencode(self._signed(method, parameters)).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
                read_bytes=MOST_ANSWER,
            )
        except TargetRefused as refused:
            return Failure(kind=_K.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            return Failure(kind=_K.UNKNOWN if failed.was_sent else _K.TRANSIENT, detail=str(failed))
        outcome = classify(answer, now=self.now())
        return outcome if isinstance(outcome, Failure) else self._read(method, answer.body)

    def _signed(self, method: str, parameters: Mapping[str, str]) -> dict[str, str]:
        asked = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": self.now().astimezone(_ZONE).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            **parameters,
        }
        return {**asked, "sign": alipay_signing.sign(self.key, alipay_signing.content(asked))}

    def _read(self, method: str, body: bytes) -> dict[str, Any] | Failure:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            return Failure(kind=_K.UNKNOWN, detail="unreadable answer")
        name = next(
            (one for one in (f"{method.replace('.', '_')}_response", "error_response") if one in document), ""
        )
        found, signature = document.get(name), document.get("sign")
        if not isinstance(found, dict):
            return Failure(kind=_K.UNKNOWN, detail="unreadable answer")
        text = alipay_signing.node(body, name)
        # A request whose own signature is refused gets an unsigned answer.
        if name != "error_response" or isinstance(signature, str):
            is_alipays = isinstance(signature, str) and alipay_signing.is_signed(
                self.alipay_key, text, signature
            )
            if not is_alipays:
                return Failure(kind=_K.UNKNOWN, detail="an answer that Alipay did not sign")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class AlipaySender:
    """Sends by one life account."""

    app: AlipayApp
    templates: Sequence[Template]
    district: str
    zone: tzinfo

    async def send(self, message: Message) -> Outcome:
        """Call once; without a template that was filed for such a message nothing is sent."""
        found = wechat_templates.fitting(self.templates, message)
        if not found:
            use = wechat_templates.use_of(message)
            return Failure(kind=_K.MESSAGE_REFUSED, detail=f"no template is filed for: {use}")
        document = {"to_user_id": message.address, "template": self._template(found[0], message)}
        asked = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        answer = await self.app.call(SEND, {"biz_content": asked})
        return answer if isinstance(answer, Failure) else _outcome(answer)

    def _template(self, template: Template, message: Message) -> dict[str, Any]:
        words = wechat_templates.words_of(message, district=self.district, zone=self.zone)
        context: dict[str, Any] = {
            name: {"color": _COLOUR, "value": _written(pattern, words.values)}
            for name, pattern in template.fields.items()
        }
        context["head_color"] = _COLOUR
        if message.link:
            context |= {"url": message.link, "action_name": "查看详情"}
        return {"template_id": template.id, "context": context}


def _written(pattern: str, values: Mapping[Place, str]) -> str:
    for place, value in values.items():
        pattern = pattern.replace(f"{{{place}}}", value)
    return " ".join(pattern.split())[:LONGEST_VALUE]


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    code, sub_code = str(answer.get("code", "")), str(answer.get("sub_code", ""))
    if code == _DONE:
        return Receipt(provider_id=str(answer.get("message_id", ""))[:100])
    kind = _SUB_CODES.get(sub_code) or _CODES.get(code, _K.MESSAGE_REFUSED)
    wait = _PAUSE if kind is _K.THROTTLED else None
    return Failure(kind=kind, detail=f"{code} {sub_code}".strip()[:100], retry_after=wait)


async def user_of(app: AlipayApp, code: str) -> str:
    """The user id behind an authorisation code. Raises: LoginRefused, LoginUnavailable."""
    if not 0 < len(code) <= LONGEST_CODE:
        raise LoginRefused("The code is missing or too long.")
    answer = await app.call(TOKEN, {"grant_type": "authorization_code", "code": code})
    if isinstance(answer, Failure):
        raise LoginUnavailable(answer.detail)
    user = answer.get("user_id") or answer.get("open_id")
    if isinstance(user, str) and user.isascii() and user.replace("-", "").replace("_", "").isalnum():
        return user[:128]
    if str(answer.get("code", "")) in {"40002", "40004"}:
        raise LoginRefused("The code is wrong, too old, or was used before.")
    raise LoginUnavailable(f"{answer.get('code', '')} {answer.get('sub_code', '')}"[:100])


def page_url(*, authorise: str, app_id: str, redirect_uri: str, state: str) -> str:
    """Where a browser is sent, to come back to redirect_uri with an auth_code; nothing is asked of the reader."""
    query = {"app_id": app_id, "scope": "auth_base", "redirect_uri": redirect_uri, "state": state}
    return f"{authorise}?{urlencode(query)}"
