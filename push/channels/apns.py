"""Messages to iPhone apps by Apple's push service: HTTP/2, a signed token, and what each of its answers means.

Source: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs".
"""

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from push.channels.app_address import AppAddress, Platform
from push.channels.fitting import fitted
from push.channels.http2 import Http2
from push.channels.outbound import Answer, NotDelivered, TargetRefused
from push.channels.provider_tokens import AppleToken
from push.channels.webhook import retry_after
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

_log = logging.getLogger(__name__)

MOST_PAYLOAD_BYTES: Final = 4_096
DEFAULT_LIFE: Final = timedelta(hours=24)
LONGEST_LIFE: Final = timedelta(days=30)
REGISTERED_AT: Final = "registered_at"
"""The name, among an address's keys, of when the app last told its token (machine time, ISO 8601)."""
AT_ONCE: Final = "10"
SPARING: Final = "5"
_MOST_TITLE: Final = 120
_ANSWER_BYTES: Final = 2_048
_EXPIRED_TOKEN: Final = "ExpiredProviderToken"  # noqa: S105 a reason's name
_OURS: Final = frozenset(
    {
        "InvalidProviderToken",
        "MissingProviderToken",
        "BadCertificate",
        "BadCertificateEnvironment",
        "Forbidden",
        "BadTopic",
        "TopicDisallowed",
        "MissingTopic",
        "BadEnvironmentKeyIdInToken",
        "BadEnvironmentKeyInToken",
    }
)
"""Reasons that are about the provider's settings, not about the message or the address."""
_NOT_TAKEN: Final = frozenset({"IdleTimeout", "Shutdown", _EXPIRED_TOKEN})


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """An answer of Apple's, read."""

    status: int
    reason: str = ""
    gone_since: datetime | None = None
    wait: timedelta | None = None

    @property
    def detail(self) -> str:
        return f"status {self.status} {self.reason}".strip()


def said(answer: Answer, *, now: datetime) -> Said:
    """What an answer says, whatever it is made of."""
    try:
        document = json.loads(answer.body) if answer.body else {}
    except (ValueError, RecursionError):
        document = {}
    known: dict[str, Any] = document if isinstance(document, dict) else {}
    reason, stamp = known.get("reason"), known.get("timestamp")
    is_name = isinstance(reason, str) and reason.isascii() and reason.isalnum()
    return Said(
        status=answer.status,
        reason=str(reason)[:60] if is_name else "",
        gone_since=_instant(stamp),
        wait=retry_after(answer.headers.get("retry-after", ""), now=now),
    )


def _instant(stamp: object) -> datetime | None:
    """Milliseconds since 1970; None for what no time can be."""
    if not isinstance(stamp, int) or isinstance(stamp, bool) or not 0 < stamp < 10**14:
        return None
    return datetime.fromtimestamp(stamp / 1000, tz=UTC)


@dataclass(slots=True, kw_only=True)
class ApnsSender:
    """Sends to the apps of one Apple team.

    now is business time, by which messages expire; machine_now is real time. apps are the bundle identifiers that this
    provider sends to; each is its messages' topic.
    """

    http: Http2
    token: AppleToken
    base_url: str
    apps: Collection[str]
    now: Callable[[], datetime]
    machine_now: Callable[[], datetime]
    _has_taken: bool = field(default=False)

    def carries(self, message: Message) -> bool:
        """Whether this is the address of an app of ours."""
        to = AppAddress.read(message.address)
        return to is not None and to.platform is Platform.APNS and to.app in self.apps

    async def send(self, message: Message) -> Outcome:
        """Post once, with the delivery's id as apns-id and as collapse id: a telephone shows one of it."""
        to = AppAddress.read(message.address)
        if to is None or not self.carries(message):
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="not an address of this provider's apps")
        left = DEFAULT_LIFE if message.expires_at is None else message.expires_at - self.now()
        if left <= timedelta(0):
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="its time is over")
        machine_now = self.machine_now()
        headers = self._headers(message, to, machine_now + min(left, LONGEST_LIFE))
        url = f"{self.base_url.rstrip('/')}/3/device/{to.token}"
        try:
            answer = await self.http.post(
                url, body=payload(message), headers=headers, read_bytes=_ANSWER_BYTES
            )
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            kind = FailureKind.UNKNOWN if failed.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(failed))
        return self._outcome(message, said(answer, now=machine_now))

    def _headers(self, message: Message, to: AppAddress, ends_at: datetime) -> dict[str, str]:
        return {
            "Authorization": self.token.bearer(),
            "Content-Type": "application/json",
            "apns-id": str(message.id),
            "apns-topic": to.app,
            "apns-push-type": "alert",
            "apns-priority": AT_ONCE,
            "apns-expiration": str(int(ends_at.timestamp())),
            "apns-collapse-id": str(message.id),
        }

    def _outcome(self, message: Message, told: Said) -> Outcome:
        if told.status == HTTPStatus.OK:
            self._has_taken = True
            return Receipt(provider_id=str(message.id))
        if told.reason == _EXPIRED_TOKEN:
            self.token.refused()
            _log.error("Apple finds the provider's token too old: check this machine's clock.")
        elif told.reason in _OURS:
            _log.error("Apple refuses the provider's settings: %s", told.detail)
        return classify(told, registered_at=_registered_at(message), is_proven=self._has_taken)

    async def close(self) -> None:
        """Close every connection."""
        await self.http.close()


