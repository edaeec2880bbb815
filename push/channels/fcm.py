"""Messages to apps by Google's push service: its HTTP v1 interface, and what each of its answers means.

Source: Firebase, "Send messages with the HTTP v1 API" and "FCM error codes".
"""

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from push.channels.app_address import AppAddress, Platform
from push.channels.fitting import fitted
from push.channels.outbound import Answer, NotDelivered, TargetRefused
from push.channels.pooled import Pooled
from push.channels.provider_tokens import JWT_BEARER, ServiceAccount
from push.channels.webhook import retry_after
from push.message import Message, MessagePurpose
from push.receipts import Failure, FailureKind, Outcome, Receipt

_log = logging.getLogger(__name__)

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
MOST_PAYLOAD_BYTES: Final = 4_096
DEFAULT_TTL: Final = timedelta(hours=24)
LONGEST_TTL: Final = timedelta(days=28)
DEFAULT_PAUSE: Final = timedelta(minutes=1)
"""What Google asks for where its 429 names no time."""
_RENEWED_BEFORE: Final = timedelta(minutes=5)
_MOST_TITLE: Final = 120
_ANSWER_BYTES: Final = 16_384
_LONGEST_NAME: Final = 200
_LONGEST_BEARER: Final = 4_096
_GONE: Final = "UNREGISTERED"
_OURS: Final = frozenset({"SENDER_ID_MISMATCH", "THIRD_PARTY_AUTH_ERROR", "PERMISSION_DENIED"})


@dataclass(slots=True, kw_only=True)
class GoogleAccess:
    """Access tokens of a service account, asked for once and kept until they are about to end. now is machine time."""

    pooled: Pooled
    account: ServiceAccount = field(repr=False)
    token_url: str
    scope: str
    now: Callable[[], datetime]
    _made: tuple[datetime, datetime, str] | None = field(default=None, repr=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def bearer(self) -> str | Failure:
        """An access token, else why there is none; nothing was sent to anybody then."""
        async with self._one_at_a_time:
            now = self.now()
            if self._made is not None and self._made[0] <= now < self._made[1]:
                return self._made[2]
            return await self._asked(now)

    def refused(self, bearer: str) -> None:
        """Ask for another one next time."""
        if self._made is not None and self._made[2] == bearer:
            self._made = None

    async def _asked(self, now: datetime) -> str | Failure:
        assertion = self.account.assertion(audience=self.token_url, scope=self.scope, now=now)
        form = urlencode({"grant_type": JWT_BEARER, "assertion": assertion}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self.pooled.post(
                self.token_url, body=form, headers=headers, read_bytes=_ANSWER_BYTES
            )
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            return Failure(kind=FailureKind.TRANSIENT, detail=f"access token: {failed}")
        if answer.status != HTTPStatus.OK:
            return _no_access(answer, now)
        document = _document(answer)
        bearer, lasts_s = document.get("access_token"), document.get("expires_in")
        if not isinstance(bearer, str) or not 0 < len(bearer) <= _LONGEST_BEARER or not bearer.isprintable():
            return Failure(kind=FailureKind.TRANSIENT, detail="access token: the answer has none")
        lasts = timedelta(seconds=lasts_s if isinstance(lasts_s, int) and 0 < lasts_s < 90_000 else 0)
        self._made = (now, now + max(lasts - _RENEWED_BEFORE, lasts / 2), bearer)
        return bearer


def _no_access(answer: Answer, now: datetime) -> Failure:
    detail = f"access token: status {answer.status}"
    if answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        wait = retry_after(answer.headers.get("retry-after", ""), now=now)
        return Failure(kind=FailureKind.THROTTLED, detail=detail, retry_after=wait)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(kind=FailureKind.TRANSIENT, detail=detail)
    _log.error("Google refuses the service account: check its key, and this machine's clock (%s).", detail)
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class FcmSender:
    """Sends to the apps of one Firebase project.

    now is business time, by which messages expire; machine_now is real time. With is_rehearsal Google checks each
    message and delivers none.
    """

    pooled: Pooled
    access: GoogleAccess
    project: str
    base_url: str
    apps: Collection[str]
    now: Callable[[], datetime]
    machine_now: Callable[[], datetime]
    is_rehearsal: bool = False

    def carries(self, message: Message) -> bool:
        """Whether this is the address of an app of ours."""
        to = AppAddress.read(message.address)
        return to is not None and to.platform is Platform.FCM and to.app in self.apps

    async def send(self, message: Message) -> Outcome:
        """Post once. Google knows no dedupe key: a telephone shows one message of a tag, the delivery's id."""
        to = AppAddress.read(message.address)
        if to is None or not self.carries(message):
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="not an address of this provider's apps")
        ttl_s = _ttl_s(message, self.now())
        if ttl_s <= 0:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="its time is over")
        bearer = await self.access.bearer()
        if isinstance(bearer, Failure):
            return bearer
        body = request_of(message, to.token, ttl_s=ttl_s, is_rehearsal=self.is_rehearsal)
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        url = f"{self.base_url.rstrip('/')}/v1/projects/{self.project}/messages:send"
        try:
            answer = await self.pooled.post(url, body=body, headers=headers, read_bytes=_ANSWER_BYTES)
        except TargetRefused as refused:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(refused))
        except NotDelivered as failed:
            kind = FailureKind.UNKNOWN if failed.was_sent else FailureKind.TRANSIENT
            return Failure(kind=kind, detail=str(failed))
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self.access.refused(bearer)
        return classify(answer, now=self.machine_now())

    async def close(self) -> None:
        """Close every connection."""
        await self.pooled.close()


