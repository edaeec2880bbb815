"""A row that fails again and again does not hold up what waits with it."""

import secrets
from collections import Counter
from typing import Any

import pytest
from pydantic import SecretStr

from district.database import Pool
from district.deliveries.leased import UNREADABLE_TRIES
from district.deliveries.queue import ALONE_AFTER
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from district.settings import Settings
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import MessagePurpose
from tests.district.deliveries.relays import Desk, Relay, drain
from tests.district.deliveries.test_parking import LASTS, lose, queue, store
from tests.district.offers.conftest import Ground

STATES = "SELECT state, reason, attempts FROM outbox_message WHERE district_id = %(d)s AND id = %(id)s"
OTHERS = "SELECT state, count(*) FROM outbox_message WHERE district_id = %(d)s AND id <> %(id)s GROUP BY 1"
TRY_AGAIN = """
UPDATE outbox_message SET retry_at = clock_timestamp() WHERE district_id = %(d)s AND state = 'queued'
RETURNING retry_at
"""
TRIES = "SELECT outcome, detail FROM delivery_attempt WHERE district_id = %(d)s AND delivery_id = %(id)s ORDER BY at"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    secret = SecretStr(secrets.token_hex(16))
    return settings.model_copy(update={"secret": secret, "provider_allow_loopback": True})


async def put(ground: Ground, payload: dict[str, Any], channel: Channel = Channel.SMS) -> NewMessage:
    message = NewMessage(
        channel=channel, purpose=MessagePurpose.SERVICE, payload=payload, due_at=ground.clock.now()
    )
    async with ground.pool.connection() as connection:
        await outbox.enqueue_all(connection, ground.info.id, [message])
    return message


async def asked(pool: Pool, sql: str, ground: Ground, message: NewMessage) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        values = {"d": ground.info.id, "id": message.id}
        return await (await connection.execute(sql, values)).fetchall()


@pytest.mark.parametrize(
    "payload",
    [
        {"to": "+358401", "campaign_id": "not an id"},
        {"to": "+358401", "facts": {"en": 7}},
        {"to": "+358401", "by_channel": 7},
    ],
    ids=["id", "facts", "words"],
)
async def test_a_row_that_cannot_be_read_is_parked_after_some_tries_and_the_others_go_on(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool, payload: dict[str, Any]
) -> None:
    await desk.make(relay)
    poison = await put(ground, payload)
    await queue(ground, 9)
    await drain(ground, settings, pool)
    assert await asked(pool, OTHERS, ground, poison) == [("accepted", 9)]
    assert len(relay.taken) == 9
    tries = 1
    while await asked(pool, TRY_AGAIN, ground, poison):
        await drain(ground, settings, pool)
        tries += 1
    assert tries == UNREADABLE_TRIES
    assert await asked(pool, STATES, ground, poison) == [("dead", "unreadable", UNREADABLE_TRIES)]
    said = Counter(await asked(pool, TRIES, ground, poison))
    assert said == {("queued", "unreadable"): UNREADABLE_TRIES - 1, ("dead", "unreadable"): 1}


async def test_an_endpoint_that_has_no_proper_name_is_none(
    *, desk: Desk, relay: Relay, ground: Ground, pool: Pool
) -> None:
    await desk.make(relay)
    nowhere = await put(ground, {"endpoint_id": "nowhere", "title": "", "body": ""}, Channel.WEBHOOK)
    await queue(ground, 1)
    leased = {one.id: one.message.address for one in await store(ground).lease(limit=64, lease_for=LASTS)}
    assert len(leased) == 2
    assert leased[DeliveryId(nowhere.id)] == ""


async def test_suspects_that_wait_alone_do_not_hold_up_the_others(ground: Ground) -> None:
    suspects = {one.id for one in await queue(ground, 3)}
    rows = store(ground)
    for _ in range(ALONE_AFTER):
        await rows.lease(limit=64, lease_for=LASTS)
        await lose(ground, rows)
    await queue(ground, 40)
    taken = [{one.id for one in await rows.lease(limit=20, lease_for=LASTS)} for _ in range(6)]
    assert [len(one) for one in taken] == [1, 20, 20, 1, 1, 0]
    assert taken[0] | taken[3] | taken[4] == suspects
