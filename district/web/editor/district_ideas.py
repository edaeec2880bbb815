"""Where a campaign of the whole district may start from: at home on the Wi-Fi, with no ground of its own."""

from collections.abc import Mapping
from typing import Final

from district.web.editor import triggers
from district.web.editor.fields import Fields
from district.web.editor.ideas import EMPTY
from district.web.editor.triggers import NEW
from push.audience_terms import Familiarity
from push.rule import TriggerKind

_EVERYWHERE: Final = EMPTY.with_values(
    ground="none", hours="any", cap_n="1", cap_per="7d", ttl="4", ttl_unit="h", percent="10"
)
_JOINED: Final = {**NEW, "on": TriggerKind.WIFI_JOIN}
DISTRICT_FIRST: Final = _EVERYWHERE.added(triggers.KIND, _JOINED, key="0")
"""A coupon of 10 % for who joins the Wi-Fi, once in seven days."""
DISTRICT_IDEAS: Final[Mapping[str, Fields]] = {
    "coupon": DISTRICT_FIRST.with_values(
        name="District coupon",
        title_en="10% off in the district",
        title_zh="商圈通用九折",
        text_en="In every shop that takes part, until {until}.",
        text_zh="参与门店通用，有效期至 {until}。",
    ),
    "broadcast": _EVERYWHERE.added(
        triggers.KIND, {**NEW, "on": TriggerKind.SCHEDULE, "repeat": "once", "time": "18:00"}, key="0"
    ).with_values(
        name="Announcement",
        kind="message",
        cap_per="day",
        title_en="News from {district}",
        title_zh="{district}最新消息",
    ),
    "greeting": _EVERYWHERE.added(triggers.KIND, {**NEW, "on": TriggerKind.BIRTHDAY}, key="0").with_values(
        name="Birthday greeting",
        kind="greeting",
        title_en="Happy birthday",
        title_zh="生日快乐",
        text_en="All of us at {district} wish you a good day.",
        text_zh="{district}祝您生日快乐。",
    ),
    "packets": DISTRICT_FIRST.with_values(
        name="Red packets",
        kind="red_packet",
        audience=Familiarity.EVERYONE,
        total="1000",
        count="200",
        least="1",
        claim="open",
        pushed="yes",
        cap_per="total",
        title_en="A red packet for you",
        title_zh="红包来了",
        text_en="Open it, and use it in any shop that takes part.",
        text_zh="拆开红包，参与门店均可使用。",
    ),
}
