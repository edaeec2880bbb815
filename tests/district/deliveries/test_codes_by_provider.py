"""One-time codes by a provider over a real socket, and addresses that come back once they are proved."""

import secrets
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import Response

from district.database import Pool, new_id
from district.settings import Settings
from tests.district.deliveries.relays import Desk, Relay, drain
from tests.district.deliveries.servers import served
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)
NUMBER = "+358401234567"
GONE = "SELECT count(*) FROM member_endpoint WHERE district_id = %(d)s AND state = 'gone'"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An installation that shows codes to nobody; relays may be on this machine."""
    return settings.model_copy(
        update={
            "secret": SecretStr(SECRET),
            "provider_allow_loopback": True,
            "demo_console_codes": False,
        }
    )


async def ask(desk: Desk, language: str = "en") -> int:
    body = {"phone": NUMBER, "district": desk.slug}
    answer = await desk.client.post("/v1/codes", json=body, headers={"accept-language": language})
    return answer.status_code


async def test_codes_need_a_provider_of_their_channel_that_is_on(desk: Desk, relay: Relay) -> None:
    assert await ask(desk) == 503
    await desk.make(relay, kind="relay_email")
    assert await ask(desk) == 503
    await desk.make(relay, slug="texts", is_on=False)
    assert await ask(desk) == 503
    await desk.ask("PATCH", "channel-providers/texts", {"is_on": True})
    assert await ask(desk) == 202


@pytest.mark.parametrize(
    ("language", "start"), [("zh-CN", "验证码："), ("en", "Your code is ")], ids=["zh", "en"]
)
async def test_a_code_is_sent_in_words_and_signs_in(
    *,
    desk: Desk,
    relay: Relay,
    ground: Ground,
    settings: Settings,
    pool: Pool,
    language: str,
    start: str,
) -> None:
    await desk.make(relay)
    member = ground.member(phone=NUMBER)
    await gone(pool, ground, member.id)
    assert await ask(desk, language) == 202
    await drain(ground, settings, pool)
    ((sent),) = relay.taken
    assert (sent["to"], sent["title"], sent["body"].startswith(start)) == (NUMBER, "", True)
    assert sent["code"] in sent["body"]
    assert "10" in sent["body"]
    assert await ground.number(GONE) == 1
    tokens = await desk.client.post(
        "/v1/tokens", json={"phone": NUMBER, "code": sent["code"], "district": desk.slug}
    )
    assert tokens.status_code == 200
    assert await ground.number(GONE) == 0


async def gone(pool: Pool, ground: Ground, member_id: object) -> None:
    """The number is kept as one that does not exist."""
    async with pool.connection() as connection:
        await connection.execute(
            """INSERT INTO member_endpoint (district_id, id, member_id, channel, address, address_hash, state,
                                            created_at, seen_at)
               VALUES (%s, %s, %s, 'sms', %s, sha256(convert_to(%s, 'UTF8')), 'gone', now(), now())""",
            (ground.info.id, new_id(), member_id, NUMBER, NUMBER),
        )


class Lost(Relay):
    """Takes a message and loses its answer, once."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.taken:
            await super().__call__(scope, receive, send)
            return

        async def nowhere(_message: Any) -> None:
            """What was answered does not get through."""

        await super().__call__(scope, receive, nowhere)
        await Response(status_code=500)(scope, receive, send)


DUE = "UPDATE outbox_message SET retry_at = clock_timestamp() WHERE district_id = %s"


async def signs_in(desk: Desk, code: str) -> bool:
    body = {"phone": NUMBER, "code": code, "district": desk.slug}
    return (await desk.client.post("/v1/tokens", json=body)).status_code == 200


async def test_a_code_that_is_sent_again_is_another_and_the_one_before_opens_nothing(
    desk: Desk, ground: Ground, settings: Settings, pool: Pool
) -> None:
    lost = Lost(clock=ground.clock)
    async with served(lost) as address:
        lost.address = address
        await desk.make(lost)
        ground.member(phone=NUMBER)
        assert await ask(desk) == 202
        await drain(ground, settings, pool)
        async with pool.connection() as connection:
            await connection.execute(DUE, (ground.info.id,))
        await drain(ground, settings, pool)
    first, second = lost.taken
    assert first["id"] == second["id"]
    assert first["code"] != second["code"]
    assert second["code"] in second["body"]
    assert not await signs_in(desk, first["code"])
    assert await signs_in(desk, second["code"])


async def test_a_worker_that_goes_away_with_a_code_leaves_one_that_nobody_has_read(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    ground.member(phone=NUMBER)
    assert await ask(desk) == 202
    before = (await ground.rows("SELECT payload ->> 'code' FROM outbox_message WHERE district_id = %(d)s"))[
        0
    ][0]
    async with pool.connection() as connection:
        await connection.execute(
            """UPDATE outbox_message SET state = 'sending', fence = 1, lease_until = clock_timestamp() - interval '1 s'
               WHERE district_id = %s""",
            (ground.info.id,),
        )
    for _ in range(2):  # what was lost is given back, then sent
        await drain(ground, settings, pool)
    (sent,) = relay.taken
    assert sent["code"] != before
    assert not await signs_in(desk, before)
    assert await signs_in(desk, sent["code"])


async def test_a_code_that_waits_for_its_first_try_stays(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    ground.member(phone=NUMBER)
    assert await ask(desk) == 202
    before = (await ground.rows("SELECT payload ->> 'code' FROM outbox_message WHERE district_id = %(d)s"))[
        0
    ][0]
    await drain(ground, settings, pool)
    assert [one["code"] for one in relay.taken] == [before]
