"""Reading one district's part of the stream in order, without acknowledgements: who reads remembers how far he came."""

import asyncio
import contextlib
import json
import math
import uuid
from dataclasses import dataclass
from typing import Self

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from district.clock import monotonic
from district.engine.places import Place
from district.events import SIGHTINGS_STREAM

PULL_MESSAGES = 128
PULL_BELOW = 64
"""At half a MiB a message, what waits here is bounded by 96 MiB."""
PULL_EXPIRES_S = 5.0
IDLE_S = 1.0
ANSWER_GRACE_S = 2.0
"""A request that has expired is answered so late at most; a server that lost the consumer never answers."""
FORGET_CONSUMER_AFTER_S = 60.0
log = structlog.get_logger()


class Interrupted(Exception):
    """The consumer is gone or has skipped something: read again from where we were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A message and its place in the stream."""

    place: Place
    data: bytes


class Reader:
    """An ephemeral pull consumer of one subject, asked for more before it runs dry."""

    def __init__(
        self, client: Client, subscription: Subscription, inbox: str, consumer: str, *, reconnects: int
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._inbox = inbox
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{SIGHTINGS_STREAM}.{consumer}"
        self._waiting: asyncio.Queue[Msg] = asyncio.Queue()
        self._asked = 0
        self._asked_until_s = 0.0
        self._answer_due_s = math.inf
        self._reconnects = reconnects
        self._delivered = 0

    @classmethod
    async def open(
        cls, client: Client, stream: JetStreamContext, subject: str, *, after_sequence: int
    ) -> Self:
        """Read from the message after this sequence on."""
        reconnects = client.stats["reconnects"]
        inbox = client.new_inbox()
        consumer = f"engine-{uuid.uuid4().hex}"
        config = ConsumerConfig(
            name=consumer,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after_sequence + 1,
            ack_policy=AckPolicy.NONE,
            filter_subject=subject,
            inactive_threshold=FORGET_CONSUMER_AFTER_S,
            mem_storage=True,
            num_replicas=1,
        )
        await stream.add_consumer(SIGHTINGS_STREAM, config=config)
        reader: Self

        async def hear(message: Msg) -> None:
            reader._waiting.put_nowait(message)

        subscription = await client.subscribe(inbox, cb=hear)
        reader = cls(client, subscription, inbox, consumer, reconnects=reconnects)
        return reader

    async def close(self) -> None:
        """Stop reading; the server forgets the consumer by itself."""
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._subscription.unsubscribe()

    async def batch(self, *, most: int, wait_s: float) -> list[Read]:
        """What has arrived: nothing after a second of silence, else all that comes within ``wait_s``, at most ``most``.

        Raises: Interrupted.
        """
        self._check()
        first = await self._next(IDLE_S)
        if first is None:
            return []
        found = [first]
        ends_at_s = monotonic() + wait_s
        while len(found) < most:
            following = await self._next(ends_at_s - monotonic())
            if following is None:
                break
            found.append(following)
        return found

    def _check(self) -> None:
        """Raises: Interrupted when the consumer may be gone. It lives in the server's memory and ends with it; servers
        before 2.10 pass over a request to a consumer that they do not have in silence."""
        if self._client.stats["reconnects"] != self._reconnects:
            raise Interrupted("The server was away.")
        if monotonic() > self._answer_due_s and self._waiting.empty():
            raise Interrupted("The consumer does not answer.")

    async def _next(self, wait_s: float) -> Read | None:
        await self._ask()
        while True:
            try:
                message = self._waiting.get_nowait()
            except asyncio.QueueEmpty:
                if wait_s <= 0:
                    return None
                try:
                    async with asyncio.timeout(wait_s):
                        message = await self._waiting.get()
                except TimeoutError:
                    return None
            read = self._accept(message)
            if read is not None:
                return read
            await self._ask()

    async def _ask(self) -> None:
        """Keep a request open, so that a message leaves the server when it arrives there."""
        if self._asked >= PULL_BELOW and monotonic() < self._asked_until_s:
            return
        wanted = {"batch": PULL_MESSAGES, "expires": int(PULL_EXPIRES_S * 1e9)}
        await self._client.publish(self._subject, json.dumps(wanted).encode(), reply=self._inbox)
        self._asked += PULL_MESSAGES
        self._asked_until_s = monotonic() + PULL_EXPIRES_S
        if self._answer_due_s == math.inf:
            self._answer_due_s = self._asked_until_s + ANSWER_GRACE_S

    def _accept(self, message: Msg) -> Read | None:
        """The message, unless it only says how a request went. Raises: Interrupted."""
        self._answer_due_s = math.inf
        status = (message.headers or {}).get("Status")
        if status in ("404", "408"):
            self._asked = 0
            return None
        if status is not None:
            raise Interrupted(f"The consumer answers {status}.")
        metadata = message.metadata
        self._asked -= 1
        if metadata.sequence.consumer != self._delivered + 1:
            raise Interrupted("Messages were lost on the way.")
        self._delivered = metadata.sequence.consumer
        stored_ms = int(metadata.timestamp.timestamp() * 1000)
        return Read(place=Place(sequence=metadata.sequence.stream, stored_ms=stored_ms), data=message.data)
