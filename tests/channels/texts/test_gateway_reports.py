"""What gateways post back: receipts of messages, what they say of a number, and texts that people sent."""

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from district.channels.kinds import text_reports
from district.channels.kinds.kind import Building, Heard, Incoming, ReceiptKind, ReceiptRefused, Reply
from district.channels.kinds.text_gateways import receive_twilio
from push.channels import sms_signatures
from push.channels.email_verp import digest_of
from push.channels.outbound import Outbound, OutboundPolicy
from tests.channels.texts.gateway import NOW


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
    (event,) = told({"MessageSid": "SM1", "To": "+358401234567", **form}).events
    assert (event.message_id, event.kind, event.address_hash) == ("SM1", kind, digest_of("+358401234567"))


def test_a_status_on_the_way_tells_nothing_and_a_text_is_heard() -> None:
    assert told({"MessageSid": "SM1", "MessageStatus": "sent"}).events == ()
    heard = told({"MessageSid": "SM2", "From": "+358401234567", "Body": "STOP"}).heard
    assert heard == [Heard(key="SM2", sender="+358401234567", text="STOP")]


def test_a_form_that_the_gateway_did_not_sign_is_refused() -> None:
    with pytest.raises(ReceiptRefused):
        told({"MessageSid": "SM1", "MessageStatus": "delivered"}, token="other")


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
    assert (second.kind, second.detail) == (ReceiptKind.ADDRESS_GONE, "MK:0001")
    assert json.loads(reply.body) == {"result": 0, "errmsg": "OK"}


@pytest.mark.parametrize(
    ("number", "whole"),
    [
        ("13800138000", "+8613800138000"),
        ("+8613800138000", "+8613800138000"),
        ("85212345678", "+85212345678"),
        ("12125550100", "+12125550100"),
    ],
)
def test_aliyuns_numbers_are_known_again_as_members_have_them(number: str, whole: str) -> None:
    off = ALIYUN_REPORT | {"success": False, "err_code": "MOBILE_NOT_ON_SERVICE", "phone_number": number}
    (event,) = posted("aliyun", [off]).events
    assert (event.kind, event.address_hash) == (ReceiptKind.FAILED, digest_of(whole))


@pytest.mark.parametrize(
    ("code", "kind", "is_of_the_number"),
    [
        ("MK:0001", ReceiptKind.ADDRESS_GONE, True),
        ("USER_REJECT", ReceiptKind.STOPPED, True),
        ("EXPIRED", ReceiptKind.FAILED, True),
        ("TC:0007", ReceiptKind.FAILED, False),
    ],
)
def test_a_number_answers_only_for_what_concerns_it(
    code: str, kind: ReceiptKind, is_of_the_number: bool
) -> None:
    (event,) = posted("tencent", [TENCENT_REPORT | {"report_status": "FAIL", "errmsg": code}]).events
    assert event.kind is kind
    assert event.address_hash == (digest_of("+8613800138000") if is_of_the_number else None)


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
