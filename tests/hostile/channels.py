"""Providers of messages for the scene of hostile requests, and bodies about them."""

import json
import secrets
from typing import Any

from district.channels.models import ChannelProvider
from district.channels.service import about
from district.database import new_id
from district.districts.models import District
from district.sealing import seal
from push.channels import signing
from tests.factories import Makers

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


def channel_bodies() -> dict[str, Any]:
    """By method and path below the district."""
    return {
        "POST channel-providers": {
            "slug": f"new-{secrets.token_hex(4)}",
            "kind": "relay_sms",
            "name": "New",
            "options": {"url": "https://relay.example/send"},
            "secrets": {"secret": signing.secret_from(secrets.token_bytes(32))},
        },
        "PATCH channel-providers/{slug}": {"name": "Taken"},
        "PUT channel-order": {"order": ["sms"]},
    }
