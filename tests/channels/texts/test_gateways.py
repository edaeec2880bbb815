"""HTTP gateways against servers made from the vendors' documents: what is asked, and what each answer means."""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from district.channels.kinds.kind import Building, Heard, Incoming, ReceiptKind, ReceiptRefused
from district.channels.kinds.text_gateways import receive_twilio
from push.channels import sms_signatures
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.sms_http import AliyunSender, Templates, TencentSender, TwilioSender
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.wording import Language
from tests.district.deliveries.servers import served
from tests.push.outbox_world import BASE_MESSAGE

K = FailureKind
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
FILED = Templates(signature="中央商圈", code="SMS_1", text="SMS_2")


@dataclass
class Gateway:
    """Answers everything alike and keeps what it was asked."""

    answer: Any
    status: int = 200
    asked: list[tuple[Request, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.asked.append((request, await request.body()))
        made = (
            Response(self.answer, self.status)
            if isinstance(self.answer, bytes)
            else JSONResponse(self.answer, self.status)
        )
        await made(scope, receive, send)


@asynccontextmanager
async def sender(gateway: Gateway, kind: str, templates: Templates = FILED) -> AsyncIterator[Any]:
    outbound = Outbound(policy=OutboundPolicy(allows_loopback=True))
    async with served(gateway) as address:
        shared: dict[str, Any] = {"outbound": outbound, "base_url": address, "now": lambda: NOW}
        if kind == "twilio":
            yield TwilioSender(
                **shared,
                account="AC1",
                token="t",
                source="+15005550006",
                callback="https://x/cb",
                signature="",
            )
        elif kind == "aliyun":
            yield AliyunSender(**shared, key_id="id", key_secret="key", templates=templates)
        else:
            yield TencentSender(
                **shared,
                secret_id="id",
                secret_key="key",
                app_id="1400",
                region="ap-guangzhou",
                templates=templates,
            )
    await outbound.close()


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": DeliveryId(uuid.uuid4()),
        "channel": Channel.SMS,
        "purpose": MessagePurpose.CODE,
        "code": "123456",
        "address": "+8613800138000",
        "body": "验证码：123456",
        "language": Language.ZH,
    }
    return replace(BASE_MESSAGE, **(values | changes))


async def sent(kind: str, answer: Any, status: int = 200, **changes: Any) -> tuple[Outcome, Gateway, Message]:
    gateway, one = Gateway(answer, status), message(**changes)
    async with sender(gateway, kind) as made:
        return await made.send(one), gateway, one


async def test_twilio_gets_a_form_and_names_the_message() -> None:
    outcome, gateway, _ = await sent("twilio", {"sid": "SM1"}, 201)
    assert outcome == Receipt(provider_id="SM1")
    request, body = gateway.asked[0]
    assert request.url.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["authorization"] == "Basic QUMxOnQ="
    assert dict(parse_qsl(body.decode())) == {
        "To": "+8613800138000",
        "From": "+15005550006",
        "Body": "验证码：123456",
        "StatusCallback": "https://x/cb",
    }


async def test_aliyun_gets_a_signed_template_with_the_code_in_its_gap() -> None:
    outcome, gateway, one = await sent("aliyun", {"Code": "OK", "BizId": "9^0"})
    assert outcome == Receipt(provider_id="9^0")
    request, body = gateway.asked[0]
    asked = dict(request.query_params)
    assert json.loads(asked.pop("TemplateParam")) == {"code": "123456"}
    assert asked == {
        "OutId": str(one.id),
        "PhoneNumbers": "13800138000",
        "SignName": "中央商圈",
        "TemplateCode": "SMS_1",
    }
    signed = {name: value for name, value in request.headers.items() if name.startswith("x-acs-")}
    wanted = sms_signatures.aliyun(
        key_id="id",
        key_secret="key",
        query=request.url.query,
        headers=signed | {"host": request.headers["host"]},
        body=body,
    )
    assert request.headers["authorization"] == wanted


async def test_tencent_gets_a_signed_template_with_the_code_in_its_gap() -> None:
    answer = {"Response": {"SendStatusSet": [{"Code": "Ok", "SerialNo": "5:1"}]}}
    outcome, gateway, one = await sent("tencent", answer)
    assert outcome == Receipt(provider_id="5:1")
    request, body = gateway.asked[0]
    assert json.loads(body) == {
        "PhoneNumberSet": ["+8613800138000"],
        "SmsSdkAppId": "1400",
        "SignName": "中央商圈",
        "TemplateId": "SMS_1",
        "TemplateParamSet": ["123456"],
        "SessionContext": str(one.id),
    }
    wanted = sms_signatures.tencent(
        secret_id="id",
        secret_key="key",
        service="sms",
        headers={name: request.headers[name] for name in ("content-type", "host")},
        body=body,
        at=NOW,
    )
    assert request.headers["authorization"] == wanted


def tencents(code: str) -> dict[str, Any]:
    return {"Response": {"SendStatusSet": [{"Code": code}]}}


@pytest.mark.parametrize(
    ("kind", "answer", "status", "failure"),
    [
        ("twilio", {"code": 21211}, 400, K.ADDRESS_GONE),
        ("twilio", {"code": 20429}, 429, K.THROTTLED),
        ("twilio", {"code": 30034}, 400, K.MESSAGE_REFUSED),
        ("twilio", b"<html>", 500, K.UNKNOWN),
        ("aliyun", {"Code": "isv.MOBILE_NUMBER_ILLEGAL"}, 200, K.ADDRESS_GONE),
        ("aliyun", {"Code": "Throttling.User"}, 400, K.THROTTLED),
        ("aliyun", {"Code": "isv.SMS_TEMPLATE_ILLEGAL"}, 200, K.MESSAGE_REFUSED),
        ("aliyun", b"<html>", 200, K.UNKNOWN),
        ("tencent", tencents("InvalidParameterValue.IncorrectPhoneNumber"), 200, K.ADDRESS_GONE),
        ("tencent", tencents("FailedOperation.SignatureIncorrectOrUnapproved"), 200, K.MESSAGE_REFUSED),
        ("tencent", {"Response": {"Error": {"Code": "RequestLimitExceeded"}}}, 200, K.THROTTLED),
        ("tencent", {"Response": []}, 200, K.UNKNOWN),
    ],
    ids=str,
)
async def test_each_answer_is_told_apart(kind: str, answer: Any, status: int, failure: FailureKind) -> None:
    outcome, _, _ = await sent(kind, answer, status)
    assert isinstance(outcome, Failure)
    assert outcome.kind is failure


async def test_marketing_without_a_filed_template_is_not_sent() -> None:
    gateway = Gateway({"Code": "OK"})
    offer = message(purpose=MessagePurpose.MARKETING, code=None, body="午餐八折")
    async with sender(gateway, "aliyun", Templates(signature="中央商圈", code="SMS_1")) as made:
        outcome = await made.send(offer)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, gateway.asked) == (K.MESSAGE_REFUSED, [])
    _, filed, _ = await sent(
        "aliyun", {"Code": "OK"}, purpose=MessagePurpose.MARKETING, code=None, body="午餐"
    )
    asked = dict(filed.asked[0][0].query_params)
    assert json.loads(asked["TemplateParam"]) == {"text": "Lunch for less。午餐 拒收请回复R"}


