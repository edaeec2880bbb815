"""Messages to a relay of the operator's own, which passes them on: one JSON body, signed by Standard Webhooks."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from push.channels import signing
from push.channels.outbound import Answer, NotDelivered, TargetRefused
from push.channels.pooled import Pooled
from push.channels.webhook import classify
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

MOST_ANSWER_BYTES = 4_096
LONGEST_ID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySender:
    """Posts each message to one URL, over connections that are kept. machine_now is real time, for the signature."""

    pooled: Pooled
    url: str
    key: bytes
    machine_now: Callable[[], datetime]

    async def send(self, message: Message) -> Outcome:
        """Post once; the delivery's id is the webhook-id. The answer may name the message: {"id": "…"}."""
        body, now = payload(message), self.machine_now()
        headers = signing.headers([self.key], message_id=str(message.id), at=now, body=body)
        try:
            answer = await self.pooled.post(
                self.url,
                body=body,
                headers={**headers, "Content-Type": "application/json"},
                read_bytes=MOST_ANSWER_BYTES,
            )
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            kind = FailureKind.UNKNOWN if failed.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(failed))
        outcome = classify(answer, now=now)
        return Receipt(provider_id=_id(answer)) if isinstance(outcome, Receipt) else outcome

    async def close(self) -> None:
        """Close every connection."""
        await self.pooled.close()


def payload(message: Message) -> bytes:
    """What the relay gets: where to, what, until when."""
    expires_at = message.expires_at
    document: dict[str, Any] = {
        "id": str(message.id),
        "channel": message.channel,
        "purpose": message.purpose,
        "to": message.address,
        "keys": dict(message.keys),
        "language": message.language,
        "title": message.title,
        "body": message.body,
        "code": message.code,
        "link": message.link,
        "stop_link": message.stop_link,
        "expires_at": None if expires_at is None else expires_at.astimezone(UTC).isoformat(),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _id(answer: Answer) -> str:
    """The relay's name for the message, if its answer gives one."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    found = document.get("id") if isinstance(document, dict) else None
    return found[:LONGEST_ID] if isinstance(found, str) else ""
