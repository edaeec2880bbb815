"""Where a campaign may start from: an empty form that is nearly right, and a few ideas."""

from collections.abc import Mapping
from typing import Final

from district.web.editor import triggers
from district.web.editor.fields import Fields
from district.web.merchant_hours import DAYS
from push.audience_terms import Familiarity
from push.rule import TriggerKind

EMPTY: Final = Fields().merged(
    {
        "ground": "shops",
        "near_m": "60",
        "street_buffer": "15",
        "visited_days": "30",
        "hours": "chips",
        "days": DAYS,
        "opens": "10:00",
        "closes": "20:00",
        "holidays": "any",
        "audience": Familiarity.EVERYONE,
        "who_joint": "all",
        "cap_n": "1",
        "cap_per": "day",
        "ttl": "90",
        "ttl_unit": "min",
        "priority": "normal",
        "kind": "coupon",
        "value": "percent",
        "percent": "20",
        "stacks": ("points",),
        "claim": "none",
        "pushed": "yes",
        "hold": "15",
        "hold_unit": "min",
    }
)
"""A coupon of 20 % for who comes near."""
FIRST: Final = EMPTY.added(triggers.KIND, triggers.NEW, key="0")
_LINGERING: Final = EMPTY.added(triggers.KIND, {**triggers.NEW, "on": TriggerKind.DWELL, "min": "3"}, key="0")
IDEAS: Final[Mapping[str, Fields]] = {
    "lunch": FIRST.with_values(
        name="Lunch",
        days=DAYS[:5],
        opens="11:00",
        closes="14:00",
        ttl="1",
        ttl_unit="h",
        title_en="20% off today's lunch",
        title_zh="今日午餐八折",
        text_en="For the whole table, until two o'clock.",
        text_zh="整桌适用，下午两点前有效。",
    ),
    "slow": _LINGERING.with_values(
        name="Slow hours",
        days=DAYS[:5],
        opens="14:00",
        closes="17:00",
        value="gift",
        title_en="A coffee on us this afternoon",
        title_zh="下午请您喝杯咖啡",
        text_en="With any purchase. Show the code at the till.",
        text_zh="购买任意商品即送，请在收银台出示券码。",
        stock="100",
    ),
    "back": FIRST.with_values(
        name="Come back",
        audience=Familiarity.RETURNING,
        cap_per="7d",
        ttl="4",
        ttl_unit="h",
        percent="15",
        title_en="Good to see you again: 15% off",
        title_zh="欢迎再来：立减 15%",
        text_en="For guests who have been here before.",
        text_zh="仅限老顾客。",
    ),
    "threshold": FIRST.with_values(
        name="Spend and save",
        value="threshold",
        min_spend="50",
        amount="10",
        title_en="More for your money",
        title_zh="越买越省",
        text_en="{value} at {store}, until {until}.",
        text_zh="{store}{value}，有效期至 {until}。",
    ),
}
