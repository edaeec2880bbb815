"""Which stores of a demo district have merchants on the platform, and what they offer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import Any

from geo.coordinates import LonLat


@dataclass(frozen=True, kw_only=True)
class StoreSpot:
    """A store that was imported."""

    id: str
    name: str
    category: str
    position: LonLat
    building: str = ""
    """Id of the building of the map that it stands in; empty when it stands in none."""


@dataclass(frozen=True, kw_only=True)
class Idea:
    """An offer that suits a trade category."""

    title: Mapping[str, str]
    text: Mapping[str, str]
    value: Mapping[str, Any]
    hours: str
    category: str = ""


def _percent(percent: int) -> Mapping[str, Any]:
    return {"type": "percent", "percent": percent}


_GIFT: Mapping[str, Any] = {"type": "gift"}

_IDEAS: Mapping[str, Idea] = MappingProxyType(
    {
        "cafe": Idea(
            title={"en": "A cinnamon bun with your coffee", "zh": "买咖啡送肉桂卷"},
            text={"en": "Any coffee, the bun is on us.", "zh": "任选咖啡一杯，肉桂卷我们请。"},
            value=_GIFT,
            hours="Mo-Su 08:00-20:00",
        ),
        "restaurant": Idea(
            title={"en": "20 % off today's lunch", "zh": "今日午餐八折"},
            text={"en": "For the whole table, drinks included.", "zh": "整桌适用，含饮料。"},
            value=_percent(20),
            hours="Mo-Su 10:30-21:00",
        ),
        "fast_food": Idea(
            title={"en": "%(amount_en)s off any menu", "zh": "任意套餐立减 %(amount_zh)s"},
            text={"en": "Show the code at the counter.", "zh": "在柜台出示券码。"},
            value={"type": "amount", "minor_units": 200},
            hours="Mo-Su 10:00-21:00",
        ),
        "clothes": Idea(
            title={"en": "15 % off the new season", "zh": "当季新品八五折"},
            text={"en": "On everything that is not reduced yet.", "zh": "未打折商品均可使用。"},
            value=_percent(15),
            hours="Mo-Sa 09:00-20:00; Su 11:00-18:00",
        ),
        "jewelry": Idea(
            title={"en": "Free cleaning of your jewellery", "zh": "免费清洗首饰"},
            text={"en": "While you look around.", "zh": "边逛边等，立等可取。"},
            value=_GIFT,
            hours="Mo-Sa 10:00-19:00",
        ),
        "hairdresser": Idea(
            title={"en": "%(amount_en)s off a cut, today", "zh": "今日剪发立减 %(amount_zh)s"},
            text={"en": "Free chairs this afternoon.", "zh": "今天下午有空位。"},
            value={"type": "amount", "minor_units": 1000},
            hours="Mo-Sa 10:00-19:00",
        ),
        "optician": Idea(
            title={"en": "Free eye test", "zh": "免费验光"},
            text={"en": "Without an appointment, ten minutes.", "zh": "无需预约，十分钟。"},
            value=_GIFT,
            hours="Mo-Sa 10:00-18:00",
        ),
        "books": Idea(
            title={"en": "Every third book is free", "zh": "买二赠一"},
            text={"en": "The cheapest of three.", "zh": "三本中最低价的一本免费。"},
            value=_GIFT,
            hours="Mo-Su 10:00-20:00",
        ),
    }
)
_ANY = Idea(
    title={"en": "10 % off, because you are near", "zh": "路过有礼：九折"},
    text={"en": "Show the code at the till.", "zh": "在收银台出示券码。"},
    value=_percent(10),
    hours="Mo-Su 10:00-20:00",
)
_IN_CHINA: Mapping[str, Idea] = MappingProxyType(
    {
        "cafe": Idea(
            title={"en": "The second drink is free", "zh": "第二杯免费"},
            text={"en": "Two of the same kind.", "zh": "两杯同款。"},
            value=_GIFT,
            hours="Mo-Su 09:00-22:00",
        ),
        "cosmetics": Idea(
            title={"en": "A free sample kit", "zh": "到店领试用装"},
            text={"en": "One for each member.", "zh": "每位会员一份。"},
            value=_GIFT,
            hours="Mo-Su 10:00-22:00",
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Money:
    """How a euro of an idea is given in a district's currency."""

    factor: int
    en: str
    zh: str

    def whole(self, euros: int) -> int:
        """What as much as some euros is in the currency."""
        return euros * self.factor

    def minor(self, euros: float) -> int:
        """The same in minor units."""
        return round(euros * self.factor * 100)


