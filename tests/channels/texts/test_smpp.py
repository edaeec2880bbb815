"""SMPP against a real message centre: what arrives, what each answer means, and what is told afterwards."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from push import leaving
from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.smpp import Heard, SmppForm, SmppSender
from push.channels.smpp_receipt import Arrival, IdForm, SmppReceipt
from push.channels.smpp_session import SmppAccount
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Receipt
from push.wording import Language
from tests.channels.refusing import refuse
from tests.channels.texts.centre import centre
from tests.push.outbox_world import BASE_MESSAGE

NUMBER = "+358401234567"
LONG = "中央商圈午餐时段全场八折，凭券到店使用🍜。" * 9
K = FailureKind


def message(body: str = "你好", to: str = NUMBER, **changes: Any) -> Message:
    base = replace(
        BASE_MESSAGE,
        id=DeliveryId(uuid.uuid4()),
        channel=Channel.SMS,
        purpose=MessagePurpose.SERVICE,
        language=Language.ZH,
        address=to,
        body=body,
    )
    return replace(base, **changes)


class Told:
    """Keeps what the sender tells; refuses as often as asked."""

    def __init__(self) -> None:
        self.all: list[SmppReceipt | Heard] = []
        self.refusals = 0

    async def __call__(self, one: SmppReceipt | Heard) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError("away")
        self.all.append(one)


@asynccontextmanager
async def sending(
    at: int, told: Told, *, password: str = "", window: int = 10, **form: Any
) -> AsyncIterator[SmppSender]:
    outbound = Outbound(policy=OutboundPolicy(allows_loopback=True))
    sender = SmppSender(
        account=SmppAccount(
            host="127.0.0.1",
            port=at,
            system_id="district",
            password=password,
            is_tls=False,
            window=window,
            answer_within=timedelta(seconds=1),
        ),
        form=SmppForm(source="17123", **form),
        outbound=outbound,
        now=lambda: BASE_MESSAGE.at,
        monotonic=time.monotonic,
        tell=told,
    )
    try:
        yield sender
    finally:
        await sender.close()
        await outbound.close()


def kept(how_many: int) -> Any:
    return lambda one: sum("kept" in said for said in one.said) >= how_many


@pytest.mark.parametrize("is_payload", [False, True], ids=["in-parts", "as-one-payload"])
async def test_a_long_chinese_text_arrives_whole(is_payload: bool) -> None:
    told = Told()
    async with centre() as smsc, sending(smsc.port, told, is_payload=is_payload) as sender:
        outcome = await sender.send(message(LONG))
        taken = smsc.taken
        await smsc.until(kept(len(taken)))
    assert isinstance(outcome, Receipt)
    assert "".join(one["text"] for one in taken) == LONG
    assert {one["coding"] for one in taken} == {8}
    assert len(taken) == (1 if is_payload else 3)
    if not is_payload:
        heads = [bytes.fromhex(one["udh"][0]) for one in taken]
        assert [(head[-2], head[-1]) for head in heads] == [(3, 1), (3, 2), (3, 3)]
        assert len({head[-3] for head in heads}) == 1
    assert [(one.message_id, one.arrival) for one in told.all if isinstance(one, SmppReceipt)] == [
        (outcome.provider_id, Arrival.DELIVERED)
    ]


async def test_letters_of_seven_bits_arrive_as_they_were() -> None:
    body = "50 % off {lunch} [today] ~ 5 € | ä ö å"
    async with centre() as smsc, sending(smsc.port, Told()) as sender:
        await sender.send(message(body, language=Language.EN))
        assert [(one["text"], one["coding"], one["to"], one["from"]) for one in smsc.taken] == [
            (body, 0, NUMBER[1:], "17123")
        ]


async def test_what_may_not_leave_any_more_is_not_submitted() -> None:
    async with centre() as smsc, sending(smsc.port, Told()) as sender:
        for body in ("short", "long " * 60):
            with pytest.raises(leaving.NotLeaving), leaving.asking(refuse):
                await sender.send(message(body, language=Language.EN))
        await sender.send(message("allowed", language=Language.EN))
        assert [one["text"] for one in smsc.taken] == ["allowed"]


async def test_marketing_says_who_sends_and_how_to_refuse() -> None:
    async with centre() as smsc, sending(smsc.port, Told(), signature="中央商圈") as sender:
        await sender.send(message("午餐八折", purpose=MessagePurpose.MARKETING))
        assert [one["text"] for one in smsc.taken] == ["【中央商圈】Lunch for less。午餐八折 拒收请回复R"]


@pytest.mark.parametrize(
    ("last", "kind"),
    [("0404", K.ADDRESS_GONE), ("0003", K.UNKNOWN), ("0004", K.UNKNOWN)],
    ids=["no-such-number", "no-answer", "cut-after-it-was-taken"],
)
async def test_each_failure_is_told_apart(last: str, kind: FailureKind) -> None:
    async with centre() as smsc, sending(smsc.port, Told()) as sender:
        outcome = await sender.send(message(to=f"+35840123{last}"))
        assert isinstance(outcome, Failure)
        assert outcome.kind is kind
        assert isinstance(await sender.send(message()), Receipt)
        again = [one["to"] for one in smsc.taken]
        assert again == ([] if last == "0404" else [f"35840123{last}"]) + [NUMBER[1:]]


@pytest.mark.parametrize("ids", ["same", "hex"])
@pytest.mark.parametrize(
    ("last", "arrival"),
    [("0000", Arrival.DELIVERED), ("0001", Arrival.FAILED), ("0002", Arrival.DELIVERED)],
    ids=["delivered", "undelivered", "before-the-answer"],
)
async def test_receipts_name_the_message_in_any_order_and_form(ids: str, last: str, arrival: Arrival) -> None:
    told = Told()
    form = IdForm.HEX_THEN_DECIMAL if ids == "hex" else IdForm.SAME
    async with centre(ids=ids) as smsc, sending(smsc.port, told, ids=form) as sender:
        outcome = await sender.send(message(to=f"+35840123{last}"))
        await smsc.until(kept(1))
    assert isinstance(outcome, Receipt)
    assert [one for one in told.all if isinstance(one, SmppReceipt)] == [
        SmppReceipt(
            message_id=outcome.provider_id,
            arrival=arrival,
            state="DELIVRD" if arrival is Arrival.DELIVERED else "UNDELIV",
            error="000" if arrival is Arrival.DELIVERED else "001",
            number=f"35840123{last}",
        )
    ]


async def test_parts_whose_receipts_come_first_make_one_receipt() -> None:
    told = Told()
    async with centre() as smsc, sending(smsc.port, told) as sender:
        outcome = await sender.send(message(LONG, to="+358401230002"))
        await smsc.until(kept(3))
    assert isinstance(outcome, Receipt)
    assert [one.message_id for one in told.all if isinstance(one, SmppReceipt)] == [outcome.provider_id]


async def test_what_could_not_be_kept_is_asked_for_again() -> None:
    told = Told()
    told.refusals = 1
    async with centre() as smsc, sending(smsc.port, told) as sender:
        await sender.send(message())
        await smsc.until(kept(1))
        statuses = [one["status"] for one in smsc.said if "kept" in one]
    assert statuses == [8]
    assert told.all == []


async def test_a_reply_is_heard_in_both_alphabets_without_a_message_before() -> None:
    told = Told()
    async with centre() as smsc, sending(smsc.port, told) as sender:
        assert await sender.open()
        for text in ("STOP", "退订"):
            await smsc.hand_on(sender=NUMBER[1:], text=text)
        await smsc.until(lambda one: sum("heard" in said for said in one.said) == 2)
    assert told.all == [Heard(sender=NUMBER[1:], text="STOP"), Heard(sender=NUMBER[1:], text="退订")]


async def test_a_centre_that_is_down_takes_nothing_and_is_used_again_when_back() -> None:
    async with centre() as smsc, sending(smsc.port, Told()) as sender:
        assert isinstance(await sender.send(message()), Receipt)
        port = smsc.port
        await smsc.kill()
        outcomes = [await sender.send(message()) for _ in range(3)]
        # The first may go to a connection whose end was not noticed yet; it is not tried again.
        assert {one.kind for one in outcomes[1:] if isinstance(one, Failure)} == {K.TRANSIENT}
        async with centre(port=port) as back:
            async with asyncio.timeout(90):
                while not isinstance(await sender.send(message()), Receipt):  # noqa: ASYNC110 it backs off
                    await asyncio.sleep(0.05)
            assert len(back.taken) == 1


async def test_a_wrong_password_takes_nothing_and_is_said() -> None:
    async with centre(password="right") as smsc, sending(smsc.port, Told(), password="wrong") as sender:
        outcome = await sender.send(message())
        assert isinstance(outcome, Failure)
        assert (outcome.kind, outcome.detail) == (K.TRANSIENT, "bind refused: 0xe")
        assert smsc.taken == []


async def test_a_throttling_centre_gets_each_message_once() -> None:
    async with centre(per_s=50) as smsc, sending(smsc.port, Told(), window=200) as sender:
        outcomes = await asyncio.gather(*(sender.send(message(str(place))) for place in range(200)))
        kinds = Counter(one.kind if isinstance(one, Failure) else "taken" for one in outcomes)
        assert kinds["taken"] == len(smsc.taken) >= 50
        assert kinds["taken"] + kinds[K.THROTTLED] == 200
        waits = {one.retry_after for one in outcomes if isinstance(one, Failure)}
        assert waits == {timedelta(seconds=1)}


async def test_a_full_window_waits_instead_of_piling_up() -> None:
    async with centre() as smsc, sending(smsc.port, Told(), window=2) as sender:
        assert await sender.open()
        slow = [asyncio.create_task(sender.send(message(to="+358401230003"))) for _ in range(2)]
        await smsc.until(lambda one: len(one.taken) == 2)
        outcome = await sender.send(message())
        assert isinstance(outcome, Failure)
        assert outcome.kind is K.THROTTLED
        await asyncio.gather(*slow)


async def test_nothing_goes_to_an_address_of_this_machine_unless_allowed() -> None:
    async with centre() as smsc, sending(smsc.port, Told()) as sender:
        sender.outbound = Outbound(policy=OutboundPolicy(allows_private=True))
        outcome = await sender.send(message())
        await sender.outbound.close()
        assert isinstance(outcome, Failure)
        assert outcome.kind is K.TRANSIENT
        assert not any("bound" in one for one in smsc.said)


@pytest.mark.parametrize(
    "raw",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, b"\x00\x00\x00\x04" * 8, b"\x00\x00\x00\x10\x80"],
    ids=["http", "all-ones", "too-short", "cut"],
)
async def test_what_is_no_smpp_ends_the_connection(raw: bytes) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, sending(server.sockets[0].getsockname()[1], Told()) as sender:
        outcome = await sender.send(message())
    assert isinstance(outcome, Failure)
    assert outcome.kind is K.TRANSIENT
