"""JSON interfaces of WeChat's and WeCom's servers: called with a shared access token, which is renewed once.

Source: developers.weixin.qq.com, "getStableAccessToken", "Global return codes"; developer.work.weixin.qq.com/document/path/90313.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from push.channels.outbound import Answer, NotDelivered, Outbound, TargetRefused
from push.channels.webhook import classify
from push.channels.wechat_tokens import Issued, SharedToken, ShelfAway
from push.receipts import Failure, FailureKind

MOST_ANSWER: Final = 16_384
LONGEST_TOKEN: Final = 1_024
LONGEST_LIFE_S: Final = 7_200
Document: TypeAlias = dict[str, Any]
_JSON: Final = {"Content-Type": "application/json"}
_K = FailureKind

REFUSED_TOKEN: Final = frozenset({40001, 40014, 41001, 42001, 42007})
"""The access token is not, or no longer, the account's."""
_KINDS: Final[Mapping[int, FailureKind]] = {
    -1: _K.TRANSIENT,
    # The account's settings: nothing leaves before its operator has mended them.
    40013: _K.TRANSIENT,
    40125: _K.TRANSIENT,
    40164: _K.TRANSIENT,
    48001: _K.TRANSIENT,
    48004: _K.TRANSIENT,
    50002: _K.TRANSIENT,
    60020: _K.TRANSIENT,
    # Who is written to is unknown to the account.
    40003: _K.ADDRESS_GONE,
    43004: _K.ADDRESS_GONE,
    # Too much at once, or for today.
    43117: _K.THROTTLED,
    45009: _K.THROTTLED,
    45011: _K.THROTTLED,
    45033: _K.THROTTLED,
}
_PAUSES: Final[Mapping[int, timedelta]] = {
    43117: timedelta(seconds=60),
    45009: timedelta(hours=1),
    45011: timedelta(seconds=60),
    45033: timedelta(seconds=5),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The server's own word that it did not do what was asked."""

    code: int

    def failure(self, known: Mapping[int, FailureKind] | None = None) -> Failure:
        """What it means for a message; what nobody knows refuses this message alone."""
        kind = (known or {}).get(self.code) or _KINDS.get(self.code, _K.MESSAGE_REFUSED)
        if self.code in REFUSED_TOKEN:
            kind = _K.TRANSIENT
        return Failure(kind=kind, detail=f"errcode {self.code}", retry_after=_PAUSES.get(self.code))


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenApi:
    """Calls one account's interface. now is machine time."""

    outbound: Outbound
    base_url: str
    tokens: SharedToken
    now: Callable[[], datetime]

    async def call(self, path: str, document: Document) -> Document | Refused | Failure:
        """Post once with the token; a token that is refused is renewed, and the call made once more."""
        try:
            held = await self.tokens.current()
            if isinstance(held, Failure):
                return held
            answer = await self._post(path, document, held.value)
            if not (isinstance(answer, Refused) and answer.code in REFUSED_TOKEN):
                return answer
            newer = await self.tokens.after(held)
            return newer if isinstance(newer, Failure) else await self._post(path, document, newer.value)
        except ShelfAway:
            return Failure(kind=_K.TRANSIENT, detail="shared tokens out of reach")

    async def _post(self, path: str, document: Document, token: str) -> Document | Refused | Failure:
        url = f"{self.base_url}{path}?{urlencode({'access_token': token})}"
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        return await asked(self.outbound, url, body=body, now=self.now)


async def asked(
    outbound: Outbound, url: str, *, body: bytes | None, now: Callable[[], datetime]
) -> Document | Refused | Failure:
    """One call and its JSON object; without a body it is a GET."""
    try:
        answer = await outbound.post(
            url,
            body=body or b"",
            headers=_JSON if body is not None else {},
            read_bytes=MOST_ANSWER,
            method="GET" if body is None else "POST",
        )
    except TargetRefused as refused:
        return Failure(kind=_K.MESSAGE_REFUSED, detail=str(refused))
    except NotDelivered as failed:
        return Failure(kind=_K.UNKNOWN if failed.was_sent else _K.TRANSIENT, detail=str(failed))
    return _read(answer, now=now)


def _read(answer: Answer, *, now: Callable[[], datetime]) -> Document | Refused | Failure:
    """The answer's object; what is none was perhaps taken."""
    outcome = classify(answer, now=now())
    if isinstance(outcome, Failure):
        return outcome
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Failure(kind=_K.UNKNOWN, detail="unreadable answer")
    code = document.get("errcode", 0)
    if not isinstance(code, int) or isinstance(code, bool):
        return Failure(kind=_K.UNKNOWN, detail="unreadable answer")
    return Refused(code=code) if code else document


@dataclass(frozen=True, kw_only=True, slots=True)
class StableTokens:
    """Asks WeChat for an account's token: POST /cgi-bin/stable_token."""

    outbound: Outbound
    base_url: str
    app_id: str
    secret: str = field(repr=False)
    now: Callable[[], datetime]

    async def __call__(self, is_forced: bool) -> Issued | Failure:
        document = {
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": self.secret,
            "force_refresh": is_forced,
        }
        url = f"{self.base_url}/cgi-bin/stable_token"
        return issued(await asked(self.outbound, url, body=json.dumps(document).encode(), now=self.now))


def issued(answer: Document | Refused | Failure) -> Issued | Failure:
    """The token of an answer; without one no message has left, whatever went wrong."""
    if isinstance(answer, Refused):
        throttled = _KINDS.get(answer.code) is _K.THROTTLED
        kind = _K.THROTTLED if throttled else _K.TRANSIENT
        return Failure(kind=kind, detail=f"access token: errcode {answer.code}")
    if isinstance(answer, Failure):
        kind = _K.THROTTLED if answer.kind is _K.THROTTLED else _K.TRANSIENT
        return Failure(kind=kind, detail=f"access token: {answer.detail}", retry_after=answer.retry_after)
    value, lasts_s = answer.get("access_token"), answer.get("expires_in")
    is_token = isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isprintable()
    if not is_token or not isinstance(lasts_s, int) or lasts_s <= 0:
        return Failure(kind=_K.TRANSIENT, detail="access token: unreadable answer")
    return Issued(value=str(value), lasts=timedelta(seconds=min(lasts_s, LONGEST_LIFE_S)))


def text_of(document: Document, name: str, *, longest: int = 200) -> str:
    """A member of an answer as text; numbers as they are written, everything else as nothing."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)[:longest]
