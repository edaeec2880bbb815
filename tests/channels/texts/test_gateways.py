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

from district.channels.kinds import text_reports
from district.channels.kinds.kind import Building, Heard, Incoming, ReceiptKind, ReceiptRefused, Reply
from district.channels.kinds.text_gateways import receive_twilio
from push.channels import sms_signatures
from push.channels.filed_texts import Carrier, FiledText, Filing
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


EVERYWHERE = dict.fromkeys(Carrier, Filing.FILED)
OFFER = FiledText(
    number="SMS_77",
    signature="一号店",
    purpose=MessagePurpose.MARKETING,
    language=Language.ZH,
    text="{store}：{title}，{store}等你 {link} 拒收请回复R",
    filings=EVERYWHERE,
)


async def offered(kind: str, answer: Any, texts: list[FiledText], **changes: Any) -> tuple[Outcome, Gateway]:
    gateway = Gateway(answer)
    values: dict[str, Any] = {
        "purpose": MessagePurpose.MARKETING,
        "code": None,
        "title": "咖啡八折",
        "link": "https://s.example/m/a",
        "facts": {"store": "中央店"},
    }
    async with sender(gateway, kind, replace(FILED, text="", texts=texts)) as made:
        return await made.send(message(**(values | changes))), gateway


async def test_aliyun_gets_the_filed_text_that_fits_by_the_names_of_its_gaps() -> None:
    outcome, gateway = await offered("aliyun", {"Code": "OK", "BizId": "9"}, [OFFER])
    assert outcome == Receipt(provider_id="9")
    query = gateway.asked[0][0].query_params
    assert (query["SignName"], query["TemplateCode"]) == ("一号店", "SMS_77")
    assert json.loads(query["TemplateParam"]) == {
        "store": "中央店",
        "title": "咖啡八折",
        "link": "https://s.example/m/a",
    }


async def test_tencent_gets_the_gaps_in_their_order_one_for_each_place() -> None:
    answer = {"Response": {"SendStatusSet": [{"Code": "Ok", "SerialNo": "5"}]}}
    outcome, gateway = await offered("tencent", answer, [OFFER])
    assert outcome == Receipt(provider_id="5")
    asked = json.loads(gateway.asked[0][1])
    assert (asked["SignName"], asked["TemplateId"]) == ("一号店", "SMS_77")
    assert asked["TemplateParamSet"] == ["中央店", "咖啡八折", "中央店", "https://s.example/m/a"]


@pytest.mark.parametrize("kind", ["aliyun", "tencent"])
async def test_nothing_goes_out_by_a_text_that_is_not_on_file_everywhere_or_has_no_number(kind: str) -> None:
    for text in (replace(OFFER, filings={}), replace(OFFER, number="")):
        outcome, gateway = await offered(kind, {}, [text])
        assert isinstance(outcome, Failure)
        assert outcome.kind is K.MESSAGE_REFUSED
        assert gateway.asked == []


async def test_a_filed_text_for_codes_goes_before_the_one_of_the_options() -> None:
    code = replace(OFFER, number="SMS_78", purpose=MessagePurpose.CODE, text="验证码{code}")
    _, gateway = await offered(
        "aliyun", {"Code": "OK"}, [code], purpose=MessagePurpose.CODE, code="654321", title=""
    )
    query = gateway.asked[0][0].query_params
    assert (query["TemplateCode"], json.loads(query["TemplateParam"])) == ("SMS_78", {"code": "654321"})


SECRETS = {"aliyun": SimpleNamespace(key_secret="k"), "tencent": SimpleNamespace(secret_key="k")}
RECEIVE = {"aliyun": text_reports.receive_aliyun, "tencent": text_reports.receive_tencent}


def gateway_building(kind: str) -> Building:
    return Building(
        provider_id="00000000-0000-0000-0000-000000000001",
        district_slug="d",
        district_name="D",
        options=SimpleNamespace(),
        secrets=SECRETS[kind],
        outbound=Outbound(policy=OutboundPolicy()),
        origin="https://d.example",
        now=lambda: NOW,
        monotonic=lambda: 0.0,
        provider_slug="cn",
    )


