"""What was tried: what a provider takes in one go is one attempt, and each of its messages tells of it."""

import secrets
import uuid

import pytest
from pydantic import SecretStr

from district.database import Pool
from district.deliveries import receipt_jobs
from district.settings import Settings
from push.consent import Channel
from push.delivery import DeliveryState, LeasedDelivery, Result
from tests.district.deliveries.relays import Desk, Relay, drain
from tests.district.deliveries.test_late_receipts import machine_now
from tests.district.deliveries.test_parking import LASTS, queue, store
from tests.district.offers.conftest import Ground

WRITTEN = """
SELECT channel, provider_id, outcome, messages FROM delivery_attempt
WHERE district_id = %(d)s AND delivery_id IS NULL ORDER BY messages
"""
APART = "SELECT outcome, detail, messages FROM delivery_attempt WHERE district_id = %(d)s AND delivery_id IS NOT NULL"
REFUSED = """
INSERT INTO delivery_attempt (district_id, id, delivery_id, channel, provider_id, outcome, at)
SELECT district_id, gen_random_uuid(), gen_random_uuid(), channel, provider_id, 'failed', at
FROM delivery_attempt, generate_series(1, 2) WHERE district_id = %(d)s
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Relays may be on this machine."""
    secret = SecretStr("installation-" + secrets.token_hex(16))
    return settings.model_copy(update={"secret": secret, "provider_allow_loopback": True})


def taken(row: LeasedDelivery, via: uuid.UUID | None) -> Result:
    return Result(
        id=row.id,
        fence=row.fence,
        state=DeliveryState.ACCEPTED,
        by=Channel.SMS,
        provider_id=f"at-{row.id}",
        counts=True,
        via=str(via or ""),
    )


async def test_what_each_provider_took_in_one_go_is_one_attempt(ground: Ground) -> None:
    await queue(ground, 9)
    rows, first, second = store(ground), uuid.uuid4(), uuid.uuid4()
    leased = await rows.lease(limit=20, lease_for=LASTS)
    asked = [None, *[first] * 3, *[second] * 5]
    await rows.exchange([taken(row, via) for row, via in zip(leased, asked, strict=True)], ())
    assert await ground.rows(WRITTEN) == [
        ("sms", None, "accepted", 1),
        ("sms", first, "accepted", 3),
        ("sms", second, "accepted", 5),
    ]
    assert await ground.rows(APART) == []


async def test_a_lease_that_was_taken_over_counts_for_nothing(ground: Ground) -> None:
    await queue(ground, 3)
    rows, via = store(ground), uuid.uuid4()
    leased = await rows.lease(limit=20, lease_for=LASTS)
    async with ground.pool.connection() as connection:
        await connection.execute(
            "UPDATE outbox_message SET fence = fence + 1 WHERE district_id = %s AND id = %s",
            (ground.info.id, leased[0].id),
        )
    await rows.exchange([taken(row, via) for row in leased], ())
    await rows.exchange([taken(row, via) for row in leased], ())
    assert await ground.rows(WRITTEN) == [("sms", via, "accepted", 2)]


async def test_what_failed_is_an_attempt_of_its_own(ground: Ground) -> None:
    await queue(ground, 3)
    rows, via = store(ground), uuid.uuid4()
    leased = await rows.lease(limit=20, lease_for=LASTS)
    refused = [
        Result(
            id=row.id,
            fence=row.fence,
            state=DeliveryState.FAILED,
            by=Channel.SMS,
            reason="HTTP 422",
            counts=True,
            via=str(via),
        )
        for row in leased[:2]
    ]
    await rows.exchange([*refused, taken(leased[2], via)], ())
    found = sorted(await ground.rows(APART))
    assert found == [("accepted", "", 1), ("failed", "HTTP 422", 1), ("failed", "HTTP 422", 1)]


async def test_every_message_tells_of_the_attempt_by_which_it_was_taken(
    desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    await queue(ground, 5)
    await drain(ground, settings, pool)
    assert [row[2:] for row in await ground.rows(WRITTEN)] == [("accepted", 5)]
    listed = (await desk.ask("GET", "deliveries")).json()["items"]
    assert len(listed) == 5
    for one in listed:
        story = (await desk.ask("GET", f"deliveries/{one['id']}")).json()
        (tried,) = story["attempts"]
        assert (tried["channel"], tried["provider"], tried["outcome"]) == ("sms", "relay", "accepted")
        assert tried["at"] == one["finished_at"]


async def test_providers_are_judged_by_messages(
    *, desk: Desk, relay: Relay, ground: Ground, settings: Settings, pool: Pool
) -> None:
    await desk.make(relay)
    await queue(ground, 6)
    await drain(ground, settings, pool)
    async with pool.connection() as connection:
        await connection.execute(REFUSED, {"d": ground.info.id})
    await receipt_jobs.judge(pool, ground.info.id, machine_now=await machine_now(ground))
    assert (await desk.ask("GET", "channel-providers/relay")).json()["success"] == 0.75
