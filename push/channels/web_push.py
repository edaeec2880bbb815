"""Messages to members' browsers through the browsers' own push services: RFC 8030, encrypted, signed by VAPID."""

import base64
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from push.channels.outbound import Answer, NotDelivered, TargetRefused
from push.channels.pooled import Pooled
from push.channels.vapid import Vapid
from push.channels.web_push_encoding import MOST_PLAIN_BYTES, BrowserKeys, KeysInvalid, PlainTooLong, encrypt
from push.channels.webhook import retry_after
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt

_log = logging.getLogger(__name__)

KNOWN_HOSTS: Final = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
)
"""The push services of Chrome and its relatives, Firefox, Edge and Safari. ``*.`` stands for any name below."""
LONGEST_TTL: Final = timedelta(days=28)
DEFAULT_TTL: Final = timedelta(hours=24)
MOST_TITLE: Final = 120
_ANSWER_BYTES: Final = 2_048
_OK: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_OURS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_THROTTLES: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_NOT_TAKEN: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.MISDIRECTED_REQUEST}
)


def is_known(endpoint: str, hosts: Collection[str]) -> bool:
    """Whether an endpoint is one of a push service that is allowed. A host may name its port."""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    named = host if port == 443 else f"{host}:{port}"
    return any(_fits(named, one.lower()) for one in hosts)


def _fits(named: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return named.endswith(allowed[1:]) and len(named) > len(allowed) - 1
    return named == allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPushSender:
    """Sends to the endpoint of each message with the keys that go with it: ``p256dh`` and ``auth``.

    now is business time, by which messages expire; machine_now is real time. links adds what the page's worker is
    told beside the message: where it leads, and where to tell that it was shown.
    """

    pooled: Pooled
    vapid: Vapid
    hosts: Collection[str]
    now: Callable[[], datetime]
    machine_now: Callable[[], datetime]
    links: Callable[[Message], dict[str, str]]

    async def send(self, message: Message) -> Outcome:
        """Post once. Topic is the delivery's id: a push service keeps one of it, and a browser shows one."""
        ttl_s = _ttl_s(message, self.now())
        if ttl_s <= 0:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="its time is over")
        if not is_known(message.address, self.hosts):
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="not the address of a known push service")
        try:
            keys = BrowserKeys.read(message.keys.get("p256dh", ""), message.keys.get("auth", ""))
            body = encrypt(payload(message, self.links(message)), keys)
        except KeysInvalid:
            return Failure(kind=FailureKind.ADDRESS_GONE, detail="the browser's keys cannot be read")
        except PlainTooLong as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        return await self._post(message, body, ttl_s)

    async def _post(self, message: Message, body: bytes, ttl_s: int) -> Outcome:
        headers = {
            "Authorization": self.vapid.header(_origin(message.address)),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(ttl_s),
            "Urgency": "high" if message.purpose is MessagePurpose.CODE else "normal",
            "Topic": topic(message),
        }
        try:
            answer = await self.pooled.post(
                message.address, body=body, headers=headers, read_bytes=_ANSWER_BYTES
            )
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            kind = FailureKind.UNKNOWN if failed.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(failed))
        outcome = classify(answer, now=self.machine_now())
        # The page's worker may tell of the message before its taking is recorded: by the name that both know.
        return Receipt(provider_id=str(message.id)) if isinstance(outcome, Receipt) else outcome

    async def close(self) -> None:
        """Close every connection."""
        await self.pooled.close()


def classify(answer: Answer, *, now: datetime) -> Outcome:
    """What a push service's answer means (RFC 8030 §5, §8.4; RFC 8292 §4.2).

    400 is about the message and says nothing of the address. A refused signature is the installation's own trouble,
    or belongs to a subscription made with other keys. A 5xx other than 503 may come after the message was taken.
    """
    status, detail = answer.status, f"status {answer.status}"
    if status in _OK:
        return Receipt()
    if status in _GONE:
        return Failure(kind=FailureKind.ADDRESS_GONE, detail=detail)
    if status in _THROTTLES:
        wait = retry_after(answer.headers.get("retry-after", ""), now=now)
        return Failure(kind=FailureKind.THROTTLED, detail=detail, retry_after=wait)
    if status in _OURS:
        _log.error(
            "A push service refuses the signature: check the provider's contact and its keys (%s).", detail
        )
        return Failure(
            kind=FailureKind.MESSAGE_REFUSED, detail=f"{detail}: the keys or the contact are refused"
        )
    if status in _NOT_TAKEN:
        return Failure(kind=FailureKind.TRANSIENT, detail=detail)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(kind=FailureKind.UNKNOWN, detail=detail)
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)


def payload(message: Message, links: dict[str, str]) -> bytes:
    """What the page's worker shows. A body that is too long ends in an ellipsis: the whole is behind the link."""
    document: dict[str, Any] = {
        "id": str(message.id),
        "lang": message.language.value,
        "title": message.title[:MOST_TITLE],
        "body": message.body,
        "link": message.link,
        "stop": message.stop_link,
    }
    document |= {name: value for name, value in links.items() if value and not document.get(name)}
    plain = _json(document)
    if len(plain) <= MOST_PLAIN_BYTES:
        return plain

    def cut(letters: int) -> bytes:
        return _json(document | {"body": message.body[:letters] + "…"})

    low, high = 0, len(message.body)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(cut(middle)) <= MOST_PLAIN_BYTES else (low, middle - 1)
    return cut(low)


def topic(message: Message) -> str:
    """The delivery's id in at most 32 letters of base64 for URLs."""
    return base64.urlsafe_b64encode(message.id.bytes).rstrip(b"=").decode("ascii")


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _ttl_s(message: Message, now: datetime) -> int:
    left = DEFAULT_TTL if message.expires_at is None else message.expires_at - now
    return int(max(min(left, LONGEST_TTL), timedelta(0)).total_seconds())


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}".lower()
