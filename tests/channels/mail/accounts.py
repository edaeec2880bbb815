"""An operator's mail server in the product, and what rows say of messages."""

from typing import Any

from push.consent import Channel
from tests.channels.mail.letters import private_key
from tests.district.deliveries.relays import Desk
from tests.district.offers.conftest import Ground

ADDRESS = "wang@example.org"
STATES = """
SELECT state, reason, delivered_at IS NOT NULL, purpose FROM outbox_message
WHERE district_id = %(d)s AND channel = 'email' ORDER BY id
"""
SUPPRESSED = """
SELECT address, state, reason, failures FROM member_endpoint
WHERE district_id = %(d)s AND channel = 'email' ORDER BY id
"""
RECEIPTS = "SELECT kind, detail FROM delivery_receipt WHERE district_id = %(d)s ORDER BY event_key"
NOW = "UPDATE outbox_message SET retry_at = clock_timestamp() WHERE state = 'queued'"
"""As if the time until the next try had passed."""


async def account(desk: Desk, port: int, **options: Any) -> None:
    """The operator enters the mail server."""
    given = {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "sender": "offers@news.example.com",
        "return_domain": "bounces.example.com",
        "selector": "s1",
    }
    body = {
        "slug": "mail",
        "kind": "smtp",
        "name": "Our mail server",
        "options": given | options,
        "secrets": {"dkim_key": private_key()},
    }
    made = await desk.ask("POST", "channel-providers", body)
    assert made.status_code == 201, made.text
    assert "PRIVATE" not in made.text


async def offer(ground: Ground, *members: Any, **values: Any) -> None:
    """Offers by e-mail."""
    campaign = ground.campaign()
    await ground.issue(
        *(ground.draft(campaign, one, channels=(Channel.INBOX, Channel.EMAIL), **values) for one in members)
    )


async def returned(desk: Desk, recipient: str, report: bytes, *, slug: str = "mail") -> int:
    """A mail server passes on what came for a return address; how it was answered."""
    answer = await desk.client.post(
        f"/v1/districts/{desk.slug}/receipts/{slug}",
        params={"to": recipient},
        content=report,
        headers={"Content-Type": "message/rfc822"},
    )
    return answer.status_code
