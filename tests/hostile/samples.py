"""Words, outlines and offers that requests of these tests are made of."""

import ipaddress
import itertools
import secrets
from typing import Any

SQUARE: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[24.94, 60.16], [24.95, 60.16], [24.95, 60.17], [24.94, 60.17], [24.94, 60.16]]],
}
RULE: dict[str, Any] = {
    "v": 1,
    "trigger": {"any": [{"on": "fence.enter"}]},
    "where": {"within": SQUARE},
    "holdout": {"pct": 0},
}
OFFER: dict[str, Any] = {
    "kind": "coupon",
    "value": {"type": "percent", "percent": 20},
    "title": {"zh": "八折", "en": "20 % off"},
    "text": {"zh": "今天有效", "en": "Today only"},
}


def canary() -> str:
    """A word that stands nowhere else."""
    return f"canary-{secrets.token_hex(8)}"


def new_word() -> str:
    """The name of something that is not there yet."""
    return f"new-{secrets.token_hex(8)}"


_numbers = itertools.count(1)


def new_address() -> str:
    """An address that no other of these tests has."""
    return str(ipaddress.IPv4Address("10.1.0.0") + next(_numbers))
