"""What members and merchants are told of offers that were just made, by which channels."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.channels import addresses
from district.channels import standing as channels
from district.channels.addresses import ADDRESSED
from district.offers import queries
from district.offers.issuing import IssuedOffer, is_by_location
from district.outbox import service as outbox
from district.outbox.service import NewMessage
from push.consent import Channel
from push.decision import OfferDraft
from push.message import MessagePurpose
from push.routing import route

Connection = AsyncConnection[TupleRow]
FILED: Final = frozenset({Channel.SMS})
"""Channels whose providers may send nothing but templates of their own."""


async def queue(connection: Connection, district_id: uuid.UUID, issued: Sequence[IssuedOffer]) -> None:
    """Queue what members and merchants are told of these offers, in the caller's transaction."""
    if not issued:
        return
    merchants = sorted({offer.draft.merchant_id for offer in issued})
    cursor = await connection.execute(
        queries.ENDPOINTS_SQL, {"district_id": district_id, "merchants": merchants}
    )
    endpoints: dict[uuid.UUID, list[uuid.UUID]] = {}
    for merchant_id, endpoint_id in await cursor.fetchall():
        endpoints.setdefault(merchant_id, []).append(endpoint_id)
    routes = await _routes(connection, district_id, issued)
    messages: list[NewMessage] = []
    for offer in issued:
        messages += _member_messages(offer, routes.get(offer.id, ()))
        messages += (_merchant_message(offer, one) for one in endpoints.get(offer.draft.merchant_id, ()))
    await outbox.enqueue_all(connection, district_id, messages)


async def _routes(
    connection: Connection, district_id: uuid.UUID, issued: Sequence[IssuedOffer]
) -> dict[uuid.UUID, tuple[Channel, ...]]:
    """By which channels that ring each offer is told, the first to try first."""
    ringing = [offer for offer in issued if ADDRESSED & set(offer.channels)]
    if not ringing:
        return {}
    standing = await channels.load(connection, district_id)
    members = sorted({offer.draft.member_id for offer in ringing})
    known = await addresses.count(connection, district_id, members, standing.used)
    return {
        offer.id: route(standing.order(offer.channels), known.get(offer.draft.member_id, {}))
        for offer in ringing
    }


def _member_messages(offer: IssuedOffer, ringing: Sequence[Channel]) -> Iterable[NewMessage]:
    """The offer to its member: in the inbox, which rings nobody, and by one of the channels that ring."""
    draft = offer.draft
    payload = {
        "kind": "offer",
        "campaign_id": str(draft.campaign_id),
        "store_id": str(draft.store_ids[0]) if draft.store_ids else None,
        "why": why_of(draft),
        "by_location": is_by_location(draft),
        **_words(offer, None),
    }
    if Channel.INBOX in offer.channels:
        yield _member_message(offer, Channel.INBOX, payload | _words(offer, Channel.INBOX))
    if ringing:
        own = {one.value: _words(offer, one) for one in set(ringing) & offer.told.by_channel.keys()}
        payload |= {"by_channel": own}
        if FILED & set(ringing):
            payload |= {"facts": _facts(offer)}
        yield _member_message(offer, ringing[0], payload, fallbacks=tuple(ringing[1:]))


def _facts(offer: IssuedOffer) -> dict[str, dict[str, str]]:
    """What the words were filled with: templates that are on file elsewhere are filled with the same."""
    return {
        language.value: {place.value: fact for place, fact in facts.items() if fact}
        for language, facts in offer.told.facts.items()
    }


def _words(offer: IssuedOffer, channel: Channel | None) -> dict[str, Any]:
    common = offer.told.message
    title, text = common if channel is None else offer.told.by_channel.get(channel, common)
    return {"title": dict(title), "body": dict(text)}


def _member_message(
    offer: IssuedOffer, channel: Channel, payload: dict[str, Any], *, fallbacks: tuple[Channel, ...] = ()
) -> NewMessage:
    return NewMessage(
        channel=channel,
        purpose=MessagePurpose.MARKETING,
        member_id=offer.draft.member_id,
        offer_id=offer.id,
        due_at=offer.draft.at,
        send_before=offer.draft.send_before,
        payload=payload,
        fallbacks=fallbacks,
    )


def _merchant_message(offer: IssuedOffer, endpoint_id: uuid.UUID) -> NewMessage:
    """The merchant's own act, told to his system: it names the offer, never the member."""
    draft = offer.draft
    return NewMessage(
        channel=Channel.WEBHOOK,
        purpose=MessagePurpose.SERVICE,
        offer_id=offer.id,
        due_at=draft.at,
        payload={
            "endpoint_id": str(endpoint_id),
            "campaign_id": str(draft.campaign_id),
            "store_id": str(draft.store_ids[0]) if draft.store_ids else None,
            "title": dict(offer.told.title),
            "body": dict(offer.told.text),
        },
    )


def why_of(draft: OfferDraft) -> dict[str, str | None]:
    """Why the member is told, in both languages."""
    text = draft.why.text()
    return {"zh": text.zh, "en": text.en}
