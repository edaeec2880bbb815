"""The `offer` half of a campaign's JSON document: its strict parser, and how it is written down."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

from push import template
from push.consent import Channel
from push.offer import (
    ALONE_BUT_POINTS,
    DEFAULT_HOLD,
    Claim,
    ClaimMode,
    OfferContent,
    OfferKind,
    OfferValue,
    StacksWith,
    ValueKind,
    Variant,
    Words,
)
from push.offer_vocabulary import BROADCAST, CODE_ROTATING, OFFER
from push.problems import DocumentRefused, Problem, Reason, Report
from push.red_packet import can_share
from push.wording import Localised, both, clean

# JSON, after its shape was checked: the one place where its members have no static type.
Document: TypeAlias = Mapping[str, Any]

_NO_TEXT = Localised(en="-")
"""Stands for a text that was reported; it never leaves this module."""
_TIME = both(zh="带时区偏移的 RFC 3339 时间", en="an RFC 3339 time with an offset")
_ORDER = both(zh="结束须晚于开始", en="closes_at must be after opens_at")
_DEARER = both(zh="店内价须低于原价", en="price_minor must be below regular_minor")
_SHARES = both(
    zh="总额须在 数量×最小额 与 数量×最大额 之间",
    en="total_minor must lie between count × least_minor and count × most_minor",
)
_OWN_BUDGET = both(zh="红包的总额即其预算", en="the total of red packets is their budget")
_NO_MOST = both(zh="设置预算时须写明最高优惠额", en="with a budget, say the most that a percentage takes off")
_TWICE = both(zh="名称须各不相同", en="names of variants must differ")
_FIGURES = (
    "minor_units",
    "percent",
    "min_spend_minor",
    "max_discount_minor",
    "price_minor",
    "regular_minor",
    "total_minor",
    "count",
    "least_minor",
    "most_minor",
    "points",
)


def parse_offer(document: object, *, pointer: str = "/offer") -> OfferContent:
    """The offer that the document states, its texts cleaned of controls and disguises.

    Raises: DocumentRefused, with every problem found.
    """
    report = Report(pointer=pointer)
    OFFER.check(document, report)
    _stop_if_refused(report)
    assert isinstance(document, Mapping)  # noqa: S101  OFFER says so; this tells the type checker
    words = _words(document, report)
    stacks = document.get("stacks_with")
    offer = OfferContent(
        kind=OfferKind.MESSAGE if document["kind"] == BROADCAST else OfferKind(document["kind"]),
        value=_value(document.get("value", {"type": ValueKind.NONE}), report.at("value")),
        title=words.title,
        text=words.text,
        by_channel=_channels(document, report),
        variants=_variants(document.get("variants", ()), report.at("variants")),
        stacks_with=ALONE_BUT_POINTS if stacks is None else frozenset(StacksWith(one) for one in stacks),
        claim=_claim(document.get("claim"), report.at("claim")),
        is_rotating=document.get("code") == CODE_ROTATING,
        is_offline_ok=bool(document.get("offline", {}).get("ok", False)),
    )
    _stop_if_refused(report)
    return offer


def write_offer(offer: OfferContent) -> dict[str, Any]:
    """The document of an offer, as it is stored: parse_offer reads the same from it."""
    document: dict[str, Any] = {
        "kind": offer.kind.value,
        "value": write_value(offer.value),
        "title": write_text(offer.title),
        "text": write_text(offer.text),
    }
    if offer.by_channel:
        document["channels"] = _written_channels(offer.by_channel)
    if offer.variants:
        document["variants"] = [_written_variant(one) for one in offer.variants]
    if offer.stacks_with != ALONE_BUT_POINTS:
        document["stacks_with"] = sorted(offer.stacks_with)
    if offer.claim is not None:
        document["claim"] = _written_claim(offer.claim)
    if offer.is_rotating:
        document["code"] = CODE_ROTATING
    if offer.is_offline_ok:
        document["offline"] = {"ok": True}
    return document


def budget_problems(offer: OfferContent) -> tuple[Problem, ...]:
    """Why a campaign with this offer cannot have a money budget: nothing says what one costs, or it has one already."""
    if offer.kind is OfferKind.RED_PACKET:
        return (Problem(pointer="/rule/budget", reason=Reason.CONTRADICTION, wanted=_OWN_BUDGET),)
    if offer.value.most_cost_minor is None:
        place = "/offer/value/max_discount_minor"
        return (Problem(pointer=place, reason=Reason.CONTRADICTION, wanted=_NO_MOST),)
    return ()


def read_value(document: Document) -> OfferValue:
    """The worth that a stored offer carries: one that was checked when it was written."""
    figures = {name: int(document[name]) for name in _FIGURES if document.get(name) is not None}
    return OfferValue(kind=ValueKind(document["type"]), **figures)


def write_value(value: OfferValue) -> dict[str, Any]:
    """The worth as a document, without what its kind does not use."""
    figures = {name: figure for name in _FIGURES if (figure := getattr(value, name)) is not None}
    return {"type": value.kind.value, **figures}


def write_text(text: Localised) -> dict[str, str]:
    """The languages that are given."""
    return {language: words for language, words in (("zh", text.zh), ("en", text.en)) if words}


def _stop_if_refused(report: Report) -> None:
    if report.problems:
        raise DocumentRefused(tuple(report.problems))


def _value(document: Document, report: Report) -> OfferValue:
    value = read_value(document)
    if value.kind is ValueKind.IN_STORE_PRICE and (value.price_minor or 0) >= (value.regular_minor or 0):
        report.add(Reason.CONTRADICTION, _DEARER)
    if value.kind is ValueKind.RANDOM and not can_share(
        value.total_minor or 0,
        value.count or 0,
        least_minor=value.least_minor or 0,
        most_minor=value.most_minor,
    ):
        report.add(Reason.CONTRADICTION, _SHARES)
    return value


def _words(document: Document, report: Report) -> Words:
    return Words(
        title=_localised(document["title"], report.at("title")),
        text=_localised(document["text"], report.at("text")),
    )


def _localised(document: Document, report: Report) -> Localised:
    texts = {language: clean(text) for language, text in document.items()}
    for language, text in texts.items():
        if not text:
            report.at(language).add(Reason.BLANK)
        try:
            template.check(text)
        except template.PlaceholderUnknown:
            report.at(language).add(Reason.UNSUPPORTED, template.known_places())
    return Localised(**texts) if all(texts.values()) else _NO_TEXT


def _channels(document: Document, report: Report) -> Mapping[Channel, Words]:
    place = report.at("channels")
    given: Document = document.get("channels", {})
    return MappingProxyType({Channel(one): _words(words, place.at(one)) for one, words in given.items()})


def _variants(documents: Sequence[Document], report: Report) -> tuple[Variant, ...]:
    variants, names = [], set[str]()
    for number, document in enumerate(documents):
        place = report.at(number)
        name = clean(document["name"])
        if not name:
            place.at("name").add(Reason.BLANK)
        elif name in names:
            place.at("name").add(Reason.CONTRADICTION, _TWICE)
        names.add(name)
        weight, words = int(document["weight"]), _words(document, place)
        variants.append(Variant(name=name, weight=weight, words=words, by_channel=_channels(document, place)))
    return tuple(variants)


def _claim(document: Document | None, report: Report) -> Claim | None:
    if document is None:
        return None
    opens_at, closes_at = _time(document, "opens_at", report), _time(document, "closes_at", report)
    if opens_at is not None and closes_at is not None and closes_at <= opens_at:
        report.at("closes_at").add(Reason.CONTRADICTION, _ORDER)
    mode = ClaimMode(document["mode"])
    return Claim(
        mode=mode,
        opens_at=opens_at,
        closes_at=closes_at,
        hold=timedelta(seconds=int(document.get("hold_s", DEFAULT_HOLD.total_seconds()))),
        is_pushed=mode is not ClaimMode.DROP and document.get("pushed", True),
        # A reserved piece is for its member alone.
        is_listed=mode is not ClaimMode.RESERVE and document.get("listed", True),
    )


def _time(document: Document, key: str, report: Report) -> datetime | None:
    if key not in document:
        return None
    try:
        found = datetime.fromisoformat(document[key])
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None or not 1970 < found.year < 2200:
        report.at(key).add(Reason.WRONG_TYPE, _TIME)
        return None
    return found


def _written_channels(by_channel: Mapping[Channel, Words]) -> dict[str, Any]:
    return {channel.value: _written_words(words) for channel, words in by_channel.items()}


def _written_words(words: Words) -> dict[str, Any]:
    return {"title": write_text(words.title), "text": write_text(words.text)}


def _written_variant(variant: Variant) -> dict[str, Any]:
    document = {"name": variant.name, "weight": variant.weight, **_written_words(variant.words)}
    return document | ({"channels": _written_channels(variant.by_channel)} if variant.by_channel else {})


def _written_claim(claim: Claim) -> dict[str, Any]:
    document: dict[str, Any] = {"mode": claim.mode.value}
    for name, at in (("opens_at", claim.opens_at), ("closes_at", claim.closes_at)):
        if at is not None:
            document[name] = at.isoformat()
    if claim.mode is ClaimMode.RESERVE:
        document["hold_s"] = int(claim.hold.total_seconds())
    if claim.mode is ClaimMode.OPEN:
        flags = {"pushed": claim.is_pushed, "listed": claim.is_listed}
        document |= {name: is_so for name, is_so in flags.items() if not is_so}
    return document
