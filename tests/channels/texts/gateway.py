"""An HTTP gateway that answers as the test wants, and senders for it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from push.channels.outbound import Outbound, OutboundPolicy
from push.channels.sms_http import AliyunSender, Templates, TencentSender, TwilioSender
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.receipts import Outcome
from push.wording import Language
from tests.district.deliveries.servers import served
from tests.push.outbox_world import BASE_MESSAGE

NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
FILED = Templates(signature="中央商圈", code="SMS_1", text="SMS_2")


@dataclass
class Gateway:
    """Answers everything alike and keeps what it was asked."""

    answer: Any
    status: int = 200
    asked: list[tuple[Request, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.asked.append((request, await request.body()))
        made = (
            Response(self.answer, self.status)
            if isinstance(self.answer, bytes)
            else JSONResponse(self.answer, self.status)
        )
        await made(scope, receive, send)


@asynccontextmanager
async def sender(gateway: Gateway, kind: str, templates: Templates = FILED) -> AsyncIterator[Any]:
    outbound = Outbound(policy=OutboundPolicy(allows_loopback=True))
    async with served(gateway) as address:
        shared: dict[str, Any] = {"outbound": outbound, "base_url": address, "now": lambda: NOW}
        if kind == "twilio":
            yield TwilioSender(
                **shared,
                account="AC1",
                token="t",
                source="+15005550006",
                callback="https://x/cb",
                signature="",
            )
        elif kind == "aliyun":
            yield AliyunSender(**shared, key_id="id", key_secret="key", templates=templates)
        else:
            yield TencentSender(
                **shared,
                secret_id="id",
                secret_key="key",
                app_id="1400",
                region="ap-guangzhou",
                templates=templates,
            )
    await outbound.close()


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": DeliveryId(uuid.uuid4()),
        "channel": Channel.SMS,
        "purpose": MessagePurpose.CODE,
        "code": "123456",
        "address": "+8613800138000",
        "body": "验证码：123456",
        "language": Language.ZH,
    }
    return replace(BASE_MESSAGE, **(values | changes))


async def sent(kind: str, answer: Any, status: int = 200, **changes: Any) -> tuple[Outcome, Gateway, Message]:
    gateway, one = Gateway(answer, status), message(**changes)
    async with sender(gateway, kind) as made:
        return await made.send(one), gateway, one
