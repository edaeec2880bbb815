"""What Chinese gateways tell of text messages at the receipts' address: signed by its key, once, in any order."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from district.channels import addresses
from district.channels.kinds.text_reports import key_of
from district.database import new_id
from district.members.models import Member
from district.outbox.models import OutboxMessage
from district.settings import Settings
from push.consent import Channel
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)
NUMBER = "+8613800138000"
STANDING = "SELECT state, reason, failures FROM member_endpoint WHERE district_id = %(d)s AND channel = 'sms'"
SAID = "SELECT channel, granted, source FROM consent WHERE district_id = %(d)s ORDER BY id"
ARRIVED = "SELECT delivered_at IS NOT NULL FROM outbox_message WHERE district_id = %(d)s"
KEPT = "SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SecretStr(SECRET)})


async def told(desk: Desk, provider_id: str, document: Any, *, secret: str = "k" * 20) -> httpx.Response:
    address = f"/v1/districts/{desk.slug}/receipts/cn?key={key_of(provider_id, secret)}"
    return await desk.client.post(address, json=document)


@dataclass
class Line:
    """A provider of mainland China, and a member with a number there."""

    desk: Desk
    ground: Ground
    provider_id: str
    member: Member

    def sent(self) -> str:
        """One text that the provider took; its delivery's id."""
        now = self.ground.clock.now()
        row = OutboxMessage(
            district_id=self.ground.district.id,
            id=new_id(),
            channel="sms",
            purpose="service",
            payload={},
            state="sending",
            member_id=self.member.id,
            due_at=now,
            retry_at=now,
            created_at=now,
            provider_id=uuid.UUID(self.provider_id),
        )
        self.ground.makers.session.add(row)
        self.ground.makers.done()
        return str(row.id)

    async def tell(self, code: str, *, number: str = NUMBER, arrived: bool = False) -> None:
        """The provider tells what became of a text of now."""
        report = {
            "success": arrived,
            "err_code": code,
            "biz_id": uuid.uuid4().hex,
            "out_id": self.sent(),
            "phone_number": number.removeprefix("+86"),
        }
        assert (await told(self.desk, self.provider_id, [report])).status_code == 200

    async def standing(self) -> list[tuple[Any, ...]]:
        """How the number stands."""
        return await self.ground.rows(STANDING)


@pytest.fixture
async def line(desk: Desk, ground: Ground) -> Line:
    made = await desk.ask(
        "POST",
        "channel-providers",
        {
            "slug": "cn",
            "kind": "aliyun_sms",
            "name": "短信",
            "options": {"signature": "中央商圈", "key_id": "LTAI"},
            "secrets": {"key_secret": "k" * 20},
        },
    )
    assert made.status_code == 201, made.text
    return Line(desk, ground, made.json()["id"], ground.member(phone=NUMBER))


async def test_a_receipt_by_the_deliverys_id_is_kept_once(desk: Desk, ground: Ground, line: Line) -> None:
    report = {
        "success": True,
        "err_code": "DELIVERED",
        "biz_id": "9",
        "out_id": line.sent(),
        "report_time": "x",
    }
    refused = await told(desk, line.provider_id, [report], secret="another")
    assert refused.status_code == 401
    assert await ground.rows(ARRIVED) == [(False,)]
    for _ in range(2):
        answer = await told(desk, line.provider_id, [report])
        assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert await ground.rows(ARRIVED) == [(True,)]
    assert await ground.number(KEPT) == 1


async def test_a_number_that_its_carrier_does_not_know_gets_no_more_and_the_page_says_why(
    desk: Desk, ground: Ground, line: Line
) -> None:
    assert await can_be_reached(ground, line.member)
    await line.tell("MK:0001")
    assert await line.standing() == [("gone", "MK:0001", 1)]
    assert not await can_be_reached(ground, line.member)
    for language, words in (("en", "The carrier does not know this number"), ("zh", "运营商处没有这个号码")):
        page = await desk.client.get(
            "/operator/suppressed", headers=desk.headers | {"Accept-Language": language}
        )
        assert words in page.text
        assert "MK:0001" in page.text


async def test_a_number_that_is_off_is_given_up_after_five_days_of_it(ground: Ground, line: Line) -> None:
    for day in range(5):
        await line.tell("MOBILE_NOT_ON_SERVICE")
        await line.tell("MOBILE_NOT_ON_SERVICE")
        assert await line.standing() == [("suspect" if day < 4 else "gone", "MOBILE_NOT_ON_SERVICE", day + 1)]
        assert await can_be_reached(ground, line.member) == (day < 4)
        ground.clock.advance(timedelta(days=1))


async def test_a_text_that_arrives_ends_the_count(ground: Ground, line: Line) -> None:
    for _ in range(4):
        await line.tell("MOBILE_NOT_ON_SERVICE")
        ground.clock.advance(timedelta(days=1))
    await line.tell("DELIVERED", arrived=True)
    assert await line.standing() == []
    await line.tell("MK:0001")
    await line.tell("DELIVERED", arrived=True)
    assert [row[0] for row in await line.standing()] == ["gone"]


@pytest.mark.parametrize("code", ["CONTENT_KEYWORD", "SP_UNKNOWN_ERROR"])
async def test_what_the_number_is_not_to_blame_for_is_not_held_against_it(line: Line, code: str) -> None:
    await line.tell(code)
    assert await line.standing() == []


async def test_a_receipt_of_an_earlier_number_does_not_hit_the_present_one(line: Line) -> None:
    await line.tell("MK:0001", number="+8613800138001")
    assert await line.standing() == []


async def test_who_refuses_at_his_carrier_has_withdrawn_his_consent(ground: Ground, line: Line) -> None:
    await line.tell("USER_REJECT")
    assert (await ground.rows(SAID))[-1] == ("sms", False, "provider:stopped")


async def can_be_reached(ground: Ground, member: Member) -> bool:
    async with ground.pool.connection() as connection:
        found = await addresses.find(connection, ground.info.id, [(member.id, Channel.SMS)], secret=SECRET)
    return bool(found)
