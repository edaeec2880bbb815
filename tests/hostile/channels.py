"""Providers of messages for the scene of hostile requests, and bodies about them."""

import base64
import hashlib
import json
import secrets
from typing import Any

from district.channels.models import ChannelProvider, MemberEndpoint, TextTemplate
from district.channels.service import about
from district.database import new_id
from district.districts.models import District
from district.members.models import Member
from district.outbox.models import OutboxMessage
from district.sealing import seal
from push.channels import signing
from push.channels.vapid import new_private_key, public_key_of
from tests.factories import Makers
from tests.hostile.samples import canary

APP = "example.district.app"
SECRET = "s" * 43
"""Of the installation that the scene stands in."""


def provider(makers: Makers, district: District, *, slug: str) -> ChannelProvider:
    """A relay for text messages, which nobody calls."""
    id_, now = new_id(), makers.clock.now()
    credentials = {"secret": signing.secret_from(secrets.token_bytes(32))}
    row = ChannelProvider(
        district_id=district.id,
        id=id_,
        slug=slug,
        channel="sms",
        kind="relay_sms",
        name="Relay",
        options={"url": "https://relay.example/send"},
        sealed=seal(SECRET, json.dumps(credentials).encode(), about=about(id_)),
        created_at=now,
        changed_at=now,
        is_on=False,
    )
    makers.session.add(row)
    makers.session.flush()
    return row


def corporation(makers: Makers, district: District, *, slug: str) -> ChannelProvider:
    """A WeCom account, which nobody calls."""
    id_, now = new_id(), makers.clock.now()
    credentials = {"corp_secret": secrets.token_hex(16)}
    row = ChannelProvider(
        district_id=district.id,
        id=id_,
        slug=slug,
        channel="wecom",
        kind="wecom",
        name="WeCom",
        options={"corp_id": "wx5823bf96d3bd56c7", "sender": "zhangsan"},
        sealed=seal(SECRET, json.dumps(credentials).encode(), about=about(id_)),
        created_at=now,
        changed_at=now,
        is_on=False,
    )
    makers.session.add(row)
    makers.session.flush()
    return row


def browser(makers: Makers, district: District, member: Member) -> MemberEndpoint:
    """A browser of a member's that lets itself be told, in a district that is set up for it."""
    id_, now = new_id(), makers.clock.now()
    credentials = {"private_key": new_private_key()}
    row = ChannelProvider(
        district_id=district.id,
        id=id_,
        slug=f"push-{secrets.token_hex(6)}",
        channel="web_push",
        kind="web_push",
        name="Browsers",
        options={"contact": "mailto:push@shangquan.example"},
        sealed=seal(SECRET, json.dumps(credentials).encode(), about=about(id_)),
        created_at=now,
        changed_at=now,
    )
    subscription = push_subscription()
    endpoint_id = new_id()
    endpoint = MemberEndpoint(
        district_id=district.id,
        id=endpoint_id,
        member_id=member.id,
        channel="web_push",
        provider_id=id_,
        address=subscription["endpoint"],
        address_hash=hashlib.sha256(subscription["endpoint"].encode()).digest(),
        sealed=seal(SECRET, json.dumps(subscription["keys"]).encode(), about=f"endpoint:{endpoint_id}"),
        created_at=now,
        seen_at=now,
    )
    makers.session.add_all([row, endpoint])
    makers.session.flush()
    return endpoint


def phone(makers: Makers, district: District, member: Member) -> MemberEndpoint:
    """A telephone of a member's with an app, in a district that is set up for it."""
    id_, now = new_id(), makers.clock.now()
    row = ChannelProvider(
        district_id=district.id,
        id=id_,
        slug=f"apps-{secrets.token_hex(6)}",
        channel="app",
        kind="apns",
        name="Apps",
        options={"apps": [APP], "team_id": "DEF123GHIJ", "key_id": "ABC123DEFG"},
        sealed=seal(SECRET, b"{}", about=about(id_)),
        created_at=now,
        changed_at=now,
    )
    told, endpoint_id = device(), new_id()
    address = f"apns:{APP}:{told['token']}"
    endpoint = MemberEndpoint(
        district_id=district.id,
        id=endpoint_id,
        member_id=member.id,
        channel="app",
        address=address,
        address_hash=hashlib.sha256(address.encode()).digest(),
        sealed=seal(SECRET, b"{}", about=f"endpoint:{endpoint_id}"),
        created_at=now,
        seen_at=now,
    )
    makers.session.add_all([row, endpoint])
    makers.session.flush()
    return endpoint


