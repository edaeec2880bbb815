"""Putting messages into the queue, in the transaction of the change that causes them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session

from district.database import new_id, notify
from district.outbox.models import OutboxMessage
from district.outbox.queries import ENQUEUE_SQL
from push.consent import Channel
from push.message import MessagePurpose

CHANNEL = "outbox"
"""The notice that something is due; its payload is the district's id."""


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """A message to queue. What ``payload`` holds is the channel's affair."""

    channel: Channel
    purpose: MessagePurpose
    payload: Mapping[str, Any]
    due_at: datetime
    """Business time before which it must not leave."""
    id: uuid.UUID = field(default_factory=new_id)
    send_before: datetime | None = None
    member_id: uuid.UUID | None = None
    offer_id: uuid.UUID | None = None
    fallbacks: tuple[Channel, ...] = ()
    """Channels to try, one after the other, when this one cannot carry it."""


def enqueue(
    session: Session, district_id: uuid.UUID, message: NewMessage, *, machine_now: datetime
) -> uuid.UUID:
    """Queue one message when the session commits; its id is the provider's dedupe key."""
    session.add(
        OutboxMessage(
            district_id=district_id,
            id=message.id,
            channel=message.channel,
            purpose=message.purpose,
            member_id=message.member_id,
            offer_id=message.offer_id,
            payload=dict(message.payload),
            due_at=message.due_at,
            send_before=message.send_before,
            retry_at=machine_now,
            fallbacks=[one.value for one in message.fallbacks],
            created_at=message.due_at,
        )
    )
    session.flush()
    notify(session, CHANNEL, str(district_id))
    return message.id


async def enqueue_all(
    connection: AsyncConnection[TupleRow], district_id: uuid.UUID, messages: Sequence[NewMessage]
) -> None:
    """Queue messages when the caller's transaction commits."""
    if not messages:
        return
    await connection.execute(
        ENQUEUE_SQL,
        {
            "district_id": district_id,
            "channel": CHANNEL,
            "ids": [message.id for message in messages],
            "channels": [message.channel.value for message in messages],
            "purposes": [message.purpose.value for message in messages],
            "members": [message.member_id for message in messages],
            "offers": [message.offer_id for message in messages],
            "payloads": [Jsonb(message.payload) for message in messages],
            "due": [message.due_at for message in messages],
            "before": [message.send_before for message in messages],
            "fallbacks": [",".join(message.fallbacks) for message in messages],
        },
    )
