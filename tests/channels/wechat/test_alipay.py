"""A life account of Alipay's, against a gateway made from its documentation: it checks signatures and signs its answers."""

import base64
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.requests import Request
from starlette.responses import Response

from district.channels.kinds import alipay as kind
from district.channels.kinds.kind import Building
from push.channels import alipay_signing
from push.channels.alipay import AlipaySender
from push.channels.alipay_signing import KeyInvalid
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.wechat_login import LoginRefused, LoginUnavailable
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Receipt
from push.wording import Language
from tests.channels.wechat.alipay_keys import APP_ID, USER, pair, private_text, public_text
from tests.district.deliveries.servers import served
from tests.push.outbox_world import BASE_MESSAGE

K = FailureKind
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
SEND, TOKEN = "alipay.open.public.message.single.send", "alipay.system.oauth.token"


@dataclass
class Gateway:
    """Alipay's gateway for one application."""

    answers: list[dict[str, Any] | bytes] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    taken: list[dict[str, Any]] = field(default_factory=list)
    signs_with: str = "alipay"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        answer = self._answer(form)
        await Response(answer, media_type="application/json")(scope, receive, send)

    def _answer(self, form: dict[str, str]) -> bytes:
        signature = form.pop("sign")
        signed = "&".join(f"{name}={form[name]}" for name in sorted(form))
        pair("app").public_key().verify(base64.b64decode(signature), signed.encode(), PKCS1v15(), SHA256())
        fixed = ("app_id", "format", "charset", "sign_type", "version")
        assert [form[name] for name in fixed] == [APP_ID, "JSON", "utf-8", "RSA2", "1.0"]
        assert form["timestamp"] == "2026-05-08 17:00:00"
        if self.answers:
            scripted = self.answers.pop(0)
            return scripted if isinstance(scripted, bytes) else self._signed(form["method"], scripted)
        if form["method"] == TOKEN:
            return self._token(form)
        self.taken.append(json.loads(form["biz_content"]))
        return self._signed(form["method"], {"code": "10000", "msg": "Success"})

    def _token(self, form: dict[str, str]) -> bytes:
        user = self.codes.pop(form["code"], None)
        if user is None:
            return self._signed("error", {"code": "40002", "msg": "x", "sub_code": "isv.code-invalid"})
        return self._signed(TOKEN, {"user_id": user, "access_token": "t", "expires_in": 1})

    def _signed(self, method: str, node: dict[str, Any]) -> bytes:
        text = json.dumps(node, ensure_ascii=False)  # with blanks, as it likes
        raw = pair(self.signs_with).sign(text.encode(), PKCS1v15(), SHA256())
        name = f"{method.replace('.', '_')}_response"
        return f'{{"{name}":{text},"sign":"{base64.b64encode(raw).decode()}"}}'.encode()


@dataclass
class World:
    gateway: Gateway
    building: Building
    sender: AlipaySender


@pytest.fixture
async def world() -> AsyncIterator[World]:
    gateway, outbound = Gateway(), Outbound(policy=OutboundPolicy(allows_loopback=True))
    async with served(gateway) as address:
        options = kind.AlipayOptions.model_validate(
            {
                "base_url": f"{address}/gateway.do",
                "app_id": APP_ID,
                "alipay_public_key": public_text(pair("alipay")),
                "templates": [
                    {
                        "id": "TM000000223",
                        "uses": ["offer"],
                        "fields": {"first": "{title}", "keyword1": "{body}", "remark": "{district}"},
                    }
                ],
            }
        )
        building = Building(
            provider_id=str(uuid.uuid4()),
            district_slug="centre",
            district_name="中央商圈",
            options=options,
            secrets=kind.AlipaySecrets(private_key=private_text(pair("app"))),
            outbound=outbound,
            origin="https://shops.example",
            now=lambda: NOW,
            monotonic=lambda: 0.0,
        )
        yield World(gateway, building, kind.build(building))
    await outbound.close()


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": DeliveryId(uuid.uuid4()),
        "channel": Channel.ALIPAY,
        "address": USER,
        "title": "午餐八折",
        "body": "今天有效 & 仅限堂食",
        "language": Language.ZH,
        "link": "https://shops.example/m/1",
    }
    return replace(BASE_MESSAGE, **(values | changes))


async def test_a_signed_template_goes_out(world: World) -> None:
    assert isinstance(await world.sender.send(message()), Receipt)
    (taken,) = world.gateway.taken
    assert (taken["to_user_id"], taken["template"]["template_id"]) == (USER, "TM000000223")
    context = taken["template"]["context"]
    values = {name: context[name]["value"] for name in ("first", "keyword1", "remark")}
    assert values == {"first": "午餐八折", "keyword1": "今天有效 & 仅限堂食", "remark": "中央商圈"}
    assert context["url"] == "https://shops.example/m/1"


async def test_without_a_template_for_such_a_message_nothing_is_sent(world: World) -> None:
    outcome = await world.sender.send(message(purpose=MessagePurpose.SERVICE))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, world.gateway.taken) == (K.MESSAGE_REFUSED, [])


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"code": "20000", "sub_code": "isp.unknow-error"}, K.UNKNOWN),
        ({"code": "40002", "sub_code": "isv.invalid-signature"}, K.TRANSIENT),
        ({"code": "40003", "sub_code": "isv.app-call-limited"}, K.THROTTLED),
        ({"code": "40004", "sub_code": "PUB.TEMPLATE_NOT_EXIST"}, K.MESSAGE_REFUSED),
        (b"<html>", K.UNKNOWN),
        (b'{"alipay_open_public_message_single_send_response":{"code":"10000"}}', K.UNKNOWN),
    ],
    ids=["unknown", "signature", "limited", "template", "no-json", "unsigned"],
)
async def test_each_answer_is_told_apart(world: World, answer: Any, failure: FailureKind) -> None:
    world.gateway.answers = [answer]
    outcome = await world.sender.send(message())
    assert isinstance(outcome, Failure)
    assert outcome.kind is failure


async def test_an_answer_that_somebody_else_signed_says_nothing(world: World) -> None:
    world.gateway.signs_with = "stranger"
    outcome = await world.sender.send(message())
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.detail) == (K.UNKNOWN, "an answer that Alipay did not sign")


async def test_an_authorisation_code_names_a_user_once(world: World) -> None:
    world.gateway.codes = {"auth-1": USER}
    assert await kind.identify(world.building, "auth-1") == USER
    with pytest.raises(LoginRefused):
        await kind.identify(world.building, "auth-1")
    world.gateway.answers = [b"<html>"]
    with pytest.raises(LoginUnavailable):
        await kind.identify(world.building, "auth-2")


def test_what_is_signed_of_an_answer_is_its_own_text() -> None:
    body = b'{"a_response": {"x": "}\\"{", "y": [1, {"z": 2}]} ,"sign":"s"}'
    assert alipay_signing.node(body, "a_response") == b'{"x": "}\\"{", "y": [1, {"z": 2}]}'
    assert alipay_signing.node(body, "b_response") == b""
    assert alipay_signing.node(b'{"a_response":{"x":', "a_response") == b""


@pytest.mark.parametrize("text", ["", "AAAA", "no base64 at all", "-----BEGIN X-----\n!\n-----END X-----"])
def test_keys_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(KeyInvalid):
        alipay_signing.private_key_of(text)
    with pytest.raises(KeyInvalid):
        alipay_signing.public_key_of(text)


def test_a_short_key_is_refused() -> None:
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    with pytest.raises(KeyInvalid, match="2048"):
        alipay_signing.private_key_of(private_text(short))
