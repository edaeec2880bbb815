"""What the event log says of every district."""

import asyncio
import uuid

import nats.errors
import structlog
from nats.js import JetStreamContext
from nats.js.errors import APIError

from district.events import SIGHTINGS_STREAM, SIGHTINGS_SUBJECT
from district.feeds.recorder import DURABLE
from district.monitoring.figures import Sample

ASKED_WITHIN_S = 3.0
NOWHERE = uuid.UUID(int=0)
log = structlog.get_logger()


async def of_stream(stream: JetStreamContext | None, slugs: dict[uuid.UUID, str]) -> list[Sample] | None:
    """How far its readers are behind, districts by ``slugs``; None when it does not answer in time."""
    if stream is None:
        return None
    try:
        async with asyncio.timeout(ASKED_WITHIN_S):
            info = await stream.stream_info(SIGHTINGS_STREAM)
            consumers = await stream.consumers_info(SIGHTINGS_STREAM)
    except (nats.errors.Error, APIError, OSError, TimeoutError) as error:
        log.warning("metrics.events_away", error=type(error).__name__)
        return None
    found = [
        Sample(name="shangquan_stream_bytes", value=float(info.state.bytes)),
        Sample(name="shangquan_stream_limit_bytes", value=float(info.config.max_bytes or 0)),
    ]
    reading: dict[str, list[int]] = {slug: [] for slug in slugs.values()}
    for consumer in consumers:
        waiting = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
        if consumer.name == DURABLE:
            found.append(Sample(name="shangquan_recorder_waiting_messages", value=float(waiting)))
        subject = consumer.config.filter_subject or ""
        slug = slugs.get(_district_of(subject))
        if slug is not None and consumer.num_waiting:
            reading[slug].append(consumer.num_pending or 0)
    for slug, pending in reading.items():
        found.append(Sample(name="shangquan_engine_reading", value=float(len(pending)), labels=(slug,)))
        if pending:
            found.append(
                Sample(name="shangquan_engine_waiting_messages", value=float(min(pending)), labels=(slug,))
            )
    return found


def _district_of(subject: str) -> uuid.UUID:
    head, _, text = subject.partition(".")
    try:
        return uuid.UUID(text) if head == SIGHTINGS_SUBJECT else NOWHERE
    except ValueError:
        return NOWHERE
