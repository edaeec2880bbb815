"""A worker that sends by a real Kannel, which is bound to a message centre, and what Kannel tells."""

import os
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI

from district.embedded.nats import free_port
from district.embedded.packages_of_tests import TEXT_GATEWAY
from district.settings import Settings
from push.channels.outbound import Answer
from push.channels.sms_kannel import classify
from push.consent import Channel
from push.receipts import Failure, FailureKind, Receipt
from tests.channels.texts.centre import Centre, centre
from tests.channels.texts.conftest import Working
from tests.channels.texts.kannel import PASSWORD, USERNAME, kannel
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import served, until
from tests.district.offers.conftest import Ground

pytestmark = pytest.mark.skipif(
    not os.path.exists(TEXT_GATEWAY), reason="Kannel is installed with root's rights"
)
NUMBER = "+358401234567"
TOKEN = "a-word-of-our-own-42"
OFFERED = (Channel.INBOX, Channel.SMS)
SENT = """
SELECT state, reason, delivered_at IS NOT NULL FROM outbox_message
WHERE district_id = %(d)s AND channel = 'sms' ORDER BY id
"""
KINDS_TOLD = "SELECT kind FROM delivery_receipt WHERE district_id = %(d)s"
STANDING = "SELECT state, reason, failures FROM member_endpoint WHERE district_id = %(d)s AND channel = 'sms'"
TOLD = "SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s"
SAID = """
SELECT granted, action FROM consent WHERE district_id = %(d)s AND purpose = 'marketing' ORDER BY id DESC LIMIT 1
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Kannel calls back at an address of this machine."""
    return settings.model_copy(update={"public_url": f"http://127.0.0.1:{free_port()}"})


@asynccontextmanager
async def gateway(
    desk: Desk, app: FastAPI, settings: Settings, smsc: Centre, **options: Any
) -> AsyncIterator[str]:
    """Kannel between the product and the centre, entered as a provider; where the product is told things."""
    assert settings.public_url is not None
    told_at = f"{settings.public_url}/v1/districts/{desk.slug}/receipts/kannel"
    hears_at = f"{told_at}?from=%p&text=%a&mo=%I&key={TOKEN}"
    async with (
        served(app, port=int(settings.public_url.rpartition(":")[2])),
        kannel(centre_port=smsc.port, hears_at=hears_at) as address,
    ):
        body = {
            "slug": "kannel",
            "kind": "kannel_sms",
            "name": "Kannel",
            "options": {
                "base_url": address,
                "username": USERNAME,
                "source": "17123",
                "signature": "中央商圈",
                **options,
            },
            "secrets": {"password": PASSWORD, "token": TOKEN},
        }
        made = await desk.ask("POST", "channel-providers", body)
        assert made.status_code == 201, made.text
        yield told_at


async def offer(ground: Ground, member: Any) -> None:
    await ground.issue(ground.draft(ground.campaign(), member, channels=OFFERED))


async def test_a_long_chinese_text_goes_out_and_its_report_comes_back(
    desk: Desk, ground: Ground, app: FastAPI, settings: Settings, working: Working
) -> None:
    async with centre(password="secret") as smsc, gateway(desk, app, settings, smsc):
        await offer(ground, ground.member(phone=NUMBER, language="zh"))

        async def is_told() -> bool:
            return await ground.number(TOLD) == 1

        async with working():
            await until(is_told)
        assert await ground.rows(SENT) == [("accepted", "", True)]
        texts = [bytes(one["text"], "utf-8").decode() for one in smsc.taken]
        assert {one["coding"] for one in smsc.taken} == {8}
        assert {one["to"].lstrip("+") for one in smsc.taken} == {NUMBER[1:]}
        assert texts[0].startswith("【中央商圈】")
        assert "拒收请回复R" in "".join(texts)
        assert re.search(r"/m/[\w-]+", "".join(texts))


async def test_a_number_that_nobody_has_is_told_and_gets_no_more(
    desk: Desk, ground: Ground, app: FastAPI, settings: Settings, working: Working
) -> None:
    async with centre(password="secret") as smsc, gateway(desk, app, settings, smsc, gone_errors=["1"]):
        await offer(ground, ground.member(phone="+358401230001"))

        async def is_told() -> bool:
            return await ground.rows(KINDS_TOLD) == [("address_gone",)]

        async def is_remembered() -> bool:
            return await ground.rows(STANDING) == [("gone", "type 2 UNDELIV 001", 1)]

        async with working():
            await until(is_told)
            await until(is_remembered)
        assert (await ground.rows(SENT))[0][2] is False


async def test_a_reply_ends_messages(desk: Desk, ground: Ground, app: FastAPI, settings: Settings) -> None:
    ground.member(phone=NUMBER, language="zh")
    async with centre(password="secret") as smsc, gateway(desk, app, settings, smsc):
        await smsc.hand_on(sender=NUMBER[1:], text="退订")

        async def is_withdrawn() -> bool:
            return await ground.rows(SAID) == [(False, "keyword")]

        await until(is_withdrawn)


async def test_only_kannel_is_heard(desk: Desk, app: FastAPI, settings: Settings) -> None:
    async with centre(password="secret") as smsc, gateway(desk, app, settings, smsc) as told_at:
        path = told_at.removeprefix(settings.public_url or "")
        for query in (
            {"text": "退订", "from": NUMBER, "mo": "1", "key": "guessed"},
            {"id": str(uuid.uuid4()), "type": "1", "key": TOKEN},
            {"type": "1"},
            {},
        ):
            assert (await desk.client.get(path, params=query)).status_code == 401


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (202, "0: Accepted for delivery", None),
        (202, "3: Queued for later delivery", None),
        (403, "Authorization failed for sendsms", FailureKind.MESSAGE_REFUSED),
        (400, "Sender missing and no global set, rejected", FailureKind.MESSAGE_REFUSED),
        (503, "Temporal failure, try again later.", FailureKind.TRANSIENT),
        (500, "", FailureKind.UNKNOWN),
    ],
    ids=["accepted", "queued", "login", "form", "away", "error"],
)
def test_what_an_answer_means(status: int, said: str, kind: FailureKind | None) -> None:
    outcome = classify(Answer(status=status, headers={}, body=said.encode()))
    assert (
        isinstance(outcome, Receipt)
        if kind is None
        else isinstance(outcome, Failure) and outcome.kind is kind
    )
