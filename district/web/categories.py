"""What the categories of stores are called on pages, and which are no shops."""

from collections import Counter
from collections.abc import Iterable

from district.stores.trades import TITLES
from district.web.language import Language

NOT_SHOPPING = frozenset(
    {"bicycle_parking", "parking", "charging_station", "place_of_worship", "company", "atm", "toilets"}
)
"""On the map, and found by who asks for them; not in a list of shops."""


def title(category: str, language: Language) -> str:
    """A category in a language; one that is not known, as the source writes it."""
    known = TITLES.get(category)
    if known is None:
        return category.replace("_", " ").capitalize()
    return known[1] if language is Language.ZH else known[0]


def commonest(categories: Iterable[str], count: int) -> list[str]:
    """The categories of shops that most stores have, the most first."""
    counts = Counter(category for category in categories if category not in NOT_SHOPPING | {"yes", ""})
    return [category for category, _ in counts.most_common(count)]
