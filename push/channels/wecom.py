"""Messages to customers of WeCom: a task for a member of staff, who sends it by one press in the app.

WeCom sends nothing to customers by itself: accepted means that the task stands, and what became of it is told only to who
asks. A customer gets no more of them a month than it has days. Source: developer.work.weixin.qq.com/document/path/92135
(add_msg_template), 93338 (get_groupmsg_task, get_groupmsg_send_result), 97611 (cancel_groupmsg_send), 91039 (gettoken),
90313 (codes).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from push.channels.outbound import Outbound
from push.channels.wechat_api import Refused, TokenApi, asked, issued, text_of
from push.channels.wechat_tokens import Issued
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

PATH: Final = "/cgi-bin/externalcontact/add_msg_template"
STAFF_PATH: Final = "/cgi-bin/externalcontact/get_groupmsg_task"
RESULT_PATH: Final = "/cgi-bin/externalcontact/get_groupmsg_send_result"
CANCEL_PATH: Final = "/cgi-bin/externalcontact/cancel_groupmsg_send"
MOST_ENTRIES: Final = 10
"""A task of ours has one member of staff and one customer; of a longer list no more is read."""
LATEST_S: Final = 10**10
LONGEST_TEXT_BYTES: Final = 4_000
LONGEST_TITLE_BYTES: Final = 128
LONGEST_SUMMARY_BYTES: Final = 512
_K = FailureKind
_KNOWN: Final[Mapping[int, FailureKind]] = MappingProxyType(
    {
        # Here 40003 is the member of staff, whom the operator has named.
        40003: _K.TRANSIENT,
        40096: _K.ADDRESS_GONE,
        84061: _K.ADDRESS_GONE,
        41048: _K.ADDRESS_GONE,
        41063: _K.TRANSIENT,
        48002: _K.TRANSIENT,
        301002: _K.TRANSIENT,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpTokens:
    """Asks WeCom for an application's token: GET /cgi-bin/gettoken. It cannot be forced: a good one is given again."""

    outbound: Outbound
    base_url: str
    corp_id: str
    secret: str = field(repr=False)
    now: Callable[[], datetime]

    async def __call__(self, is_forced: bool) -> Issued | Failure:  # noqa: ARG002 the protocol's
        query = urlencode({"corpid": self.corp_id, "corpsecret": self.secret})
        url = f"{self.base_url}/cgi-bin/gettoken?{query}"
        return issued(await asked(self.outbound, url, body=None, now=self.now))


class TaskState(IntEnum):
    """How a task stands, in WeCom's numbers (send_list.status)."""

    WAITING = 0
    SENT = 1
    NO_CONTACT = 2
    """The customer is no contact of the member of staff any more."""
    TOO_MANY = 3
    """The customer has had as many such messages as he may."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskResult:
    """What became of a task; a task that waits names no customer yet."""

    state: TaskState
    customer: str = field(default="", repr=False)
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WeComTasks:
    """Asks after tasks, by the number that WeCom gave them."""

    api: TokenApi

    async def result(self, task: str) -> TaskResult | Failure:
        """How it stands. Two calls at most, of which the second only once the member of staff has pressed."""
        answer = await self._asked(STAFF_PATH, {"msgid": task, "limit": MOST_ENTRIES})
        if isinstance(answer, Failure):
            return answer
        for entry in _entries(answer, "task_list"):
            if entry.get("status") in (1, 2) and text_of(entry, "userid"):
                return await self._sent_by(task, text_of(entry, "userid"))
        return TaskResult(state=TaskState.WAITING)

    async def cancel(self, task: str) -> bool:
        """End a task that nobody has carried out; whether it ended."""
        return not isinstance(await self._asked(CANCEL_PATH, {"msgid": task}), Failure)

    async def _sent_by(self, task: str, staff: str) -> TaskResult | Failure:
        asked = {"msgid": task, "userid": staff, "limit": MOST_ENTRIES}
        answer = await self._asked(RESULT_PATH, asked)
        if isinstance(answer, Failure):
            return answer
        found = [_result(entry) for entry in _entries(answer, "send_list")]
        waiting = TaskResult(state=TaskState.WAITING)
        return next((one for one in found if one is not None and one.state is not TaskState.WAITING), waiting)

    async def _asked(self, path: str, document: dict[str, Any]) -> dict[str, Any] | Failure:
        answer = await self.api.call(path, document)
        return answer.failure(_KNOWN) if isinstance(answer, Refused) else answer


def _entries(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = answer.get(name)
    return [one for one in found[:MOST_ENTRIES] if isinstance(one, dict)] if isinstance(found, list) else []


def _result(entry: dict[str, Any]) -> TaskResult | None:
    """One line of send_list; None for a state that is not in WeCom's document."""
    state, sent_at = entry.get("status"), entry.get("send_time")
    if not isinstance(state, int) or isinstance(state, bool) or state not in set(TaskState):
        return None
    at = datetime.fromtimestamp(sent_at, UTC) if isinstance(sent_at, int) and 0 < sent_at < LATEST_S else None
    return TaskResult(
        state=TaskState(state),
        customer=text_of(entry, "external_userid", longest=128),
        at=at,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class WeComSender:
    """Makes a task for each message. sender: whose, where the address names nobody."""

    api: TokenApi
    sender: str

    async def send(self, message: Message) -> Outcome:
        """Post once; a customer whom WeCom lists as failed gets nothing by this task."""
        answer = await self.api.call(PATH, self._document(message))
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Refused):
            return answer.failure(_KNOWN)
        failed = answer.get("fail_list")
        if isinstance(failed, list) and message.address in failed:
            return Failure(kind=_K.MESSAGE_REFUSED, detail="the customer can be sent nothing now")
        return Receipt(provider_id=text_of(answer, "msgid"))

    def _document(self, message: Message) -> dict[str, Any]:
        document: dict[str, Any] = {
            "chat_type": "single",
            "external_userid": [message.address],
            "sender": message.keys.get("sender") or self.sender,
            "text": {"content": _cut(_whole(message), LONGEST_TEXT_BYTES)},
        }
        if message.link:
            link = {
                "title": _cut(message.title or message.body, LONGEST_TITLE_BYTES),
                "desc": _cut(message.body, LONGEST_SUMMARY_BYTES),
                "url": message.link,
            }
            document["attachments"] = [{"msgtype": "link", "link": link}]
        return document


def _whole(message: Message) -> str:
    """What the customer reads, with how to stop it."""
    parts = [message.title, message.body, message.stop_link and f"退订 / unsubscribe: {message.stop_link}"]
    return "\n".join(one for one in parts if one)


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, and no half letter."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore") + "…"
