"""Invented names for the invented district: pairs of characters and a trade's noun, in Chinese and in pinyin with English.

No name is taken from a list of real companies; a name that happens to be a known brand's is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

_FIRST = (
    ("云", "Yun"), ("青", "Qing"), ("南", "Nan"), ("半", "Ban"), ("木", "Mu"), ("鹿", "Lu"), ("山", "Shan"),
    ("晴", "Qing"), ("竹", "Zhu"), ("星", "Xing"), ("月", "Yue"), ("江", "Jiang"), ("岚", "Lan"), ("墨", "Mo"),
    ("松", "Song"), ("栖", "Qi"), ("芳", "Fang"), ("禾", "He"), ("溪", "Xi"), ("槐", "Huai"), ("梧", "Wu"),
    ("霁", "Ji"), ("知", "Zhi"), ("拾", "Shi"), ("听", "Ting"), ("屿", "Yu"), ("澜", "Lan"), ("朝", "Zhao"),
)  # fmt: skip
_SECOND = (
    ("溪", "xi"), ("禾", "he"), ("巷", "xiang"), ("夏", "xia"), ("槿", "jin"), ("鸣", "ming"), ("野", "ye"),
    ("川", "chuan"), ("里", "li"), ("屿", "yu"), ("澄", "cheng"), ("棠", "tang"), ("谷", "gu"), ("舟", "zhou"),
    ("庭", "ting"), ("桥", "qiao"), ("原", "yuan"), ("渡", "du"), ("沐", "mu"), ("笙", "sheng"), ("岸", "an"),
    ("予", "yu"), ("光", "guang"), ("汀", "ting"), ("樾", "yue"), ("洲", "zhou"),
)  # fmt: skip
_AVOIDED = frozenset(
    {"星巴", "云南", "江南", "山川", "南京", "月光", "知光", "青岛", "南洲", "星光", "朝野", "山野"}
)
NOUNS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "restaurant": (("小馆", "Kitchen"), ("面馆", "Noodles"), ("家常菜", "Home Cooking"), ("火锅", "Hot Pot"), ("粥铺", "Congee")),
        "fast_food": (("快餐", "Quick Meals"), ("饺子", "Dumplings"), ("米粉", "Rice Noodles"), ("煎饼", "Pancakes")),
        "cafe": (("咖啡", "Coffee"), ("茶饮", "Tea Drinks"), ("甜品", "Desserts"), ("茶馆", "Teahouse")),
        "bakery": (("烘焙", "Bakery"), ("糕点", "Pastries")),
        "clothes": (("服饰", "Clothing"), ("女装", "Fashion"), ("男装", "Menswear"), ("童装", "Kidswear")),
        "shoes": (("鞋履", "Shoes"), ("鞋店", "Footwear")),
        "bag": (("箱包", "Bags"),),
        "jewelry": (("珠宝", "Jewellery"), ("银饰", "Silver")),
        "cosmetics": (("美妆", "Cosmetics"), ("护肤", "Skin Care")),
        "hairdresser": (("美发", "Hair"), ("造型", "Hair Studio")),
        "beauty": (("美容", "Beauty"), ("美甲", "Nails")),
        "mobile_phone": (("手机", "Phones"), ("数码", "Digital")),
        "electronics": (("电器", "Appliances"),),
        "books": (("书店", "Books"), ("书屋", "Bookroom")),
        "toys": (("玩具", "Toys"), ("童趣", "Play")),
        "sports": (("运动", "Sports"), ("户外", "Outdoor")),
        "optician": (("眼镜", "Opticians"),),
        "supermarket": (("超市", "Supermarket"), ("生鲜", "Fresh Food")),
        "convenience": (("便利店", "Convenience"), ("杂货", "Corner Shop")),
        "pharmacy": (("药房", "Pharmacy"),),
        "gift": (("礼品", "Gifts"), ("文创", "Crafts")),
        "furniture": (("家居", "Home"), ("家具", "Furniture")),
        "cinema": (("影城", "Cinema"),),
        "karaoke_box": (("KTV", "Karaoke"),),
        "fitness_centre": (("健身", "Fitness"),),
        "massage": (("足浴", "Foot Massage"),),
    }
)  # fmt: skip
MALL_NOUNS = (
    ("广场", "Plaza"),
    ("天街", "Galleria"),
    ("中心", "Centre"),
    ("百货", "Store House"),
    ("荟", "Court"),
)
STREET_NOUNS = (("路", "Road"), ("街", "Street"), ("巷", "Lane"))


@dataclass(frozen=True, kw_only=True)
class Name:
    """A name in both languages."""

    zh: str
    latin: str


class Names:
    """Names that do not repeat."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._taken: set[str] = set()

    def shop(self, category: str) -> Name:
        """A shop of this category."""
        return self._made(NOUNS[category])

    def mall(self) -> Name:
        """A mall."""
        return self._made(MALL_NOUNS)

    def street(self, *, is_lane: bool = False) -> Name:
        """A street or lane."""
        return self._made(STREET_NOUNS[2:] if is_lane else STREET_NOUNS[:2])

    def _made(self, nouns: tuple[tuple[str, str], ...]) -> Name:
        branch = 0
        while True:
            first, second = self._random.choice(_FIRST), self._random.choice(_SECOND)
            noun = self._random.choice(nouns)
            zh = first[0] + second[0] + noun[0]
            branch += 1
            if first[0] == second[0] or first[0] + second[0] in _AVOIDED:
                continue
            if zh in self._taken and branch > 40:
                zh += f"（{branch}店）"
            if zh not in self._taken:
                self._taken.add(zh)
                return Name(zh=zh, latin=f"{first[1]}{second[1]} {noun[1]}")
