"""Finding stores by what they are called, in Chinese and in English."""

import pytest

from geo.coordinates import LonLat
from geo.nearest import SearchInvalid, StoreIndex, Wishes
from geo.nearest_labels import Names, fold

HERE = LonLat(lon=118.78, lat=32.04)
SHOPS = [
    ("老门东茶馆", None),
    ("星巴克 新街口店", "Starbucks"),
    ("ＭＵＪＩ 無印良品", "MUJI"),
    ("Café Straße", None),
    ("百分百\x00咖啡", None),
    ("", "Zara"),
]


def index() -> StoreIndex:
    size = len(SHOPS)
    return StoreIndex.build(
        ids=[str(number) for number in range(size)],
        lon=[118.78 + number / 1000 for number in range(size)],
        lat=[32.04] * size,
        category=["shop"] * size,
        name=[name for name, _ in SHOPS],
        brand=[brand for _, brand in SHOPS],
        floor=[None] * size,
    )


def rows(wishes: Wishes) -> list[int]:
    return sorted(index().nearest(HERE, wishes=wishes).rows.tolist())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("茶馆", [0]),
        ("starbucks", [1]),
        ("新街口", [1]),
        ("muji", [2]),
        ("ｍｕｊｉ　无", []),
        ("STRASSE", [3]),
        ("cafe\u0301", [3]),
        ("百分百 咖啡", [4]),
        ("zara", [5]),
        ("店 star", []),
        ("咖啡zara", []),
        ("%", []),
        ("  ", [0, 1, 2, 3, 4, 5]),
        ("\x00", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_words_are_found_whatever_their_case_and_width(words: str, expected: list[int]) -> None:
    assert rows(Wishes(words=words)) == expected


@pytest.mark.parametrize(
    ("brand", "expected"), [("Muji", [2]), ("ＳＴＡＲＢＵＣＫＳ", [1]), ("star", []), ("", [])]
)
def test_a_brand_is_the_whole_brand(brand: str, expected: list[int]) -> None:
    assert rows(Wishes(brand=brand)) == expected


def test_a_brand_and_words_must_both_fit() -> None:
    assert rows(Wishes(brand="starbucks", words="新街口")) == [1]
    assert rows(Wishes(brand="starbucks", words="茶馆")) == []


TRADES = {
    "cafe": ("cafe", "Café", "咖啡馆", "coffee", "food"),
    "pharmacy": ("pharmacy", "药店", "药"),
    "restaurant": ("restaurant", "餐厅", "food"),
    "bar": ("bar", "酒吧"),
}
TRADING = [
    ("Robert's", "cafe"),
    ("Apteekki", "pharmacy"),
    ("Fafa's Barn", "restaurant"),
    ("Robert's", "bar"),
    ("药膳", "other"),
]


def trading(words: str) -> list[int]:
    size = len(TRADING)
    index = StoreIndex.build(
        ids=[str(number) for number in range(size)],
        lon=[118.78 + number / 1000 for number in range(size)],
        lat=[32.04] * size,
        category=[category for _, category in TRADING],
        name=[name for name, _ in TRADING],
        brand=[None] * size,
        floor=[None] * size,
        words_of=lambda category: TRADES.get(category, ()),
    )
    return sorted(index.nearest(HERE, wishes=Wishes(words=words)).rows.tolist())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("coffee", [0]),
        ("ＣＯＦＦ", [0]),
        ("cafe", [0]),
        ("café", [0]),
        ("co", []),
        ("咖啡", [0]),
        ("咖", [0]),
        ("啡", []),
        ("药", [1, 4]),
        ("药店", [1]),
        ("food", [0, 2]),
        ("coffee food", [0]),
        ("robert's", [0, 3]),
        ("robert's coffee", [0]),
        ("coffee robert", [0]),
        ("robert's 药", []),
        ("bar", [2, 3]),
        ("ba", [2]),
        ("coffee pharmacy", []),
        ("one two three four five six coffee", []),
    ],
)
def test_words_for_the_trade_find_its_stores(words: str, expected: list[int]) -> None:
    assert trading(words) == expected


def test_words_for_the_trade_and_other_wishes_must_all_fit() -> None:
    index = StoreIndex.build(
        ids=["a", "b"],
        lon=[118.78, 118.79],
        lat=[32.04] * 2,
        category=["cafe"] * 2,
        name=["A", "B"],
        brand=["A", None],
        floor=["1", "2"],
        words_of=lambda category: TRADES[category],
    )
    assert index.nearest(HERE, wishes=Wishes(words="coffee", floor="2")).rows.tolist() == [1]
    assert index.nearest(HERE, wishes=Wishes(words="coffee", brand="a")).rows.tolist() == [0]


def test_an_endless_search_is_refused() -> None:
    with pytest.raises(SearchInvalid, match="100"):
        Wishes(words="x" * 101)


def test_every_text_that_contains_the_words_is_found() -> None:
    texts = ["aba", "ab", "ba", "", "b", "xaby", "ab"]
    names = Names.read(texts, [None] * len(texts))
    for words in ("a", "b", "ab", "ba", "aba", "y"):
        assert names.containing(words).tolist() == [row for row, text in enumerate(texts) if words in text]


def test_folding_is_stable() -> None:
    for text in ("Ǆ", "ﬃ", "İ", "ΐ", "𝔐uji", " a  b "):
        assert fold(fold(text)) == fold(text)