def classify(told: Said, *, registered_at: datetime | None, is_proven: bool) -> Failure:
    """What a refusal means.

    410 ends the address only if Apple found it gone after the app last told it. A "bad" token is also what every token
    is where the environment is the wrong one, so it ends an address only once another was taken (is_proven).
    """
    status, detail = told.status, told.detail
    if status == HTTPStatus.GONE:
        is_stale = (
            registered_at is not None and told.gone_since is not None and told.gone_since < registered_at
        )
        kind = FailureKind.MESSAGE_REFUSED if is_stale else FailureKind.ADDRESS_GONE
        return Failure(kind=kind, detail=f"{detail}, registered since" if is_stale else detail)
    if told.reason == "BadDeviceToken" and is_proven:
        return Failure(kind=FailureKind.ADDRESS_GONE, detail=detail)
    if told.reason in _NOT_TAKEN:
        return Failure(kind=FailureKind.TRANSIENT, detail=detail)
    if status == HTTPStatus.TOO_MANY_REQUESTS and told.reason == "TooManyRequests" and told.wait is None:
        # Too many to this one telephone: no reason to leave all others waiting.
        return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return Failure(kind=FailureKind.THROTTLED, detail=detail, retry_after=told.wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(kind=FailureKind.UNKNOWN, detail=detail)
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)


def payload(message: Message) -> bytes:
    """What the telephone shows, and what its app is given beside; a body that is too long ends in an ellipsis."""

    def written(body: str) -> dict[str, Any]:
        alert = {"title": message.title[:_MOST_TITLE], "body": body}
        aps: dict[str, Any] = {"alert": {name: text for name, text in alert.items() if text}}
        beside = {
            "id": str(message.id),
            "lang": message.language.value,
            "link": message.link,
            "stop": message.stop_link,
        }
        return {"aps": aps | {"sound": "default"}} | {name: text for name, text in beside.items() if text}

    return fitted(written, message.body, most_bytes=MOST_PAYLOAD_BYTES)


async def tell_of_change(http: Http2, *, base_url: str, topic: str, device: str, now: datetime) -> Outcome:
    """The empty message by which a wallet is told to fetch a pass anew.

    ``http`` shows the certificate of the pass type: these messages are signed by it and by no token.
    """
    headers = {
        "Content-Type": "application/json",
        "apns-topic": topic,
        "apns-push-type": "background",
        "apns-priority": SPARING,
    }
    url = f"{base_url.rstrip('/')}/3/device/{device}"
    try:
        answer = await http.post(url, body=b"{}", headers=headers, read_bytes=_ANSWER_BYTES)
    except TargetRefused as refused:
        return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
    except NotDelivered as failed:
        return Failure(kind=FailureKind.TRANSIENT, detail=str(failed))  # a repeat changes nothing
    told = said(answer, now=now)
    if told.status == HTTPStatus.OK:
        return Receipt()
    return classify(told, registered_at=None, is_proven=False)


def _registered_at(message: Message) -> datetime | None:
    try:
        at = datetime.fromisoformat(message.keys.get(REGISTERED_AT, ""))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
