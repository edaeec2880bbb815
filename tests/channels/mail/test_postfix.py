"""A real Postfix between the product and the servers of members: it keeps trying, gives up, and sends back."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from push.channels import email_dkim
from tests.channels.mail.accounts import ADDRESS, RECEIPTS, STATES, SUPPRESSED, account, offer
from tests.channels.mail.conftest import Working
from tests.channels.mail.letters import is_signed, opened, private_key, words
from tests.channels.mail.postfix import POSTFIX, postfix
from tests.channels.mail.sink import sink
from tests.district.deliveries.relays import Desk
from tests.district.deliveries.servers import served, until
from tests.district.offers.conftest import Ground

pytestmark = pytest.mark.skipif(
    POSTFIX is None or os.geteuid() != 0, reason="Postfix has to be installed, and is root's to start"
)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where Postfix's own users may go, too."""
    with tempfile.TemporaryDirectory(prefix="postfix-", ignore_cleanup_errors=True) as name:
        yield Path(name)


async def test_postfix_takes_puts_off_gives_up_and_tells(
    desk: Desk, ground: Ground, working: Working, app: FastAPI, directory: Path
) -> None:
    greylisted, unknown, fine = ADDRESS, "nobody@example.org", "li@example.org"
    members = [ground.member(email=one, language="zh") for one in (greylisted, unknown, fine)]
    async with sink() as server, served(app) as origin:
        url = f"{origin}/v1/districts/{desk.slug}/receipts/mail"
        server.recipients[greylisted] = ["451 4.7.1 Greylisted", "452 4.2.2 Full for now"]
        server.recipients[unknown] = ["550 5.1.1 No such user"]
        async with postfix(directory, next_port=server.port, url=url) as relay:
            await account(desk, relay.port)
            await offer(ground, *members)
            async with working():
                await server.until(lambda one: len(one.taken) == 2)

                async def is_told() -> bool:
                    return bool(await ground.rows(SUPPRESSED))

                await until(is_told)
            assert await ground.rows(SUPPRESSED) == [(unknown, "gone", "5.1.1", 1)], relay.log()
            assert await ground.rows(RECEIPTS) == [("address_gone", "5.1.1")]
            assert [row[0] for row in await ground.rows(STATES)] == ["accepted"] * 3
        assert {one.recipient for one in server.taken} == {greylisted, fine}
        assert server.seen[greylisted] == 3
        for one in server.taken:
            assert is_signed(one.content, record=email_dkim.public_record(private_key()))
            assert opened(one.content)["Message-ID"].endswith("@news.example.com>")
            assert words(one.content, "plain")


async def test_postfix_keeps_a_bounce_until_the_product_is_back(
    desk: Desk, ground: Ground, working: Working, app: FastAPI, directory: Path
) -> None:
    async with sink() as server:
        server.recipients[ADDRESS] = ["550 5.1.1 No such user"]
        async with postfix(directory, next_port=server.port, url="http://127.0.0.1:9/") as relay:
            await account(desk, relay.port)
            await offer(ground, ground.member(email=ADDRESS))

            async def is_kept() -> bool:
                return "status=deferred" in relay.log() and relay.waiting() == 1

            async with working():
                await until(is_kept)
            assert await ground.rows(SUPPRESSED) == []
            async with served(app) as origin:
                relay.goes_to(f"{origin}/v1/districts/{desk.slug}/receipts/mail")

                async def is_told() -> bool:
                    return bool(await ground.rows(SUPPRESSED))

                await until(is_told)
        assert await ground.rows(SUPPRESSED) == [(ADDRESS, "gone", "5.1.1", 1)]
