"""One-time codes by a provider over a real socket, and addresses that come back once they are proved."""

import secrets

import pytest
from pydantic import SecretStr

from district.database import Pool, new_id
from district.settings import Settings
from tests.district.deliveries.relays import Desk, Relay, drain
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
