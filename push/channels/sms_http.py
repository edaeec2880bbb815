"""Text messages by gateways' HTTP interfaces: one of free text (Twilio's form), two of filed templates (Aliyun, Tencent).

In mainland China a gateway sends nothing but templates that its carriers know: a signature, a template's number, and
what stands in its gaps.
"""

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, urlencode

from push.channels import sms_signatures
from push.channels.filed_texts import FiledText, facts_of, fitting, none_fits
from push.channels.outbound import Answer, NotDelivered, Outbound, TargetRefused
from push.channels.sms_words import whole_text
from push.channels.webhook import classify
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.wording import Language

MOST_ANSWER: Final = 16_384
_K = FailureKind
PAUSE: Final = timedelta(seconds=5)
_TWILIO: Final[Mapping[str, FailureKind]] = {
    "21211": _K.ADDRESS_GONE,
    "21217": _K.ADDRESS_GONE,
    "21614": _K.ADDRESS_GONE,
    "14107": _K.THROTTLED,
    "20429": _K.THROTTLED,
    "21611": _K.THROTTLED,
}
_ALIYUN: Final[Mapping[str, FailureKind]] = {
    "isv.MOBILE_NUMBER_ILLEGAL": _K.ADDRESS_GONE,
    "isv.BUSINESS_LIMIT_CONTROL": _K.MESSAGE_REFUSED,
    "isp.RAM_PERMISSION_DENY": _K.TRANSIENT,
    "isv.AMOUNT_NOT_ENOUGH": _K.TRANSIENT,
    "Throttling": _K.THROTTLED,
    "Throttling.User": _K.THROTTLED,
    "isp.SYSTEM_ERROR": _K.UNKNOWN,
}
_TENCENT: Final[Mapping[str, FailureKind]] = {
    "InvalidParameterValue.IncorrectPhoneNumber": _K.ADDRESS_GONE,
    "FailedOperation.InsufficientBalanceInSmsPackage": _K.TRANSIENT,
    "RequestLimitExceeded": _K.THROTTLED,
    "LimitExceeded.DeliveryFrequencyLimit": _K.THROTTLED,
    "LimitExceeded.PhoneNumberOneHourLimit": _K.MESSAGE_REFUSED,
    "InternalError": _K.UNKNOWN,
    "InternalError.Timeout": _K.UNKNOWN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The template that a message goes by, its signature, and what goes into its gaps in their order."""

    number: str
    signature: str
    gaps: Mapping[str, str]
    in_order: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """What a gateway has on file for us. code and text are templates of one gap, the latter for a whole message; empty:
    none is filed. texts are those that the district keeps with their filings.
    """

    signature: str
    code: str = ""
    text: str = ""
    code_gap: str = "code"
    text_gap: str = "text"
    texts: Sequence[FiledText] = ()

    def fitting(self, message: Message) -> Chosen | None:
        """The template for a message; None when none is filed for it."""
        facts = facts_of(message)
        filed = fitting([one for one in self.texts if one.number], facts, message.purpose, message.language)
        if filed is not None:
            values = filed.values(facts)
            in_order = [values[gap] for gap in filed.gaps]
            return Chosen(number=filed.number, signature=filed.signature, gaps=values, in_order=in_order)
        if message.purpose is MessagePurpose.CODE and message.code is not None:
            return self._one_gap(self.code, self.code_gap, message.code)
        return self._one_gap(self.text, self.text_gap, whole_text(message))

    def _one_gap(self, number: str, gap: str, value: str) -> Chosen | None:
        if not number:
            return None
        return Chosen(number=number, signature=self.signature, gaps={gap: value}, in_order=[value])


@dataclass(frozen=True, kw_only=True, slots=True)
class TwilioSender:
    """Posts a form with basic authentication. callback is where the gateway tells what became of it."""

    outbound: Outbound
    base_url: str
    account: str
    token: str = field(repr=False)
    source: str
    callback: str
    signature: str
    now: Callable[[], datetime]

    async def send(self, message: Message) -> Outcome:
        """Post once."""
        form = {"To": message.address, "From": self.source, "Body": whole_text(message, self.signature)}
        if self.callback:
            form["StatusCallback"] = self.callback
        basic = base64.b64encode(f"{self.account}:{self.token}".encode()).decode("ascii")
        headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{self.base_url}/2010-04-01/Accounts/{quote(self.account)}/Messages.json"
        answer = await _posted(self.outbound, url, urlencode(form).encode(), headers)
        if isinstance(answer, Failure):
            return answer
        said = _document(answer)
        if 200 <= answer.status < 300:
            return Receipt(provider_id=str(said.get("sid", ""))[:100])
        known = _TWILIO.get(str(said.get("code", "")))
        return _failed(known, str(said.get("code", ""))) if known else classify(answer, now=self.now())


@dataclass(frozen=True, kw_only=True, slots=True)
class AliyunSender:
    """SendSms of Alibaba Cloud's dysmsapi, 2017-05-25; the delivery's id is its OutId."""

    outbound: Outbound
    base_url: str
    key_id: str
    key_secret: str = field(repr=False)
    templates: Templates
    now: Callable[[], datetime]

    async def send(self, message: Message) -> Outcome:
        """Post once; a message that no filed template fits is refused."""
        chosen = self.templates.fitting(message)
        if chosen is None:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=none_fits(Language.EN))
        asked = {
            "OutId": str(message.id),
            "PhoneNumbers": message.address.removeprefix("+86").removeprefix("+"),
            "SignName": chosen.signature,
            "TemplateCode": chosen.number,
            "TemplateParam": json.dumps(dict(chosen.gaps), ensure_ascii=False),
        }
        query = urlencode(sorted(asked.items()), quote_via=quote, safe="~")
        headers = self._headers(query)
        answer = await _posted(self.outbound, f"{self.base_url}/?{query}", b"", headers)
        if isinstance(answer, Failure):
            return answer
        said = _document(answer)
        code = str(said.get("Code", ""))
        if code == "OK":
            return Receipt(provider_id=str(said.get("BizId", ""))[:100])
        if not code:
            return _unread(answer, now=self.now())
        return _failed(_ALIYUN.get(code, _K.MESSAGE_REFUSED), code)

    def _headers(self, query: str) -> dict[str, str]:
        signed = {
            "host": _host(self.base_url),
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": sha256(b"").hexdigest(),
            "x-acs-date": self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": "2017-05-25",
        }
        proof = sms_signatures.aliyun(
            key_id=self.key_id, key_secret=self.key_secret, query=query, headers=signed, body=b""
        )
        return {name: value for name, value in signed.items() if name != "host"} | {"Authorization": proof}


@dataclass(frozen=True, kw_only=True, slots=True)
class TencentSender:
    """SendSms of Tencent Cloud's sms, 2021-01-11; the delivery's id is its SessionContext."""

    outbound: Outbound
    base_url: str
    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    region: str
    templates: Templates
    now: Callable[[], datetime]

    async def send(self, message: Message) -> Outcome:
        """Post once; a message that no filed template fits is refused."""
        chosen = self.templates.fitting(message)
        if chosen is None:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=none_fits(Language.EN))
        body = json.dumps(
            {
                "PhoneNumberSet": [message.address],
                "SmsSdkAppId": self.app_id,
                "SignName": chosen.signature,
                "TemplateId": chosen.number,
                "TemplateParamSet": list(chosen.in_order),
                "SessionContext": str(message.id),
            },
            ensure_ascii=False,
        ).encode()
        answer = await _posted(self.outbound, f"{self.base_url}/", body, self._headers(body))
        if isinstance(answer, Failure):
            return answer
        said = _document(answer).get("Response")
        return _tencents(said) if isinstance(said, dict) else _unread(answer, now=self.now())

    def _headers(self, body: bytes) -> dict[str, str]:
        now = self.now()
        signed = {"content-type": "application/json; charset=utf-8", "host": _host(self.base_url)}
        proof = sms_signatures.tencent(
            secret_id=self.secret_id,
            secret_key=self.secret_key,
            service="sms",
            headers=signed,
            body=body,
            at=now,
        )
        return {
            "Authorization": proof,
            "Content-Type": signed["content-type"],
            "X-TC-Action": "SendSms",
            "X-TC-Version": "2021-01-11",
            "X-TC-Timestamp": str(int(now.timestamp())),
            "X-TC-Region": self.region,
        }


def _tencents(said: Mapping[str, Any]) -> Outcome:
    """An answer: an error of the whole request, or one entry for the number."""
    entries = said.get("SendStatusSet")
    source = said.get("Error") or (entries[0] if isinstance(entries, list) and entries else {})
    if not isinstance(source, dict) or not source.get("Code"):
        return Failure(kind=_K.UNKNOWN, detail="an answer without a code")
    code = str(source["Code"])
    if code == "Ok":
        return Receipt(provider_id=str(source.get("SerialNo", ""))[:100])
    return _failed(_TENCENT.get(code, _K.MESSAGE_REFUSED), code)


async def _posted(outbound: Outbound, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failure:
    try:
        return await outbound.post(url, body=body, headers=headers, read_bytes=MOST_ANSWER)
    except TargetRefused as refused:
        return Failure(kind=_K.MESSAGE_REFUSED, detail=str(refused))
    except NotDelivered as failed:
        return Failure(kind=_K.UNKNOWN if failed.was_sent else _K.TRANSIENT, detail=str(failed))


def _failed(kind: FailureKind, code: str) -> Failure:
    return Failure(kind=kind, detail=code[:100], retry_after=PAUSE if kind is _K.THROTTLED else None)


def _unread(answer: Answer, *, now: datetime) -> Outcome:
    """An answer that is none of the gateway's documents: by its status, and never as taken."""
    outcome = classify(answer, now=now)
    return outcome if isinstance(outcome, Failure) else Failure(kind=_K.UNKNOWN, detail="unreadable answer")


def _no_template() -> Failure:
    return Failure(kind=_K.MESSAGE_REFUSED, detail="no filed template for such a message")


def _document(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
