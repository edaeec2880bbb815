"""The event log: one connection to NATS, the streams of the product, and plain messages between roles."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from district.problems import Unavailable
from district.settings import Settings

SIGHTINGS_STREAM = "SIGHTINGS"
SIGHTINGS_SUBJECT = "sightings"
DUPLICATE_WINDOW_S = 24 * 3600.0
CONNECT_TIMEOUT_S = 3
FIRST_CONNECT_S = 5.0
CLOSE_WITHIN_S = 2.0


def sightings_subject(district_id: object) -> str:
    """The stream subject of one district's sightings and ticks."""
    return f"{SIGHTINGS_SUBJECT}.{district_id}"


def live_subject(district_id: object, topic: str) -> str:
    """A plain subject: ``counts``, ``ticker`` or ``positions`` of a district. Nothing is kept."""
    return f"live.{district_id}.{topic}"


async def connect(settings: Settings, *, name: str) -> Client:
    """A connection that comes back by itself.

    Raises: Unavailable when no server answers, or the URL is not set.
    """
    if not settings.nats_url:
        raise Unavailable("No event log: set DISTRICT_NATS_URL, or start everything with `district up`.")
    client = Client()
    try:
        # The client that reconnects without end also begins without end, so the first time has a limit of its own.
        async with asyncio.timeout(FIRST_CONNECT_S):
            await client.connect(
                settings.nats_url,
                name=name,
                connect_timeout=CONNECT_TIMEOUT_S,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                error_cb=_quiet,
                allow_reconnect=True,
            )
    except (OSError, nats.errors.Error, TimeoutError) as error:
        await close(client)
        raise Unavailable("The event log does not answer.") from error
    return client


async def close(client: Client) -> None:
    """End a connection, also one that never came about."""
    with contextlib.suppress(OSError, nats.errors.Error, TimeoutError):
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await client.close()


async def answers(client: Client | None, *, within_s: float) -> bool:
    """Whether the event log replies now: a connection may be open to one that no longer does."""
    if client is None or not client.is_connected:
        return False
    try:
        # Not a ping: the client breaks its connection when the pong of one that was given up comes late.
        await client.jetstream(timeout=within_s).account_info()
    except (OSError, nats.errors.Error, TimeoutError, ValueError):
        return False
    return True


async def _quiet(_error: Exception) -> None:
    """The client reconnects by itself; readiness tells when it cannot."""


async def ensure_streams(client: Client, settings: Settings) -> JetStreamContext:
    """Make the sighting stream when it is missing: file store, bounded age and bytes, full means refused.

    Raises: Unavailable.
    """
    stream = client.jetstream(timeout=CONNECT_TIMEOUT_S)
    config = StreamConfig(
        name=SIGHTINGS_STREAM,
        subjects=[f"{SIGHTINGS_SUBJECT}.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_age=settings.event_max_age.total_seconds(),
        max_bytes=settings.event_max_bytes,
        duplicate_window=DUPLICATE_WINDOW_S,
        num_replicas=settings.nats_replicas,
    )
    try:
        try:
            await stream.stream_info(SIGHTINGS_STREAM)
        except NotFoundError:
            await stream.add_stream(config)
    except (OSError, nats.errors.Error, TimeoutError) as error:
        raise Unavailable("The event log has no sighting stream and none could be made.") from error
    return stream


async def fetched(
    subscription: JetStreamContext.PullSubscription, most: int, *, within_s: float
) -> list[Msg]:
    """What comes within the time; empty when nothing does.

    The client says that in two ways: by its own TimeoutError, and by asyncio's when the time is over between two of
    its requests. Raises: nats.errors.Error, OSError.
    """
    try:
        return await subscription.fetch(most, timeout=within_s)
    except TimeoutError:
        return []


async def tell(client: Client, subject: str, value: Any) -> None:
    """Send a plain message; who does not listen misses it."""
    await client.publish(subject, msgspec.json.encode(value))


async def listen(client: Client, subject: str, hear: Callable[[Any], Awaitable[None]]) -> Subscription:
    """Hear the plain messages of a subject."""

    async def handle(message: Msg) -> None:
        await hear(msgspec.json.decode(message.data))

    return await client.subscribe(subject, cb=handle)
