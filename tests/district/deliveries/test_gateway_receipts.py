"""What Chinese gateways tell of text messages at the receipts' address: signed by its key, once, in any order."""

import secrets
import uuid
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from district.channels.kinds.text_reports import key_of
from district.database import new_id
from district.outbox.models import OutboxMessage
from district.settings import Settings
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

SECRET = "installation-" + secrets.token_hex(16)
ARRIVED = "SELECT delivered_at IS NOT NULL FROM outbox_message WHERE district_id = %(d)s"
KEPT = "SELECT count(*) FROM delivery_receipt WHERE district_id = %(d)s"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret": SecretStr(SECRET)})


async def told(desk: Desk, provider_id: str, document: Any, *, secret: str = "k" * 20) -> httpx.Response:
    address = f"/v1/districts/{desk.slug}/receipts/cn?key={key_of(provider_id, secret)}"
    return await desk.client.post(address, json=document)


async def test_a_receipt_by_the_deliverys_id_is_kept_once(desk: Desk, ground: Ground) -> None:
    made = await desk.ask(
        "POST",
        "channel-providers",
        {
            "slug": "cn",
            "kind": "aliyun_sms",
            "name": "短信",
            "options": {"signature": "中央商圈", "key_id": "LTAI"},
            "secrets": {"key_secret": "k" * 20},
        },
    )
    assert made.status_code == 201, made.text
    provider_id = made.json()["id"]
    now = ground.clock.now()
    row = OutboxMessage(
        district_id=ground.district.id, id=new_id(), channel="sms", purpose="service", payload={}, state="sending",
        due_at=now, retry_at=now, created_at=now, provider_id=uuid.UUID(provider_id),
    )  # fmt: skip
    ground.makers.session.add(row)
    ground.makers.done()
    report = {
        "success": True,
        "err_code": "DELIVERED",
        "biz_id": "9",
        "out_id": str(row.id),
        "report_time": "x",
    }
    refused = await told(desk, provider_id, [report], secret="another")
    assert refused.status_code == 401
    assert await ground.rows(ARRIVED) == [(False,)]
    for _ in range(2):
        answer = await told(desk, provider_id, [report])
        assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert await ground.rows(ARRIVED) == [(True,)]
    assert await ground.number(KEPT) == 1
