"""Notices by a real Mosquitto: kept until their time is over, brought to who was away, there after a restart."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from push.channels.mqtt import Broker, Notice, ScreenPublisher
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.screen_notice import Shop, Teaser, notice
from push.receipts import Failure, FailureKind, Receipt
from tests.channels.certificates import self_signed
from tests.channels.screens.broker import PASSWORD, USER, Mosquitto, mosquitto

K = FailureKind
TOPIC = "shangquan/vallila/stores/node%2F1/now"
HOUR = timedelta(hours=1)


@asynccontextmanager
async def publisher(broker: Mosquitto, **changes: Any) -> AsyncIterator[ScreenPublisher]:
    """Who says notices there."""
    outbound = Outbound(policy=OutboundPolicy(ports=None, allows_loopback=True))
    account = Broker(host=broker.host, port=broker.port, user=USER, password=PASSWORD, is_tls=False)
    given = {name: value for name, value in changes.items() if name != "trust"}
    try:
        yield ScreenPublisher(
            broker=replace(account, **given), outbound=outbound, trust=changes.get("trust", "")
        )
    finally:
        await outbound.close()


@asynccontextmanager
async def screen(
    broker: Mosquitto, name: str = "", *, keeps: bool = False, topic: str = "shangquan/+/stores/+/now"
) -> AsyncIterator[aiomqtt.Client]:
    """A screen that listens to every store."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600 if keeps else 0
    async with aiomqtt.Client(
        broker.host,
        broker.port,
        username=USER,
        password=PASSWORD,
        identifier=name or uuid.uuid4().hex,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=not keeps,
        properties=properties,
    ) as client:
        await client.subscribe(topic, qos=1)
        yield client


async def heard(client: aiomqtt.Client, count: int) -> list[aiomqtt.Message]:
    """So many messages, in their order."""
    found: list[aiomqtt.Message] = []
    async with asyncio.timeout(90):
        async for message in client.messages:
            found.append(message)
            if len(found) == count:
                return found
    raise AssertionError


async def until_gone(broker: Mosquitto, topic: str) -> None:
    """Wait until a topic has nothing for who comes now."""
    async with asyncio.timeout(90):
        while topic in await shown(broker, topic):  # noqa: ASYNC110 the broker's clock ends it
            await asyncio.sleep(0.1)


async def shown(broker: Mosquitto, topic: str = "shangquan/+/stores/+/now") -> dict[str, bytes]:
    """What a screen shows that is switched on now."""
    end = f"end/{uuid.uuid4().hex}"
    found: dict[str, bytes] = {}
    async with screen(broker, topic=topic) as client:
        await client.subscribe(end, qos=1)
        await client.publish(end, b"end", qos=1)
        async with asyncio.timeout(90):
            async for message in client.messages:
                if str(message.topic) == end:
                    return found
                assert message.retain
                found[str(message.topic)] = bytes(message.payload)
    raise AssertionError


