"""Offers that use every part of the vocabulary."""

from typing import Any

from tests.push.makers import offer_document

RANDOM = {"type": "random", "total_minor": 10_000, "count": 100, "least_minor": 10}
PRICE = {"type": "in_store_price", "price_minor": 990, "regular_minor": 1_590}
WORDS = {"title": {"en": "Lunch"}, "text": {"en": "At {store}"}}
VARIANT = {"name": "a", "weight": 1, **WORDS}
DROP = {"mode": "drop", "opens_at": "2026-05-01T12:00:00+08:00"}

FULL_OFFERS: list[dict[str, Any]] = [
    offer_document(),
    offer_document(kind="red_packet", value=RANDOM | {"most_minor": 900}, claim=DROP),
    offer_document(value=PRICE, claim={"mode": "open", "pushed": False, "listed": False}),
    offer_document(kind="greeting", value=None, channels={"sms": WORDS}),
    offer_document(
        variants=[VARIANT, VARIANT | {"name": "b", "weight": 3, "channels": {"inbox": WORDS}}],
        stacks_with=["coupon", "member_price"],
        claim={"mode": "reserve", "hold_s": 120},
    ),
]
