"""What became of tasks of WeCom's members of staff: asked after, kept once, and ended when their time is over."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from district.database import Pool
from district.deliveries.asking import Asking
from district.members import consents, mutes
from district.settings import Settings
from push.consent import Channel, Purpose
from tests.channels.wechat.conftest import Workers
from tests.channels.wechat.corp import CUSTOMER, Corp, enter
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import served
from tests.district.offers.conftest import Ground

OTHER = "woAJ2GCAAAd4uL12hdfsdasassdDmAAAAA"
RECEIPTS = "SELECT kind, detail FROM delivery_receipt WHERE district_id = %(d)s ORDER BY received_at"
SENT = "SELECT state, delivered_at IS NOT NULL FROM outbox_message WHERE district_id = %(d)s AND channel = 'wecom'"
ENDPOINTS = "SELECT address, state FROM member_endpoint WHERE district_id = %(d)s ORDER BY address"
AGAIN = "UPDATE outbox_message SET retry_at = clock_timestamp() WHERE district_id = %(d)s AND channel = 'wecom' RETURNING 1"


@dataclass
class Staff:
    """A corporation whose member of staff has one task, and the worker that asks after it."""

    corp: Corp
    ground: Ground
    asking: Asking
    member: Any
    desk: Desk

    async def ask(self) -> int:
        """Ask once; the pause since the last time is over."""
        await self.ground.rows(AGAIN)
        return await self.asking.ask()


@pytest.fixture
async def staff(
    desk: Desk, ground: Ground, pool: Pool, settings: Settings, workers: Workers
) -> AsyncIterator[Staff]:
    corp = Corp()
    async with served(corp) as address:
        await enter(desk, address)
        member = ground.member(language="zh")
        told = await desk.ask("PUT", f"members/{member.id}/accounts/corp", {"address": CUSTOMER})
        assert told.status_code == 204, told.text
        await ground.issue(ground.draft(ground.campaign(), member, channels=(Channel.WECOM,)))
        await workers.drain()
        assert len(corp.tasks) == 1
        asking = Asking(pool=pool, district=ground.info, settings=settings, clock=ground.clock)
        yield Staff(corp, ground, asking, member, desk)


async def test_a_task_that_waits_tells_nothing_and_is_asked_after_again(staff: Staff) -> None:
    assert await staff.asking.ask() == 0
    assert await staff.asking.ask() == 0
    assert staff.corp.asked == ["msgGCAAA1"]  # the second came before its time
    assert await staff.ask() == 0
    assert staff.corp.asked == ["msgGCAAA1"] * 2
    assert await staff.ground.rows(RECEIPTS) == []


async def test_a_press_of_the_member_of_staff_becomes_a_receipt_once(staff: Staff) -> None:
    staff.corp.carry_out(1, 1, send_time=int(datetime(2026, 5, 1, 9, 30, tzinfo=UTC).timestamp()))
    assert await staff.ask() == 1
    assert await staff.ground.rows(SENT) == [("accepted", True)]
    assert await staff.ask() == 0
    assert len(staff.corp.asked) == 1
    assert await staff.ground.rows(RECEIPTS) == [("delivered", "")]


async def test_workers_that_ask_at_once_ask_once(staff: Staff) -> None:
    staff.corp.carry_out(1, 1)
    other = Asking(
        **{name: getattr(staff.asking, name) for name in ("pool", "district", "settings", "clock")}
    )
    assert await staff.asking.ask() + await other.ask() == 1
    assert staff.corp.asked == ["msgGCAAA1"]


async def test_a_customer_who_is_no_contact_any_more_is_gone_and_no_other(staff: Staff) -> None:
    path = f"members/{staff.member.id}/accounts/corp"
    assert (await staff.desk.ask("PUT", path, {"address": OTHER})).status_code == 204
    staff.corp.carry_out(1, 2)
    assert await staff.ask() == 1
    assert await staff.ground.rows(RECEIPTS) == [("address_gone", "no contact of the member of staff")]
    assert await staff.ground.rows(ENDPOINTS) == [(CUSTOMER, "gone"), (OTHER, "active")]
    assert await staff.ask() == 0


async def test_a_customer_who_had_too_many_gets_the_next_one(staff: Staff) -> None:
    staff.corp.carry_out(1, 3)
    assert await staff.ask() == 1
    assert await staff.ground.rows(RECEIPTS) == [("failed", "too many messages this month")]
    assert await staff.ground.rows(ENDPOINTS) == [(CUSTOMER, "active")]
    assert await staff.ask() == 0


async def test_a_task_that_nobody_sent_ends_with_its_offer(staff: Staff) -> None:
    assert await staff.ask() == 0
    staff.ground.clock.advance(timedelta(days=1))
    assert await staff.ask() == 1
    assert staff.corp.cancelled == ["msgGCAAA1"]
    assert await staff.ground.rows(RECEIPTS) == [("failed", "not sent before its time was over")]
    assert await staff.ask() == 0


async def test_what_was_pressed_in_the_last_moment_is_told_as_it_was(staff: Staff) -> None:
    staff.ground.clock.advance(timedelta(days=1))
    staff.corp.carry_out(1, 1)
    assert await staff.ask() == 1
    assert (staff.corp.cancelled, await staff.ground.rows(RECEIPTS)) == ([], [("delivered", "")])


@pytest.mark.parametrize(
    "answer",
    [
        -1,
        41047,
        {"errcode": 0, "task_list": "no list"},
        {"errcode": 0, "task_list": [7, {"userid": ["x"], "status": 2}]},
        {"errcode": 0},
    ],
    ids=["busy", "unknown-task", "no-list", "strange-lines", "nothing"],
)
async def test_what_wecom_cannot_say_is_asked_later(staff: Staff, answer: Any) -> None:
    staff.corp.carry_out(1, 1)
    staff.corp.answers = [answer]
    assert await staff.ask() == 0
    assert await staff.ask() == 1
    assert await staff.ground.rows(RECEIPTS) == [("delivered", "")]


@pytest.mark.parametrize("line", [{"status": True}, {"status": "1"}, {"status": 9}], ids=str)
async def test_a_state_that_is_not_documented_is_none(staff: Staff, line: dict[str, Any]) -> None:
    staff.corp.carry_out(1, 1)
    staff.corp.results["msgGCAAA1"] |= line
    assert await staff.ask() == 0
    assert await staff.ground.rows(RECEIPTS) == []


@pytest.mark.parametrize("way", ["keyword", "channel", "merchant"])
async def test_a_task_ends_when_its_member_stops_it(staff: Staff, way: str) -> None:
    assert await staff.ask() == 0
    assert await staff.asking.end_stopped() == 0
    stop(staff, way)
    assert await staff.asking.end_stopped() == 1
    assert staff.corp.cancelled == ["msgGCAAA1"]
    assert await staff.ground.rows(RECEIPTS) == [("failed", "not sent before the member stopped it")]
    assert await staff.asking.end_stopped() == 0
    assert staff.corp.cancelled == ["msgGCAAA1"]


async def test_a_no_to_something_else_leaves_the_task(staff: Staff) -> None:
    stop(staff, "email")
    assert await staff.asking.end_stopped() == 0
    assert (staff.corp.asked, staff.corp.cancelled) == ([], [])


async def test_what_was_pressed_before_the_stop_is_told_as_it_was(staff: Staff) -> None:
    staff.corp.carry_out(1, 1)
    stop(staff, "keyword")
    assert await staff.asking.end_stopped() == 1
    assert (staff.corp.cancelled, await staff.ground.rows(RECEIPTS)) == ([], [("delivered", "")])


@pytest.mark.parametrize("answer", [-1, 41093, 45009], ids=["busy", "sent-already", "too-often"])
async def test_a_task_that_could_not_be_ended_is_ended_by_who_asks_later(staff: Staff, answer: int) -> None:
    stop(staff, "keyword")
    staff.corp.cancel_answers = [answer, answer]
    assert await staff.asking.end_stopped() == 0
    assert await staff.ask() == 0
    assert (staff.corp.cancelled, await staff.ground.rows(RECEIPTS)) == ([], [])
    assert await staff.ask() == 1
    assert staff.corp.cancelled == ["msgGCAAA1"]
    assert await staff.ground.rows(RECEIPTS) == [("failed", "not sent before the member stopped it")]


def stop(staff: Staff, way: str) -> None:
    """What a reply, the page of a link, or the privacy page does."""
    ground, member, session = staff.ground, staff.member, staff.ground.makers.session
    if way == "merchant":
        mutes.mute(
            session, ground.info.id, member.id, ground.merchant.id, source="link", at=ground.clock.now()
        )
    elif way == "keyword":
        consents.stop_messages(
            session, ground.info, member, action="keyword", source="sms:x", at=ground.clock.now()
        )
    else:
        channel = Channel.WECOM if way == "channel" else Channel(way)
        consents.decide(
            session,
            ground.info,
            member,
            purpose=Purpose.MARKETING,
            channel=channel,
            granted=False,
            language="zh",
            action="api",
            source="test",
            at=ground.clock.now(),
        )
    session.commit()
