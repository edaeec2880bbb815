"""A stored campaign in plain words, for whoever looks at it: what its rule and its offer say, whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from district.web import rule_words
from push import campaign_document
from push.offer_document import parse_offer
from push.problems import DocumentRefused


def in_words(rule: Mapping[str, Any], offer: Mapping[str, Any], stock: int | None) -> Sequence[str]:
    """The sentences, the most important first; none of what cannot be read. In the language being spoken."""
    try:
        return rule_words.sentence(campaign_document.parse_rule(rule), parse_offer(offer), stock=stock)
    except DocumentRefused:
        return ()
