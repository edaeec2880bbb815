"""From a row of the outbox to the message that a channel sends."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from district.auth import codes
from district.channels.addresses import Address
from push.consent import Channel
from push.identifiers import CampaignId, DeliveryId, MemberId, OfferId, StoreId
from push.message import Message, MessagePurpose, one_time_code_text
from push.wording import Language, Localised, language_of


def address_of(endpoint_id: uuid.UUID, url: str) -> str:
    """A webhook's URL with its endpoint's id as the fragment, which is never sent.

    Two merchants may name one URL; each message must be signed with its own merchant's secret alone.
    """
    return f"{url}#{endpoint_id}"


def endpoint_of(payload: Mapping[str, Any]) -> uuid.UUID | None:
    """The endpoint that a webhook's payload names; None where it names none properly."""
    text = payload.get("endpoint_id")
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def message_of(
    row: tuple[Any, ...],
    urls: Mapping[uuid.UUID, str],
    addresses: Mapping[tuple[uuid.UUID, Channel], Address],
) -> Message:
    """The message of a row of LEASE_SQL, which the driver leaves untyped; without an address where there is none."""
    id_, _, _, channel, purpose, member_id, offer_id, payload, due_at, send_before = row[:10]
    found = addresses.get((member_id, Channel(channel)))
    language = language_of(payload.get("language") or (found.language if found else None)) or Language.EN
    title, body = _words(Channel(channel), MessagePurpose(purpose), payload, language)
    return Message(
        id=DeliveryId(id_),
        channel=Channel(channel),
        purpose=MessagePurpose(purpose),
        address=found.address if found else _address(Channel(channel), member_id, payload, urls),
        keys=found.keys if found else {},
        language=language,
        title=title,
        body=body,
        why=_text(payload.get("why"), language),
        at=due_at,
        expires_at=send_before,
        member_id=MemberId(member_id) if member_id else None,
        offer_id=OfferId(offer_id) if offer_id else None,
        campaign_id=CampaignId(uuid.UUID(text)) if (text := payload.get("campaign_id")) else None,
        store_id=StoreId(uuid.UUID(text)) if (text := payload.get("store_id")) else None,
        code=payload.get("code"),
        facts=_facts(payload, language),
    )


def _words(
    channel: Channel, purpose: MessagePurpose, payload: Mapping[str, Any], language: Language
) -> tuple[str, str]:
    """Title and body; those of a code are made here, so that its row holds nothing but the code. A text has no title."""
    code = payload.get("code")
    if purpose is MessagePurpose.CODE and isinstance(code, str) and "body" not in payload:
        minutes = round(codes.LIFE / timedelta(minutes=1))
        title, body = one_time_code_text(code, minutes=minutes, language=language)
        return ("" if channel is Channel.SMS else title), body
    words = payload.get("by_channel", {}).get(channel, payload)
    return _text(words.get("title"), language), _text(words.get("body"), language)


def _address(
    channel: Channel, member_id: uuid.UUID | None, payload: Mapping[str, Any], urls: Mapping[uuid.UUID, str]
) -> str:
    if channel is Channel.INBOX:
        return str(member_id)
    if channel is Channel.WEBHOOK:
        endpoint_id = endpoint_of(payload)
        url = urls.get(endpoint_id) if endpoint_id else None
        return address_of(endpoint_id, url) if endpoint_id and url else ""
    return str(payload.get("to", ""))


def _facts(payload: Mapping[str, Any], language: Language) -> Mapping[str, str]:
    found = payload.get("facts", {}).get(language.value, {})
    return {str(name): str(fact) for name, fact in found.items()}


def _text(words: object, language: Language) -> str:
    """The words in a language; a payload may hold one text or one for each language."""
    if isinstance(words, Mapping) and (words.get("zh") or words.get("en")):
        return Localised(zh=words.get("zh"), en=words.get("en")).read(language)[1]
    return words if isinstance(words, str) else ""
