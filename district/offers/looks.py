"""How a campaign's offer would look on each channel of the district, in each language and wording: nothing is sent."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.channels import texts
from district.channels.standing import Standing
from district.channels.texts import TextProvider
from district.districts.service import DistrictInfo
from district.offers.links import NOT_LINKED, TOKEN_LETTERS, LinkKind
from district.offers.terms import Terms
from district.offers.wording import Told, told
from push.channels.filed_texts import Carrier, FiledText, facts_of, fitting
from push.channels.looks import Look, look
from push.consent import Channel
from push.identifiers import DeliveryId
from push.message import Message, MessagePurpose
from push.offer import Variant
from push.wording import Language, Localised

_SAMPLE: Final = DeliveryId(uuid.UUID(int=0))
_LINK_END: Final = "x" * TOKEN_LETTERS


@dataclass(frozen=True, kw_only=True)
class ShownLook:
    """One look: of a wording (empty: the only one), on a channel, in a language."""

    variant: str
    channel: Channel
    language: Language
    look: Look
    cost_micro: int
    link: str
    template: str = ""
    """The filed text that it goes by."""
    not_filed_with: tuple[Carrier, ...] = ()
    has_no_template: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What looks depend on beside the offer."""

    district: DistrictInfo
    standing: Standing
    channels: Sequence[Channel]
    origin: str
    at: datetime
    why: Localised


async def looks(
    connection: AsyncConnection[TupleRow], terms: Terms, scene: Scene, *, lasts: timedelta
) -> list[ShownLook]:
    """Every wording on every channel in every language, wordings first. Raises: psycopg.Error."""
    providers = await texts.load(connection, scene.district.id) if Channel.SMS in scene.channels else []
    provider = providers[0] if providers else None
    found: list[ShownLook] = []
    for variant in terms.offer.variants or (None,):
        words = told(terms, scene.district, variant=variant, value=terms.offer.value, until=scene.at + lasts)
        found += _of_variant(variant, words, scene, provider)
    return found


def _of_variant(
    variant: Variant | None, words: Told, scene: Scene, provider: TextProvider | None
) -> Iterator[ShownLook]:
    for channel in scene.channels:
        for language in Language:
            message = _message(words, channel, language, scene)
            yield _shown(variant.name if variant else "", message, scene, provider)


def _shown(variant: str, message: Message, scene: Scene, provider: TextProvider | None) -> ShownLook:
    channel = message.channel
    by = provider if channel is Channel.SMS else None
    filed = _filed(by, message) if by is not None and by.needs_filing and not by.whole_text else None
    shown = look(message, signature=by.signature if by is not None else "", filed=filed)
    record = scene.standing.records.get(channel)
    return ShownLook(
        variant=variant,
        channel=channel,
        language=message.language,
        look=shown,
        cost_micro=(record.cost_micro if record else 0) * shown.parts,
        link=message.link,
        template=(filed.number or filed.text[:20]) if filed else "",
        not_filed_with=filed.missing if filed else (),
        has_no_template=by is not None and by.needs_filing and not by.whole_text and filed is None,
    )


def _filed(provider: TextProvider, message: Message) -> FiledText | None:
    """The text that would carry it, else the first for marketing, to show what is wrong with it."""
    marketing = [one for one in provider.texts if one.purpose is MessagePurpose.MARKETING]
    chosen = fitting(marketing, facts_of(message), MessagePurpose.MARKETING, message.language)
    return chosen or next(iter(marketing), None)


def _message(words: Told, channel: Channel, language: Language, scene: Scene) -> Message:
    title, body = words.by_channel.get(channel, words.message)
    return Message(
        id=_SAMPLE,
        channel=channel,
        purpose=MessagePurpose.MARKETING,
        address="",
        language=language,
        title=_read(title, language),
        body=_read(body, language),
        why=scene.why.read(language)[1],
        at=scene.at,
        link=_link(scene.origin, LinkKind.OFFER, channel),
        stop_link=_link(scene.origin, LinkKind.STOP, channel),
        facts={place.value: fact for place, fact in words.facts.get(language, {}).items()},
    )


def _link(origin: str, kind: LinkKind, channel: Channel) -> str:
    """As long as a real one, and leading nowhere."""
    return f"{origin}/{kind}/{_LINK_END}" if origin and channel not in NOT_LINKED else ""


def _read(words: Mapping[str, str], language: Language) -> str:
    if not any(words.values()):
        return ""
    return Localised(zh=words.get("zh"), en=words.get("en")).read(language)[1]
