"""Texts on file: by which one a message goes to a gateway of mainland China, and what stands in its gaps."""

import json
from dataclasses import replace
from typing import Any

import pytest

from push.channels.filed_texts import Carrier, FiledText, Filing
from push.message import MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.wording import Language
from tests.channels.texts.gateway import FILED, Gateway, message, sender

K = FailureKind
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