def told(form: dict[str, str], *, token: str = "t") -> Any:
    building = Building(
        provider_id="1",
        district_slug="centre",
        district_name="Centre",
        options=None,
        secrets=SimpleNamespace(token="t"),
        outbound=Outbound(),
        origin="https://shops.example",
        now=lambda: NOW,
        monotonic=lambda: 0.0,
        provider_slug="sms",
    )
    url = "https://shops.example/v1/districts/centre/receipts/sms"
    signature = sms_signatures.twilio(token=token, url=url, form=form)
    incoming = Incoming(
        method="POST",
        headers={"X-Twilio-Signature": signature},
        query={},
        body=urlencode(form).encode(),
        received_at=NOW,
    )
    return receive_twilio(building, incoming)


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ({"MessageStatus": "delivered"}, ReceiptKind.DELIVERED),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, ReceiptKind.FAILED),
        ({"MessageStatus": "undelivered", "ErrorCode": "30005"}, ReceiptKind.ADDRESS_GONE),
    ],
    ids=["delivered", "switched-off", "no-such-number"],
)
def test_twilios_statuses_are_receipts(form: dict[str, str], kind: ReceiptKind) -> None:
    (event,) = told({"MessageSid": "SM1", **form}).events
    assert (event.message_id, event.kind) == ("SM1", kind)


def test_a_status_on_the_way_tells_nothing_and_a_text_is_heard() -> None:
    assert told({"MessageSid": "SM1", "MessageStatus": "sent"}).events == ()
    heard = told({"MessageSid": "SM2", "From": "+358401234567", "Body": "STOP"}).heard
    assert heard == [Heard(key="SM2", sender="+358401234567", text="STOP")]


def test_a_form_that_the_gateway_did_not_sign_is_refused() -> None:
    with pytest.raises(ReceiptRefused):
        told({"MessageSid": "SM1", "MessageStatus": "delivered"}, token="other")
