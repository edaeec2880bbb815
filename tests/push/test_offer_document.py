"""The `offer` half of the document: what is read, what is refused and where, and that it can be written down again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from push.consent import Channel
from push.offer import ClaimMode, OfferKind, OfferValue, StacksWith, ValueKind
from push.offer_document import budget_problems, parse_offer, write_offer
from push.problems import DocumentRefused, Reason
from tests.push.makers import offer_document
from tests.push.offers import DROP, FULL_OFFERS, PRICE, RANDOM, VARIANT, WORDS


def problems_of_offer(document: object) -> list[tuple[str, Reason]]:
    with pytest.raises(DocumentRefused) as refused:
        parse_offer(document)
    return [(problem.pointer, problem.reason) for problem in refused.value.problems]


def test_a_coupon_is_read() -> None:
    offer = parse_offer(offer_document())
    assert offer.kind is OfferKind.COUPON
    assert offer.value == OfferValue(kind=ValueKind.AMOUNT, minor_units=500)
    assert (offer.title.zh, offer.title.en) == ("午餐立减", "Lunch for less")


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ({"type": "percent", "percent": 20}, OfferValue(kind=ValueKind.PERCENT, percent=20)),
        ({"type": "gift", "minor_units": None, "percent": None}, OfferValue(kind=ValueKind.GIFT)),
        ({"type": "none"}, OfferValue(kind=ValueKind.NONE)),
        (
            {"type": "amount", "minor_units": 500, "min_spend_minor": 2_000},
            OfferValue(kind=ValueKind.AMOUNT, minor_units=500, min_spend_minor=2_000),
        ),
        (
            {"type": "percent", "percent": 20, "max_discount_minor": 900},
            OfferValue(kind=ValueKind.PERCENT, percent=20, max_discount_minor=900),
        ),
        (
            {"type": "in_store_price", "price_minor": 990, "regular_minor": 1_590},
            OfferValue(kind=ValueKind.IN_STORE_PRICE, price_minor=990, regular_minor=1_590),
        ),
    ],
)
def test_every_kind_of_value_is_read(value: dict[str, Any], parsed: OfferValue) -> None:
    assert parse_offer(offer_document(value=value)).value == parsed


def test_a_message_needs_no_value() -> None:
    assert parse_offer(offer_document(kind="message", value=None)).value == OfferValue(kind=ValueKind.NONE)


def test_a_code_is_lasting_unless_the_offer_says_that_it_rotates() -> None:
    assert parse_offer(offer_document(code="rotating")).is_rotating
    assert not parse_offer(offer_document(code="static")).is_rotating
    assert not parse_offer(offer_document()).is_rotating


REFUSED_OFFERS: list[tuple[dict[str, Any], str, Reason]] = [
    ({"kind": "voucher"}, "/offer/kind", Reason.UNSUPPORTED),
    ({"kind": "red_packet"}, "/offer/value/type", Reason.UNSUPPORTED),
    ({"code": "spinning"}, "/offer/code", Reason.UNSUPPORTED),
    ({"kind": "message", "value": None, "code": "rotating"}, "/offer/code", Reason.UNSUPPORTED),
    ({"kind": "red_packet", "value": RANDOM | {"total_minor": 999}}, "/offer/value", Reason.CONTRADICTION),
    ({"kind": "red_packet", "value": RANDOM | {"most_minor": 99}}, "/offer/value", Reason.CONTRADICTION),
    ({"kind": "red_packet", "value": RANDOM | {"count": 10**6}}, "/offer/value/count", Reason.OUT_OF_RANGE),
    ({"value": PRICE | {"price_minor": 1_590}}, "/offer/value", Reason.CONTRADICTION),
    (
        {"value": {"type": "gift", "max_discount_minor": 1}},
        "/offer/value/max_discount_minor",
        Reason.UNSUPPORTED,
    ),
    ({"title": {"en": "Hello {name}"}}, "/offer/title/en", Reason.UNSUPPORTED),
    ({"text": {"zh": "{store.owner}"}}, "/offer/text/zh", Reason.UNSUPPORTED),
    ({"channels": {"webhook": WORDS}}, "/offer/channels/webhook", Reason.UNSUPPORTED),
    (
        {"channels": {"sms": WORDS | {"text": {"en": "{x}"}}}},
        "/offer/channels/sms/text/en",
        Reason.UNSUPPORTED,
    ),
    ({"variants": [VARIANT]}, "/offer/variants", Reason.WRONG_LENGTH),
    ({"variants": [VARIANT, VARIANT]}, "/offer/variants/1/name", Reason.CONTRADICTION),
    ({"variants": [VARIANT, VARIANT | {"weight": 0}]}, "/offer/variants/1/weight", Reason.OUT_OF_RANGE),
    ({"claim": {"mode": "drop"}}, "/offer/claim/opens_at", Reason.MISSING),
    (
        {"claim": {"mode": "drop", "opens_at": "2026-05-01T12:00:00"}},
        "/offer/claim/opens_at",
        Reason.WRONG_TYPE,
    ),
    (
        {"claim": DROP | {"closes_at": "2026-05-01T12:00:00+08:00"}},
        "/offer/claim/closes_at",
        Reason.CONTRADICTION,
    ),
    ({"claim": {"mode": "reserve", "hold_s": 1}}, "/offer/claim/hold_s", Reason.OUT_OF_RANGE),
    ({"claim": {"mode": "reserve", "pushed": False}}, "/offer/claim/pushed", Reason.UNSUPPORTED),
    ({"stacks_with": ["everything"]}, "/offer/stacks_with/0", Reason.UNSUPPORTED),
    ({"kind": "coupon", "value": None}, "/offer/value", Reason.MISSING),
    ({"kind": "message"}, "/offer/value/type", Reason.UNSUPPORTED),
    ({"value": {"type": "amount"}}, "/offer/value/minor_units", Reason.MISSING),
    ({"value": {"type": "amount", "minor_units": 0}}, "/offer/value/minor_units", Reason.OUT_OF_RANGE),
    ({"value": {"type": "amount", "minor_units": 9.5}}, "/offer/value/minor_units", Reason.WRONG_TYPE),
    ({"value": {"type": "percent", "percent": 101}}, "/offer/value/percent", Reason.OUT_OF_RANGE),
    ({"value": {"type": "gift", "percent": 5}}, "/offer/value/percent", Reason.UNSUPPORTED),
    ({"title": {}}, "/offer/title", Reason.WRONG_LENGTH),
    ({"title": {"fr": "Midi"}}, "/offer/title/fr", Reason.UNSUPPORTED),
    ({"title": {"en": "x" * 61}}, "/offer/title/en", Reason.WRONG_LENGTH),
    ({"title": {"en": "\u202e\u200b \x00"}}, "/offer/title/en", Reason.BLANK),
    ({"text": {"en": "x" * 501}}, "/offer/text/en", Reason.WRONG_LENGTH),
    ({"text": {"en": "\ud800"}}, "/offer/text/en", Reason.BLANK),
]


@pytest.mark.parametrize(("change", "pointer", "reason"), REFUSED_OFFERS)
def test_a_wrong_offer_is_refused_at_its_place(change: dict[str, Any], pointer: str, reason: Reason) -> None:
    assert (pointer, reason) in problems_of_offer(offer_document(**change))


def test_texts_are_cleaned_of_controls_and_disguises() -> None:
    offer = parse_offer(offer_document(title={"en": "  Half\u202e price\x00\u200b \t now "}))
    assert offer.title.en == "Half price now"


def test_a_broadcast_is_a_message() -> None:
    assert parse_offer(offer_document(kind="broadcast", value=None)).kind is OfferKind.MESSAGE


def test_a_drop_opens_at_a_moment_and_is_never_pushed() -> None:
    claim = parse_offer(offer_document(claim=DROP)).claim
    assert claim is not None
    assert (claim.mode, claim.opens_at) == (ClaimMode.DROP, datetime(2026, 5, 1, 4, tzinfo=UTC))
    assert (claim.is_pushed, claim.is_listed) == (False, True)


def test_a_reservation_is_held_for_its_time_and_listed_for_nobody() -> None:
    claim = parse_offer(offer_document(claim={"mode": "reserve", "hold_s": 120})).claim
    assert claim is not None
    assert (claim.hold, claim.is_pushed, claim.is_listed) == (timedelta(minutes=2), True, False)


def test_a_coupon_stacks_with_points_alone_unless_it_says_so() -> None:
    assert parse_offer(offer_document()).stacks_with == {StacksWith.POINTS}
    assert parse_offer(offer_document(stacks_with=[])).stacks_with == frozenset()


@pytest.mark.parametrize(
    "document",
    [*FULL_OFFERS, offer_document(code="rotating")],
    ids=["coupon", "red packet", "price", "greeting", "variants", "rotating"],
)
def test_what_is_written_down_reads_the_same(document: dict[str, Any]) -> None:
    offer = parse_offer(document)
    assert parse_offer(write_offer(offer)) == offer


def test_the_words_for_a_channel_and_a_variant_come_before_the_common_ones() -> None:
    offer = parse_offer(FULL_OFFERS[4])
    a, b = offer.variants
    assert offer.words(Channel.INBOX, b) == b.by_channel[Channel.INBOX]
    assert offer.words(Channel.INBOX, a) == a.words
    assert offer.words(Channel.INBOX).title == offer.title


@pytest.mark.parametrize(
    ("offer", "pointer"),
    [
        (offer_document(), None),
        (offer_document(value={"type": "gift"}), None),
        (offer_document(value={"type": "percent", "percent": 9, "max_discount_minor": 9}), None),
        (offer_document(value={"type": "percent", "percent": 9}), "/offer/value/max_discount_minor"),
        (offer_document(kind="red_packet", value=RANDOM), "/rule/budget"),
    ],
    ids=["amount", "gift", "percent with a most", "percent", "red packet"],
)
def test_a_budget_needs_to_know_what_one_costs(offer: dict[str, Any], pointer: str | None) -> None:
    found = [problem.pointer for problem in budget_problems(parse_offer(offer))]
    assert found == ([] if pointer is None else [pointer])
