"""Fetching from the event log: nothing in time is no error, in whichever way the client says so."""

import uuid
from collections.abc import AsyncIterator

import pytest
from nats.js import JetStreamContext

from district import events
from district.settings import Settings


@pytest.fixture
async def subscription(settings: Settings) -> AsyncIterator[JetStreamContext.PullSubscription]:
    client = await events.connect(settings, name="test")
    stream = await events.ensure_streams(client, settings)
    subject = events.sightings_subject(uuid.uuid4())
    yield await stream.pull_subscribe(subject, durable=None, stream=events.SIGHTINGS_STREAM)
    await events.close(client)


async def test_nothing_in_time_is_an_empty_list(subscription: JetStreamContext.PullSubscription) -> None:
    """So short that the time is over at each place where the client looks: one of them is asyncio's own error."""
    for step in range(60):
        assert await events.fetched(subscription, 10, within_s=(step + 1) / 20_000) == []