def posted(kind: str, document: Any, *, key: str | None = None) -> Reply:
    building = gateway_building(kind)
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    own = text_reports.key_of(building.provider_id, "k")
    query = {"key": own if key is None else key}
    incoming = Incoming(method="POST", headers={}, query=query, body=body, received_at=NOW)
    return RECEIVE[kind](building, incoming)


ALIYUN_REPORT = {
    "phone_number": "13800138000",
    "send_time": "2026-05-08 16:59:00",
    "report_time": "2026-05-08 17:00:00",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "900619746936498440^0",
    "out_id": "0196af1e-7a00-7000-8000-000000000001",
}
TENCENT_REPORT = {
    "user_receive_time": "2026-05-08 17:00:00",
    "nationcode": "86",
    "mobile": "13800138000",
    "report_status": "SUCCESS",
    "errmsg": "DELIVRD",
    "description": "用户短信送达成功",
    "sid": "2019:538884",
}


def test_aliyuns_receipts_name_the_delivery_and_chinas_time() -> None:
    failed = ALIYUN_REPORT | {"success": False, "err_code": "MOBILE_NOT_ON_SERVICE"}
    reply = posted("aliyun", [ALIYUN_REPORT, failed])
    first, second = reply.events
    assert (first.message_id, first.kind) == (ALIYUN_REPORT["out_id"], ReceiptKind.DELIVERED)
    assert first.at == NOW
    assert (second.kind, second.detail) == (ReceiptKind.FAILED, "MOBILE_NOT_ON_SERVICE")
    assert first.key != second.key
    assert (reply.status, json.loads(reply.body)) == (200, {"code": 0, "msg": "接收成功"})


def test_tencents_receipts_name_the_serial_number() -> None:
    failed = TENCENT_REPORT | {"report_status": "FAIL", "errmsg": "MK:0001"}
    reply = posted("tencent", [TENCENT_REPORT, failed])
    first, second = reply.events
    assert (first.message_id, first.kind, first.at) == ("2019:538884", ReceiptKind.DELIVERED, NOW)
    assert (second.kind, second.detail) == (ReceiptKind.FAILED, "MK:0001")
    assert json.loads(reply.body) == {"result": 0, "errmsg": "OK"}


@pytest.mark.parametrize("kind", ["aliyun", "tencent"])
def test_a_repeat_has_the_same_key(kind: str) -> None:
    report = {"aliyun": ALIYUN_REPORT, "tencent": TENCENT_REPORT}[kind]
    assert posted(kind, [report]).events == posted(kind, [report]).events


def test_texts_that_people_sent_are_heard_with_the_whole_number() -> None:
    aliyun = {"phone_number": "13800138000", "content": "R", "sequence_id": "1", "send_time": "x"}
    assert posted("aliyun", [aliyun]).heard == [Heard(key="1", sender="13800138000", text="R")]
    tencent = {
        "extend": "1",
        "mobile": "13800138000",
        "nationcode": "86",
        "sign": "s",
        "text": "TD",
        "time": 9,
    }
    assert posted("tencent", tencent).heard == [Heard(key="9", sender="+8613800138000", text="TD")]


@pytest.mark.parametrize("kind", ["aliyun", "tencent"])
@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"[]", ""),
        (b"[]", "0" * 32),
        (b"{", None),
        (b"[" * 5_000, None),
        (b"[" + b"1," * 1_500 + b"1]", None),
    ],
    ids=["no-key", "wrong-key", "no-json", "deep", "many"],
)
def test_what_the_gateway_did_not_post_is_refused(kind: str, body: bytes, key: str | None) -> None:
    with pytest.raises(ReceiptRefused):
        posted(kind, body, key=key)


@pytest.mark.parametrize("kind", ["aliyun", "tencent"])
def test_strange_entries_are_left_out(kind: str) -> None:
    strange = [
        None,
        1,
        {},
        {"success": True},
        {"sid": None, "report_status": 1},
        {"biz_id": {}, "success": 1},
    ]
    reply = posted(kind, strange)
    assert (reply.status, list(reply.events), list(reply.heard)) == (200, [], [])


def test_the_address_to_enter_ends_in_the_key() -> None:
    address = text_reports.aliyun_address(gateway_building("aliyun"))
    start, _, key = address.partition("?key=")
    assert start == "https://d.example/v1/districts/d/receipts/cn"
    assert len(key) == 32
