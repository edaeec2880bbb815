"""A stored campaign, or an idea for one, as the fields of the form."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from babel.numbers import get_currency_precision

from district.campaigns.schemas import CampaignOut
from district.districts.service import DistrictInfo
from district.web.merchant_form import CampaignForm
from district.web.merchant_hours import DAYS, ticked
from push.audience import EVERYBODY, Familiarity, new_to, returning_to
from push.audience_document import parse_who
from push.problems import Report

WEEKDAYS: Final = DAYS[:5]
IDEAS: Final[Mapping[str, CampaignForm]] = {
    "lunch": CampaignForm(
        name="Lunch",
        days=WEEKDAYS,
        opens="11:00",
        closes="14:00",
        ttl_min="60",
        title_en="20% off today's lunch",
        title_zh="今日午餐八折",
        text_en="For the whole table, until two o'clock.",
        text_zh="整桌适用，下午两点前有效。",
    ),
    "slow": CampaignForm(
        name="Slow hours",
        days=WEEKDAYS,
        opens="14:00",
        closes="17:00",
        trigger="dwell",
        dwell_min="3",
        value="gift",
        title_en="A coffee on us this afternoon",
        title_zh="下午请您喝杯咖啡",
        text_en="With any purchase. Show the code at the till.",
        text_zh="购买任意商品即送，请在收银台出示券码。",
        stock="100",
    ),
    "back": CampaignForm(
        name="Come back",
        audience="returning",
        cap_per="7d",
        ttl_min="240",
        percent="15",
        title_en="Good to see you again: 15% off",
        title_zh="欢迎再来：立减 15%",
        text_en="For guests who have been here before.",
        text_zh="仅限老顾客。",
    ),
}
"""Where a first campaign may start from."""


def of_campaign(out: CampaignOut, district: DistrictInfo) -> CampaignForm:
    """The form that would make this campaign."""
    form = CampaignForm(
        name=out.name,
        store_ids=tuple(str(one) for one in out.store_ids),
        fence="drawn",
        within=json.dumps(out.rule["where"]["within"]),
        stock="" if out.stock is None else str(out.stock),
        starts=_local(out.starts_at, district),
        ends=_local(out.ends_at, district),
        version=str(out.version),
    )
    return _with_offer(_with_rule(form, out.rule), out.offer, district)


def _local(at: datetime | None, district: DistrictInfo) -> str:
    return "" if at is None else at.astimezone(district.zone).strftime("%Y-%m-%dT%H:%M")


def _with_rule(form: CampaignForm, rule: Mapping[str, Any]) -> CampaignForm:
    trigger = rule["trigger"]["any"][0]
    when = rule.get("when", {})
    cap = rule.get("cap", {}).get("campaign", {"n": 1, "per": "day"})
    form = replace(
        form,
        audience=_audience(rule.get("who", Familiarity.EVERYONE)),
        trigger="dwell" if trigger["on"] == "fence.dwell" else "enter",
        dwell_min=_plain(Decimal(trigger.get("min_s", 120)) / 60),
        cap_n=str(cap["n"]),
        cap_per=cap["per"],
        ttl_min=_plain(Decimal(rule.get("ttl_s", 5400)) / 60),
        store_open="yes" if when.get("and_store_open") else "",
    )
    hours = when.get("opening_hours")
    if not hours:
        return replace(form, hours="any")
    simple = ticked(hours)
    if simple is None:
        return replace(form, hours="text", opening_hours=hours)
    return replace(form, hours="chips", days=simple[0], opens=simple[1], closes=simple[2])


def _audience(who: Any) -> str:
    """The word of the form that says the same; nothing for an audience that the form cannot say."""
    audience = parse_who(who, Report())
    words = {
        EVERYBODY: Familiarity.EVERYONE,
        new_to(): Familiarity.NEW,
        returning_to(): Familiarity.RETURNING,
    }
    return words.get(audience, "")


def _with_offer(form: CampaignForm, offer: Mapping[str, Any], district: DistrictInfo) -> CampaignForm:
    value = offer.get("value", {"type": "none"})
    precision = get_currency_precision(district.currency)
    amount = value.get("minor_units")
    return replace(
        form,
        kind=offer["kind"],
        value=value["type"],
        amount="" if amount is None else _plain(Decimal(amount).scaleb(-precision)),
        percent=str(value.get("percent") or ""),
        title_en=offer["title"].get("en", ""),
        title_zh=offer["title"].get("zh", ""),
        text_en=offer["text"].get("en", ""),
        text_zh=offer["text"].get("zh", ""),
    )


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