def device() -> dict[str, Any]:
    """A token as an app tells it."""
    return {"platform": "apns", "token": secrets.token_hex(32), "app": APP}


def suppressed(makers: Makers, district: District, member: Member) -> MemberEndpoint:
    """An e-mail address of a member's that does not exist."""
    now, address = makers.clock.now(), f"{secrets.token_hex(6)}@example.org"
    row = MemberEndpoint(
        district_id=district.id,
        id=new_id(),
        member_id=member.id,
        channel="email",
        address=address,
        address_hash=hashlib.sha256(address.encode()).digest(),
        state="gone",
        reason="5.1.1",
        failures=1,
        created_at=now,
        seen_at=now,
        failed_at=now,
    )
    makers.session.add(row)
    makers.session.flush()
    return row


def push_subscription() -> dict[str, Any]:
    """A subscription as a browser writes it."""
    return {
        "endpoint": f"https://fcm.googleapis.com/fcm/send/{secrets.token_urlsafe(24)}",
        "expirationTime": None,
        "keys": {
            "p256dh": public_key_of(new_private_key()),
            "auth": base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("="),
        },
    }


def filed_text(makers: Makers, district: District, provider: ChannelProvider) -> TextTemplate:
    """A text that is on file nowhere yet."""
    now = makers.clock.now()
    row = TextTemplate(
        district_id=district.id,
        id=new_id(),
        provider_id=provider.id,
        number="",
        signature="Kluuvi",
        purpose="service",
        language="en",
        text="{store}",
        created_at=now,
        changed_at=now,
    )
    makers.session.add(row)
    makers.session.flush()
    return row


def delivery(makers: Makers, district: District) -> OutboxMessage:
    """A service message that was given up."""
    now = makers.clock.now()
    row = OutboxMessage(
        district_id=district.id,
        id=new_id(),
        channel="sms",
        purpose="service",
        payload={"to": "+358401234567", "title": "Hello", "body": "Hello"},
        state="dead",
        reason="deadline",
        due_at=now,
        retry_at=now,
        created_at=now,
        finished_at=now,
    )
    makers.session.add(row)
    makers.session.flush()
    return row


def messengers(makers: Makers, district: District, member: Member) -> dict[str, str]:
    """Providers, the member's addresses at them, and what went there."""
    relay, filing = (provider(makers, district, slug=canary()) for _ in range(2))
    made: dict[str, Any] = {
        "push-subscriptions": browser(makers, district, member),
        "devices": phone(makers, district, member),
        "suppressed-addresses": suppressed(makers, district, member),
        "deliveries": delivery(makers, district),
        "text-templates": filed_text(makers, district, filing),
    }
    ids = {name: str(row.id) for name, row in made.items()}
    ids["accounts"] = corporation(makers, district, slug=canary()).slug
    return ids | {"channel-providers": relay.slug, "receipts": relay.slug}


def channel_bodies(relay: str) -> dict[str, Any]:
    """By method and path below the district; relay is a provider of text messages."""
    return {
        "POST channel-providers": {
            "slug": f"new-{secrets.token_hex(4)}",
            "kind": "relay_sms",
            "name": "New",
            "options": {"url": "https://relay.example/send"},
            "secrets": {"secret": signing.secret_from(secrets.token_bytes(32))},
        },
        "PATCH channel-providers/{slug}": {"name": "Taken"},
        "POST channel-providers/{slug}/test": {"to": "+358401234567"},
        "POST channel-providers/{slug}/preview": {"title": "20 % off", "text": "Today"},
        "POST text-templates": {
            "provider": relay,
            "signature": "Kluuvi",
            "purpose": "service",
            "text": "{store}",
        },
        "PATCH text-templates/{template_id}": {"number": "1"},
        "PUT channel-order": {"order": ["sms"]},
        "PUT members/{member_id}/accounts/{provider}": {"address": "woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA"},
    }
