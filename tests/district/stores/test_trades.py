"""Words for trades, in both languages."""

import pytest

from district.stores.trades import TITLES, words_of


@pytest.mark.parametrize(
    ("word", "category"),
    [
        ("咖啡馆", "cafe"), ("coffee", "cafe"), ("cafe", "cafe"), ("药", "pharmacy"), ("药店", "pharmacy"),
        ("超市", "supermarket"), ("吃饭", "restaurant"), ("food", "fast_food"), ("phones", "mobile_phone"),
    ],
)  # fmt: skip
def test_a_trade_is_found_by_its_words(word: str, category: str) -> None:
    assert word in words_of(category)


@pytest.mark.parametrize("category", sorted(TITLES))
def test_a_trade_answers_to_its_titles_and_to_nothing_that_every_shop_is(category: str) -> None:
    words = words_of(category)
    english, chinese = TITLES[category]
    assert category == "yes" or {english.casefold().split()[0], chinese.casefold()} <= words
    assert not {"shop", "store", "and", ""} & words


def test_an_unknown_category_answers_to_its_own_words() -> None:
    assert words_of("Pet_Grooming") == {"pet", "grooming"}
    assert words_of("") == frozenset()
