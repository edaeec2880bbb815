"""A gateway that sends nothing but filed texts is tried with one of them; without any the page says what to do."""

import json
import re
import secrets
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from district.districts.models import District
from district.settings import Settings
from tests.channels.texts.gateway import Gateway
from tests.district.deliveries.servers import served
from tests.factories import Makers

PAGE, TEXTS = "/operator/channels", "/operator/text-templates"
EVERYWHERE = {f"state-china_{name}": "filed" for name in ("mobile", "unicom", "telecom")}
OFFER = "{store}：{title}，{until}前有效，详情 {link} 拒收请回复R"
TO = "+8613800138000"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Gateways may be on this machine."""
    secret = SecretStr("installation-" + secrets.token_hex(16))
    return settings.model_copy(update={"secret": secret, "provider_allow_loopback": True})


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[Gateway, str]]:
    """One with Alibaba Cloud's interface that takes everything, and where it is."""
    made = Gateway({"Code": "OK", "BizId": "9^0"})
    async with served(made) as address:
        yield made, address


async def provider(operator: httpx.AsyncClient, address: str, **options: str) -> str:
    """The operator enters it; its slug."""
    slug = f"cn-{uuid.uuid4().hex[:8]}"
    form = {
        "kind": "aliyun_sms",
        "slug": slug,
        "name": "短信",
        "options.base_url": address,
        "options.key_id": "id",
        "options.signature": "中央商圈",
        "options.code_gap": "code",
        "options.text_gap": "text",
        "secrets.key_secret": "key",
        "weight": "1",
        "in_flight": "4",
        "is_on": "on",
    } | {f"options.{name}": value for name, value in options.items()}
    answer = await operator.post(PAGE, data=form, params={"lang": "en"})
    assert answer.status_code == 303, answer.text
    return slug


async def file(operator: httpx.AsyncClient, slug: str, **changes: str) -> None:
    """The operator enters a text that every carrier has on file."""
    form = {
        "provider": slug,
        "signature": "中央商圈",
        "purpose": "marketing",
        "language": "zh",
        "text": OFFER,
        "number": "SMS_10",
    }
    answer = await operator.post(TEXTS, data=form | EVERYWHERE | changes)
    assert answer.status_code == 303, answer.text


async def tried(operator: httpx.AsyncClient, slug: str, **values: str) -> httpx.Response:
    return await operator.post(f"{PAGE}/{slug}/test", data={"to": TO} | values, params={"lang": "en"})


def asked(gateway: Gateway) -> tuple[str, str, dict[str, str]]:
    """Signature, template and what stood in its gaps, as the gateway got them last."""
    query = gateway.asked[-1][0].query_params
    return query["SignName"], query["TemplateCode"], json.loads(query["TemplateParam"])


async def test_it_is_tried_with_the_text_that_the_operator_chooses(
    operator: httpx.AsyncClient, gateway: tuple[Gateway, str]
) -> None:
    server, address = gateway
    slug = await provider(operator, address)
    await file(operator, slug)
    await file(operator, slug, number="SMS_11", purpose="code", text="验证码{code}，请勿告诉他人")
    await file(operator, slug, number="SMS_12", **{"state-china_unicom": "unfiled"})
    form = (await operator.get(PAGE, params={"lang": "en"})).text
    assert re.findall(r'<option value="(SMS_\d+)"', form) == ["SMS_10", "SMS_11"]
    answer = await tried(operator, slug, template="SMS_10")
    assert "took the test message" in answer.text
    signature, number, gaps = asked(server)
    assert (signature, number) == ("中央商圈", "SMS_10")
    assert gaps == {
        "store": "示例门店",
        "title": "测试消息",
        "until": "今天21:00",
        "link": "https://example.com",
    }
    assert "took the test message" in (await tried(operator, slug, template="SMS_11")).text
    assert asked(server)[1:] == ("SMS_11", {"code": "000000"})
    assert "took the test message" in (await tried(operator, slug)).text
    assert asked(server)[1] == "SMS_10"


async def test_without_a_text_on_file_nothing_is_asked_and_the_page_says_what_to_do(
    operator: httpx.AsyncClient, gateway: tuple[Gateway, str]
) -> None:
    server, address = gateway
    slug = await provider(operator, address)
    await file(operator, slug, **{"state-china_telecom": "refused"})
    page = (await operator.get(PAGE, params={"lang": "en"})).text
    assert "There is nothing to try it with yet." in page
    assert f"{PAGE}/{slug}/test" not in page
    answer = await tried(operator, slug)
    assert (answer.status_code, "none is with all three carriers yet" in answer.text) == (422, True)
    in_chinese = await operator.post(f"{PAGE}/{slug}/test", data={"to": TO}, params={"lang": "zh"})
    assert "目前没有三家运营商均已报备的模板" in in_chinese.text
    assert not server.asked


async def test_a_text_that_is_not_on_file_is_refused(
    operator: httpx.AsyncClient, gateway: tuple[Gateway, str]
) -> None:
    server, address = gateway
    slug = await provider(operator, address)
    await file(operator, slug)
    answer = await tried(operator, slug, template="SMS_99")
    assert (answer.status_code, "SMS_99" in answer.text) == (422, True)
    assert not server.asked


async def test_templates_of_the_account_itself_are_tried_too(
    operator: httpx.AsyncClient, gateway: tuple[Gateway, str]
) -> None:
    server, address = gateway
    slug = await provider(operator, address, code_template="SMS_1")
    assert "took the test message" in (await tried(operator, slug)).text
    assert asked(server) == ("中央商圈", "SMS_1", {"code": "000000"})
    whole = await provider(operator, address, text_template="SMS_2")
    assert "took the test message" in (await tried(operator, whole, template="SMS_2")).text
    assert asked(server)[1] == "SMS_2"


async def test_by_the_interface_a_conflict_says_what_to_do(
    operator: httpx.AsyncClient, district: District, gateway: tuple[Gateway, str], committed: Makers
) -> None:
    _, address = gateway
    slug = await provider(operator, address)
    path = f"/v1/districts/{district.slug}/channel-providers/{slug}/test"
    answer = await operator.post(path, json={"to": TO})
    assert answer.status_code == 409
    assert "Filed texts" in answer.json()["detail"]
    unknown = await operator.post(path, json={"to": TO, "template": "x" * 61})
    assert unknown.status_code == 422