_MONEY: Mapping[str, Money] = MappingProxyType(
    {"EUR": Money(factor=1, en="%d €", zh="%d 欧元"), "CNY": Money(factor=5, en="¥%d", zh="%d 元")}
)


def money_of(currency: str) -> Money:
    """How amounts are given in a currency."""
    return _MONEY[currency]


def idea_of(category: str, currency: str) -> Idea:
    """An offer that suits a category, with its amounts in a currency."""
    idea = (_IN_CHINA.get(category) if currency == "CNY" else None) or _IDEAS.get(category, _ANY)
    if idea.value.get("type") != "amount":
        return idea
    money = _MONEY[currency]
    minor_units = idea.value["minor_units"] * money.factor
    words = {"amount_en": money.en % (minor_units // 100), "amount_zh": money.zh % (minor_units // 100)}
    return replace(
        idea,
        title={language: text % words for language, text in idea.title.items()},
        value=dict(idea.value) | {"minor_units": minor_units},
    )


_TRIGGERS: Sequence[Mapping[str, Any]] = (
    {"on": "fence.enter"},
    {"on": "fence.enter"},
    {"on": "fence.dwell", "min_s": 60},
)
_BEEN_HERE: Mapping[str, Any] = {"all": [{"attr": "visits", "op": ">=", "value": 1, "scope": "district"}]}
_AUDIENCES: Sequence[str | Mapping[str, Any]] = (
    "everyone",
    "everyone",
    "everyone",
    "new",
    "returning",
    _BEEN_HERE,
)
_CAPS = ({"n": 1, "per": "day"}, {"n": 2, "per": "7d"}, {"n": 1, "per": "total"})


@dataclass(frozen=True, kw_only=True)
class CampaignPlan:
    """A campaign as its merchant would send it."""

    name: str
    rule: Mapping[str, Any]
    offer: Mapping[str, Any]
    stock: int


def plan_of(store: StoreSpot, random: Random, *, currency: str, is_for_all: bool = False) -> CampaignPlan:
    """A campaign that suits a store: by its category, around its building or itself; for everyone where a visitor's
    pin starts, who has no past and should not have to wait."""
    idea = idea_of(store.category, currency)
    audience, trigger = random.choice(_AUDIENCES), dict(random.choice(_TRIGGERS))
    rule = {
        "v": 1,
        "trigger": {"any": [dict(_TRIGGERS[0]) if is_for_all else trigger]},
        "when": {"opening_hours": idea.hours, "tz": "district"},
        "where": {"within": _fence_of(store, random)},
        "who": "everyone" if is_for_all else audience,
        "cap": {"campaign": dict(random.choice(_CAPS))},
        "ttl_s": random.choice((3600, 5400, 7200)),
        # A visitor shall find his offer where his pin stands; elsewhere a tenth is held out, so that lift can be seen.
        "holdout": {"pct": 0 if is_for_all else 10},
    }
    offer = {"kind": "coupon", "value": dict(idea.value), "title": dict(idea.title), "text": dict(idea.text)}
    return CampaignPlan(
        name=f"{store.name}: {idea.title['zh' if currency == 'CNY' else 'en']}"[:120],
        rule=rule,
        offer=offer,
        stock=random.choice((300, 800, 2000)),
    )


def _fence_of(store: StoreSpot, random: Random) -> Mapping[str, Any]:
    if store.building and random.random() < 0.35:
        return {"building": store.building, "buffer_m": random.choice((5, 10, 15))}
    position = store.position
    return {
        "circle": {"lon": position.lon, "lat": position.lat, "radius_m": random.choice((25, 35, 45, 60, 80))}
    }


def chosen(stores: Sequence[StoreSpot], count: int, random: Random) -> Iterator[StoreSpot]:
    """Stores of different names, of the categories that have ideas first, spread over the district."""
    shuffled = sorted(stores, key=lambda store: store.id)
    random.shuffle(shuffled)
    shuffled.sort(key=lambda store: store.category not in _IDEAS)
    names: set[str] = set()
    for store in shuffled:
        if len(names) == count:
            return
        if store.name not in names:
            names.add(store.name)
            yield store
