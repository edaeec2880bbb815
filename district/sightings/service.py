"""Publishing sightings: durable in the event log before anybody is told so."""

import asyncio
import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import PubAck

from district.events import SIGHTINGS_STREAM, sightings_subject
from district.problems import Unavailable
from district.sightings.admission import Admission
from district.sightings.batch import pack, parts

ACKNOWLEDGE_WITHIN_S = 3.0
MESSAGE_ID = "Nats-Msg-Id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What became of a body's rows: accepted + duplicates + rejected = rows."""

    accepted: int
    duplicates: int
    rejected: tuple[tuple[int, str], ...]


async def publish(
    stream: JetStreamContext | None,
    admission: Admission,
    *,
    district_id: uuid.UUID,
    feed_id: uuid.UUID,
    body: bytes,
    now: datetime,
) -> Published:
    """Put the admitted rows into the event log; returns once every message is stored.

    The same body again stores nothing: its rows are duplicates. ``now`` is business time, stamped as received_at.
    Raises: Unavailable while the log is full or away; then the same body may be sent again.
    """
    if stream is None:
        raise Unavailable("The event log is not connected; send the same body again.")
    name = f"{district_id}:{feed_id}:{_fingerprint(body, admission)}"
    messages = [pack(part, feed_id=feed_id, received_at=now) for part in parts(admission.columns)]
    subject = sightings_subject(district_id)
    stored = await _store(stream, subject, name, messages)
    is_repeated = bool(stored) and all(ack.duplicate for ack in stored)
    return Published(
        accepted=0 if is_repeated else admission.accepted,
        duplicates=admission.duplicates + (admission.accepted if is_repeated else 0),
        rejected=admission.rejected,
    )


async def _store(stream: JetStreamContext, subject: str, name: str, messages: list[bytes]) -> list[PubAck]:
    sending = [
        stream.publish(
            subject,
            message,
            timeout=ACKNOWLEDGE_WITHIN_S,
            stream=SIGHTINGS_STREAM,
            headers={MESSAGE_ID: f"{name}:{part}"},
        )
        for part, message in enumerate(messages)
    ]
    # All are waited for even if one fails: what is stored twice later is recognised by its name.
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    acks: list[PubAck] = []
    for outcome in outcomes:
        if isinstance(outcome, nats.errors.Error | TimeoutError | OSError):
            raise Unavailable(
                "The event log is full or does not answer; send the same body again."
            ) from outcome
        if isinstance(outcome, BaseException):
            raise outcome
        acks.append(outcome)
    return acks


def _fingerprint(body: bytes, admission: Admission) -> str:
    """The same for the same body, as long as the same rows of it are sightings.

    Otherwise a body refused half-way by a full log, and sent again when one more of its rows is acceptable, would lose
    rows: its parts are other ones then.
    """
    digest = hashlib.sha256(body)
    if admission.rejected:
        digest.update(repr([index for index, _ in admission.rejected]).encode())
    return digest.hexdigest()
