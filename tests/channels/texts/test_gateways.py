"""HTTP gateways against servers made from the vendors' documents: what is asked, and what each answer means."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from push.channels import sms_signatures
from push.channels.sms_http import Templates
from push.message import MessagePurpose
from push.receipts import Failure, FailureKind, Receipt
from tests.channels.texts.gateway import NOW, Gateway, message, sender, sent

K = FailureKind


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