def classify(answer: Answer, *, now: datetime) -> Outcome:
    """What an answer means. Only UNREGISTERED ends an address: INVALID_ARGUMENT may be about the message."""
    document = _document(answer)
    if answer.status == HTTPStatus.OK:
        name = document.get("name")
        return Receipt(provider_id=name[:_LONGEST_NAME] if isinstance(name, str) else "")
    code = _code(document)
    detail = f"status {answer.status} {code}".strip()
    if code in _OURS:
        _log.error("Google refuses the provider's settings, or the app is another project's: %s", detail)
    elif code == _GONE:
        return Failure(kind=FailureKind.ADDRESS_GONE, detail=detail)
    elif answer.status == HTTPStatus.UNAUTHORIZED:
        return Failure(kind=FailureKind.TRANSIENT, detail=detail)
    elif answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        wait = retry_after(answer.headers.get("retry-after", ""), now=now)
        is_quota = answer.status == HTTPStatus.TOO_MANY_REQUESTS and wait is None
        return Failure(
            kind=FailureKind.THROTTLED, detail=detail, retry_after=DEFAULT_PAUSE if is_quota else wait
        )
    elif answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(kind=FailureKind.UNKNOWN, detail=detail)
    return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=detail)


def request_of(message: Message, token: str, *, ttl_s: int, is_rehearsal: bool) -> bytes:
    """The request's body. Google counts the message's own bytes; ours counts all, which is a little stricter.

    Of codes a telephone that was off gets the newest only. Offers have no collapse key: Google keeps four of them for a
    telephone, and would forget the fifth offer.
    """
    id_ = str(message.id)
    collapse = {"collapse_key": "code"} if message.purpose is MessagePurpose.CODE else {}
    beside = {"id": id_, "lang": message.language.value, "link": message.link, "stop": message.stop_link}

    def document(body: str) -> dict[str, Any]:
        shown = {"title": message.title[:_MOST_TITLE], "body": body}
        told: dict[str, Any] = {
            "token": token,
            "notification": {name: text for name, text in shown.items() if text},
            "data": {name: text for name, text in beside.items() if text},
            "android": {
                "priority": "HIGH",
                "ttl": f"{ttl_s}s",
                "notification": {"tag": id_},
                **collapse,
            },
            "apns": {"headers": {"apns-collapse-id": id_, "apns-priority": "10"}},
        }
        return {"validate_only": True, "message": told} if is_rehearsal else {"message": told}

    return fitted(document, message.body, most_bytes=MOST_PAYLOAD_BYTES)


def _ttl_s(message: Message, now: datetime) -> int:
    left = DEFAULT_TTL if message.expires_at is None else message.expires_at - now
    return int(max(min(left, LONGEST_TTL), timedelta(0)).total_seconds())


def _document(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body) if answer.body else {}
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _code(document: dict[str, Any]) -> str:
    """FCM's own code of an error, else Google's general one."""
    error = document.get("error")
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    found = (
        [one.get("errorCode") for one in details if isinstance(one, dict)]
        if isinstance(details, list)
        else []
    )
    for code in (*found, error.get("status")):
        if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum():
            return code[:60]
    return ""