async def test_a_screen_that_is_switched_on_later_shows_what_was_said(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publisher(broker) as ours:
        notice = Notice(topic=TOPIC, body=b'{"v":1}', lasts=HOUR)
        assert await ours.publish([notice]) == ([notice], Receipt())
        async with screen(broker) as client:
            (message,) = await heard(client, 1)
    assert (str(message.topic), message.payload, message.qos, message.retain) == (TOPIC, b'{"v":1}', 1, True)
    properties = message.properties.json()  # type: ignore[union-attr]
    assert 3000 <= properties["MessageExpiryInterval"] <= 3600
    assert properties["ContentType"] == "application/json"


async def test_an_empty_notice_clears_a_topic(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publisher(broker) as ours:
        await ours.publish([Notice(topic=TOPIC, body=b"x", lasts=HOUR)])
        assert await shown(broker) == {TOPIC: b"x"}
        await ours.publish([Notice(topic=TOPIC, body=b"", lasts=HOUR)])
        assert await shown(broker) == {}


async def test_a_notice_ends_by_itself(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publisher(broker) as ours:
        short = Notice(topic="shangquan/vallila/stores/1/now", body=b"x", lasts=timedelta(seconds=1))
        long = Notice(topic="shangquan/vallila/stores/2/now", body=b"x", lasts=HOUR)
        await ours.publish([short, long])
        await until_gone(broker, short.topic)
        assert await shown(broker) == {long.topic: b"x"}


async def test_a_screen_that_was_away_gets_every_notice_in_order_but_those_that_ended(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publisher(broker) as ours:
        async with screen(broker, "window-1", keeps=True):
            pass
        ended = Notice(topic=TOPIC, body=b"ended", lasts=timedelta(seconds=1), is_kept=False)
        await ours.publish([ended])
        for number in range(10):
            await ours.publish([Notice(topic=TOPIC, body=b"%d" % number, lasts=HOUR, is_kept=False)])
        marker = "shangquan/vallila/marker/1/now"
        await ours.publish([Notice(topic=marker, body=b"x", lasts=timedelta(seconds=3))])
        await until_gone(broker, marker)  # by then the notice of one second is over, too
        async with screen(broker, "window-1", keeps=True) as client:
            found = await heard(client, 10)
    assert [one.payload for one in found] == [b"%d" % number for number in range(10)]


async def test_what_a_broker_kept_is_there_after_it_starts_again(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publisher(broker) as ours:
        await ours.publish([Notice(topic=TOPIC, body=b"before", lasts=HOUR)])
        await broker.stop()
        taken, outcome = await ours.publish([Notice(topic=TOPIC, body=b"lost", lasts=HOUR)])
        assert taken == []
        assert isinstance(outcome, Failure)
        assert outcome.kind is K.TRANSIENT
        await broker.start()
        assert await shown(broker) == {TOPIC: b"before"}
        _, outcome = await ours.publish([Notice(topic=TOPIC, body=b"after", lasts=HOUR)])
        assert outcome == Receipt()
        assert await shown(broker) == {TOPIC: b"after"}


async def test_many_stores_are_told_in_one_go(tmp_path: Path) -> None:
    notices = [
        Notice(topic=f"shangquan/vallila/stores/{number}/now", body=b"%d" % number, lasts=HOUR)
        for number in range(400)
    ]
    async with mosquitto(tmp_path) as broker, publisher(broker) as ours:
        taken, outcome = await ours.publish(notices)
        assert outcome == Receipt()
        assert len(taken) == 400
        assert await shown(broker) == {one.topic: one.body for one in notices}


async def test_a_wrong_password_is_told_and_says_nothing_of_itself(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, publisher(broker, password="wrong-password") as ours:
        taken, outcome = await ours.publish([Notice(topic=TOPIC, body=b"x", lasts=HOUR)])
    assert taken == []
    assert isinstance(outcome, Failure)
    assert outcome.kind is K.TRANSIENT
    assert "wrong-password" not in outcome.detail


async def test_what_a_broker_does_not_let_us_write_is_not_held_to_be_said(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(f"user {USER}\ntopic write shangquan/vallila/stores/own/now\ntopic read #\n")
    rules.chmod(0o600)
    async with mosquitto(tmp_path, f"acl_file {rules}") as broker, publisher(broker) as ours:
        own = Notice(topic="shangquan/vallila/stores/own/now", body=b"x", lasts=HOUR)
        taken, outcome = await ours.publish([own, Notice(topic=TOPIC, body=b"x", lasts=HOUR)])
    assert taken == [own]
    assert isinstance(outcome, Failure)


@pytest.mark.parametrize("is_known", [True, False], ids=["ours", "strange"])
async def test_a_brokers_certificate_must_be_its_names(tmp_path: Path, is_known: bool) -> None:
    key, certificate = self_signed(tmp_path, "localhost" if is_known else "elsewhere.example")
    trust = certificate.read_text()
    async with (
        mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {key}") as broker,
        publisher(broker, host="localhost", is_tls=True, trust=trust) as ours,
    ):
        _, outcome = await ours.publish([Notice(topic=TOPIC, body=b"x", lasts=HOUR)])
    assert isinstance(outcome, Receipt if is_known else Failure)


async def test_a_broker_on_this_machine_is_refused_where_that_is_not_allowed() -> None:
    outbound = Outbound(policy=OutboundPolicy(ports=None))
    account = Broker(host="127.0.0.1", port=1, is_tls=False)
    taken, outcome = await ScreenPublisher(broker=account, outbound=outbound).publish(
        [Notice(topic=TOPIC, body=b"x", lasts=HOUR)]
    )
    await outbound.close()
    assert taken == []
    assert isinstance(outcome, Failure)
    assert outcome.kind is K.MESSAGE_REFUSED


def test_json_is_what_screens_read() -> None:
    shop = Shop(ref="node/1", name="Zio", name_zh="店")
    teasers = [
        Teaser(id=str(number), title={"en": "Lunch", "zh": ""}, text={"zh": "午餐"}, until=None)
        for number in range(12)
    ]
    document = json.loads(notice(shop, teasers))
    assert document["store"] == {"ref": "node/1", "name": {"en": "Zio", "zh": "店"}}
    assert [one["id"] for one in document["offers"]] == [str(number) for number in range(10)]
    assert document["offers"][0] == {"id": "0", "title": {"en": "Lunch"}, "text": {"zh": "午餐"}}
    assert notice(shop, []) == b""
