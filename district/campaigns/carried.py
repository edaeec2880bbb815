"""Whether channels can carry a campaign's words: their lengths, and the texts that carriers must have on file."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.campaigns.wording import facts
from district.channels import texts
from district.channels.standing import is_used
from district.channels.texts import TextProvider
from district.districts import service as districts
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid
from push.channels import filed_texts
from push.channels.filed_texts import Carrier, Gap, TextUnfit
from push.channels.looks import ROOM
from push.channels.sms_parts import MOST_PARTS, composed, split
from push.channels.sms_words import headed
from push.consent import Channel
from push.message import MessagePurpose
from push.offer import OfferContent, Words
from push.offer_document import parse_offer
from push.template import MAX_CALLED, Facts, Placeholder, fill
from push.wording import Language, Localised

LATEST: Final = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
"""Stands for the end of an offer: no date is written longer."""
LINK_LETTERS: Final = 60
NAMES_SQL: Final = """
SELECT coalesce(nullif(store.name, ''), imported.name, ''), coalesce(nullif(store.name_zh, ''), imported.name_zh, '')
FROM store LEFT JOIN imported_place AS imported
       ON imported.district_id = store.district_id AND imported.ref = store.ref
WHERE store.district_id = :district_id AND store.id = ANY(:stores) ORDER BY store.id LIMIT 1000
"""
CARRIERS: Final[Mapping[Carrier, tuple[str, str]]] = {
    Carrier.MOBILE: ("China Mobile", "中国移动"),
    Carrier.UNICOM: ("China Unicom", "中国联通"),
    Carrier.TELECOM: ("China Telecom", "中国电信"),
}


class NotFiled(Conflict):
    """A campaign that would go out by text messages which no carrier has on file."""

    slug, title = "text-not-filed", "No text on file fits this campaign"


def check_lengths(
    session: Session, district: DistrictInfo, offer: Mapping[str, Any], store_ids: Sequence[uuid.UUID]
) -> None:
    """Whether the words fit where they go, filled for the store of the longest name. Raises: Invalid, each place."""
    parsed = parse_offer(offer)
    known = facts_of(session, district, parsed, store_ids)
    errors = [
        one for pointer, channel, words in _placed(parsed) for one in _errors(pointer, channel, words, known)
    ]
    if errors:
        raise Invalid("See errors.", errors=errors)


def check_filed(
    session: Session, district_id: uuid.UUID, offer: Mapping[str, Any], store_ids: Sequence[uuid.UUID]
) -> None:
    """Before a campaign is approved: where text messages go only as filed texts, one must be on file that its words fit.

    Raises: NotFiled, saying with whom what must be filed; Invalid for words that are too long.
    """
    district = districts.by_id(session, district_id)
    check_lengths(session, district, offer, store_ids)
    if not is_used(session, district, Channel.SMS):
        return
    parsed = parse_offer(offer)
    known = facts_of(session, district, parsed, store_ids)
    for provider in texts.read(session, district_id):
        if provider.needs_filing and not provider.whole_text:
            _check_provider(provider, parsed, known)


def _check_provider(provider: TextProvider, offer: OfferContent, known: Mapping[Language, Facts]) -> None:
    """One text for every wording is enough: a member whose language has none reads another."""
    marketing = [one for one in provider.texts if one.purpose is MessagePurpose.MARKETING]
    where = f"{provider.name} ({provider.slug})"
    if not marketing:
        raise NotFiled(
            f"{where} sends filed texts only, and has none for marketing: file one with your gateway and enter it at "
            "Channels, Filed texts; or take text messages out of the order of channels.",
            detail_zh=f"{where} 只能发送已报备的短信模板，尚无营销模板：请先在短信服务商处报备，并在「通道 · 短信模板」中登记；或在通道顺序中停用短信。",
        )
    for words in _texts(offer):
        said = [_objection(one, words, known) for one in marketing]
        if all(said):
            first = next(one for one in said if one)
            raise NotFiled(
                f"{where}: {first[0]}. File it with your gateway and note it at Channels, Filed texts; or take text messages "
                "out of the order of channels.",
                detail_zh=f"{where}：{first[1]}。请在短信服务商处完成报备，并在「通道 · 短信模板」中更新状态；或在通道顺序中停用短信。",
            )


def _objection(
    filed: filed_texts.FiledText, words: Words, known: Mapping[Language, Facts]
) -> tuple[str, str] | None:
    """Why this text does not carry these words, in both languages."""
    name = filed.number or filed.text[:20]
    if filed.missing:
        en = ", ".join(CARRIERS[one][0] for one in filed.missing)
        zh = "、".join(CARRIERS[one][1] for one in filed.missing)
        return f"the text {name} is not on file with {en}", f"模板 {name} 尚未在{zh}报备通过"
    if not filed.number:
        return f"the text {name} has no number of the gateway's yet", f"模板 {name} 尚无服务商模板编号"
    facts_here = known[filed.language]
    given = {
        **{place.value: fact for place, fact in facts_here.items()},
        Gap.TITLE.value: _filled(words.title, filed.language, facts_here),
        Gap.TEXT.value: _filled(words.text, filed.language, facts_here),
        Gap.LINK.value: "x" * LINK_LETTERS,
    }
    try:
        filed.whole(given)
    except TextUnfit as refused:
        return f"the text {name} does not fit: {refused}", f"模板 {name} 不适用：{refused.zh}"
    return None


def _texts(offer: OfferContent) -> Iterator[Words]:
    """What members would be told by text message, in every wording."""
    for variant in offer.variants or (None,):
        yield offer.words(Channel.SMS, variant)


def _filled(words: Localised, language: Language, known: Facts) -> str:
    return fill(words.read(language)[1], known, Channel.SMS)


def _placed(offer: OfferContent) -> Iterator[tuple[str, Channel | None, Words]]:
    """All words with their place in the document; None: those that every channel may use."""
    yield "/offer", None, Words(title=offer.title, text=offer.text)
    yield from ((f"/offer/channels/{one}", one, words) for one, words in offer.by_channel.items())
    for number, variant in enumerate(offer.variants):
        place = f"/offer/variants/{number}"
        yield place, None, variant.words
        yield from ((f"{place}/channels/{one}", one, words) for one, words in variant.by_channel.items())


def _errors(
    pointer: str, channel: Channel | None, words: Words, known: Mapping[Language, Facts]
) -> Iterator[dict[str, str]]:
    for language in Language:
        title, body = words.title.given(language), words.text.given(language)
        if body and channel in {None, Channel.SMS}:
            yield from _too_many_parts(f"{pointer}/text/{language}", words, language, known[language])
        room = ROOM.get(channel) if channel else None
        for part, given, most in (
            ("title", title, room.most_title if room else None),
            ("text", body, room.most_text if room else None),
        ):
            if given and most is not None and (has := len(fill(given, known[language]))) > most:
                yield {
                    "pointer": f"{pointer}/{part}/{language}",
                    "detail": f"This channel takes {most} letters here, and these are {has} once filled in: shorten it.",
                    "detail_zh": f"该通道此处最多 {most} 个字，填入变量后为 {has} 个字，请精简。",
                }


def _too_many_parts(pointer: str, words: Words, language: Language, known: Facts) -> Iterator[dict[str, str]]:
    title, body = (
        fill(one.read(language)[1], known, Channel.SMS, called="W" * MAX_CALLED)
        for one in (words.title, words.text)
    )
    said = headed(body, title=title, store=known.get(Placeholder.STORE, ""), language=language)
    whole = composed(said, language=language, link="x" * LINK_LETTERS, can_refuse=True)
    parts = split(whole).count
    if parts > MOST_PARTS:
        yield {
            "pointer": pointer,
            "detail": f"As a text message it takes {parts} parts, and {MOST_PARTS} are the most: shorten it.",
            "detail_zh": f"作为短信需拆成 {parts} 条，最多 {MOST_PARTS} 条，请精简。",
        }


def facts_of(
    session: Session, district: DistrictInfo, offer: OfferContent, store_ids: Sequence[uuid.UUID]
) -> dict[Language, Facts]:
    """What the words would be filled with, for the store whose name is longest."""
    values = {"district_id": district.id, "stores": list(store_ids)}
    rows = session.execute(text(NAMES_SQL), values).all()
    longest = max((row for row in rows if any(row)), key=lambda row: len(row[0] or row[1]), default=("", ""))
    name = Localised(zh=longest[1] or longest[0] or "本店", en=longest[0] or longest[1] or "the shop")
    return {
        language: facts(name, district, language, value=offer.value, until=LATEST) for language in Language
    }
