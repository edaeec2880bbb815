"""Messages to send, and how they are read at the other end."""

import email
import email.policy
import uuid
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from typing import Any

import dkim

from district import clock as clocks
from push.channels import email_dkim
from push.channels.email import EmailSender
from push.channels.email_address import mailbox
from push.channels.email_dkim import DkimSigner
from push.channels.email_message import Sender
from push.channels.email_session import MailAccount, Tls
from push.channels.outbound import Outbound, OutboundPolicy
from push.consent import Channel
from push.identifiers import CampaignId, DeliveryId
from push.message import Message, MessagePurpose
from push.wording import Language
from tests.channels.mail.sink import Sink

STOP = "https://shangquan.example/s/abcdefghijklmnopqrstuvwxyz1234"
KEY = bytes(range(32))
AT = datetime(2026, 5, 20, 4, 30, tzinfo=UTC)


@cache
def private_key() -> str:
    """One for all tests: making one takes a while."""
    return email_dkim.new_key()


def signer() -> DkimSigner:
    return DkimSigner(domain="news.example.com", selector="s1", key=private_key())


def sender(**changes: Any) -> Sender:
    given: dict[str, Any] = {
        "mailbox": mailbox("offers@news.example.com"),
        "name": "中央商圈",
        "bounce_domain": "bounces.example.com",
        "key": KEY,
        "feedback_of": "central",
        "signer": signer(),
    }
    return Sender(**(given | changes))


def letter(**changes: Any) -> Message:
    """An offer in Chinese."""
    given: dict[str, Any] = {
        "id": DeliveryId(uuid.uuid4()),
        "channel": Channel.EMAIL,
        "purpose": MessagePurpose.MARKETING,
        "address": "wang@example.org",
        "language": Language.ZH,
        "title": "咖啡第二杯半价",
        "body": "今天下午两点到五点。\n\n请向店员出示。",
        "why": "您刚走到「咖啡馆」附近。",
        "at": AT,
        "campaign_id": CampaignId(uuid.uuid4()),
        "link": "https://shangquan.example/m/abcdefghijklmnopqrstuvwxyz1234",
        "stop_link": STOP,
    }
    return Message(**(given | changes))


def mailer(sink: Sink, *, writer: Sender | None = None, **account: Any) -> EmailSender:
    """A sender that goes to a sink."""
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": sink.port,
        "tls": Tls.NONE,
        "greeting": "news.example.com",
    }
    policy = OutboundPolicy(ports=None, allows_private=True, allows_loopback=True)
    return EmailSender(
        account=MailAccount(**(given | account)),
        sender=writer or sender(),
        outbound=Outbound(policy=policy),
        machine_now=clocks.system.machine_now,
        monotonic=clocks.monotonic,
    )


def opened(content: bytes) -> EmailMessage:
    """As a mail program reads it."""
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def words(content: bytes, kind: str) -> str:
    """The text of one of its alternatives."""
    part = opened(content).get_body((kind,))
    assert part is not None
    found = part.get_content()
    assert isinstance(found, str)
    return found


def is_signed(content: bytes, *, record: str, domain: str = "news.example.com", selector: str = "s1") -> bool:
    """Whether the signature holds by what the DNS says."""

    def answer(name: bytes, **_: Any) -> bytes:
        assert name == f"{selector}._domainkey.{domain}.".encode()
        return record.encode()

    verified: bool = dkim.verify(content, dnsfunc=answer)
    return verified
