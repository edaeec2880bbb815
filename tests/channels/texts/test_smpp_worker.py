"""A worker with an SMPP account: offers out, receipts and words that end messages in."""

from typing import Any

import pytest

from push.consent import Channel
from tests.channels.texts.centre import Centre, centre
from tests.channels.texts.conftest import Working
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import until
from tests.district.offers.conftest import Ground

NUMBER = "+358401234567"
STANDING = "SELECT state, reason, failures FROM member_endpoint WHERE district_id = %(d)s AND channel = 'sms'"
OFFERED = (Channel.INBOX, Channel.SMS)
SENT = """
SELECT state, reason, delivered_at IS NOT NULL, purpose FROM outbox_message
WHERE district_id = %(d)s AND channel = 'sms' ORDER BY id
"""
SAID = """
SELECT channel, granted, action FROM consent WHERE district_id = %(d)s AND purpose = 'marketing' ORDER BY id
"""


async def account(desk: Desk, smsc: Centre, **options: Any) -> None:
    """An operator enters the account."""
    given = {"host": "127.0.0.1", "port": smsc.port, "tls": False, "system_id": "district", "source": "17123"}
    body = {
        "slug": "operator-one",
        "kind": "smpp",
        "name": "Operator One",
        "options": given | options,
        "secrets": {"password": "secret"},
    }
    made = await desk.ask("POST", "channel-providers", body)
    assert made.status_code == 201, made.text
    assert "secret" not in made.text


async def offer(ground: Ground, member: Any) -> None:
    await ground.issue(ground.draft(ground.campaign(), member, channels=OFFERED))


async def test_an_offer_goes_out_and_its_receipt_comes_back(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with centre(password="secret") as smsc:
        await account(desk, smsc, signature="中央商圈")
        member = ground.member(phone=NUMBER, language="zh")
        await offer(ground, member)

        async def is_told() -> bool:
            return bool(
                await ground.number("SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s")
            )

        async with working():
            await until(is_told)
        assert await ground.rows(SENT) == [("accepted", "", True, "marketing")]
        (taken,) = smsc.taken
        assert taken["text"].startswith("【中央商圈】")
        assert taken["text"].endswith("拒收请回复R")


async def test_a_reply_ends_messages_and_is_confirmed_once(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with centre(password="secret") as smsc:
        await account(desk, smsc)
        member = ground.member(phone=NUMBER, language="zh")
        async with working():
            await smsc.until(lambda one: any("bound" in said for said in one.said))
            for _ in range(2):
                await smsc.hand_on(sender=NUMBER[1:], text="退订")
            await smsc.until(lambda one: sum("heard" in said for said in one.said) == 2)
            await smsc.until(lambda one: len(one.taken) == 1)
            assert (await ground.rows(SAID))[-1] == ("", False, "keyword")
            await offer(ground, member)
            assert {row[3] for row in await ground.rows(SENT)} == {"service"}
        assert [one["text"] for one in smsc.taken] == [
            f"{ground.info.name}：已退订，您不会再收到我们的营销短信。"
        ]


async def test_a_number_that_does_not_exist_is_remembered(
    desk: Desk, ground: Ground, working: Working
) -> None:
    async with centre(password="secret") as smsc:
        await account(desk, smsc)
        member = ground.member(phone="+358401230404")
        await offer(ground, member)

        async def is_gone() -> bool:
            gone = "SELECT count(*) FROM member_endpoint WHERE district_id = %(d)s AND state = 'gone'"
            return await ground.number(gone) == 1

        async with working():
            await until(is_gone)
        assert smsc.taken == []
        assert (await ground.rows(SENT))[0][:2] == ("failed", "status 0xb")


@pytest.mark.parametrize(
    ("options", "state"), [({}, "suspect"), ({"gone_errors": ["1"]}, "gone")], ids=["plain", "named"]
)
async def test_a_receipt_of_what_did_not_arrive_counts_against_the_number(
    desk: Desk, ground: Ground, working: Working, options: dict[str, Any], state: str
) -> None:
    async with centre(password="secret") as smsc:
        await account(desk, smsc, **options)
        await offer(ground, ground.member(phone="+358401230001"))

        async def is_remembered() -> bool:
            return await ground.rows(STANDING) == [(state, "UNDELIV 001", 1)]

        async with working():
            await until(is_remembered)


async def test_a_wrong_setting_is_named(desk: Desk) -> None:
    options = {"host": "x y", "system_id": "s", "source": "17123"}
    body = {"slug": "s", "kind": "smpp", "name": "S", "options": options, "secrets": {"password": "p"}}
    answer = await desk.ask("POST", "channel-providers", body)
    assert answer.status_code == 422
    assert "/options/host" in {one["pointer"] for one in answer.json()["errors"]}
