"""Offers to a merchant's or a partner's own system, as signed webhooks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from push.channels import signing
from push.channels.outbound import Answer, NotDelivered, TargetRefused
from push.channels.pooled import Pooled
from push.consent import Channel
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

# Answers by which a server says that it did not take the request.
_NOT_TAKEN: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.LOCKED, HTTPStatus.MISDIRECTED_REQUEST}
)
_THROTTLES: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(slots=True, kw_only=True)
class WebhookChannel:
    """Posts messages to their address, signed with the secrets of that address.

    secrets gives the written secrets in force for a URL, the newest first; none means that the address
    was removed. machine_now is real time: receivers compare it with their own clocks.
    """

    pooled: Pooled
    secrets: Callable[[str], Sequence[str]]
    machine_now: Callable[[], datetime]

    @property
    def name(self) -> Channel:
        return Channel.WEBHOOK

    async def send(self, message: Message) -> Outcome:
        """Post once; the delivery's id is the webhook-id, by which a receiver knows a repeat."""
        secrets = self.secrets(message.address)
        if not secrets:
            return Failure(kind=FailureKind.ADDRESS_GONE, detail="no secret in force")
        body, now = payload(message), self.machine_now()
        try:
            keys = [signing.key_of(secret) for secret in secrets]
        except signing.SecretInvalid as invalid:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(invalid))
        signed = signing.headers(keys, message_id=str(message.id), at=now, body=body)
        try:
            answer = await self.pooled.post(
                message.address, body=body, headers={**signed, "Content-Type": "application/json"}
            )
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            kind = FailureKind.UNKNOWN if failed.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(failed))
        return classify(answer, now=now)


def payload(message: Message) -> bytes:
    """The event as JSON: type, timestamp and data, as Standard Webhooks proposes."""
    data = {
        "delivery_id": str(message.id),
        "member_id": _text(message.member_id),
        "offer_id": _text(message.offer_id),
        "campaign_id": _text(message.campaign_id),
        "store_id": _text(message.store_id),
        "language": message.language,
        "title": message.title,
        "body": message.body,
        "why": message.why,
        "code": message.code,
        "expires_at": None if message.expires_at is None else _instant(message.expires_at),
    }
    event = {"type": "offer.issued", "timestamp": _instant(message.at), "data": data}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def classify(answer: Answer, *, now: datetime) -> Outcome:
    """What an answer means. A 5xx other than 503 may come after the message was taken: unknown."""
    status, detail = answer.status, f"status {answer.status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Receipt(provider_id=answer.headers.get("webhook-receipt", "")[:100])
    if status == HTTPStatus.GONE:
        return Failure(kind=FailureKind.ADDRESS_GONE, detail=detail)
    if status in _THROTTLES:
        wait = retry_after(answer.headers.get("retry-after", ""), now=now)
        return Failure(kind=FailureKind.THROTTLED, detail=detail, retry_after=wait)
    if status in _NOT_TAKEN:
        return Failure(kind=FailureKind.TRANSIENT, detail=detail)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(kind=FailureKind.UNKNOWN, detail=detail)
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)


def retry_after(value: str, *, now: datetime) -> timedelta | None:
    """How long a Retry-After header (RFC 9110 §10.2.3) asks to wait; None when it does not say."""
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 8:
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # OverflowError: of numbers that no date has
        return None
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta(0))


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
