"""Short signed addresses in messages: one leads to the offer, one ends such messages. Nothing is stored for them.

A token is 22 bytes: the milliseconds and the last 28 bits of the offer's id, by which it is found; the channel; and
96 bits of an HMAC-SHA-256 over all of the id, the district, the channel and what the address is for.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from push.consent import Channel
from push.identifiers import OfferId

TOKEN_LETTERS: Final = 30
_MAC_BYTES: Final = 12
_KEY: Final = b"shangquan links in messages 1"
_TAIL: Final = (1 << 28) - 1
_BY_NUMBER: Final = (
    Channel.INBOX,
    Channel.WEB_PUSH,
    Channel.APP,
    Channel.WECHAT,
    Channel.MINI_PROGRAM,
    Channel.WECOM,
    Channel.ALIPAY,
    Channel.SMS,
    Channel.EMAIL,
    Channel.WEBHOOK,
)
"""Links that were sent name channels by their place here: new ones come last, at most sixteen."""
NOT_LINKED: Final = frozenset({Channel.INBOX, Channel.WEBHOOK})
"""The inbox is a page of ours already; a webhook tells the merchant's system, which is no member."""

_FIND = text("""
SELECT offer.district_id, offer.id, offer.member_id, campaign.merchant_id
FROM offer JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
WHERE offer.district_id = ANY(:districts) AND offer.id BETWEEN :low AND :high AND right(offer.id::text, 7) = :tail
ORDER BY offer.district_id, offer.id LIMIT 16
""")
_FOLLOW = text("""
WITH RECURSIVE whole AS (
    SELECT id, merged_into, state FROM member WHERE district_id = :district_id AND id = :member_id
    UNION
    SELECT member.id, member.merged_into, member.state FROM member JOIN whole ON member.id = whole.merged_into
    WHERE member.district_id = :district_id
) SELECT id FROM whole WHERE state = 'active'
""")
_OPENED = text("""
UPDATE outbox_message SET opened_at = :machine_now
WHERE district_id = :district_id AND offer_id = :offer_id AND channel = :channel AND opened_at IS NULL
""")


class LinkKind(StrEnum):
    """What an address is for; the one is never taken for the other."""

    OFFER = "m"
    STOP = "s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """What an address leads to. The member is the one that he became part of, None when his membership has ended."""

    district_id: uuid.UUID
    offer_id: uuid.UUID
    member_id: uuid.UUID | None
    merchant_id: uuid.UUID | None
    channel: Channel


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Makes the addresses of one district's messages; makes none without a secret or an address of the installation."""

    district_id: uuid.UUID
    origin: str = ""
    secret: str = field(default="", repr=False)

    def to(self, kind: LinkKind, offer_id: OfferId | None, channel: Channel) -> str:
        """The whole address; empty where there is none."""
        if not self.origin or not self.secret or offer_id is None or channel in NOT_LINKED:
            return ""
        token = token_of(self.secret, kind, self.district_id, offer_id, channel)
        return f"{self.origin.rstrip('/')}/{kind}/{token}"


def token_of(
    secret: str, kind: LinkKind, district_id: uuid.UUID, offer_id: uuid.UUID, channel: Channel
) -> str:
    """30 letters, digits, ``-`` and ``_``."""
    place = _BY_NUMBER.index(channel) << 28 | offer_id.int & _TAIL
    head = offer_id.bytes[:6] + place.to_bytes(4)
    mac = _mac(secret, kind, district_id, offer_id, channel)
    return base64.urlsafe_b64encode(head + mac).decode().rstrip("=")


def _mac(secret: str, kind: LinkKind, district_id: uuid.UUID, offer_id: uuid.UUID, channel: Channel) -> bytes:
    key = hmac.digest(secret.encode(), _KEY, hashlib.sha256)
    said = f"{kind}|{district_id}|{offer_id}|{channel}".encode()
    return hmac.digest(key, said, hashlib.sha256)[:_MAC_BYTES]


def find(
    session: Session, districts: Collection[uuid.UUID], secret: str, kind: LinkKind, token: str
) -> Linked | None:
    """What a token leads to; None for what is none of ours."""
    raw = _bytes_of(token)
    if raw is None or not secret:
        return None
    number, tail = raw[6] >> 4, int.from_bytes(raw[6:10]) & _TAIL
    if number >= len(_BY_NUMBER):
        return None
    channel, at = _BY_NUMBER[number], int.from_bytes(raw[:6])
    values = {
        "districts": list(districts),
        "low": uuid.UUID(int=at << 80),
        "high": uuid.UUID(int=(at + 1 << 80) - 1),
        "tail": f"{tail:07x}",
    }
    for district_id, offer_id, member_id, merchant_id in session.execute(_FIND, values):
        if hmac.compare_digest(_mac(secret, kind, district_id, offer_id, channel), raw[10:]):
            return Linked(
                district_id=district_id,
                offer_id=offer_id,
                member_id=session.scalar(_FOLLOW, {"district_id": district_id, "member_id": member_id}),
                merchant_id=merchant_id,
                channel=channel,
            )
    return None


def _bytes_of(token: str) -> bytes | None:
    """Only the one way to write it counts."""
    if len(token) != TOKEN_LETTERS or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except ValueError:
        return None
    return raw if base64.urlsafe_b64encode(raw).decode().rstrip("=") == token else None


def note_opened(session: Session, linked: Linked, *, machine_now: object) -> None:
    """Keep that the message was opened; the first time counts."""
    values = {
        "district_id": linked.district_id,
        "offer_id": linked.offer_id,
        "channel": linked.channel.value,
        "machine_now": machine_now,
    }
    session.execute(_OPENED, values)
