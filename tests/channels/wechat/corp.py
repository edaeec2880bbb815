"""WeCom's servers as their documentation describes them: tokens, tasks for members of staff, and what became of them.

developer.work.weixin.qq.com: gettoken (91039), add_msg_template (92135), get_groupmsg_task and get_groupmsg_send_result (93338),
cancel_groupmsg_send (97611).
"""

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.district.deliveries.relays import Desk

CORP, SECRET, CUSTOMER = "wx5823bf96d3bd56c7", "s" * 32, "woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


@dataclass
class Corp:
    """WeCom's servers for one corporation."""

    answers: list[int | Response | dict[str, Any]] = field(default_factory=list)
    token: str = ""
    token_calls: int = 0
    tasks: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the member of staff did with a task, by its number: a line of send_list."""
    cancelled: list[str] = field(default_factory=list)
    cancel_answers: list[int] = field(default_factory=list)
    """Codes that the next wishes to end a task get."""
    asked: list[str] = field(default_factory=list)
    """After which tasks somebody asked."""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        body = await request.body()
        answer = self._answer(request, json.loads(body) if body else {})
        made = answer if isinstance(answer, Response) else JSONResponse(answer)
        await made(scope, receive, send)

    def _answer(self, request: Request, document: dict[str, Any]) -> Any:
        query = request.query_params
        if request.url.path == "/cgi-bin/gettoken":
            assert request.method == "GET"
            self.token_calls += 1
            if (query["corpid"], query["corpsecret"]) != (CORP, SECRET):
                return {"errcode": 40001, "errmsg": "invalid credential"}
            self.token = self.token or f"TOKEN-{next(self._numbers)}"
            return {"errcode": 0, "errmsg": "ok", "access_token": self.token, "expires_in": 7200}
        if query.get("access_token") != self.token or not self.token:
            return {"errcode": 40014, "errmsg": "invalid access_token"}
        does = {
            "add_msg_template": self._make,
            "get_groupmsg_task": self._staff,
            "get_groupmsg_send_result": self._result,
            "cancel_groupmsg_send": self._cancel,
        }.get(request.url.path.removeprefix("/cgi-bin/externalcontact/"))
        if does is None:
            return {"errcode": 40066}
        if self.answers:
            answer = self.answers.pop(0)
            return {"errcode": answer, "errmsg": "scripted"} if isinstance(answer, int) else answer
        return does(document)

    def carry_out(self, task: int, status: int, **line: Any) -> None:
        """The member of staff presses: the customer of the task gets it, or does not."""
        made = self.tasks[task - 1]
        (customer,) = made["external_userid"]
        said = {"external_userid": customer, "userid": made["sender"], "status": status}
        self.results[f"msgGCAAA{task}"] = said | line

    def _make(self, document: dict[str, Any]) -> dict[str, Any]:
        self.tasks.append(document)
        return {"errcode": 0, "errmsg": "ok", "fail_list": [], "msgid": f"msgGCAAA{len(self.tasks)}"}

    def _staff(self, document: dict[str, Any]) -> dict[str, Any]:
        task = document["msgid"]
        self.asked.append(task)
        if not self._is_there(task):
            return {"errcode": 41047, "errmsg": "invalid msgid"}
        sender = self.tasks[int(task.removeprefix("msgGCAAA")) - 1]["sender"]
        line = {"userid": sender, "status": 2 if task in self.results else 0}
        return {"errcode": 0, "errmsg": "ok", "next_cursor": "", "task_list": [line]}

    def _result(self, document: dict[str, Any]) -> dict[str, Any]:
        line = self.results[document["msgid"]]
        assert document["userid"] == line["userid"]
        return {"errcode": 0, "errmsg": "ok", "next_cursor": "", "send_list": [line]}

    def _cancel(self, document: dict[str, Any]) -> dict[str, Any]:
        if document["msgid"] in self.results:
            return {"errcode": 41093, "errmsg": "sent already"}
        if self.cancel_answers:
            return {"errcode": self.cancel_answers.pop(0), "errmsg": "scripted"}
        self.cancelled.append(document["msgid"])
        return {"errcode": 0, "errmsg": "ok"}

    def _is_there(self, task: str) -> bool:
        number = task.removeprefix("msgGCAAA")
        return number.isdecimal() and 0 < int(number) <= len(self.tasks)


async def enter(desk: Desk, address: str) -> None:
    """An operator enters the corporation under the slug ``corp``."""
    body = {
        "slug": "corp",
        "kind": "wecom",
        "name": "企业微信",
        "options": {"base_url": address, "corp_id": CORP, "sender": "zhangsan"},
        "secrets": {"corp_secret": SECRET, "token": TOKEN, "aes_key": AES_KEY},
    }
    made = await desk.ask("POST", "channel-providers", body)
    assert made.status_code == 201, made.text
