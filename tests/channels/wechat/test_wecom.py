"""WeCom's messages to customers, against a server made from its documentation."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import Response

from district.channels.kinds import wecom
from district.channels.kinds.kind import Building, Incoming, ReceiptKind, ReceiptRefused, Reply
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.wechat_crypto import Envelope, key_of
from push.channels.wecom import LONGEST_TEXT_BYTES, WeComSender
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt
from push.wording import Language
from tests.channels.wechat.conftest import Workers
from tests.channels.wechat.corp import AES_KEY, CORP, CUSTOMER, SECRET, TOKEN, Corp, enter
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import served
from tests.district.offers.conftest import Ground
from tests.push.outbox_world import BASE_MESSAGE

K = FailureKind
NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)


def building(base_url: str, outbound: Outbound, **secrets: str) -> Building:
    options = wecom.WeComOptions(base_url=base_url, corp_id=CORP, sender="zhangsan")
    given = {"corp_secret": SECRET, "token": TOKEN, "aes_key": AES_KEY} | secrets
    return Building(
        provider_id=str(uuid.uuid4()),
        district_slug="centre",
        district_name="中央商圈",
        options=options,
        secrets=wecom.WeComSecrets(**given),
        outbound=outbound,
        origin="https://shops.example",
        now=lambda: NOW,
        monotonic=asyncio.get_running_loop().time,
    )


@dataclass
class World:
    corp: Corp
    sender: WeComSender


@pytest.fixture
async def world() -> AsyncIterator[World]:
    corp, outbound = Corp(), Outbound(policy=OutboundPolicy(allows_loopback=True))
    async with served(corp) as address:
        yield World(corp, wecom.build(building(address, outbound)))
    await outbound.close()


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": DeliveryId(uuid.uuid4()),
        "channel": Channel.WECOM,
        "address": CUSTOMER,
        "title": "午餐八折",
        "body": "今天有效",
        "language": Language.ZH,
        "link": "https://shops.example/m/1",
        "stop_link": "https://shops.example/s/1",
    }
    return replace(BASE_MESSAGE, **(values | changes))


async def test_a_task_names_one_customer_and_carries_the_links(world: World) -> None:
    assert await world.sender.send(message()) == Receipt(provider_id="msgGCAAA1")
    assert world.corp.tasks == [
        {
            "chat_type": "single",
            "external_userid": [CUSTOMER],
            "sender": "zhangsan",
            "text": {"content": "午餐八折\n今天有效\n退订 / unsubscribe: https://shops.example/s/1"},
            "attachments": [
                {
                    "msgtype": "link",
                    "link": {"title": "午餐八折", "desc": "今天有效", "url": "https://shops.example/m/1"},
                }
            ],
        }
    ]


async def test_long_texts_are_cut_between_letters(world: World) -> None:
    await world.sender.send(message(body="很" * 3_000, link=""))
    (task,) = world.corp.tasks
    text = task["text"]["content"]
    assert len(text.encode()) <= LONGEST_TEXT_BYTES
    assert text.endswith("很…")
    assert "attachments" not in task


async def test_the_member_of_staff_whom_the_customer_knows_sends(world: World) -> None:
    await world.sender.send(message(keys={"sender": "lisi"}))
    assert world.corp.tasks[0]["sender"] == "lisi"


async def test_a_token_that_ends_is_asked_for_once_more(world: World) -> None:
    await world.sender.send(message())
    world.corp.token = "TOKEN-of-another-day"
    assert isinstance(await world.sender.send(message()), Receipt)
    assert world.corp.token_calls == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (-1, K.TRANSIENT),
        (40003, K.TRANSIENT),
        (40096, K.ADDRESS_GONE),
        (84061, K.ADDRESS_GONE),
        (45033, K.THROTTLED),
        (45009, K.THROTTLED),
        (41063, K.TRANSIENT),
        (60020, K.TRANSIENT),
        (40058, K.MESSAGE_REFUSED),
        pytest.param(
            {"errcode": 0, "fail_list": [CUSTOMER], "msgid": "m"}, K.MESSAGE_REFUSED, id="not-this-customer"
        ),
        pytest.param(Response(b"", 504), K.UNKNOWN, id="gateway-away"),
        pytest.param(Response(b"[]", 200), K.UNKNOWN, id="no-answer-of-its"),
    ],
    ids=str,
)
async def test_each_answer_is_told_apart(world: World, answer: Any, kind: FailureKind) -> None:
    world.corp.answers = [answer]
    outcome: Outcome = await world.sender.send(message())
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind
    assert world.corp.tasks == []


ENVELOPE = Envelope(token=TOKEN, key=key_of(AES_KEY), receiver=CORP)
LEFT = """<xml><ToUserName><![CDATA[toUser]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>
<CreateTime>1778230800</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[change_external_contact]]></Event>
<ChangeType><![CDATA[{change}]]></ChangeType><UserID><![CDATA[zhangsan]]></UserID>
<ExternalUserID><![CDATA[{customer}]]></ExternalUserID></xml>"""


def received(plain: bytes, *, method: str = "POST", **secrets: str) -> Reply:
    stamp = str(int(NOW.timestamp()))
    text, given = ENVELOPE.seal(plain, timestamp=stamp, nonce="n")
    query = {"timestamp": stamp, "nonce": "n", "msg_signature": given}
    incoming = Incoming(
        method=method,
        headers={},
        query=query | ({"echostr": text} if method == "GET" else {}),
        body=f"<xml><Encrypt><![CDATA[{text}]]></Encrypt></xml>".encode(),
        received_at=NOW,
    )
    given_secrets = {"corp_secret": SECRET, "token": TOKEN, "aes_key": AES_KEY} | secrets
    made = SimpleNamespace(options=SimpleNamespace(corp_id=CORP), secrets=wecom.WeComSecrets(**given_secrets))
    return wecom.receive(made, incoming)  # type: ignore[arg-type]  # what of a building it reads


def test_the_sealed_check_of_the_address_is_answered_in_the_clear() -> None:
    assert received(b"1616140317555161061", method="GET").body == b"1616140317555161061"


def test_a_customer_who_leaves_is_gone() -> None:
    (event,) = received(LEFT.format(change="del_follow_user", customer=CUSTOMER).encode()).events
    assert (event.kind, event.address, event.message_id) == (ReceiptKind.ADDRESS_GONE, CUSTOMER, "")
    assert CUSTOMER not in event.key
    assert received(LEFT.format(change="add_external_contact", customer=CUSTOMER).encode()).events == []


def test_posts_are_refused_where_nothing_was_entered_to_check_them() -> None:
    with pytest.raises(ReceiptRefused, match="token and aes_key"):
        received(b"<xml/>", token="")


async def test_an_operators_system_tells_who_a_customer_is(
    desk: Desk, ground: Ground, workers: Workers
) -> None:
    corp = Corp()
    async with served(corp) as address:
        await enter(desk, address)
        member = ground.member(language="zh")
        path = f"members/{member.id}/accounts/corp"
        told = await desk.ask("PUT", path, {"address": CUSTOMER})
        assert told.status_code == 204, told.text
        await ground.issue(ground.draft(ground.campaign(), member, channels=(Channel.WECOM,)))
        await workers.drain()
        assert [one["external_userid"] for one in corp.tasks] == [[CUSTOMER]]
        assert (await desk.ask("DELETE", path)).status_code == 204
        assert (await desk.ask("DELETE", path)).status_code == 404
        assert (
            await desk.ask("PUT", f"members/{member.id}/accounts/relay", {"address": CUSTOMER})
        ).status_code == 404
