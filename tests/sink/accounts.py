"""The sink as a mail server and as an SMPP gateway of a mailing's district, and whose message each of its lines is."""

import secrets
import uuid
from dataclasses import replace
from typing import Any

from district.clock import system
from district.database import new_id
from district.merchants.models import WebhookEndpoint
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.channels.email_dkim import new_key
from push.consent import Channel
from push.message import MessagePurpose
from tests.sink.book import Line, hash_of
from tests.sink.mailing import Mailing, Rows

NUMBERS = """
SELECT message.id, member.phone FROM outbox_message AS message
JOIN member ON member.district_id = message.district_id AND member.id = message.member_id
WHERE message.district_id = %s AND message.channel = 'sms'
"""


def mail_server(mailing: Mailing, **values: Any) -> uuid.UUID:
    """E-mail by the sink, signed."""
    options = {
        "host": "127.0.0.1",
        "port": mailing.sink.port("smtp"),
        "tls": "none",
        "sender": "offers@news.example.com",
        "return_domain": "bounces.example.com",
    }
    return mailing.provider("smtp", Channel.EMAIL, options, {"dkim_key": new_key()}, **values)


def text_gateway(mailing: Mailing, **values: Any) -> uuid.UUID:
    """Text messages by SMPP to the sink."""
    options = {
        "host": "127.0.0.1",
        "port": mailing.sink.port("smpp"),
        "tls": False,
        "system_id": "district",
        "source": "+358401234567",
    }
    return mailing.provider("smpp", Channel.SMS, options, {"password": "secret"}, **values)


def receiver(mailing: Mailing) -> WebhookEndpoint:
    """The merchant's own system, which is the sink."""
    endpoint = WebhookEndpoint(
        district_id=mailing.district.id,
        merchant_id=mailing.merchant.id,
        url=f"{mailing.sink.url}/events",
        secret=secrets.token_bytes(32),
        created_at=system.machine_now(),
    )
    mailing.session.add(endpoint)
    mailing.session.commit()
    return endpoint


def tell(mailing: Mailing, endpoint: WebhookEndpoint, events: int) -> None:
    """Queue so many events for it, each as an issued offer would have left it: repeated until it is taken."""
    message = NewMessage(
        channel=Channel.WEBHOOK,
        purpose=MessagePurpose.SERVICE,
        due_at=mailing.now(),
        payload={
            "endpoint_id": str(endpoint.id),
            "campaign_id": str(mailing.campaigns[0].id),
            "title": {"zh": "八折", "en": "20 % off"},
            "body": {"zh": "今天有效", "en": "Today only"},
        },
    )
    for _ in range(events):
        event = replace(message, id=new_id())
        outbox.enqueue(mailing.session, mailing.district.id, event, machine_now=system.machine_now())
    mailing.session.commit()


class Register:
    """Which message a line is of: SMPP carries no name of the sender's, so a text is known by its number."""

    def __init__(self, rows: Rows) -> None:
        found = rows.run(NUMBERS, rows.district_id)
        self._by_number = {hash_of(phone.removeprefix("+")): str(id_) for id_, phone in found}

    def name(self, line: Line) -> str:
        """The id of the message that came in as this line; what nobody sent has none."""
        return line.delivery_id or self._by_number.get(line.address_hash, "")
